"""What an order rule reads is all that it needs: deciding with less than the rest of the chart changes nothing."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from chart_builder import build
from hypothesis import HealthCheck, assume, given, settings
from judging import screened
from mixing import mixed, outcome
from scenario_files import shared, written

from screening import services
from screening.domain import analytes
from screening.domain.chart import Chart
from screening.domain.orders.registry import ORDER_RULES
from screening.domain.orders.rule import NOT_CONCERNED
from screening.domain.screen import order_hook
from screening.knowledge.loading import code_book

BOOK = code_book()
NAMES = frozenset(services.prefetch_names().values())
ORDERS = [s for s in (*(case.scenario for case in written()), *shared()) if s["hook"] != "patient-view"]
WORKUPS_OF = {
    analyte.key: {workup for workup, (_, sets) in services.LAB_SETS.items() if analyte.value_set in sets}
    for analyte in analytes.ANALYTES
}
"""Under which laboratory searches the results of an analyte come."""


def concerned(chart: Chart) -> frozenset[str]:
    """What the rules about the selected drafts read."""
    drafts = [draft for draft in chart.drafts if draft.selected]
    return frozenset().union(*(r.reads for r in ORDER_RULES if any(r.concerns(draft) for draft in drafts)))


def reduced(chart: Chart, reads: frozenset[str]) -> Chart:
    """The chart without everything that stands under other names."""
    wanted_sets = {name for workup in reads & services.LAB_SETS.keys() for name in services.LAB_SETS[workup][1]}
    past = "past_medications" in reads
    return replace(
        chart,
        conditions=chart.conditions if "conditions" in reads else (),
        medications=tuple(
            m for m in chart.medications if (past or m.active_or_on_hold) and ("medications" in reads or past)
        ),
        procedures=chart.procedures if "procedures" in reads else (),
        family=chart.family if "family_history" in reads else (),
        orders=chart.orders if "orders" in reads else (),
        site_facts=chart.site_facts if "site_facts" in reads else (),
        labs={key: found for key, found in chart.labs.items() if WORKUPS_OF[key] & reads},
        pending=tuple(p for p in chart.pending if p.sets & wanted_sets),
        not_looked_up=chart.not_looked_up | (NAMES - reads),
    )


def decided(chart: Chart, scenario: Mapping[str, Any]) -> Any:
    screening = screened(chart, scenario)
    return outcome(screening), screening.rules, screening.undecided


def test_nothing_else_is_needed() -> None:
    for scenario in ORDERS:
        chart = build(scenario, BOOK)
        assert decided(reduced(chart, concerned(chart)), scenario) == decided(chart, scenario), scenario["id"]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(scenario=mixed())
def test_nor_for_patients_who_have_more(scenario: dict[str, Any]) -> None:
    assume(scenario["hook"] != "patient-view")
    chart = build(scenario, BOOK)
    assert decided(reduced(chart, concerned(chart)), scenario) == decided(chart, scenario)


def test_names_are_those_of_the_prefetch_and_the_patient_is_always_read() -> None:
    for rule in ORDER_RULES:
        assert rule.reads <= NAMES
        assert "patient" in rule.reads
        assert rule.only_with_disorder <= ("conditions" in rule.reads)


def test_some_rules_need_little() -> None:
    by_name = {rule.name: rule for rule in ORDER_RULES}
    assert by_name["ORD_EDTA"].reads == {"patient"}
    assert by_name["ORD_VITE_LIPID"].reads == {"patient", "orders", "vitamin-e"}
    assert "copper-wilson" not in by_name["ORD_MN_SPECIMEN"].reads
    assert by_name["ORD_PANEL_FIRST"].reads == NAMES


def test_which_rules_are_for_a_disorder_only() -> None:
    assert {rule.name for rule in ORDER_RULES if rule.only_with_disorder} == {
        "ORD_B12_REFLEX", "ORD_B12_ON_TX", "ORD_FOLATE", "ORD_METFORMIN", "ORD_PANEL_FIRST", "ORD_SYMPT_TX",
        "ORD_CHELATOR", "ORD_CERULO_ALONE",
    }  # fmt: skip


def test_rules_for_a_disorder_say_nothing_without_one() -> None:
    silent = {rule.name for rule in ORDER_RULES if rule.only_with_disorder}
    fired = {f.module for s in ORDERS for f in order_hook(replace(build(s, BOOK), conditions=())).findings}
    assert not fired & silent
    assert fired >= {"ORD_MN_SPECIMEN", "ORD_VITE_LIPID", "ORD_EDTA"}


def test_every_rule_about_a_selected_order_says_what_came_of_it() -> None:
    for scenario in ORDERS:
        chart = build(scenario, BOOK)
        screening = screened(chart, scenario)
        if screening.silent_because:
            assert screening.rules == ()
            continue
        drafts = [d for d in chart.drafts if d.selected and "RX_LEVODOPA" not in d.sets]
        told = [outcome.rule for outcome in screening.rules if outcome.outcome != NOT_CONCERNED]
        assert told == [rule.name for rule in ORDER_RULES if any(rule.concerns(d) for d in drafts)], scenario["id"]
        assert {f.module for f in screening.findings} - {"DATA"} <= set(told), scenario["id"]
        assert all(outcome.because for outcome in screening.rules)
        assert told or any(outcome.outcome == NOT_CONCERNED for outcome in screening.rules)
        assert all(held.finding is not None and held.hold.words for held in screening.held)
