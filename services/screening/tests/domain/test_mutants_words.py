"""What a line of evidence says, and what a code is read as: mutation testing found it held too loosely.

Synthetic results, codes and products.
"""

from decimal import Decimal

import pytest
from small_facts import ago, medication, result

from screening.domain import analytes, labs
from screening.domain.chart import Draft, Medication
from screening.domain.citations import RULES
from screening.domain.codes import ICD10CM, LOINC, RXNORM, CodeBook, Coding, Entry, LocalCode, Product
from screening.domain.evidence import converted, of_draft, of_fact, of_result
from screening.domain.units import Limit
from screening.domain.workups.calcium_vitamin_d_facts import ADJUSTED, IONIZED
from screening.domain.workups.vitamin_b12 import HOLOTC as HOLO
from screening.domain.workups.vitamin_b12 import TOTAL_B12 as TOTAL

SITE = "urn:oid:1.2.3.4"
ENTRIES = [
    Entry("L_B12", LOINC, "2132-9", "Vit B12"),
    Entry("L_MMA", LOINC, "13964-2", "MMA"),
    Entry("D_GEN", ICD10CM, "G24", "Dystonia", prefix=True),
    Entry("B12_RX", RXNORM, "1", "cyanocobalamin"),
    Entry("MN_RX", RXNORM, "2", "manganese"),
    Entry("B12_RX", RXNORM, "2", "manganese"),
]
BOOK = CodeBook(ENTRIES, [Product("10", "1", combination=False), Product("11", "2", combination=True)])
LOCAL = BOOK.with_local(
    [
        LocalCode(SITE, "B", "Our B12", ((LOINC, "2132-9"),)),
        LocalCode(SITE, "A", "", ((LOINC, "13964-2"), (LOINC, "2132-9"))),
    ]
)


@pytest.mark.parametrize(
    ("number", "comparator", "unit", "beside"),
    [("180", "", "ng/L", "133 pmol/L"), ("133", "", "pmol/L", "180 ng/L"), ("180", "<", "ng/L", "")],
)
def test_a_result_in_the_other_unit(number: str, comparator: str, unit: str, beside: str) -> None:
    one = result(analytes.B12, number, unit, comparator=comparator)
    assert converted(one, analytes.B12.measure) == beside
    said = of_result(one, analytes.B12.measure, "low", RULES)
    assert said.value == (f"{comparator}{number}" if comparator else Decimal(number))
    assert (said.converted, said.unit, said.day) == (beside, unit, ago(10))


def test_a_result_without_a_number_or_a_second_unit_is_not_converted() -> None:
    unreadable = result(analytes.B12, "180", "IU")
    assert converted(unreadable, analytes.B12.measure) == ""
    assert of_result(unreadable, analytes.B12.measure, "", RULES).value == "180"
    assert converted(result(analytes.HOLOTC, "30", "pmol/L"), analytes.HOLOTC.measure) == ""


@pytest.mark.parametrize(
    ("scale", "band", "words"),
    [
        (TOTAL, "deficient", "deficient: below {0}"),
        (TOTAL, "indeterminate", "indeterminate: up to {1}"),
        (TOTAL, "unlikely", "unlikely: above {1}"),
        (HOLO, "unlikely", "unlikely: above {1}"),
        (ADJUSTED, "critical", "critical: below {0}"),
        (ADJUSTED, "low", "low: below {1}"),
        (ADJUSTED, "normal", "normal: at least {2}"),
        (IONIZED, "normal", "normal: at least {2}"),
    ],
)
def test_a_band_is_said_with_its_limit(scale: labs.Scale, band: str, words: str) -> None:
    limits = [one.upper for one in scale.bands if isinstance(one.upper, Limit)]
    assert scale.criterion(band) == words.format(*limits)
    assert scale.citation(band) == scale.cite


