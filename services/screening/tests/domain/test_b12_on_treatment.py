"""Serum B12 while on replacement: the card names the replacement, and silence says which condition failed."""

from dataclasses import replace
from datetime import date

import pytest
from answering import chart, draft, screened
from small_facts import result

from screening.domain import analytes
from screening.domain.chart import Chart, Medication, Procedure
from screening.domain.codes import RXNORM, SNOMED, Coding

TEST = draft("2132-9", "L_B12", reference="ServiceRequest/1")
STARTED = date(2026, 8, 1)
PRODUCT = Medication(
    Coding(RXNORM, "11248"), frozenset({"B12_RX"}), "active", date(2020, 1, 1), reference="MedicationRequest/9"
)
INJECTION = Procedure(Coding(SNOMED, "1"), frozenset({"B12_RX"}), "completed", STARTED, reference="Procedure/9")


def because(now: Chart) -> str:
    return next(rule.because for rule in screened(now).rules if rule.rule == "ORD_B12_ON_TX")


@pytest.mark.parametrize(
    ("now", "reference"),
    [
        (chart(medications=(PRODUCT,), drafts=(TEST,)), "MedicationRequest/9"),
        (chart(procedures=(INJECTION,), drafts=(TEST,)), "Procedure/9"),
    ],
)
def test_the_card_cites_the_replacement(now: Chart, reference: str) -> None:
    (card,) = (f for f in screened(now).findings if f.module == "ORD_B12_ON_TX")
    assert reference in {fact.reference for fact in card.evidence}


def test_silence_tells_no_replacement_from_a_contradicted_one() -> None:
    assert because(chart(drafts=(TEST,))) == "no current vitamin B12 replacement"
    low = result(analytes.B12, "90", "pg/mL", 100)
    assert because(chart(low, medications=(PRODUCT,), drafts=(TEST,))).startswith("a result contradicts")
    assert because(chart(low, procedures=(replace(INJECTION, done=date(2026, 1, 1)),), drafts=(TEST,))).startswith(
        "a result"
    )
