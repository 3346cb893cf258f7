"""What may be suggested: not what is drafted, pending or current; never a drug."""

import re
from dataclasses import replace

import pytest
from small_facts import ago, chart, condition, draft, order, pending, result

from screening.domain import analytes, catalog, labs
from screening.domain.catalog import Orderable, acted_on, current, requested, still_wanted
from screening.domain.codes import LOINC, SNOMED
from screening.knowledge.loading import code_book

EVERYTHING = [value for value in vars(catalog).values() if isinstance(value, Orderable)]
NAMES = [test.label for test in EVERYTHING]
BOOK = code_book()


@pytest.mark.parametrize("test", EVERYTHING, ids=NAMES)
def test_every_entry_is_a_reviewed_test_or_referral(test: Orderable) -> None:
    assert test.system in (LOINC, SNOMED)
    assert test.display
    assert test.label
    sets = BOOK.sets(test.system, test.code)
    assert sets, "the code is in no value set"
    assert not any(name.endswith(("_RX", "_TRAP")) or name.startswith("RX_") for name in sets)
    for same in test.same_as:
        assert BOOK.members.get(same), same
    if test.same_as:
        assert not sets.isdisjoint(test.same_as), "the code itself is not among what counts as the same"


@pytest.mark.parametrize("test", EVERYTHING, ids=NAMES)
def test_no_note_names_a_dose(test: Orderable) -> None:
    words = f"{test.label} {test.note}"
    assert not re.search(r"\d\s*(mg|mcg|ug|µg|IU|mL|tablet|dose)\b", words)
    assert not re.search(r"\b(take|inject|prescribe|supplement)\b", words, re.IGNORECASE)


def test_specimen_instructions() -> None:
    assert "Royal-blue" in catalog.MANGANESE_BLOOD.note
    assert "96 hours" in catalog.MANGANESE_BLOOD.note
    assert "Fasting 12 hours" in catalog.ALPHA_TOCOPHEROL.note
    assert "protect from light" in catalog.ALPHA_TOCOPHEROL.note
    assert "Fasting 12 hours" in catalog.LIPID_PANEL.note
    for test in (catalog.TOTAL_B12, catalog.HOLOTC, catalog.MMA, catalog.HOMOCYSTEINE):
        assert "before any vitamin B12 or folic acid" in test.note
        assert "biotin 72 hours" in test.note
    assert "ice" in catalog.HOMOCYSTEINE.note
    assert "T1" in catalog.MRI_BRAIN.note


@pytest.mark.parametrize(
    ("test", "hgnc"),
    [(catalog.TTPA, "HGNC:12404"), (catalog.SLC30A10, "HGNC:25355"), (catalog.SLC39A14, "HGNC:20858")],
)
def test_gene_tests_are_told_apart_by_their_gene(test: Orderable, hgnc: str) -> None:
    assert test.code == "405825005"
    assert test.gene == hgnc
    assert hgnc in test.note


def test_a_drafted_test_is_not_wanted() -> None:
    by_code = chart(drafts=(draft(code="13964-2"),))
    by_set = chart(drafts=(draft("L_MMA", code="x"),))
    for made in (by_code, by_set):
        assert requested(made, catalog.MMA)
        assert still_wanted(made, (catalog.MMA.again(), catalog.HOMOCYSTEINE)) == (catalog.HOMOCYSTEINE,)


@pytest.mark.parametrize(("days", "wanted"), [(90, False), (91, True)])
def test_a_pending_test_is_not_wanted(days: int, wanted: bool) -> None:
    for made in (
        chart(orders=(order(code="13964-2", authored=ago(days)),)),
        chart(orders=(order("L_MMA", authored=ago(days)),)),
    ):
        assert bool(still_wanted(made, (catalog.MMA,))) is wanted


@pytest.mark.parametrize(("days", "wanted"), [(365, False), (366, True)])
def test_a_preliminary_result_is_waited_for_a_year(days: int, wanted: bool) -> None:
    made = chart(pending=(pending("L_MMA", taken=ago(days)),))
    assert bool(still_wanted(made, (catalog.MMA,))) is wanted


@pytest.mark.parametrize(("days", "wanted"), [(365, False), (366, True)])
def test_a_genetic_order_stays_pending_for_a_year(days: int, wanted: bool) -> None:
    made = chart(orders=(order(code="405825005", authored=ago(days)),))
    assert bool(still_wanted(made, (catalog.TTPA,))) is wanted
    assert bool(still_wanted(made, (catalog.TTPA.again(),))) is wanted


