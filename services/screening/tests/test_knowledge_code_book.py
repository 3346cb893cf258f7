"""The code book as it is loaded at start: which sets real codes are in, and which they must not be in."""

import json
from pathlib import Path

import pytest

from screening.domain.codes import (
    ATC,
    EXEMPT_FROM,
    ICD10_WHO,
    ICD10CM,
    LOINC,
    RXNORM,
    SINGLE_INGREDIENT_SETS,
    SNOMED,
    CodeBook,
    Entry,
    Product,
    canonical,
)
from screening.knowledge import loading


@pytest.fixture(scope="module")
def book() -> CodeBook:
    return loading.code_book()


def sets_of(book: CodeBook, system: str, code: str) -> frozenset[str]:
    """What the reading of a chart does with one coding."""
    usable = canonical(system, code)
    return book.sets(*usable) if usable else frozenset()


def test_a_package_without_value_sets_refuses_to_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "value_sets", lambda: iter(()))
    loading.code_book.cache_clear()
    with pytest.raises(loading.KnowledgeMissingError):
        loading.code_book()


@pytest.mark.parametrize(
    ("system", "code", "expected"),
    [
        (SNOMED, "15802004", {"D_GEN"}),
        (ICD10CM, "G24.9", {"D_GEN"}),
        (ICD10CM, "G24.8", {"D_GEN", "D_GEN_SPECIFIED"}),
        (ICD10CM, "G24.01", {"D_DRUG"}),
        (ICD10CM, "G24.02", {"D_DRUG"}),
        (ICD10CM, "G24.3", {"D_FOCAL"}),
        (ICD10CM, "G25.0", {"X_ET"}),
        (ICD10CM, "Z98.84", {"B12_RISK_STRONG", "B12_HIGH", "VE_RISK", "HISTORY"}),
        (ICD10CM, "E89.2", {"HISTORY", "CA_RISK", "CA_HYPOPARA"}),
        (ICD10CM, "E89.0", {"HISTORY"}),
        (ICD10CM, "N18.32", {"B12_CKD"}),
        (ICD10CM, "N18.4", {"B12_CKD", "CA_RISK"}),
        (ICD10CM, "I69.354", {"ATAXIA_EXPLAINED"}),
        (ICD10CM, "G31.2", {"ATAXIA_EXPLAINED"}),
        (ICD10CM, "F18.10", {"B12_N2O", "B12_RISK_STRONG"}),
        (ICD10CM, "F19.10", {"B12_N2O_TEXT"}),
        (ICD10CM, "E53.8", {"B12_DX", "B12_DX_UNSPECIFIC"}),
        (ICD10CM, "O09.90", {"X_PREG"}),
        (LOINC, "2132-9", {"L_B12"}),
        (LOINC, "20646-6", {"L_HCY_TRAP"}),
        (LOINC, "33914-3", {"L_RENAL", "L_EGFR"}),
        (
            LOINC,
            "24323-8",
            {"L_PANELS", "L_PANELS_RENAL", "L_PANELS_LIVER", "L_PANELS_CALCIUM", "L_PANELS_ALBUMIN"},
        ),
        (LOINC, "24325-3", {"L_PANELS", "L_PANELS_LIVER", "L_PANELS_ALBUMIN"}),
        (LOINC, "24321-2", {"L_PANELS", "L_PANELS_RENAL", "L_PANELS_CALCIUM"}),
        (RXNORM, "7486", {"B12_N2O", "B12_N2O_GAS", "B12_RISK_STRONG"}),
        (ATC, "A02BC01", {"B12_RISK_WEAK", "B12_WEAK_ACID"}),
        (ATC, "B03BA01", {"B12_RX"}),
        (SNOMED, "233445008", {"MN_RISK", "MN_CHOLESTASIS_LIVER", "MN_SHUNT"}),
        (SNOMED, "306279004", {"P_REF", "REF_GENETICS"}),
        (SNOMED, "55468007", {"P_REF", "P_SLIT_LAMP"}),
        (ATC, "A11CC04", {"CA_RX"}),
        (ATC, "A11CC05", set()),  # colecalciferol: plain vitamin D treats no low calcium
        (ATC, "B01AA03", {"RX_ANTICOAG", "RX_ANTICOAG_INR"}),
        (ATC, "B01AF02", {"RX_ANTICOAG", "RX_ANTICOAG_INR"}),
        (ATC, "B01AC04", {"RX_ANTICOAG"}),  # clopidogrel leaves the INR alone
        (RXNORM, "11289", {"RX_ANTICOAG", "RX_ANTICOAG_INR", "RX_WARFARIN"}),
        (RXNORM, "32968", {"RX_ANTICOAG"}),
        (ATC, "N05AX15", {"RX_DRBA_LOW"}),
        (ATC, "N05AN01", set()),  # lithium
        (ATC, "N05AH02", {"RX_DRBA_EXEMPT"}),
        (ATC, "N07XX06", {"RX_SYMPT", "RX_VMAT2"}),
        (ATC, "M03BX01", {"RX_SYMPT", "RX_SYMPT_NOT_VMAT2"}),
    ],
)
def test_codes_are_in_their_sets(book: CodeBook, system: str, code: str, expected: set[str]) -> None:
    assert sets_of(book, system, code) == expected