def test_the_source_of_a_limit_that_a_site_has_set_is_cited_for_the_bands_on_its_sides() -> None:
    own = RULES
    first, second = ADJUSTED.bands[0].upper, ADJUSTED.bands[2].upper
    assert first is not None
    assert second is not None
    ids = [threshold.id for threshold in ADJUSTED.thresholds()]
    assert len(ids) == len(ADJUSTED.bands) - 1
    one, last = (ADJUSTED.with_limits({ids[n]: (limit, own)}) for n, limit in ((0, first), (2, second)))
    assert [one.citation(b.name) == own for b in one.bands] == [True, False, False, False]
    assert [last.citation(b.name) == own for b in last.bands] == [False, False, True, True]


def test_a_medicine_is_called_by_its_name_else_by_its_code() -> None:
    named = medication("B12_RX", name="Example tablets")
    assert of_fact(named, "").display == "Example tablets"
    coded = Medication(Coding(RXNORM, "1", "cyanocobalamin"), frozenset(), "active")
    assert of_fact(coded, "").display == "cyanocobalamin"


def test_a_site_s_own_code_is_shown_with_what_it_is_read_as() -> None:
    draft = Draft(
        "ServiceRequest/1", medication=False, sets=frozenset(), codings=(Coding(SITE, "B", "Ours", "2132-9"),)
    )
    assert of_draft(draft, "").display == "Ours (local code B, read as 2132-9)"
    plain = Draft("ServiceRequest/1", medication=False, sets=frozenset(), codings=(Coding(LOINC, "2132-9", "B12"),))
    assert of_draft(plain, "").display == "B12"


@pytest.mark.parametrize(
    ("book", "system", "code", "meanings"),
    [
        (BOOK, LOINC, "2132-9", ((LOINC, "2132-9"),)),
        (BOOK, SITE, "B", ((SITE, "B"),)),
        (BOOK, None, "B", ()),
        (BOOK, SITE, None, ()),
        (LOCAL, None, "B", ()),
        (LOCAL, SITE, None, ()),
        (LOCAL, SITE, "B", ((SITE, "B"), (LOINC, "2132-9"))),
        (LOCAL, SITE, "A", ((SITE, "A"), (LOINC, "13964-2"), (LOINC, "2132-9"))),
        (LOCAL, SITE, "C", ((SITE, "C"),)),
        (LOCAL, LOINC, "2132-9", ((LOINC, "2132-9"),)),
    ],
)
def test_what_a_code_means(book: CodeBook, system: str | None, code: str | None, meanings: object) -> None:
    assert book.meanings(system, code) == meanings


def test_how_a_code_is_found_and_shown() -> None:
    assert LOCAL.find(SITE, "A") == ((SITE, "A"), {"L_B12", "L_MMA"})
    assert LOCAL.find(SITE, "C") is None
    assert BOOK.find(ICD10CM, "G24.9") == ((ICD10CM, "G24.9"), {"D_GEN"})
    assert BOOK.find(ICD10CM, "G24") == ((ICD10CM, "G24"), {"D_GEN"})
    assert LOCAL.coding((SITE, "B"), "as sent") == Coding(SITE, "B", "as sent", "2132-9")
    assert LOCAL.coding((SITE, "B"), "") == Coding(SITE, "B", "Our B12", "2132-9")
    assert LOCAL.coding((SITE, "A"), "") == Coding(SITE, "A", "MMA", "13964-2, 2132-9")
    assert BOOK.coding((LOINC, "2132-9"), "") == Coding(LOINC, "2132-9", "Vit B12")
    assert BOOK.coding((LOINC, "2132-9"), "as sent") == Coding(LOINC, "2132-9", "as sent")


def test_a_site_s_codes_in_a_set() -> None:
    assert [local.code for local in LOCAL.local_in(["L_B12"])] == ["A", "B"]
    assert [local.code for local in LOCAL.local_in(["L_MMA", "D_GEN"])] == ["A"]
    assert LOCAL.local_in(["D_GEN"]) == []


def test_a_mixture_is_in_the_sets_that_take_mixtures() -> None:
    assert BOOK.sets(RXNORM, "10") == {"B12_RX"}
    assert BOOK.sets(RXNORM, "11") == {"MN_RX"}
    assert BOOK.combination_sets(RXNORM, "11") == {"B12_RX"}
    assert BOOK.combination_sets(RXNORM, "10") == frozenset()
