"""What a rule is said to read is what it asks of charts, and every card that it makes has its topic."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import all_charts
import pytest
from chart_builder import build
from judging import screened
from scenario_files import shared

from screening.cards.topics import topic_code
from screening.domain import phenotype, screen
from screening.domain.analytes import ANALYTES
from screening.domain.chart import Chart
from screening.domain.orders.registry import ORDER_RULES
from screening.domain.workups.registry import BY_MODULE, WORKUPS
from screening.knowledge import loading
from screening.publishing import reads

SETS = frozenset(resource["name"] for resource in loading.value_sets())
BY_SETS = (
    "conditions_in", "has_condition", "known_diagnoses", "procedures_in", "facts_in", "on_medicine", "treatments",
    "pending_in", "drafted_in",
)  # fmt: skip
BY_ANALYTE = ("results", "newest", "unreadable")
SET_OF = {analyte.key: analyte.value_set for analyte in ANALYTES}


@contextmanager
def recording(monkeypatch: pytest.MonkeyPatch) -> Iterator[set[str]]:
    """The names of the sets that charts are asked for meanwhile."""
    asked: set[str] = set()

    def noting(original: Callable[..., Any], names: Callable[[str], str]) -> Callable[..., Any]:
        def noted(self: Chart, *arguments: Any, **named: Any) -> Any:
            asked.update(names(a) for a in arguments if isinstance(a, str))
            return original(self, *arguments, **named)

        return noted

    with monkeypatch.context() as patched:
        for name in BY_SETS:
            patched.setattr(Chart, name, noting(getattr(Chart, name), lambda told: told))
        for name in BY_ANALYTE:
            patched.setattr(Chart, name, noting(getattr(Chart, name), lambda key: SET_OF[key]))
        yield asked


@pytest.fixture(scope="module")
def charts() -> list[tuple[dict[str, Any], Chart]]:
    return [*all_charts.charts(), *((scenario, build(scenario, loading.code_book())) for scenario in shared())]


@pytest.mark.parametrize("workup", WORKUPS, ids=lambda workup: workup.id)
def test_a_workup_asks_for_nothing_that_is_not_published(
    workup: Any, charts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = reads.of_workup(workup, SETS)
    with recording(monkeypatch) as asked:
        for _, chart in charts:
            workup.assess(chart, phenotype.of(chart))
    assert len(asked) > 5
    assert asked <= {*told.sets, *told.results}
    assert f"screening.domain.workups.{workup.id.replace('-', '_')}" in told.modules
    assert any(threshold.id.startswith(f"{workup.id}.") for threshold in told.thresholds)


def test_order_rules_ask_for_nothing_that_is_not_published(charts: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an order rule asks of a workup stands in the workup's own Library, which the rule's names."""
    told = {rule.name: reads.of_rule(rule, SETS) for rule in ORDER_RULES}
    workups = {workup.module: reads.of_workup(workup, SETS) for workup in WORKUPS}
    concerned: set[str] = set()

    def checked(rule: Any, situation: Any, drafts: Any) -> Any:
        concerned.add(rule.name)
        with recording(monkeypatch) as asked:
            decision = rule.decide(situation, drafts)
        libraries = [told[rule.name], *(workups[module] for module in told[rule.name].workups)]
        assert asked <= {name for library in libraries for name in (*library.sets, *library.results)}, rule.name
        return decision

    for scenario, chart in charts:
        if scenario["hook"] == "patient-view":
            continue
        situation = screen._situation(chart)
        for rule in ORDER_RULES:
            drafts = tuple(draft for draft in chart.drafts if rule.concerns(draft))
            if drafts:
                checked(rule, situation, drafts)
    assert concerned == set(told)


def test_the_sets_of_one_rule_spelled_out() -> None:
    rule = next(rule for rule in ORDER_RULES if rule.name == "ORD_VITE_LIPID")
    told = reads.of_rule(rule, SETS)
    assert told.sets == ("L_CHOL", "L_LIPIDPANEL", "L_TG", "L_VE")
    assert told.workups == ("VITE",)
    assert "vitamin-e.lipids" in {threshold.id for threshold in told.thresholds}


def test_rules_that_turn_on_the_phenotype_say_so() -> None:
    for rule in ORDER_RULES:
        if rule.needs_phenotype:
            assert {"D_GEN", "D_FOCAL", "M_CHOREA"} <= set(reads.of_rule(rule, SETS).sets), rule.name


def test_the_sets_of_the_drafts_that_a_rule_is_about_are_found() -> None:
    found = 0
    for rule in ORDER_RULES:
        cells = [cell.cell_contents for cell in getattr(rule.concerns, "__closure__", None) or ()]
        wanted = {name for cell in cells if isinstance(cell, frozenset) for name in cell}
        found += len(wanted)
        assert wanted <= set(reads.of_rule(rule, SETS).sets), rule.name
    assert found > 15


def test_every_card_of_every_scenario_has_its_topic(charts: Any) -> None:
    topics = {concept["code"] for concept in loading.code_system("topics")["concept"]}
    emitted = {
        topic_code(finding.module, finding.state)
        for scenario, chart in charts
        for finding in screened(chart, scenario).findings
    }
    assert emitted <= topics
    assert len(emitted) > 20
    assert "DataNotAssessed" in topics
    assert {f"{module.capitalize()}Abnormal" for module in ("B12", "CA", "CU", "VITE", "MN")} <= topics
    assert len(BY_MODULE) >= 6


def test_every_state_that_a_workup_comes_to_is_described(charts: Any) -> None:
    for workup in WORKUPS:
        described = {case.outcome for case in workup.described.cases}
        reached = {workup.assess(chart, phenotype.of(chart)).state for _, chart in charts}
        assert len(reached) > 3
        assert reached <= described, workup.id


def test_every_card_is_described_with_its_indicator(charts: Any) -> None:
    rules = {rule.name: rule.described.cases for rule in ORDER_RULES}
    for scenario, chart in charts:
        for finding in screened(chart, scenario).findings:
            if finding.module in rules:
                assert finding.indicator in {case.outcome for case in rules[finding.module]}, finding.module
            elif finding.module in BY_MODULE:
                cases = BY_MODULE[finding.module].described.cases
                then = " ".join(case.then for case in cases if case.outcome == finding.state)
                assert finding.indicator in then.lower(), (finding.module, finding.state)
