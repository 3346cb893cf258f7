"""The code book: exact and prefix matching, products, combinations, spellings."""

import pytest

from screening.domain.codes import (
    ATC,
    ICD10_WHO,
    ICD10CM,
    LOINC,
    NONE,
    RXNORM,
    SNOMED,
    CodeBook,
    Entry,
    Product,
    canonical,
)

BOOK = CodeBook(
    [
        Entry("EXACT", ICD10CM, "G24.9", "Dystonia, unspecified"),
        Entry("TREE", ICD10CM, "G24", "Dystonia", prefix=True),
        Entry("DEEPER", ICD10CM, "G24.0", "Drug induced dystonia", prefix=True),
        Entry("LAB", LOINC, "2132-9", "Vitamin B12"),
        Entry("LAB_TOO", LOINC, "2132-9", "ignored second display"),
        Entry("FINDING", SNOMED, "15802004", "Dystonia (disorder)"),
        Entry("B12_RX", ATC, "B03BA", "Vitamin B12", prefix=True),
        Entry("RISK", ATC, "B03BA", "Vitamin B12", prefix=True),
        Entry("B12_RX", RXNORM, "11248", "Vitamin B 12"),
        Entry("RISK", RXNORM, "11248", "Vitamin B 12"),
    ],
    [
        Product("100", "11248", combination=False),
        Product("200", "11248", combination=True),
        Product("11248", "11248", combination=False),
        Product("300", "99999", combination=False),
    ],
)


@pytest.mark.parametrize(
    ("system", "code", "sets"),
    [
        (ICD10CM, "G24.9", {"EXACT", "TREE"}), (ICD10CM, "G24.01", {"TREE", "DEEPER"}), (ICD10CM, "G24", {"TREE"}),
        (ICD10CM, "G2", set()), (LOINC, "2132-9", {"LAB", "LAB_TOO"}), (LOINC, "2132-90", set()),
        (LOINC, "2132", set()), (SNOMED, "15802004", {"FINDING"}), (SNOMED, "158020041", set()),
        (ATC, "B03BA01", {"B12_RX", "RISK"}), (ATC, "B03BA51", {"RISK"}), (ATC, "B03B", set()),
        (RXNORM, "11248", {"B12_RX", "RISK"}), (RXNORM, "100", {"B12_RX", "RISK"}), (RXNORM, "200", {"RISK"}),
        (RXNORM, "300", set()), ("urn:local", "G24.9", set()), (None, "G24.9", set()), (ICD10CM, None, set()),
        ("", "", set()),
    ],
)  # fmt: skip
def test_sets_of_a_coding(system: str | None, code: str | None, sets: set[str]) -> None:
    assert BOOK.sets(system, code) == sets


def test_a_combination_says_what_it_must_not_count_in() -> None:
    assert BOOK.combination_sets(RXNORM, "200") == {"B12_RX"}
    assert BOOK.combination_sets(RXNORM, "100") == NONE


def test_members_and_displays() -> None:
    assert BOOK.codes("B12_RX") == {"B03BA", "11248"}
    assert BOOK.codes("NOTHING") == NONE
    assert BOOK.display(LOINC, "2132-9") == "Vitamin B12"
    assert BOOK.display(ICD10CM, "G24.02") == "Drug induced dystonia"
    assert BOOK.display(ICD10CM, "G24.5") == "Dystonia"
    assert BOOK.display(SNOMED, "1580200") == ""
    assert BOOK.display(LOINC, "2132-99") == ""


@pytest.mark.parametrize(
    ("system", "code", "found"),
    [
        (ICD10CM, "g249", (ICD10CM, "G24.9")), (ICD10CM, " G24.9 ", (ICD10CM, "G24.9")),
        (ICD10CM, "G24", (ICD10CM, "G24")), (ICD10CM, "T572X1A", (ICD10CM, "T57.2X1A")),
        (ICD10_WHO, "G24.9", (ICD10CM, "G24.9")), (ICD10_WHO, "e538", (ICD10CM, "E53.8")),
        (ICD10_WHO, "E83.0", (ICD10CM, "E83.0")), (ICD10_WHO, "E83.1", None), (ICD10_WHO, "K50.9", None),
        ("urn:oid:2.16.840.1.113883.6.90", "G249", (ICD10CM, "G24.9")),
        ("urn:oid:2.16.840.1.113883.6.3", "K50", None),
        ("urn:oid:2.16.840.1.113883.6.96", "15802004", (SNOMED, "15802004")),
        ("urn:oid:2.16.840.1.113883.6.1", "2132-9", (LOINC, "2132-9")),
        ("urn:oid:2.16.840.1.113883.6.88", "11248", (RXNORM, "11248")),
        ("urn:oid:2.16.840.1.113883.6.73", "B03BA01", (ATC, "B03BA01")),
        ("urn:local", "x", ("urn:local", "x")), (None, "G24.9", None), (ICD10CM, "", None),
    ],
)  # fmt: skip
def test_spellings_of_a_coding(system: str | None, code: str, found: tuple[str, str] | None) -> None:
    assert canonical(system, code) == found
