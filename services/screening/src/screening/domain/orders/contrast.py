"""Order rule on contrast media. Clinical rules 1.7, 1.0.8, 1.3.b."""

from typing import Final

from screening.domain.chart import Draft
from screening.domain.citations import MAYO_MN
from screening.domain.description import Case, Description
from screening.domain.findings import INFO, Finding
from screening.domain.orders.rule import Decision, Nothing, OrderRule, Situation, test_in

HOURS: Final = 96
_METALS: Final = ("L_MNB", "L_MNS", "L_MNRBC", "L_MNU", "L_CUS", "L_CUU24", "L_CUU_TRAP", "L_ZN")
"""Manganese, copper and zinc in blood or urine, whatever the specimen is worth: contrast spoils them all."""


def _contrast(situation: Situation, drafts: tuple[Draft, ...]) -> Decision:
    """Contrast MRI while a metal is to be measured, in any patient."""
    del drafts
    chart = situation.chart
    if not chart.drafted_in(*_METALS) and not chart.pending_in(*_METALS):
        return Nothing("no manganese, copper or zinc is drafted, ordered or under way")
    return Finding(
        "ORD_CONTRAST_METAL", "", INFO,
        f"Draw blood metals before gadolinium or iodinated contrast, or wait at least {HOURS} h afterwards.",
        statements=("The MRI need not wait for the metals: only the order of the two matters.",),
        override_reasons=("benefit-outweighs",),
        explanation="manganese",
    )  # fmt: skip


CONTRAST: Final = OrderRule(
    "ORD_CONTRAST_METAL",
    test_in("L_IMGC"),
    _contrast,
    needs_phenotype=False,
    on_results=False,
    reads=frozenset({"patient", "orders", "manganese", "copper-wilson"}),
    described=Description(
        title="Contrast MRI together with trace metals",
        purpose="Keeps gadolinium and iodinated contrast from spoiling a manganese, copper or zinc result.",
        trigger="An order for an MRI of the brain with contrast, in any patient.",
        cases=(
            Case(
                INFO,
                "manganese, copper or zinc in blood or urine is drafted, ordered or pending",
                f"info: draw the metals first, or wait {HOURS} hours",
            ),
        ),
        sources=(MAYO_MN,),
    ),
)
