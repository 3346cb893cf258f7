"""Look-backs and panels of what may be ordered: what mutation testing found that no scenario would notice."""

from dataclasses import replace

import pytest
from small_facts import ago, chart, draft, order

from screening.domain import analytes, catalog
from screening.domain.analytes import Analyte
from screening.domain.catalog import Orderable, acted_on, requested

CURRENT: list[tuple[Orderable, tuple[str, ...], int]] = [
    (catalog.METABOLIC_PANEL, ("CA", "ALBUMIN"), 183),
    (catalog.MAGNESIUM, ("MG",), 183),
    (catalog.CALCIUM_IONIZED, ("CA_IONIZED",), 183),
    (catalog.PTH, ("PTH",), 183),
    (catalog.VITAMIN_D, ("VITD",), 183),
    (catalog.CERULOPLASMIN, ("CP",), 3650),
    (catalog.COPPER_URINE, ("CU_URINE",), 1825),
    (catalog.INR_FOR_LIVER, ("INR",), 30),
]
SETS = {
    "B12": "L_B12", "HOLOTC": "L_HOLOTC", "MMA": "L_MMA", "HCY": "L_HCY", "FOLATE": "L_FOLATE", "EGFR": "L_EGFR",
    "MCV": "L_MCV", "HGB": "L_HGB", "VE": "L_VE", "CHOL": "L_CHOL", "TG": "L_TG", "MN_BLOOD": "L_MNB",
    "MN_SERUM": "L_MNS", "FERRITIN": "L_FERR", "CA": "L_CA", "CA_ADJUSTED": "L_CAADJ", "CA_IONIZED": "L_CAI",
    "ALBUMIN": "L_ALB", "MG": "L_MG", "PTH": "L_PTH", "VITD": "L_VITD", "CP": "L_CP", "CU_URINE": "L_CUU24",
    "CU_SERUM": "L_CUS", "INR": "L_INR", "IRON": "L_IRON", "TSAT": "L_TSAT",
}  # fmt: skip


@pytest.mark.parametrize(("test", "keys", "days"), CURRENT, ids=[test.label for test, *_ in CURRENT])
def test_how_long_a_result_makes_its_test_unwanted(test: Orderable, keys: tuple[str, ...], days: int) -> None:
    assert test.current is not None
    assert test.current[:2] == (keys, days)


@pytest.mark.parametrize("analyte", analytes.ANALYTES, ids=lambda analyte: analyte.key)
def test_the_set_that_codes_an_analyte(analyte: Analyte) -> None:
    assert analyte.value_set == SETS[analyte.key]


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("L_CBC", catalog.CBC), ("L_IMG", catalog.MRI_BRAIN), ("L_PANELS_LIVER", catalog.LIVER_PANEL)],
)
def test_another_panel_that_holds_the_test_answers_no_warning(name: str, wanted: Orderable) -> None:
    """It makes suggesting the test unnecessary all the same (section 6, 4 and 30)."""
    made = chart(orders=(order(name, authored=ago(3)),))
    assert requested(made, wanted)
    assert not acted_on(made, (wanted,), ago(40))


def test_a_genetic_order_is_for_its_gene_or_for_any_when_it_names_none() -> None:
    unnamed = order(code="405825005", authored=ago(3))
    ttpa = replace(unnamed, genes=frozenset({"HGNC:12404"}))
    for made, gene, wanted in (
        (unnamed, catalog.TTPA, True),
        (unnamed, catalog.ATP7B, True),
        (ttpa, catalog.TTPA, True),
        (ttpa, catalog.ATP7B, False),
        (order(code="21626-7", authored=ago(3)), catalog.ATP7B, True),
        (order(code="21626-7", authored=ago(3)), catalog.TTPA, False),
    ):
        assert requested(chart(orders=(made,)), gene) is wanted
        assert acted_on(chart(orders=(made,)), (gene,), ago(40)) is wanted
    assert not requested(chart(drafts=(draft(code="13964-2"),)), catalog.TTPA)


def test_an_order_that_answers_nothing_hides_no_other() -> None:
    early, unfinished = order("L_MMA", authored=ago(12)), order("L_MMA", authored=ago(3), status="draft")
    answering = order("L_MMA", authored=ago(3))
    assert acted_on(chart(orders=(early, unfinished, answering)), (catalog.MMA,), ago(10))
    assert not acted_on(chart(orders=(early, unfinished)), (catalog.MMA,), ago(10))
