"""Phenotype tiers from value sets, the age at onset, and the words."""

import itertools
from datetime import date

import pytest
from small_facts import ago, chart, condition

from screening.domain import phenotype
from screening.domain.chart import Condition
from screening.knowledge.loading import code_book

GEN, FOCAL, DRUG = condition("D_GEN"), condition("D_FOCAL"), condition("D_DRUG")
CHOREA, TREMOR, ATAXIA = condition("M_CHOREA"), condition("M_TREMOR"), condition("M_ATAXIA", "M_ATAXIA_SPECIFIC")
PARK, MYOCLONUS, OTHER = condition("M_PARK"), condition("M_MYOCLONUS"), condition("M_OTHER")
COMPLEX, PD, KNOWN, FUNCTIONAL = (condition(s) for s in ("C_COMPLEX", "X_PD", "X_KNOWN", "X_FUNCTIONAL"))
BORN_55_YEARS_AGO = date(1971, 5, 24)


def tier(*conditions: Condition, born: date | None = BORN_55_YEARS_AGO) -> str:
    return phenotype.of(chart(conditions=conditions, born=born)).tier


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ((), "T0"), ((PD,), "T0"), ((KNOWN,), "T0"), ((FUNCTIONAL,), "T0"), ((COMPLEX,), "T0"),
        ((GEN,), "T1"), ((GEN, FUNCTIONAL), "T1"), ((GEN, PD), "T2"), ((GEN, KNOWN), "T2"), ((GEN, DRUG), "T1"),
        ((FOCAL,), "T2"), ((FOCAL, GEN), "T1"), ((FOCAL, CHOREA), "T1"), ((FOCAL, MYOCLONUS), "T1"),
        ((FOCAL, ATAXIA), "T1"), ((FOCAL, PARK), "T1"), ((FOCAL, COMPLEX), "T1"), ((FOCAL, TREMOR), "T2"),
        ((FOCAL, OTHER), "T2"), ((FOCAL, COMPLEX, KNOWN), "T2"),
        ((DRUG,), "T3"), ((DRUG, PD), "T3"), ((DRUG, FUNCTIONAL), "T3"), ((DRUG, CHOREA), "T4"),
        ((DRUG, TREMOR, PD), "T2"),
        ((CHOREA,), "T4"), ((MYOCLONUS,), "T4"), ((TREMOR,), "T4"), ((ATAXIA,), "T4"), ((PARK,), "T4"),
        ((OTHER,), "T4"), ((CHOREA, KNOWN), "T2"), ((TREMOR, PD), "T2"), ((FUNCTIONAL, TREMOR), "T4"),
    ],
)  # fmt: skip
def test_tiers(conditions: tuple[Condition, ...], expected: str) -> None:
    for arranged in itertools.permutations(conditions):
        assert tier(*arranged) == expected


def test_an_entry_that_is_drug_induced_is_no_other_dystonia() -> None:
    assert tier(condition("D_GEN", "D_DRUG")) == "T3"
    assert not phenotype.of(chart(conditions=(condition("D_GEN", "D_DRUG"),))).dystonia


@pytest.mark.parametrize(
    ("said", "onset", "expected"),
    [
        ({"onset_age": 40}, 40, "T1"),
        ({"onset_age": 41}, 41, "T2"),
        ({"onset": date(2012, 5, 23)}, 40, "T1"),
        ({"onset": date(2012, 5, 24)}, 41, "T2"),
        ({"recorded": date(2012, 5, 23)}, 40, "T1"),
        ({"onset_age": 50, "recorded": date(2012, 5, 23)}, 40, "T1"),
        ({"onset_age": 38, "onset": ago(10)}, 38, "T1"),
        ({}, 55, "T2"),
        ({"recorded": date(1960, 1, 1)}, 55, "T2"),  # before birth: not used
    ],
)
def test_age_at_onset(said: dict[str, object], onset: int, expected: str) -> None:
    found = phenotype.of(chart(conditions=(condition("D_FOCAL", **said),)))
    assert (found.onset_ub, found.tier) == (onset, expected)
    assert found.onset_at_most(onset)
    assert not found.onset_at_most(onset - 1)


def test_age_at_onset_is_the_smallest_over_the_dystonia_entries_alone() -> None:
    entries = (
        condition("D_FOCAL", onset_age=50), condition("D_GEN", onset_age=44), condition("D_DRUG", onset_age=20),
        condition("M_TREMOR", onset_age=10), condition("D_FOCAL", onset_age=5, clinical="resolved"),
    )  # fmt: skip
    assert phenotype.of(chart(conditions=entries)).onset_ub == 44
    assert phenotype.of(chart(conditions=entries[2:])).onset_ub == 10
    assert phenotype.of(chart(conditions=entries[2:3])).onset_ub == 20


def test_an_unknown_age_is_never_early() -> None:
    found = phenotype.of(chart(conditions=(FOCAL,), born=None))
    assert found.onset_ub is None
    assert found.tier == "T2"
    assert not found.onset_at_most(120)


def test_an_onset_age_needs_no_birth_date() -> None:
    assert tier(condition("D_FOCAL", onset_age=30), born=None) == "T1"


def test_unspecific_ataxia_may_be_explained() -> None:
    weak, stroke = condition("M_ATAXIA"), condition("ATAXIA_EXPLAINED")
    assert tier(weak) == "T4"
    assert tier(weak, stroke) == "T0"
    assert tier(weak, condition("ATAXIA_EXPLAINED", clinical="resolved")) == "T4"
    assert tier(ATAXIA, stroke) == "T4"
    assert tier(ATAXIA, weak, stroke) == "T4"


@pytest.mark.parametrize(
    ("code", "specific"), [("R27.0", False), ("20262006", False), ("G11.9", True), ("85102008", True)]
)
def test_which_ataxia_codes_are_unspecific(code: str, specific: bool) -> None:
    book = code_book()
    assert code in {entry.code.rstrip("*") for entry in book.members["M_ATAXIA"]}
    assert (code in book.codes("M_ATAXIA_SPECIFIC")) is specific


@pytest.mark.parametrize(
    ("conditions", "word"),
    [
        ((GEN, CHOREA), "Dystonia"), ((FOCAL,), "Dystonia"), ((DRUG,), "Drug-induced dystonia"), ((CHOREA,), "Chorea"),
        ((ATAXIA,), "Ataxia"), ((PARK,), "Parkinsonism"), ((TREMOR,), "Tremor"), ((MYOCLONUS,), "Movement disorder"),
        ((OTHER,), "Movement disorder"), ((DRUG, CHOREA), "Chorea"), ((TREMOR, CHOREA), "Chorea"),
    ],
)  # fmt: skip
def test_words(conditions: tuple[Condition, ...], word: str) -> None:
    assert phenotype.of(chart(conditions=conditions)).word == word


def test_the_entries_that_made_it_come_earliest_first_and_once() -> None:
    late, early, undated = (
        condition("D_GEN", code=c, recorded=d) for c, d in (("A", ago(5)), ("B", ago(50)), ("C", None))
    )
    for arranged in itertools.permutations((late, early, undated, late)):
        assert phenotype.of(chart(conditions=arranged)).conditions == (early, late, undated)


def test_a_reason_why_a_module_is_not_asked_for_is_true() -> None:
    assert phenotype.of(chart(conditions=(GEN,))).not_looked_for("risk") == "no risk"
    assert "isolated focal" in phenotype.of(chart(conditions=(FOCAL,))).not_looked_for("risk")
    assert "drug-induced" in phenotype.of(chart(conditions=(DRUG,))).not_looked_for("risk")
