"""What a scenario asks for and what the domain shows, in one form."""

import importlib.util
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

from screening.domain import answers, screen
from screening.domain.chart import Chart
from screening.domain.findings import Finding, Hold, Holding, nothing_held

CONTRACT_TESTS = Path(__file__).parents[4] / "contract-tests" / "scenarios"
CLINICIAN = "Practitioner/example-clinician"


def by_path(name: str) -> ModuleType:
    """A module of the contract tests' scenario folder, which is no installed package."""
    known = f"contract_scenarios_{name}"
    if known not in sys.modules:
        spec = importlib.util.spec_from_file_location(known, CONTRACT_TESTS / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[known] = module
        spec.loader.exec_module(module)
    return sys.modules[known]


expected = by_path("expected")


def screened(chart: Chart, scenario: Mapping[str, Any]) -> screen.Screening:
    """What the domain makes of a chart on the scenario's hook, when the cards of a first call were overridden so."""
    given = answered(chart, scenario)

    def hold(finding: Finding) -> Hold | None:
        return answers.held_by(finding, chart, given, str, answers.Terms())

    return _asked(chart, scenario, hold if given else nothing_held)


def _asked(chart: Chart, scenario: Mapping[str, Any], hold: Holding) -> screen.Screening:
    user = scenario.get("user", CLINICIAN)
    if scenario["hook"] == "patient-view":
        return screen.patient_view(chart, user, hold)
    return screen.order_hook(chart, user, hold, signing=scenario["hook"] == "order-sign")


def answered(chart: Chart, scenario: Mapping[str, Any]) -> list[answers.Answer]:
    """The answers to those cards of a first call that the scenario overrides."""
    overrides = scenario.get("overrides", ())
    cards = {f.module: f for f in _asked(chart, scenario, nothing_held).findings} if overrides else {}
    return [
        answers.Answer(
            answers.shown(cards[one["module"]], chart, str),
            accepted=False,
            reason=one.get("reason", ""),
            at=chart.as_of - timedelta(days=one["ago"]),
        )
        for one in overrides
        if one["module"] in cards
    ]


def shown(screening: screen.Screening) -> list[Any]:
    """The findings in the form of `expected`."""
    return sorted(
        expected.Expected(f.module, f.state, f.indicator, tuple(sorted(f.includes))) for f in screening.findings
    )


def check(chart: Chart, scenario: Mapping[str, Any]) -> None:
    """Assert that the cards are those that the scenario expects, no more and no fewer."""
    screening = screened(chart, scenario)
    assert len(answered(chart, scenario)) == len(scenario.get("overrides", ())), "a card that is overridden must be due"
    cards = scenario["expect"]["cards"]
    assert shown(screening) == expected.expected(cards), (screening.held, screening.silent_because)
    for card in cards:
        found = [f for f in screening.findings if f.module == card["module"]]
        for finding in found:
            _check_words(finding, card)


def _check_words(finding: Finding, card: Mapping[str, Any]) -> None:
    codes = {order.code for s in finding.suggestions for order in s.orders}
    codes |= {order.gene for s in finding.suggestions for order in s.orders if order.gene}
    codes |= {f"delete {reference}" for s in finding.suggestions for reference in s.withdraw}
    assert set(card.get("suggests", ())) <= codes, codes
    assert not set(card.get("never_suggests", ())) & codes, codes
    for words in card.get("says", ()):
        assert words in finding.summary
    detail = " ".join(
        (*finding.statements, *(e.criterion for e in finding.evidence), *(e.display for e in finding.evidence))
    )
    for words in card.get("mentions", ()):
        assert words in detail, detail
    for words in card.get("never_mentions", ()):
        assert words not in detail, detail
