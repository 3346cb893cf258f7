"""Thresholds: each has a name of its own, stands in words on the generated page, and every use asks the chart."""

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from all_charts import charts
from judging import screened
from small_facts import chart, result

from screening import domain
from screening.domain import analytes, catalog
from screening.domain.labs import Scale
from screening.domain.thresholds import AnyThreshold, SiteValue, Threshold
from screening.domain.units import Limit
from screening.domain.workups.registry import WORKUPS
from screening.knowledge.threshold_index import index
from screening.knowledge.thresholds_page import rendered

THRESHOLDS = index().thresholds
SUBJECTS = {workup.id for workup in WORKUPS} | {"phenotype", "orders", "screen", "answers"}
REACHED = {"vitamin-b12", "vitamin-e", "manganese", "phenotype", "orders", "screen", "calcium-vitamin-d"}
UNITS = {"hours", "days", "years", "", "umol/mmol", "x upper limit of normal"}
NOT_DECIDING = {
    "PATIENT_VIEW_CARDS", "ORDER_CARDS", "PHENOTYPE_FACTS", "LONGEST_NAME", "LONGEST_TEXT", "INFINITY",
}  # fmt: skip
"""Numbers that bound what is shown or read, not what is decided about a patient."""


def modules() -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(domain.__path__, f"{domain.__name__}."):
        yield importlib.import_module(found.name)


@pytest.mark.parametrize("threshold", THRESHOLDS.values(), ids=str)
def test_is_named_and_told(threshold: AnyThreshold) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9-]*(\.[a-z0-9]+(-[a-z0-9]+)*){1,2}", threshold.id)
    assert threshold.id.partition(".")[0] in SUBJECTS
    assert threshold.means
    assert not set(threshold.means) & set("<>&|*_[]\n")
    assert threshold.cite.text
    assert threshold.unit in UNITS
    assert threshold.id in rendered([threshold])
    assert str(threshold) == str(threshold.value) + (f" {threshold.unit}" if threshold.unit else "")


def test_the_page_holds_every_threshold_once() -> None:
    page = rendered(THRESHOLDS.values())
    for id_ in THRESHOLDS:
        assert page.count(f"`{id_}`") == 1


def test_the_order_of_every_ladder_holds_by_default() -> None:
    ladders = index().ladders
    assert {"vitamin-b12.mma-high", "manganese.high", "vitamin-b12.total.deficient"} <= {
        step.id for ladder in ladders for step in ladder.steps
    }
    for ladder in ladders:
        for low, high in zip(ladder.steps, ladder.steps[1:], strict=False):
            lower, upper = numbers(low.value), numbers(high.value)
            assert lower.keys() == upper.keys()
            assert all(lower[unit] < upper[unit] for unit in lower)


def numbers(value: Limit | int | Decimal) -> Mapping[str, Decimal]:
    return value.printed if isinstance(value, Limit) else {"": Decimal(value)}


def bare_numbers(tree: ast.Module) -> Iterator[str]:
    """Names of a module that are given a number, a Decimal or a Limit instead of a threshold."""
    for node in tree.body:
        target = node.target if isinstance(node, ast.AnnAssign) else None
        value = node.value if isinstance(node, ast.AnnAssign) else None
        if isinstance(node, ast.Assign):
            target, value = node.targets[0], node.value
        if not isinstance(target, ast.Name) or value is None:
            continue
        called = getattr(getattr(value, "func", None), "id", "")
        number = isinstance(value, ast.Constant) and isinstance(value.value, int | float)
        if (number or called in {"Decimal", "limit"}) and target.id not in NOT_DECIDING:
            yield target.id


def deciding() -> list[Path]:
    """The modules with rules: workups, orders, phenotype, chart."""
    folder = Path(str(domain.__file__)).parent
    return [*sorted(folder.glob("workups/*.py")), *sorted(folder.glob("orders/*.py")),
            folder / "phenotype.py", folder / "chart.py"]  # fmt: skip


