"""Manganese, beyond the states: what mutation testing found that no scenario would notice."""

from decimal import Decimal
from typing import Any

import pytest
from small_facts import ago, chart, condition, result

from screening.domain import analytes
from screening.domain.chart import Chart, SiteFact
from screening.domain.citations import MAYO_MN, OWN_RANGE
from screening.domain.findings import ABNORMAL, BORDERLINE, NO_RESULT, NORMAL, UNREADABLE, Assessment
from screening.domain.phenotype import of as phenotype_of
from screening.domain.workups import manganese

PALLIDAL = "T1 pallidal hyperintensity is recorded: a normal level does not exclude past exposure."
DYSTONIA = condition("D_GEN", onset_age=48)
SIGNAL = SiteFact("t1-pallidal", present=True, on=ago(30))


def assessed(*results: Any, **said: Any) -> Assessment:
    this: Chart = chart(*results, conditions=(DYSTONIA,), **said)
    return manganese.assess(this, phenotype_of(this))


def blood(number: str, days: int = 10, **said: Any) -> Any:
    return result(analytes.MANGANESE_BLOOD, number, "ug/L", days, **said)


@pytest.mark.parametrize(("number", "state"), [("20", BORDERLINE), ("30", ABNORMAL)])
def test_the_pallidal_signal_is_spoken_of_where_it_is_recorded(number: str, state: str) -> None:
    with_signal = assessed(blood(number), site_facts=(SIGNAL,))
    assert with_signal.state == state
    assert with_signal.finding is not None
    assert PALLIDAL in with_signal.finding.statements


@pytest.mark.parametrize("number", ["20", "40"])
def test_the_pallidal_signal_is_not_spoken_of_elsewhere(number: str) -> None:
    finding = assessed(blood(number)).finding
    assert finding is not None
    assert PALLIDAL not in finding.statements


def test_the_laboratory_s_own_limit_is_cited_where_it_decides() -> None:
    assert assessed(blood("12", upper_normal=Decimal(14))).evidence[0].citation == OWN_RANGE
    assert assessed(blood("12")).evidence[0].citation == MAYO_MN


@pytest.mark.parametrize(
    ("number", "words"),
    [
        ("18.3", "normal: up to 18.3 ug/L"),
        ("20", "mildly high: above 18.3 ug/L, up to 36.6 ug/L"),
        ("40", "high: above 36.6 ug/L"),
    ],
)
def test_the_criterion_names_the_limit_that_decided(number: str, words: str) -> None:
    assert assessed(blood(number)).evidence[0].criterion == words


def test_a_raised_result_without_a_number_lets_an_older_one_say_how_much() -> None:
    newest = blood("20", days=5, comparator=">")
    assert assessed(newest, blood("40", days=40)).state == ABNORMAL
    assert assessed(newest, blood("12", days=20), blood("40", days=40)).state == UNREADABLE


def test_a_result_that_may_be_normal_hides_an_older_one() -> None:
    assert assessed(blood("10", days=5, comparator=">"), blood("40", days=40)).state == UNREADABLE


def test_of_several_that_cannot_be_placed_the_newest_is_named() -> None:
    lacking = assessed(blood("10", days=5, comparator=">"), blood("11", days=20, comparator=">")).missing
    assert lacking is not None
    assert ago(5).isoformat() in lacking.note


def test_a_serum_level_that_spans_its_limit_is_unreadable_and_none_is_no_result() -> None:
    spanning = result(analytes.MANGANESE_SERUM, "1", "ug/L", comparator=">")
    assert assessed(spanning).state == UNREADABLE
    assert assessed().state == NO_RESULT


def test_the_state_is_that_of_the_newest_result() -> None:
    assert assessed(blood("12", days=5), blood("40", days=40)).state == NORMAL
