"""Every limit that a workup prints has scenarios on it and close to it on both sides, in every printed unit."""

import ast
import importlib
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from scenario_files import written

from screening.domain import analytes, workups
from screening.domain.analytes import Analyte
from screening.domain.codes import LOINC
from screening.domain.labs import Scale
from screening.domain.thresholds import Threshold
from screening.domain.units import Limit, amount
from screening.knowledge.loading import code_book

BOOK = code_book()
CLOSE = Decimal("0.05")  # of the limit
MULTIPLES = (Decimal(1), Decimal("1.5"), Decimal(2))
ANALYTE_OF = {
    "MMA_UNLIKELY": analytes.MMA,
    "MMA_HIGH": analytes.MMA,
    "MMA_HIGH_AT_ANY_EGFR": analytes.MMA,
    "HOMOCYSTEINE_RAISED": analytes.HOMOCYSTEINE,
    "EGFR_NORMAL": analytes.EGFR,
    "MACROCYTOSIS": analytes.MCV,
    "CHOLESTEROL_VERY_LOW": analytes.CHOLESTEROL,
    "UPPER_NORMAL": analytes.MANGANESE_BLOOD,
    "SERUM_NORMAL": analytes.MANGANESE_SERUM,
    "HEMOGLOBIN_HIGH_MALE": analytes.HEMOGLOBIN,
    "HEMOGLOBIN_HIGH_FEMALE": analytes.HEMOGLOBIN,
    "MAGNESIUM_LOW": analytes.MAGNESIUM,
    "ALBUMIN_LOW": analytes.ALBUMIN,
    "VITAMIN_D_SEVERE": analytes.VITAMIN_D,
    "VITAMIN_D_LOW": analytes.VITAMIN_D,
    "SERUM_LOW": analytes.COPPER_SERUM,
    "INR_RAISED": analytes.INR,
    "FERRITIN_HIGH_MALE": analytes.FERRITIN,
    "FERRITIN_HIGH_FEMALE": analytes.FERRITIN,
    "SATURATION_LOW": analytes.TRANSFERRIN_SATURATION,
    "IRON_LOW": analytes.IRON,
}
"""What a limit that is no band of a scale is compared with."""

SCENARIOS = [case.scenario for case in written()]
Whose = Callable[[Mapping[str, Any]], bool]


def _pregnant(scenario: Mapping[str, Any]) -> bool:
    codes = (c.get("code", "") for c in scenario["conditions"])
    return any(code.startswith(("Z33", "O")) or code == "77386006" for code in codes)


def _child(scenario: Mapping[str, Any]) -> bool:
    return bool(scenario["age"] < 18)


def _anybody(scenario: Mapping[str, Any]) -> bool:
    return True


WHOSE: Mapping[str, Whose] = {
    "TOTAL_B12": lambda s: not _pregnant(s),
    "TOTAL_B12_IN_PREGNANCY": _pregnant,
    "ADULT": lambda s: not _child(s),
    "CHILD": _child,
    "HEMOGLOBIN_HIGH_MALE": lambda s: s["sex"] != "female",
    "HEMOGLOBIN_HIGH_FEMALE": lambda s: s["sex"] == "female",
    "FERRITIN_HIGH_MALE": lambda s: s["sex"] != "female",
    "FERRITIN_HIGH_FEMALE": lambda s: s["sex"] == "female",
}
"""Whom a limit is for, where it is not for everybody."""


def _modules() -> Iterator[Any]:
    for found in pkgutil.iter_modules(workups.__path__):
        yield importlib.import_module(f"{workups.__name__}.{found.name}")


def _limits() -> Iterator[tuple[str, Analyte, str, Decimal]]:
    """Name, analyte, unit and number of every limit that stands in a module of the workups."""
    for module in _modules():
        for name, threshold in vars(module).items():
            if name.startswith("_"):  # another name for the same; that none hides here is tested below
                continue
            value = threshold.value if isinstance(threshold, Threshold) else threshold
            if isinstance(value, Limit):
                for factor in MULTIPLES if name == "UPPER_NORMAL" else MULTIPLES[:1]:
                    for unit, number in value.printed.items():
                        yield name, ANALYTE_OF[name], unit, number * factor
            elif isinstance(value, Scale):
                for band in value.bands:
                    for unit, number in band.upper.printed.items() if band.upper else ():
                        yield name, value.analyte, unit, number


LIMITS = sorted({e[0] + e[2] + str(e[3]): e for e in _limits()}.values(), key=lambda e: (e[0], e[2], e[3]))


def _tried(analyte: Analyte, unit: str, whose: Whose) -> set[Decimal]:
    """The plain numbers of this analyte that the scenarios use, in the printed unit of the family."""
    numbers: set[Decimal] = set()
    for scenario in SCENARIOS:
        if not whose(scenario):
            continue
        for item in scenario.get("labs", ()):
            code, value = item.get("code"), item.get("v")
            if value is None or "cmp" in item or analyte.value_set not in BOOK.sets(LOINC, code):
                continue
            read = amount(analyte.measure, Decimal(str(value)), item.get("u", ""))
            if read is not None and read.unit == unit:
                numbers.add(read.number)
    return numbers


@pytest.mark.parametrize(
    ("name", "analyte", "unit", "number"), LIMITS, ids=[f"{n}-{float(x):g}-{u}" for n, _, u, x in LIMITS]
)
def test_has_scenarios_around_it(name: str, analyte: Analyte, unit: str, number: Decimal) -> None:
    tried = _tried(analyte, unit, WHOSE.get(name, _anybody))
    assert number in tried, "no scenario on the limit"
    assert any(number * (1 - CLOSE) <= n < number for n in tried), "no scenario just below the limit"
    assert any(number < n <= number * (1 + CLOSE) for n in tried), "no scenario just above the limit"


def test_no_limit_stands_where_it_is_not_seen() -> None:
    """Every call of limit, cut, below and up_to in the workups makes one of the limits above."""
    written_down: set[tuple[str, Decimal]] = set()
    for module in _modules():
        for node in ast.walk(ast.parse(Path(module.__file__).read_text("utf-8"))):
            if not isinstance(node, ast.Call) or getattr(node.func, "id", "") not in ("limit", "cut", "below", "up_to"):
                continue
            words = [a.value for a in node.args if isinstance(a, ast.Constant)]
            assert len(words) == len(node.args), "a limit is printed, not computed"
            for form in words if node.func.id == "limit" else words[1:]:  # type: ignore[attr-defined]
                number, _, unit = form.partition(" ")
                written_down.add((unit, Decimal(number)))
    assert written_down
    assert written_down <= {(unit, number) for _, _, unit, number in LIMITS}