@pytest.mark.parametrize("path", deciding(), ids=lambda path: path.stem)
def test_no_number_that_decides_stands_bare(path: Path) -> None:
    assert set(bare_numbers(ast.parse(path.read_text("utf-8")))) <= {"_ONCE", "HOURS"}  # a factor of one; words only


def test_a_bare_number_is_seen() -> None:
    source = "A: Final = 5\nB = Decimal('2')\nC: Final = limit('1 g/L')\nD: Final = days('x.y', 5, 'z')\nE: int\n"
    assert list(bare_numbers(ast.parse(source))) == ["A", "B", "C"]


def printed_in_functions(module: ModuleType, tree: ast.Module) -> Iterator[str]:
    """Names of thresholds and scales that a function prints as they are, instead of asking the chart."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.FormattedValue) and isinstance(node.value, ast.Name):
                    named = vars(module).get(node.value.id)
                    if isinstance(named, Threshold | Scale):
                        yield node.value.id


def test_no_card_prints_a_default() -> None:
    for module in modules():
        tree = ast.parse(Path(str(module.__file__)).read_text("utf-8"))
        assert list(printed_in_functions(module, tree)) == [], module.__name__


class Asked(Mapping[str, SiteValue]):
    """Site values that hold nothing and remember which thresholds the rules ask for."""

    def __init__(self) -> None:
        self.ids: set[str] = set()

    def __getitem__(self, key: str) -> SiteValue:
        self.ids.add(key)
        raise KeyError(key)

    def __contains__(self, key: object) -> bool:
        return False

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 1


def test_the_rules_ask_the_chart_for_every_threshold() -> None:
    """Where there are scenarios for a subject, they reach each of its thresholds by way of the chart."""
    asked = Asked()
    for scenario, read in charts():
        screened(replace(read, site_values=asked), scenario)
    assert asked.ids <= THRESHOLDS.keys()
    wanted = {id_ for id_ in THRESHOLDS if id_.partition(".")[0] in REACHED}
    assert wanted - asked.ids == set(), "no rule reads these, or no scenario gets there"


ORDERABLES = {name: thing for name, thing in vars(catalog).items() if isinstance(thing, catalog.Orderable)}


@pytest.mark.parametrize("name", [name for name, thing in ORDERABLES.items() if thing.current])
def test_what_counts_as_current_is_a_look_back_of_the_workups(name: str) -> None:
    keys, default, id_ = ORDERABLES[name].current or ((), 0, "")
    assert (THRESHOLDS[id_].value, THRESHOLDS[id_].unit) == (default, "days")
    own = SiteValue(THRESHOLDS[id_], default * 2, "Example Approver", date(2026, 11, 1), "Example reason.", "1")
    older = [replace(result(analytes.B12, "300", "ng/L", default * 2), analyte=key) for key in keys]
    assert not catalog.current(chart(*older), ORDERABLES[name])
    assert catalog.current(replace(chart(*older), site_values={id_: own}), ORDERABLES[name])


def changed(threshold: AnyThreshold, ratio: Decimal) -> Any:
    match threshold.value:
        case Limit():
            return Limit({unit: number * ratio for unit, number in threshold.value.printed.items()})
        case int():
            return int(threshold.value * ratio)
        case _:
            return threshold.value * ratio


@pytest.mark.parametrize("ratio", ["0.6", "1.9"])
def test_with_every_threshold_changed_the_rules_still_answer(ratio: str) -> None:
    own = {
        t.id: SiteValue(t, changed(t, Decimal(ratio)), "Example Approver", date(2026, 11, 1), "Example reason.", "1")
        for t in THRESHOLDS.values()
    }
    shown, some = 0, charts()[::4]
    for scenario, read in some:
        for finding in screened(replace(read, site_values=own), scenario).findings:
            assert [e.code for e in finding.evidence].count("site-value") == len(own)
            shown += 1
    assert shown > len(some) / 4
