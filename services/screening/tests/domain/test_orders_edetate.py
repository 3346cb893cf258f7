"""Which orders may mean edetate disodium. One missed may kill; one too many teaches to click alerts away."""

import pytest

from screening.domain.chart import Draft
from screening.domain.codes import ATC, RXNORM, Coding
from screening.domain.orders.chelators import dangerous
from screening.knowledge.loading import code_book

BOOK = code_book()


def drafted(*texts: str, codes: tuple[tuple[str, str], ...] = (), text: str = "", medication: bool = True) -> Draft:
    codings = tuple(Coding(system, code) for system, code in codes)
    sets = frozenset().union(*(BOOK.sets(system, code) for system, code in codes))
    return Draft("MedicationRequest/1", medication, codings, sets, text, words=texts)


@pytest.mark.parametrize(
    "text",
    [
        "edetate", "Edetate.", "(edetate)", "EDETATE DISODIUM 150 MG/ML", "Edetic Acid 3 g", "sodium edetate",
        "edetate-disodium", "disodium edetate", "edetate disodium 3 g in 500 mL, for hypercalcemia",
        "edetate\ndisodium", "trisodium edetate",
    ],
)  # fmt: skip
def test_named_in_words(text: str) -> None:
    assert dangerous(drafted(text=text))
    assert dangerous(drafted("saline", text))
    assert not dangerous(drafted(text=text, medication=False))


@pytest.mark.parametrize(
    "text",
    [
        "", "saline", "EDTA", "versenate", "edetates", "predetate", "calcium disodium edetate",
        "Edetate CALCIUM disodium 1 g", "edetate disodium calcium", "dicobalt edetate", "Cobalt edetate",
        "chromium (51Cr) edetate", "51-Cr edetate", "Cr-51 edetate", "sodium iron edetate", "ferric edetate",
        "edetate disodium ophthalmic solution 0.5 %", "edetate eye drops", "disodium edetate cream",
        "edetate topical gel", "edetate for ocular irrigation",
    ],
)  # fmt: skip
def test_not_named_in_words(text: str) -> None:
    assert not dangerous(drafted(text=text))


@pytest.mark.parametrize("code", [(RXNORM, "42662"), (RXNORM, "3755"), (ATC, "V03AB03")])
def test_by_code_unless_something_says_calcium(code: tuple[str, str]) -> None:
    assert dangerous(drafted(codes=(code,)))
    assert dangerous(drafted(codes=(code,), text="chelation 3 g"))
    assert dangerous(drafted(codes=(code,), text="to treat hypocalcemia"))
    assert not dangerous(drafted(codes=(code,), text="calcium versenate"))
    assert not dangerous(drafted("product: calcium disodium edetate", codes=(code,)))
    assert not dangerous(drafted(codes=(code, (RXNORM, "1903"))))
    assert not dangerous(drafted(codes=(code,), text="edetate ophthalmic"))


def test_products_of_the_calcium_salt_are_the_calcium_salt() -> None:
    for product in ("1903", "152793", "385546", "847702", "860003", "1371967"):
        assert "RX_EDTA_DANGER" not in BOOK.sets(RXNORM, product)
        assert not dangerous(drafted(codes=((RXNORM, product),)))
        assert not dangerous(drafted(codes=((RXNORM, product), (ATC, "V03AB03"))))
        assert not dangerous(drafted(codes=((RXNORM, product),), text="edetate"))
