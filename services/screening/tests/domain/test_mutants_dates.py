"""Days on which one thing begins to count before another: what mutation testing found beyond the scenarios."""

from typing import Any

import pytest
from chart_builder import build
from judging import screened

from screening.knowledge.loading import code_book

BOOK = code_book()
DYSTONIA = {"code": "G24.9", "onsetAge": 48}


def cards(**said: Any) -> dict[str, str]:
    """The cards of a chart: module -> state."""
    scenario = {"id": None, "hook": "patient-view", "age": 50, "sex": "female", "conditions": [DYSTONIA], **said}
    return {finding.module: finding.state for finding in screened(build(scenario, BOOK), scenario).findings}


@pytest.mark.parametrize(("start", "shown"), [(21, True), (20, True), (19, False)])
def test_calcium_treats_a_low_calcium_only_when_started_after_the_sample(start: int, shown: bool) -> None:
    low = [{"code": "17861-6", "v": 8.0, "u": "mg/dL", "ago": 20}, {"code": "1751-7", "v": 4.0, "u": "g/dL", "ago": 20}]
    assert (cards(labs=low, meds=[{"code": "1897", "start": start}]).get("CA") == "ABNORMAL") is shown


@pytest.mark.parametrize(("apart", "state"), [(89, "ABNORMAL"), (90, "ABNORMAL"), (91, "BORDERLINE")])
def test_an_egfr_decides_over_a_kidney_code_up_to_ninety_days_from_the_mma(apart: int, state: str) -> None:
    labs = [
        {"code": "2132-9", "v": 250, "u": "pg/mL", "ago": 10},
        {"code": "13964-2", "v": 0.5, "u": "umol/L", "ago": 10},
        {"code": "33914-3", "v": 80, "u": "mL/min/{1.73_m2}", "ago": 10 + apart},
    ]
    kidneys = {"code": "N18.30", "onsetAge": 45}
    assert cards(labs=labs, conditions=[DYSTONIA, kidneys])["B12"] == state