@pytest.mark.parametrize(
    ("system", "code"),
    [
        (ICD10CM, "G24"),  # bare category: a matter of data quality, not a diagnosis
        (ICD10CM, "Z57.51"),  # Z57.5 is no prefix
        (SNOMED, "1580200"),
        (SNOMED, "158020041"),  # SNOMED CT matches exactly
        (LOINC, "2132"),
        (ATC, "A02B"),
        (RXNORM, "74860"),
        ("http://read.info/readv2", "15802004"),
        (LOINC, "15802004"),  # a code belongs to its system
        ("", "15802004"),
        (SNOMED, ""),
    ],
)
def test_codes_that_are_in_no_set(book: CodeBook, system: str, code: str) -> None:
    assert sets_of(book, system, code) == frozenset()


def test_an_exempt_code_beats_a_prefix() -> None:
    book = CodeBook(
        (
            Entry("RX_DRBA_LOW", ATC, "N05A", "ANTIPSYCHOTICS", prefix=True),
            Entry("RX_DRBA_EXEMPT", ATC, "N05AH02", "clozapine"),
            Entry("RX_DRBA_EXEMPT", RXNORM, "2626", "Clozapine"),
        ),
        (Product("197535", "2626", combination=False),),
    )
    for system, code, expected in (
        (ATC, "N05AH02", "RX_DRBA_EXEMPT"),
        (ATC, "N05AX15", "RX_DRBA_LOW"),
        (RXNORM, "197535", "RX_DRBA_EXEMPT"),
    ):
        found = book.find(system, code)
        assert found is not None
        assert found[1] == {expected}


def test_prefixes_match_only_where_they_are_marked(book: CodeBook) -> None:
    marked = 0
    for name, entries in book.members.items():
        prefixes = {(e.system, e.code) for e in entries if e.prefix}
        for entry in entries:
            longer = f"{entry.code}1"
            expected = any((entry.system, longer[:n]) in prefixes for n in range(1, len(longer) + 1))
            listed = any((e.system, e.code) == (entry.system, longer) for e in entries)
            exempt = any(not EXEMPT_FROM.get(other, frozenset()).isdisjoint({name}) for other in book.members)
            if not exempt:
                assert (name in book.sets(entry.system, longer)) is (expected or listed), (name, entry.code)
            marked += expected
    assert marked > 50


def test_torticollis_is_not_dystonia(book: CodeBook) -> None:
    for system, code in ((ICD10CM, "M43.6"), (SNOMED, "70070008"), (SNOMED, "268240006"), (SNOMED, "13753008")):
        assert sets_of(book, system, code) == {"X_NOT_DYST"}


# --- spelling ---


