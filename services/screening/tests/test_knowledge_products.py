"""RxNorm products: what leads to which ingredient, and that nothing leads where it must not."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from screening.domain.codes import RXNORM, SINGLE_INGREDIENT_SETS
from screening.knowledge import coverage_page, loading

ROOT = Path(__file__).parents[3]
REVIEWED = Path(loading.__file__).parent / "reviewed"
NAMED: dict[str, Any] = json.loads((REVIEWED / "rxnorm-named-products.json").read_text(encoding="utf-8"))
OLDER: dict[str, Any] = json.loads((REVIEWED / "rxnorm-products.json").read_text(encoding="utf-8"))["ingredients"]
BOOK = loading.code_book()
NOT_SYSTEMIC = re.compile(
    r"\b(Topical|Ophthalmic|Otic|Vaginal|Shampoo|Ointment|Cream|Lotion|Irrigation|Transdermal|Medicated)\b"
)


def products() -> list[tuple[str, str, str, str, str]]:
    """(ingredient, source, side, code, name) of every named product."""
    return [
        (ingredient, source, side, code, name)
        for ingredient, told in NAMED["ingredients"].items()
        for source, sides in told["products"].items()
        for side, codes in sides.items()
        for code, name in codes.items()
    ]


def both_sides(ingredient: str, side: str) -> set[str]:
    return set().union(*(sides[side] for sides in loading.rxnorm_products().get(ingredient, {}).values()))


def test_every_product_has_a_number_a_name_and_a_source_with_its_vintage() -> None:
    assert NAMED["author"] == "dystonia-cds project"
    assert NAMED["checker"] == "awaiting clinical sign-off"
    assert all(
        told["source"] and re.fullmatch(r"\d{4}-\d{2}-\d{2}", told["vintage"]) for told in NAMED["sources"].values()
    )
    assert len(products()) > 3000
    for ingredient, source, side, code, name in products():
        assert source in NAMED["sources"], ingredient
        assert side in ("single", "combination"), ingredient
        assert re.fullmatch(r"[1-9]\d{0,7}", code), ingredient
        assert name == name.strip() != "", code


def test_every_ingredient_is_one_of_ours() -> None:
    for ingredient in loading.rxnorm_products():
        assert BOOK.sets(RXNORM, ingredient), ingredient


def test_one_ingredient_is_one_and_several_are_several() -> None:
    for ingredient, _, side, code, name in products():
        if name.startswith("{"):
            continue  # a pack names each of its contents
        assert (" / " in name) == (side == "combination"), (ingredient, code, name)


def test_no_product_stands_on_both_sides_of_a_treatment() -> None:
    for ingredient in loading.rxnorm_products():
        if BOOK.sets(RXNORM, ingredient) & SINGLE_INGREDIENT_SETS:
            assert both_sides(ingredient, "single").isdisjoint(both_sides(ingredient, "combination")), ingredient


def test_what_is_not_swallowed_or_injected_is_left_out() -> None:
    assert [name for *_, name in products() if NOT_SYSTEMIC.search(name)] == []
    neomycin = [name for ingredient, *_, name in products() if ingredient == "7299"]
    assert all("Oral" in name or name == "neomycin sulfate" for name in neomycin)


def test_an_ointment_of_the_older_table_is_no_treatment() -> None:
    aside = NAMED["setAside"]["products"]
    older = {code for told in OLDER.values() for side in ("single", "combination") for code in told[side]}
    assert set(aside) <= older
    assert all(NOT_SYSTEMIC.search(name) for name in aside.values())
    assert aside["388517"] == "Calcitriol 0.000003 MG/MG Topical Ointment"
    for code in aside:
        assert BOOK.sets(RXNORM, code) == frozenset(), code
        under = {ingredient for ingredient, told in OLDER.items() if code in {*told["single"], *told["combination"]}}
        assert all(BOOK.sets(RXNORM, ingredient) & SINGLE_INGREDIENT_SETS for ingredient in under), code


def test_the_salts_of_edetate_are_told_apart() -> None:
    calcium, other = both_sides("1903", "single"), both_sides("3755", "single") | both_sides("42662", "single")
    assert calcium
    assert other
    assert calcium.isdisjoint(other)
    for ingredient, *_, name in products():
        if ingredient == "1903":
            assert "calcium" in name.lower()
        if ingredient in ("3755", "42662"):
            assert not re.search("calcium|cobalt|iron|ferric", name, re.IGNORECASE)
    for code in calcium:
        assert BOOK.sets(RXNORM, code) == {"RX_CHELATOR", "RX_EDTA_CALCIUM"}
    for code in other:
        assert BOOK.sets(RXNORM, code) == {"RX_EDTA_DANGER"}


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("562249", {"RX_EDTA_DANGER"}),  # edetate disodium 150 MG/ML injectable solution
        ("847703", {"RX_CHELATOR", "RX_EDTA_CALCIUM"}),  # calcium disodium edetate 200 MG/ML injectable solution
        ("243670", {"RX_ANTICOAG"}),  # aspirin 81 MG oral tablet
        ("310325", {"FE_RX"}),  # ferrous sulfate 325 MG oral tablet
        ("308867", {"CA_RX"}),  # calcitriol 0.25 UG oral capsule
        ("197535", {"RX_DRBA_EXEMPT"}),  # clozapine 100 MG oral tablet
    ],
)
def test_products_that_ehrs_order_are_recognized(code: str, expected: set[str]) -> None:
    assert BOOK.sets(RXNORM, code) == expected


@pytest.mark.parametrize("ingredient", ["1897", "47613", "1901"])
def test_calcium_with_other_things_is_no_calcium_treatment(ingredient: str) -> None:
    combinations = both_sides(ingredient, "combination")
    assert combinations
    assert all("CA_RX" not in BOOK.sets(RXNORM, code) for code in combinations)
    assert all("CA_RX" in BOOK.sets(RXNORM, code) for code in both_sides(ingredient, "single"))


def test_the_page_is_what_the_generator_writes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(ROOT)
    assert coverage_page.main(["--check"]) == 0
    (tmp_path / "docs").mkdir()
    monkeypatch.chdir(tmp_path)
    assert coverage_page.main(["--check"]) == 1
    assert coverage_page.main([]) == 0
    assert coverage_page.main(["--check"]) == 0


def test_the_page_names_what_has_no_products() -> None:
    page = (ROOT / "docs" / "rxnorm-coverage.md").read_text(encoding="utf-8")
    without = page.partition("## Ingredients without products")[2].partition("## ")[0]
    assert set(re.findall(r"`(\d+)`", without)) == {"1895", "42662", "90176", "407884"}
    assert set(re.findall(r"^## ([A-Z0-9_]+)$", page, re.MULTILINE)) == {
        name for name, entries in BOOK.members.items() if any(entry.system == RXNORM for entry in entries)
    }
