"""Codes that look like ours: none classifies, and a result that carries one beside a good coding is not taken."""

import edge_samples as s
import pytest

from screening.domain.analytes import ANALYTES
from screening.domain.codes import LOINC
from screening.knowledge import loading

BOOK = loading.code_book()
LOOK_ALIKES = {
    "L_HCY_TRAP": "HCY", "L_VE_TRAP": "VE", "L_CP_TRAP": "CP", "L_CUU_TRAP": "CU_URINE", "L_VITD_TRAP": "VITD",
}  # fmt: skip
BY_KEY = {analyte.key: analyte for analyte in ANALYTES}
PAIRS = [(trap, code) for trap in LOOK_ALIKES for code in sorted(BOOK.codes(trap))]


def good_code(trap: str) -> str:
    return min(BOOK.codes(BY_KEY[LOOK_ALIKES[trap]].value_set))


def unit(trap: str) -> str:
    return BY_KEY[LOOK_ALIKES[trap]].measure.canonical


def test_every_set_of_look_alikes_is_held_against_what_it_looks_like() -> None:
    assert {name for name in BOOK.members if name.endswith("_TRAP")} == set(LOOK_ALIKES)
    for trap, key in LOOK_ALIKES.items():
        assert trap in BY_KEY[key].conflicts
        assert trap not in {analyte.value_set for analyte in ANALYTES}


@pytest.mark.parametrize("trap", LOOK_ALIKES)
def test_the_good_code_is_taken(trap: str) -> None:
    result = s.observation(code=s.concept(LOINC, good_code(trap)), valueQuantity=s.quantity(1, unit(trap)))
    assert set(s.chart(result).labs) == {LOOK_ALIKES[trap]}


@pytest.mark.parametrize(("trap", "code"), PAIRS)
def test_a_look_alike_gives_no_result(trap: str, code: str) -> None:
    result = s.observation(code=s.concept(LOINC, code), valueQuantity=s.quantity(1, unit(trap)))
    assert s.chart(result).labs == {}


@pytest.mark.parametrize(("trap", "code"), PAIRS)
def test_a_look_alike_beside_a_good_code_spoils_the_result(trap: str, code: str) -> None:
    codings = [{"system": LOINC, "code": each} for each in (good_code(trap), code)]
    for order in (codings, codings[::-1]):
        result = s.observation(code={"coding": order}, valueQuantity=s.quantity(1, unit(trap)))
        assert s.chart(result).labs == {}
