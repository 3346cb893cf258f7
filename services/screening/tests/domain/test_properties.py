"""What must never matter: order, facts that no rule is about, units, entries in error, and the date of today."""

import ast
import dataclasses
import importlib
import os
import pkgutil
import random
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from chart_builder import SYSTEMS, build
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from judging import screened
from mixing import BY_HOOK, LISTS, WRITTEN, cards, mixed, outcome

from screening import domain
from screening.domain import analytes, workups
from screening.domain.chart import Chart
from screening.domain.codes import LOINC
from screening.domain.labs import Scale
from screening.domain.thresholds import Threshold
from screening.domain.units import Limit, amount, normalized
from screening.knowledge.loading import code_book

BOOK = code_book()
QUICK = settings(
    max_examples=120 if os.environ.get("WIDE") else 40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
SHORT = {url: name for name, url in SYSTEMS.items()}


def of(scenario: Mapping[str, Any], *, dated: bool = True) -> list[Any]:
    return outcome(screened(build(scenario, BOOK), scenario), dated=dated)


# --- order ---


@QUICK
@given(scenario=mixed(), chance=st.randoms(use_true_random=False))
def test_the_order_of_resources_never_matters(scenario: dict[str, Any], chance: random.Random) -> None:
    shuffled = dict(scenario)
    for key in LISTS:
        shuffled[key] = chance.sample(scenario[key], k=len(scenario[key]))
    assert of(shuffled) == of(scenario)


# --- facts that no rule is about ---


def _used_sets() -> frozenset[str]:
    """Every value set whose name stands in the domain."""
    used: set[str] = set()
    for path in Path(domain.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and node.value in BOOK.members:
                used.add(str(node.value))
    return frozenset(used)


USED = _used_sets()
IRRELEVANT = sorted(
    {
        (SHORT[entry.system], entry.code)
        for entries in BOOK.members.values()
        for entry in entries
        if not entry.prefix and USED.isdisjoint(BOOK.sets(entry.system, entry.code))
    }
    | {("icd10cm", "I10"), ("icd10cm", "J45.909"), ("snomed", "38341003"), ("snomed", "195967001")}
    | {("snomed", "80146002"), ("loinc", "2345-7"), ("loinc", "2951-2"), ("loinc", "2823-3"), ("loinc", "4548-4")}
    | {("rxnorm", "29046"), ("rxnorm", "5640"), ("atc", "C09AA05"), ("atc", "M01AE01")}
)
BY_KIND = {
    "conditions": [c for c in IRRELEVANT if c[0] in ("icd10cm", "snomed")],
    "procs": [c for c in IRRELEVANT if c[0] == "snomed"],
    "meds": [c for c in IRRELEVANT if c[0] in ("rxnorm", "atc")],
    "labs": [c for c in IRRELEVANT if c[0] == "loinc"],
    "orders": [c for c in IRRELEVANT if c[0] in ("loinc", "snomed")],
}


def test_there_are_irrelevant_facts_of_every_kind() -> None:
    assert all(len(codes) >= 4 for codes in BY_KIND.values())
    assert {"D_GEN", "B12_RX", "L_B12"} <= USED


@QUICK
@given(
    scenario=mixed(),
    added=st.lists(
        st.sampled_from(sorted(BY_KIND)).flatmap(
            lambda kind: st.tuples(st.just(kind), st.sampled_from(BY_KIND[kind]), st.integers(0, 900))
        ),
        min_size=1,
        max_size=8,
    ),
)
def test_facts_that_no_rule_is_about_never_matter(
    scenario: dict[str, Any], added: list[tuple[str, tuple[str, str], int]]
) -> None:
    richer = dict(scenario)
    for kind, (system, code), days in added:
        fact = {"sys": system, "code": code, "ago": days, "start": days, "rec": days, "v": 1.1, "u": "mmol/L"}
        richer[kind] = [fact, *richer[kind], fact]
    assert of(richer) == of(scenario)


# --- units ---

SPELLINGS = {"pg/mL": "pg/ml", "ug/L": "µg/L", "ug/dL": "mcg/dL", "umol/L": "μmol/l", "mg/dL": "mg/dl"}


def _re_expressed(item: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """A result in another accepted unit of its family, in another accepted spelling."""
    codes = [c["code"] for c in item.get("codings", [item])]
    unit = normalized(item.get("u", ""))
    if "v" not in item or not unit:
        return item
    for analyte in analytes.ANALYTES:
        family = analyte.measure.family_of(unit)
        if family is None or all(analyte.value_set not in BOOK.sets(LOINC, code) for code in codes):
            continue
        other = chance.choice(sorted(family.factors))
        factor = family.factors[unit] / family.factors[other]
        made = {**item, "v": Decimal(str(item["v"])) * factor, "u": chance.choice([other, SPELLINGS.get(other, other)])}
        if "rr" in item:
            made["rr"] = [Decimal(str(bound)) * factor for bound in item["rr"]]
        return made
    return item


@QUICK
@given(scenario=mixed(), chance=st.randoms(use_true_random=False))
def test_another_unit_of_the_same_family_never_matters(scenario: dict[str, Any], chance: random.Random) -> None:
    assert of({**scenario, "labs": [_re_expressed(item, chance) for item in scenario["labs"]]}) == of(scenario)


def test_results_do_get_another_unit() -> None:
    chance = random.Random(1)  # noqa: S311 - a test's choice
    item = {"code": "5681-2", "v": 18.3, "u": "ug/L", "ago": 1, "rr": [4, 20]}
    made = [_re_expressed(item, chance) for _ in range(30)]
    assert {normalized(m["u"]) for m in made} == {"ug/L", "ng/mL", "ug/dL"}
    assert {m["v"] for m in made if normalized(m["u"]) == "ug/dL"} == {Decimal("1.83")}


# --- units of another family, where the numbers printed in both leave no doubt ---


def _printed() -> dict[str, set[Decimal]]:
    """Unit -> every number that a workup prints in it; of the upper limit of manganese also its multiples."""
    numbers: dict[str, set[Decimal]] = {}
    for found in pkgutil.iter_modules(workups.__path__):
        for name, named in vars(importlib.import_module(f"{workups.__name__}.{found.name}")).items():
            factors = (1, Decimal("1.5"), 2) if name == "UPPER_NORMAL" else (1,)
            value = named.value if isinstance(named, Threshold) else named
            bands = value.bands if isinstance(value, Scale) else ()
            limits = [value] if isinstance(value, Limit) else [b.upper for b in bands if b.upper is not None]
            for unit, number in ((unit, n) for one in limits for unit, n in one.printed.items()):
                numbers.setdefault(unit, set()).update(number * factor for factor in factors)
    return numbers


PRINTED = _printed()
NEAR = Decimal("0.02")
ADJUSTED = {"CA", "ALBUMIN"}
"""Their limits are those of the adjusted calcium, which is computed from both: see CA-ALBUMIN-SI and CA-ALBUMIN-US."""


def _translated(item: dict[str, Any], chance: random.Random) -> dict[str, Any]:
    """A result in a unit of any family, unless it or its translation lies so near a limit that roundings matter."""
    codes = [c["code"] for c in item.get("codings", [item])]
    unit = normalized(item.get("u", ""))
    if "v" not in item or not unit or "rr" in item:  # a range moves the limits with it
        return item
    for analyte in analytes.ANALYTES:
        family = analyte.measure.family_of(unit)
        if family is None or all(analyte.value_set not in BOOK.sets(LOINC, code) for code in codes):
            continue
        if analyte.key in ADJUSTED:
            return item
        other = chance.choice(analyte.measure.families)
        sent = chance.choice(sorted(other.factors))
        factor = family.factors[unit] * family.to_canonical / (other.factors[sent] * other.to_canonical)
        number = (Decimal(str(item["v"])) * factor).quantize(Decimal("1e-9"))
        read = [amount(analyte.measure, *pair) for pair in ((Decimal(str(item["v"])), unit), (number, sent))]
        guards = set(analyte.measure.plausible or ())
        for one in read:
            if one is None:
                return item
            limits = [*PRINTED.get(one.unit, ()), *(guard / one.to_canonical for guard in guards)]
            if any(abs(one.number - limit) <= limit * NEAR for limit in limits):
                return item
        return {**item, "v": number, "u": sent}
    return item


@QUICK
@given(scenario=mixed(), chance=st.randoms(use_true_random=False))
def test_a_unit_of_another_family_never_matters_away_from_limits(
    scenario: dict[str, Any], chance: random.Random
) -> None:
    translated = {**scenario, "labs": [_translated(item, chance) for item in scenario["labs"]]}
    before, after = (cards(screened(build(s, BOOK), s)) for s in (scenario, translated))
    assert after == before


def test_results_do_change_family() -> None:
    chance = random.Random(1)  # noqa: S311 - a test's choice
    results = [item for s in WRITTEN for item in s.get("labs", ())]
    changed = [item.get("code") for item in results if _translated(item, chance).get("u") != item.get("u")]
    assert len(changed) > len(results) / 10
    assert {"2132-9", "1823-4", "5681-2", "29265-6", "14666-2", "2276-4"} <= set(changed)


# --- entries in error ---

LISTED = sorted(
    {
        (SHORT[entry.system], entry.code if not entry.prefix or len(entry.code) > 3 else f"{entry.code}.0")
        for name in USED
        for entry in BOOK.members[name]
        if SHORT.get(entry.system) in ("icd10cm", "snomed")
    }
)


@QUICK
@given(
    scenario=mixed(),
    code=st.sampled_from(LISTED),
    verification=st.sampled_from(["entered-in-error", "refuted", "differential"]),
    clinical=st.sampled_from(["active", "inactive", "resolved", ""]),
    said=st.fixed_dictionaries({}, optional={"onsetAge": st.integers(0, 19), "rec": st.integers(0, 9000)}),
)
def test_an_entry_in_error_never_matters(
    scenario: dict[str, Any], code: tuple[str, str], verification: str, clinical: str, said: dict[str, int]
) -> None:
    wrong = {"sys": code[0], "code": code[1], "ver": verification, "clin": clinical, "text": "welder, nitrous oxide"}
    assert of({**scenario, "conditions": [{**wrong, **said}, *scenario["conditions"]]}) == of(scenario)


@QUICK
@given(scenario=mixed(), status=st.sampled_from(["entered-in-error", "cancelled", "unknown"]), data=st.data())
def test_a_result_in_error_never_matters(scenario: dict[str, Any], status: str, data: st.DataObject) -> None:
    results = [item for s in WRITTEN for item in s.get("labs", ())]
    wrong = {**data.draw(st.sampled_from(results)), "status": status}
    assert of({**scenario, "labs": [wrong, *scenario["labs"]]}) == of(scenario)


@QUICK
@given(scenario=mixed(), kind=st.sampled_from(["meds", "procs", "orders"]), data=st.data())
def test_a_medicine_procedure_or_order_in_error_never_matters(
    scenario: dict[str, Any], kind: str, data: st.DataObject
) -> None:
    anybodys = [item for s in WRITTEN for item in s.get(kind, ())]
    wrong = {**data.draw(st.sampled_from(anybodys)), "status": "entered-in-error"}
    assert of({**scenario, kind: [wrong, *scenario[kind]]}) == of(scenario)


# --- the date of today ---


def shifted(value: Any, by: timedelta) -> Any:
    """The same with every date and time moved."""
    if isinstance(value, datetime | date):
        return value + by
    if isinstance(value, tuple):
        return tuple(shifted(item, by) for item in value)
    if isinstance(value, Mapping):
        return {key: shifted(item, by) for key, item in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {f.name: shifted(getattr(value, f.name), by) for f in dataclasses.fields(value)}
        return dataclasses.replace(value, **fields)
    return value


@QUICK
@given(scenario=mixed(), days=st.integers(-3000, 3000))
def test_moving_everything_by_whole_days_never_matters(scenario: dict[str, Any], days: int) -> None:
    chart = build(scenario, BOOK)
    moved: Chart = shifted(chart, timedelta(days=days))
    assert moved.today == chart.today + timedelta(days=days)
    before, after = (outcome(screened(c, scenario), dated=False) for c in (chart, moved))
    assert after == before


# --- no surprises ---


@QUICK
@given(scenario=mixed())
def test_the_same_chart_gives_the_same_answer(scenario: dict[str, Any]) -> None:
    assert of(scenario) == of(scenario)


@QUICK
@given(scenario=mixed())
def test_there_are_never_more_cards_than_allowed(scenario: dict[str, Any]) -> None:
    screening = screened(build(scenario, BOOK), scenario)
    assert len(screening.findings) <= (3 if scenario["hook"] == "patient-view" else 2)
    assert all(len(f.summary) <= 125 for f in screening.findings)
    weights = [["critical", "warning", "info"].index(f.indicator) for f in screening.findings]
    assert weights == sorted(weights)
    assert len({f.module for f in screening.findings}) == len(screening.findings)


@pytest.mark.parametrize("hook", sorted(BY_HOOK))
@pytest.mark.parametrize("key", ["conditions", "meds", "labs"])
def test_scenarios_are_mixed_from_something(key: str, hook: str) -> None:
    assert sum(bool(s.get(key)) for s in BY_HOOK[hook]) > 20
