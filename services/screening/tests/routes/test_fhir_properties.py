"""What must never matter, through FHIR: order, entries in error, and the date of today."""

import os
import random
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

import fhir_route
import pytest
from chart_builder import NOW
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from judging import screened
from mixing import WRITTEN, mixed, outcome

from screening.knowledge.loading import code_book
from screening.synthetic import charts as wire
from tryout.ehr import answer_prefetch

BOOK = code_book()
QUICK = settings(
    max_examples=60 if os.environ.get("WIDE") else 25, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
Prefetch = dict[str, Any]
Answer = Callable[[Mapping[str, Any], Mapping[str, str], Mapping[str, Any], date], Prefetch]
EHR = st.sampled_from([answer_prefetch, wire.answer_by_type])
ALREADY = "entered-in-error"


def of(scenario: dict[str, Any], answer: Answer, *, days: int = 0, dated: bool = True) -> list[Any]:
    """The cards for what an EHR sends that answers with `answer`, so many days from now."""
    chart = fhir_route.read(scenario, BOOK, answer, NOW + timedelta(days=days))
    return outcome(screened(chart, scenario), dated=dated)


def changing(answer: Answer, change: Callable[[list[Any]], list[Any]]) -> Answer:
    """The same EHR with the entries of every bundle changed."""

    def changed(*asked: Any) -> Prefetch:
        told = answer(*asked)
        return {
            key: {**value, "entry": change(value["entry"])} if isinstance(value, dict) and "entry" in value else value
            for key, value in told.items()
        }

    return changed


@QUICK
@given(scenario=mixed(), answer=EHR, chance=st.randoms(use_true_random=False))
def test_the_order_of_entries_never_matters(scenario: dict[str, Any], answer: Answer, chance: random.Random) -> None:
    shuffled = changing(answer, lambda entries: chance.sample(entries, k=len(entries)))
    assert of(scenario, shuffled) == of(scenario, answer)


def _withdrawn(resource: Mapping[str, Any], number: int) -> dict[str, Any]:
    """A resource that somebody has marked as entered in error."""
    made = {**resource, "id": f"withdrawn-{number}"}
    if made["resourceType"] != "Condition":
        return {**made, "status": ALREADY}
    code = {"system": "http://terminology.hl7.org/CodeSystem/condition-ver-status", "code": ALREADY}
    return {**made, "verificationStatus": {"coding": [code]}}


@QUICK
@given(scenario=mixed(), other=st.sampled_from(WRITTEN))
def test_resources_entered_in_error_never_matter(scenario: dict[str, Any], other: dict[str, Any]) -> None:
    """Of every kind: conditions, results, medicines, procedures, orders, relatives, facts of the site."""
    _, *resources = wire.chart({**other, "id": scenario["id"]}, NOW.date())
    withdrawn = [_withdrawn(resource, number) for number, resource in enumerate(resources)]

    def answer(bundle: Mapping[str, Any], *asked: Any) -> Prefetch:
        entries = [{"resource": resource} for resource in withdrawn]
        return wire.answer_by_type({**bundle, "entry": [*entries, *bundle["entry"]]}, *asked)  # type: ignore[no-any-return]

    assert of(scenario, answer) == of(scenario, wire.answer_by_type)


@QUICK
@given(scenario=mixed(), answer=EHR, days=st.integers(-3000, 3000))
def test_moving_everything_by_whole_days_never_matters(scenario: dict[str, Any], answer: Answer, days: int) -> None:
    assert of(scenario, answer, days=days, dated=False) == of(scenario, answer, dated=False)


@pytest.mark.parametrize("kind", ["conditions", "labs", "meds", "procs", "orders", "fhx", "facts"])
def test_there_is_something_of_each_kind_to_withdraw(kind: str) -> None:
    assert sum(bool(s.get(kind)) for s in WRITTEN) > 10
