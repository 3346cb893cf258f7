"""order-sign asks the same rules of every draft, and shows what is more than information."""

from dataclasses import replace
from typing import Any

import pytest
from chart_builder import build
from scenario_files import written

from screening.domain import screen
from screening.domain.chart import Chart, Draft
from screening.domain.findings import CRITICAL, DATA, INFO, WARNING, Finding
from screening.domain.orders.registry import ORDER_RULES, SIGNING_RULES
from screening.knowledge.loading import code_book

BOOK = code_book()
ORDERED = [case.scenario for case in written() if case.scenario["hook"] != "patient-view"]


def everything_selected(scenario: dict[str, Any]) -> Chart:
    chart = build(scenario, BOOK)
    return replace(chart, drafts=tuple(replace(draft, selected=True) for draft in chart.drafts))


def told(findings: tuple[Finding, ...]) -> list[tuple[str, str, tuple[str, ...], list[tuple[str, str]]]]:
    """What the cards say; each hook calls the orders by its own name."""
    return [(f.module, f.summary, f.statements, [(e.code, e.reference) for e in f.evidence]) for f in findings]


def test_signing_shows_what_selecting_shows_less_the_information(monkeypatch: pytest.MonkeyPatch) -> None:
    for scenario in ORDERED:
        chart = everything_selected(scenario)
        signed = screen.order_hook(chart, signing=True)
        with monkeypatch.context() as uncapped:
            uncapped.setattr(screen, "ORDER_CARDS", 99)
            grave = [f for f in screen.order_hook(chart).findings if f.indicator != INFO]
        assert told(signed.findings) == told(tuple(grave[:2])), scenario["id"]
        assert all(f.module != DATA for f in signed.findings), scenario["id"]


def test_a_rule_is_asked_before_signing_when_it_can_warn() -> None:
    asked = {rule.name for rule in SIGNING_RULES}
    for rule in ORDER_RULES:
        outcomes = {case.outcome for case in rule.described.cases}
        assert outcomes <= {CRITICAL, WARNING, INFO}
        assert (rule.name in asked) == bool(outcomes - {INFO}), rule.name


def test_indicators_of_the_cards_are_those_described() -> None:
    outcomes = {rule.name: {c.outcome for c in rule.described.cases} for rule in ORDER_RULES}
    for scenario in ORDERED:
        for finding in screen.order_hook(everything_selected(scenario)).findings:
            assert finding.module == DATA or finding.indicator in outcomes[finding.module]


BYSTANDERS = (
    Draft(
        "MedicationRequest/x", True, (), frozenset({"RX_DRBA_HIGH", "FE_RX", "RX_CHELATOR", "MN_RX"}), selected=False
    ),
    Draft("MedicationRequest/y", True, (), frozenset({"RX_EDTA_DANGER", "B12_N2O_GAS"}), "edetate", selected=False),
    Draft("ServiceRequest/z", False, (), frozenset({"L_IMGC", "L_GENE", "L_MNS"}), "gene panel", selected=False),
)


def test_what_is_not_selected_is_not_advised_on() -> None:
    """Only as a test that is drafted already may it count; these answer nothing but a contrast MRI."""
    for scenario in ORDERED:
        chart = build(scenario, BOOK)
        crowded = replace(chart, drafts=(*BYSTANDERS, *chart.drafts))
        before = [f for f in screen.order_hook(chart).findings if f.module != "ORD_CONTRAST_METAL"]
        after = [f for f in screen.order_hook(crowded).findings if f.module != "ORD_CONTRAST_METAL"]
        assert after == before, scenario["id"]


def test_levodopa_is_not_looked_at_whatever_its_order_says() -> None:
    chart = build({"age": 40, "sex": "male", "conditions": [{"code": "G24.9"}]}, BOOK)
    sets = frozenset({"RX_LEVODOPA", "RX_DRBA_HIGH", "FE_RX", "RX_EDTA_DANGER"})
    draft = Draft("MedicationRequest/1", True, (), sets, "edetate disodium")
    for signing in (False, True):
        assert screen.order_hook(replace(chart, drafts=(draft,)), signing=signing).findings == ()
        other = replace(draft, sets=sets - {"RX_LEVODOPA"})
        assert screen.order_hook(replace(chart, drafts=(draft, other)), signing=signing).findings != ()
