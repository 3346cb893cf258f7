"""Route 1: the scenarios through the rules alone, without FHIR and HTTP."""

from typing import Any

import pytest
from chart_builder import build
from judging import check
from scenario_files import Case, shared, written

from screening.domain.codes import CodeBook
from screening.knowledge.loading import code_book

BOOK: CodeBook = code_book()
OURS = written()
SHARED = shared()


def _marked(case: Case) -> Any:
    marks = [pytest.mark.xfail(strict=True, reason=case.differs)] if case.differs else []
    return pytest.param(case.scenario, id=str(case), marks=marks)


@pytest.mark.parametrize("scenario", [_marked(case) for case in OURS])
def test_written_scenario(scenario: dict[str, Any]) -> None:
    check(build(scenario, BOOK), scenario)


def test_ids_are_unique() -> None:
    ids = [str(case) for case in OURS]
    assert sorted(ids) == sorted(set(ids))


def test_shared_scenarios_are_at_hand() -> None:
    if not SHARED:
        pytest.skip("shared/clinical/scenarios.json is not beside this checkout")
    assert len(SHARED) >= 80


@pytest.mark.parametrize("scenario", SHARED, ids=[s["id"] for s in SHARED])
def test_shared_scenario(scenario: dict[str, Any]) -> None:
    check(build(scenario, BOOK), scenario)