CURRENT = [
    (catalog.TOTAL_B12, [(analytes.B12, "500", "ng/L")], 365),
    (catalog.HOLOTC, [(analytes.HOLOTC, "80", "pmol/L")], 365),
    (catalog.MMA, [(analytes.MMA, "0.2", "umol/L")], 90),
    (catalog.HOMOCYSTEINE, [(analytes.HOMOCYSTEINE, "9", "umol/L")], 90),
    (catalog.CREATININE, [(analytes.EGFR, "90", "mL/min/{1.73_m2}")], 90),
    (catalog.FOLATE, [(analytes.FOLATE, "20", "nmol/L")], 90),
    (catalog.CBC, [(analytes.HEMOGLOBIN, "140", "g/L"), (analytes.MCV, "90", "fL")], 365),
    (catalog.ALPHA_TOCOPHEROL, [(analytes.ALPHA_TOCOPHEROL, "20", "umol/L")], 730),
    (catalog.LIPID_PANEL, [(analytes.CHOLESTEROL, "5", "mmol/L"), (analytes.TRIGLYCERIDES, "1", "mmol/L")], 30),
    (catalog.MANGANESE_BLOOD, [(analytes.MANGANESE_BLOOD, "10", "ug/L")], 365),
    (catalog.FERRITIN, [(analytes.FERRITIN, "80", "ug/L")], 730),
]


@pytest.mark.parametrize(("test", "given", "days"), CURRENT, ids=[test.label for test, _, _ in CURRENT])
def test_a_current_result_makes_a_test_unwanted(
    test: Orderable, given: list[tuple[analytes.Analyte, str, str]], days: int
) -> None:
    def on(day: int, *, leave_out: int = 0) -> tuple[labs.LabResult, ...]:
        return tuple(result(a, n, u, day) for a, n, u in given[leave_out:])

    assert current(chart(*on(days)), test)
    assert not current(chart(*on(days + 1)), test)
    assert not current(chart(*on(days, leave_out=1)), test), "every analyte of the test is needed"
    assert not still_wanted(chart(*on(days)), (test,))
    assert still_wanted(chart(*on(days)), (test.again(),)) == (test.again(),)
    unreadable = tuple(replace(one, value=None) for one in on(days))
    assert still_wanted(chart(*unreadable), (test,)) == (test,)


def test_each_test_is_wanted_once() -> None:
    assert [t.code for t in still_wanted(chart(), (catalog.CBC, catalog.CBC_FILM))] == ["58410-2"]
    genes = still_wanted(chart(), (catalog.SLC30A10, catalog.SLC39A14))
    assert [t.gene for t in genes] == ["HGNC:25355", "HGNC:20858"]


def test_only_referrals_are_referrals() -> None:
    assert {test.label for test in EVERYTHING if test.referral} == {
        "referral to neurology", "referral to clinical genetics", "referral to gastroenterology (hepatology)",
        "referral to ophthalmology (retina)",
    }  # fmt: skip


RESULT_DAY = ago(40)


@pytest.mark.parametrize(
    ("made", "acted"),
    [
        (order(code="13964-2", authored=ago(14)), True),
        (order(code="13964-2", authored=ago(15)), False),
        (order("L_MMA", authored=ago(3)), True),
        (order("L_FERR", authored=ago(3)), False),
        (order(code="13964-2", authored=ago(3), status="completed"), False),
        (order("REF_NEUROLOGY", authored=ago(14)), True),
        (order("REF_NEUROLOGY", authored=ago(15)), False),
        (order("REF_GENETICS", authored=ago(3), status="on-hold"), True),
        (order("REF_GASTROENTEROLOGY", authored=ago(3)), True),
        (order("REF_NEUROLOGY", authored=ago(3), status="draft"), False),
        (order("REF_NEUROLOGY", authored=None), False),
    ],
)
def test_acted_on_for_fourteen_days(made: object, acted: bool) -> None:
    assert acted_on(chart(orders=(made,)), (catalog.MMA, catalog.TTPA), RESULT_DAY) is acted


@pytest.mark.parametrize(
    ("days", "test_counts", "referral_counts"), [(11, False, False), (10, False, True), (9, True, True)]
)
def test_acting_comes_after_the_result(days: int, test_counts: bool, referral_counts: bool) -> None:
    """A test ordered on the day of the sample led to the result; a referral on that day answers it."""
    tests, referral = order("L_MMA", authored=ago(days)), order("REF_NEUROLOGY", authored=ago(days))
    assert acted_on(chart(orders=(tests,)), (catalog.MMA,), ago(10)) is test_counts
    assert acted_on(chart(orders=(referral,)), (catalog.MMA,), ago(10)) is referral_counts


def test_a_condition_orders_nothing() -> None:
    assert still_wanted(chart(conditions=(condition("L_MMA"),)), (catalog.MMA,)) == (catalog.MMA,)
