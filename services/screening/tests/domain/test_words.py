"""Every summary and suggestion that the domain can make: seen in a scenario, short, within what is allowed."""

import ast
import itertools
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from all_charts import screenings
from chart_builder import build
from judging import screened
from scenario_files import shared

from screening import domain
from screening.domain import catalog, screen, selection
from screening.domain.catalog import Orderable
from screening.domain.findings import INFO, WARNING, Finding
from screening.domain.workups.registry import WORKUPS
from screening.knowledge.loading import code_book, override_reasons

LONGEST = 125
BOOK = code_book()
EXPLANATIONS = Path(__file__).parents[3] / "content" / "src" / "content" / "explanations"

RISKS: Mapping[str, list[dict[str, Any]]] = {
    "nothing": [],
    "pernicious anemia": [{"code": "D51.0"}],
    "Crohn": [{"code": "K50.90"}],
    "cirrhosis": [{"code": "K74.60"}],
    "cholestasis": [{"code": "K83.1"}],
    "all": [{"code": "D51.0"}, {"code": "K50.90"}, {"code": "K74.60"}, {"code": "K83.1"}, {"code": "D75.1"}],
}
DISORDERS = ["G24.9", "G24.5", "G24.01", "G25.5", "G11.9", "G21.9", "R25.1", "G25.3", "G25.9"]


@cache
def findings() -> Mapping[str, tuple[Mapping[str, Any], Finding]]:
    """The cards of all scenarios by scenario and module, those with the same words once."""
    named: dict[str, tuple[Mapping[str, Any], Finding]] = {}
    seen: set[object] = set()
    further = [(s, screened(build(s, BOOK), s)) for s in shared()]
    for scenario, screening in (*screenings(), *further):
        for found in screening.findings:
            words = (found.summary, found.statements, found.suggestions, found.override_reasons, bool(found.evidence))
            if words not in seen:
                seen.add(words)
                named[f"{scenario['id']}-{found.module}"] = (scenario, found)
    return named


def _templates() -> Iterator[tuple[str, ast.expr]]:
    """Where a Finding is made, and its summary as it stands in the code."""
    for path in sorted(Path(domain.__file__).parent.rglob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        for function in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)):
            for call in (n for n in ast.walk(function) if isinstance(n, ast.Call)):
                if getattr(call.func, "id", "") != "Finding":
                    continue
                summary = call.args[3]
                if isinstance(summary, ast.Name):
                    assigned = (n for n in ast.walk(function) if isinstance(n, ast.Assign))
                    for n in assigned:
                        if getattr(n.targets[0], "id", "") == summary.id:
                            yield f"{path.name}:{n.lineno}", n.value
                else:
                    yield f"{path.name}:{summary.lineno}", summary


def _pattern(summary: ast.expr) -> str:
    if isinstance(summary, ast.Constant):
        return re.escape(summary.value)
    assert isinstance(summary, ast.JoinedStr)
    return "".join(re.escape(p.value) if isinstance(p, ast.Constant) else ".+" for p in summary.values)


TEMPLATES = dict(_templates())


def test_the_summaries_of_the_code_were_found() -> None:
    assert len(TEMPLATES) >= 27


@pytest.mark.parametrize("where", TEMPLATES)
def test_every_summary_is_seen_in_a_scenario(where: str) -> None:
    pattern = re.compile(_pattern(TEMPLATES[where]))
    assert any(pattern.fullmatch(finding.summary) for _, finding in findings().values())


def test_summaries_are_short() -> None:
    for name, (_, finding) in findings().items():
        assert 20 < len(finding.summary) <= LONGEST, name
        assert finding.summary.endswith("."), name


@pytest.mark.parametrize("risk", RISKS)
@pytest.mark.parametrize("disorder", DISORDERS)
def test_the_consolidated_card_is_short_whatever_it_lists(disorder: str, risk: str) -> None:
    seen = set()
    for facts, early in itertools.product(({}, {"t1_pallidal": True, "n2o_recreational": True}), (True, False)):
        scenario = {
            "id": "w", "hook": "patient-view", "age": 20 if early else 62, "sex": "female", "facts": facts,
            "conditions": [{"code": disorder, "onsetAge": 10 if early else 60}, *RISKS[risk]],
        }  # fmt: skip
        for finding in screened(build(scenario, BOOK), scenario).findings:
            assert len(finding.summary) <= LONGEST, finding.summary
            seen.add(finding.module)
    assert "SCREEN" in seen or risk in ("nothing", "cirrhosis", "cholestasis", "Crohn")


ALL = [workup.id for workup in WORKUPS]