@pytest.mark.parametrize(
    ("system", "code", "expected"),
    [
        ("urn:oid:2.16.840.1.113883.6.96", "15802004", (SNOMED, "15802004")),
        ("urn:oid:2.16.840.1.113883.6.1", "2132-9", (LOINC, "2132-9")),
        ("urn:oid:2.16.840.1.113883.6.88", "6809", (RXNORM, "6809")),
        ("urn:oid:2.16.840.1.113883.6.73", "B03BA01", (ATC, "B03BA01")),
        ("urn:oid:2.16.840.1.113883.6.90", "G24.9", (ICD10CM, "G24.9")),
        ("urn:oid:2.16.840.1.113883.6.3", "G24.9", (ICD10CM, "G24.9")),
        (ICD10CM, "G249", (ICD10CM, "G24.9")),
        (ICD10CM, "g24.9", (ICD10CM, "G24.9")),
        (ICD10CM, " g2402 ", (ICD10CM, "G24.02")),
        (ICD10CM, "G24", (ICD10CM, "G24")),
        (ICD10_WHO, "G24.9", (ICD10CM, "G24.9")),
        (ICD10_WHO, "G25.5", (ICD10CM, "G25.5")),
        (ICD10_WHO, "E538", (ICD10CM, "E53.8")),
        (ICD10_WHO, "E56.0", (ICD10CM, "E56.0")),
        (ICD10_WHO, "E83.0", (ICD10CM, "E83.0")),
        (ICD10_WHO, "E83.1", None),
        (ICD10_WHO, "K50.9", None),
        (ICD10_WHO, "Z98.8", None),
        (None, "G24.9", None),
        (ICD10CM, None, None),
        ("", "", None),
    ],
)
def test_canonical_spelling(system: str | None, code: str | None, expected: tuple[str, str] | None) -> None:
    assert canonical(system, code) == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("G24.0", {"D_DRUG"}),
        ("G24.8", {"D_GEN", "D_GEN_SPECIFIED"}),
        ("E53.8", {"B12_DX", "B12_DX_UNSPECIFIC"}),
        ("G24", set()),
    ],
)
def test_who_icd_10_counts_where_it_means_the_same(book: CodeBook, code: str, expected: set[str]) -> None:
    assert sets_of(book, ICD10_WHO, code) == expected


# --- codes that await their display check ---


def test_v2_codes_are_loaded_only_when_asked_for(book: CodeBook) -> None:
    all_codes = loading.code_book(include_v2=True)
    v2 = [
        (told["name"], include["system"], concept["code"])
        for told in loading.value_sets()
        for include in told["compose"]["include"]
        for concept in include["concept"]
        if any(mark.get("valueCode") == "V2" for mark in concept.get("extension", ()))
    ]
    assert len(v2) > 20
    for name, system, code in v2:
        assert name not in book.sets(system, code)
        assert name in all_codes.sets(system, code)
        assert code not in book.codes(name)


def test_without_v2_no_set_is_empty(book: CodeBook) -> None:
    assert set(book.members) == {told["name"] for told in loading.value_sets()}


# --- products ---

REVIEWED = Path(loading.__file__).parent / "reviewed"
PRODUCTS = json.loads((REVIEWED / "rxnorm-products.json").read_text(encoding="utf-8"))["ingredients"]
NAMED = json.loads((REVIEWED / "rxnorm-named-products.json").read_text(encoding="utf-8"))
SET_ASIDE = NAMED["setAside"]["products"]


def test_products_are_in_the_sets_of_their_ingredient(book: CodeBook) -> None:
    for ingredient, products in PRODUCTS.items():
        wanted = book.sets(RXNORM, ingredient)
        assert wanted, ingredient
        for code in set(products["single"]) - set(SET_ASIDE):
            assert wanted <= book.sets(RXNORM, code), (ingredient, code)


def test_combinations_count_as_risk_but_not_as_treatment(book: CodeBook) -> None:
    for ingredient, products in PRODUCTS.items():
        wanted = book.sets(RXNORM, ingredient)
        treatment = wanted & SINGLE_INGREDIENT_SETS
        for code in set(products["combination"]) - set(SET_ASIDE):
            found = book.sets(RXNORM, code)
            assert wanted - treatment <= found, (ingredient, code)
            assert found.isdisjoint(treatment), (ingredient, code)
            assert treatment <= book.combination_sets(RXNORM, code), (ingredient, code)


def test_metformin_with_glipizide_is_still_metformin_and_a_multivitamin_is_no_b12_treatment(book: CodeBook) -> None:
    metformin_combination = PRODUCTS["6809"]["combination"][0]
    assert "B12_WEAK_METFORMIN" in book.sets(RXNORM, metformin_combination)
    multivitamin = PRODUCTS["11248"]["combination"][0]
    assert "B12_RX" not in book.sets(RXNORM, multivitamin)
    assert "B12_RX" in book.combination_sets(RXNORM, multivitamin)
    assert "B12_RX" in book.sets(RXNORM, "11248")
