"""Route 2: the scenarios through FHIR JSON, from an EHR that searches as asked and from one that sends everything."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import fhir_route
import pytest
from judging import check
from scenario_files import Case, shared, written

from screening.domain.codes import CodeBook
from screening.knowledge.loading import code_book
from screening.synthetic import charts as wire
from tryout.ehr import answer_prefetch

Answer = Callable[[Mapping[str, Any], Mapping[str, str], Mapping[str, Any], date], dict[str, Any]]
BOOK: CodeBook = code_book()
OURS = written()
SHARED = shared()
EHRS = pytest.mark.parametrize("answer", [answer_prefetch, wire.answer_by_type], ids=["searches", "sends-everything"])


def _marked(case: Case, *, wide: bool = False) -> Any:
    marks = [pytest.mark.xfail(strict=True, reason=case.differs)] if case.differs else []
    marks += [pytest.mark.wide] if wide else []
    return pytest.param(case.scenario, id=str(case), marks=marks)


@EHRS
@pytest.mark.parametrize("scenario", [_marked(case, wide=n % 8 > 0) for n, case in enumerate(OURS)])
def test_written_scenario(scenario: dict[str, Any], answer: Answer) -> None:
    check(fhir_route.read(scenario, BOOK, answer), scenario)


@EHRS
@pytest.mark.parametrize("scenario", SHARED, ids=[s["id"] for s in SHARED])
def test_shared_scenario(scenario: dict[str, Any], answer: Answer) -> None:
    check(fhir_route.read(scenario, BOOK, answer), scenario)


def test_shared_scenarios_are_at_hand() -> None:
    if not SHARED:
        pytest.skip("shared/clinical/scenarios.json is not beside this checkout")
    assert len(SHARED) >= 80


TREATED = [case for case in OURS if case.scenario.get("meds")]


@pytest.mark.parametrize("scenario", [_marked(case) for case in TREATED])
def test_medicines_may_be_statements(scenario: dict[str, Any]) -> None:
    chart = fhir_route.read(scenario, BOOK, wire.answer_by_type, medications_as="MedicationStatement")
    check(chart, scenario)