@pytest.mark.parametrize("lacking", [ALL[:1], ALL[:2], ALL[:5], ALL])
def test_the_card_about_missing_data_is_short(lacking: list[str]) -> None:
    scenario = {
        "id": "w", "hook": "patient-view", "age": 20, "sex": "female", "not_delivered": lacking,
        "conditions": [{"code": "G24.8", "onsetAge": 10}],
    }  # fmt: skip
    (finding,) = screened(build(scenario, BOOK), scenario).findings
    assert len(finding.summary) <= LONGEST
    assert len(finding.includes) == (len(ALL) if lacking == ALL else len(ALL) - len(lacking))
    assert finding.module == ("DATA" if lacking == ALL else "SCREEN")


FREE_LABELS = {
    "Replace by whole-blood manganese",
    "Replace by methylmalonic acid",
    "Withdraw nitrous oxide",
}
LISTED = {workup.label[0].upper() + workup.label[1:] for workup in WORKUPS}
VERBS = {
    "Withdraw nitrous oxide and order",
    "Order",
    "Add",
    "Draft",
    "Repeat fasting",
    "Order in one fasting draw",
} | LISTED
LISTING = {"SCREEN", "ORD_PANEL_FIRST", "ORD_SYMPT_TX"}
"""Cards with one suggestion for each module: two modules may want the same test."""
MAY_WITHDRAW = {"ORD_MN_SPECIMEN", "ORD_B12_ON_TX", "ORD_N2O"}
CATALOG = [value for value in vars(catalog).values() if isinstance(value, Orderable)]


def test_suggestions_say_what_they_order() -> None:
    for name, (_, finding) in findings().items():
        for suggestion in finding.suggestions:
            if suggestion.label in FREE_LABELS:
                continue
            verb, _, tests = suggestion.label.partition(": ")
            assert verb in VERBS, name
            assert tests == ", ".join(order.label for order in suggestion.orders), name


def test_suggestions_hold_reviewed_tests_and_referrals_only() -> None:
    reviewed = {(test.code, test.gene) for test in CATALOG}
    for name, (scenario, finding) in findings().items():
        made = [(o.code, o.gene) for s in finding.suggestions for o in s.orders]
        assert set(made) <= reviewed, name
        assert len(set(made)) == len(made) or finding.module in LISTING, f"{name}: nothing twice on one card"
        withdrawn = {reference for s in finding.suggestions for reference in s.withdraw}
        assert not withdrawn or finding.module in MAY_WITHDRAW, name
        selected = {f"{d['type']}/{d['id']}" for d in scenario.get("draft", ())}
        assert withdrawn <= selected, name


def test_cards_never_name_a_dose_or_a_drug_to_start() -> None:
    for name, (_, finding) in findings().items():
        words = " ".join((finding.summary, *finding.statements, *(s.label for s in finding.suggestions)))
        assert not re.search(r"\d\s*(mg|mcg|ug|µg|IU|g)\b(?!/)", words), f"{name}: {words}"
        if finding.module != "ORD_EDTA":  # its whole point is which edetate is meant
            assert "edetate" not in words.lower(), name
        drug = re.search(r"cyanocobalamin|hydroxocobalamin|penicillamine|tablet|recheck later", words, re.I)
        assert not drug, f"{name}: {words}"


def test_cards_can_be_explained_and_answered() -> None:
    for name, (_, finding) in findings().items():
        assert (EXPLANATIONS / f"{finding.explanation}.clinician.md").is_file(), name
        assert finding.override_reasons, name
        assert set(finding.override_reasons) <= set(override_reasons()), name
        assert finding.evidence or finding.module.startswith("ORD_"), name
        assert all(statement.strip() == statement and statement for statement in finding.statements), name


def test_every_warning_about_a_result_refers_to_neurology() -> None:
    for name, (scenario, finding) in findings().items():
        if finding.module not in ("B12", "VITE", "MN") or finding.indicator == INFO:
            continue
        ordered = {order.get("code") for order in scenario.get("orders", ())}
        referred = any(order is catalog.NEUROLOGY for s in finding.suggestions for order in s.orders)
        assert referred or "183521007" in ordered, name


def test_everything_in_the_catalog_is_suggested_somewhere() -> None:
    suggested = {(o.code, o.gene) for _, f in findings().values() for s in f.suggestions for o in s.orders}
    assert {(test.code, test.gene) for test in CATALOG} <= suggested


def test_indicators() -> None:
    """Critical is for what cannot wait a day (decision 7 of the clinical rules)."""
    critical = {f.module for _, f in findings().values() if f.indicator not in (INFO, WARNING)}
    assert critical == {"CA", "CU", "ORD_N2O", "ORD_EDTA"}
    assert selection.PATIENT_VIEW_CARDS == 3
    assert screen.ORDER_CARDS == 2
