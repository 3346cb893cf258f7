"""Order rules around vitamin E. Clinical rules 1.7, 1.0.8."""

from typing import Final

from screening.domain import analytes, catalog
from screening.domain.chart import Chart, Draft
from screening.domain.citations import GENEREVIEWS_AVED, RULES, THURNHAM
from screening.domain.description import Case, Description
from screening.domain.evidence import of_fact
from screening.domain.findings import INFO, WARNING, Finding, suggest
from screening.domain.orders.rule import (
    MEDICINES,
    PROBLEMS,
    CannotTell,
    Decision,
    NeedsPhenotype,
    Nothing,
    OrderRule,
    Situation,
    medicine_in,
    test_in,
)
from screening.domain.workups.vitamin_e import LIPID_DAYS, MODULE, WORKUP


def _lipids(situation: Situation, drafts: tuple[Draft, ...]) -> Decision:
    """A vitamin E level without lipids, in any patient."""
    del drafts
    chart = situation.chart
    if _lipids_at_hand(chart):
        return Nothing("lipids are drafted, ordered or recent enough")
    if MODULE in situation.unavailable:
        return CannotTell((MODULE,))
    return Finding(
        "ORD_VITE_LIPID", "", INFO,
        "Vitamin E needs lipids for interpretation: add a fasting lipid panel to the same draw.",
        suggestions=suggest(chart, "Add", catalog.LIPID_PANEL),
        override_reasons=("done-elsewhere", "not-indicated"),
        explanation=WORKUP,
    )  # fmt: skip


def _lipids_at_hand(chart: Chart) -> bool:
    """A lipid panel, or cholesterol and triglycerides, drafted, pending, or measured within 30 days."""
    if chart.drafted_in("L_LIPIDPANEL") or chart.pending_in("L_LIPIDPANEL"):
        return True

    def at_hand(value_set: str, analyte: str) -> bool:
        return (
            chart.drafted_in(value_set) or chart.pending_in(value_set) or chart.newest(analyte, LIPID_DAYS) is not None
        )

    return at_hand("L_CHOL", analytes.CHOLESTEROL.key) and at_hand("L_TG", analytes.TRIGLYCERIDES.key)


def _product(situation: Situation, drafts: tuple[Draft, ...]) -> Decision:
    """A vitamin E product: with an anticoagulant, or before any level was drawn."""
    chart = situation.chart
    anticoagulant = chart.on_medicine("RX_ANTICOAG")
    if anticoagulant is not None:
        warfarin = chart.on_medicine("RX_WARFARIN") is not None
        return Finding(
            "ORD_VITE_RX", "", WARNING,
            "Vitamin E with an anticoagulant or antiplatelet raises bleeding risk at high dose: confirm dose and plan"
            " INR/bleeding review.",
            statements=("Vitamin E that treats AVED is not to be withdrawn for this reason alone.",),
            evidence=(of_fact(anticoagulant, "anticoagulant or antiplatelet, active or on hold"),),
            suggestions=suggest(chart, "Order", catalog.INR) if warfarin else (),
            override_reasons=("benefit-outweighs", "specialist-managing"),
            explanation=WORKUP,
        )  # fmt: skip
    del drafts
    if not situation.phenotype_known:
        return NeedsPhenotype()
    if not situation.phenotype.present:
        return Nothing("neither an anticoagulant or antiplatelet nor a movement disorder is recorded")
    if not situation.missing(MODULE):
        return Nothing("no anticoagulant or antiplatelet is recorded, and vitamin E is known, replaced or ordered")
    if chart.drafted_in("L_VE"):
        return Nothing("no anticoagulant or antiplatelet is recorded, and a vitamin E level is drafted, too")
    if situation.not_looked_up(MODULE):
        return CannotTell((MODULE,))
    return Finding(
        "ORD_VITE_RX", "", INFO,
        "No vitamin E level on record: draw alpha-tocopherol and lipids before the first dose.",
        suggestions=suggest(chart, "Order", catalog.ALPHA_TOCOPHEROL.again(), catalog.LIPID_PANEL),
        override_reasons=("done-elsewhere",),
        explanation=WORKUP,
    )  # fmt: skip


LIPIDS: Final = OrderRule(
    "ORD_VITE_LIPID",
    test_in("L_VE"),
    _lipids,
    needs_phenotype=False,
    on_results=False,
    reads=frozenset({"patient", "orders", WORKUP}),
    described=Description(
        title="Vitamin E level without lipids",
        purpose="Vitamin E travels in lipoproteins: a level cannot be read without cholesterol and triglycerides.",
        trigger="A vitamin E level is ordered, in any patient.",
        cases=(
            Case(
                INFO,
                "neither a lipid panel nor both cholesterol and triglycerides are drafted, ordered or measured within"
                f" {LIPID_DAYS}",
                "suggests a fasting lipid panel in the same draw",
            ),
        ),
        sources=(RULES, THURNHAM),
    ),
)
PRODUCT: Final = OrderRule(
    "ORD_VITE_RX",
    medicine_in("VE_RX"),
    _product,
    needs_phenotype=False,
    reads=PROBLEMS | MEDICINES | {"procedures", "orders", WORKUP},
    described=Description(
        title="Vitamin E as a medicine",
        purpose="High doses raise the risk of bleeding; a first dose hides the level that proves a deficiency.",
        trigger="A vitamin E product is ordered.",
        cases=(
            Case(
                WARNING,
                "an anticoagulant or antiplatelet is active or on hold, in any patient",
                "confirm the dose and plan INR or bleeding review; suggests INR with warfarin; vitamin E that treats"
                " AVED is not to be withdrawn for this alone",
            ),
            Case(
                INFO,
                "no anticoagulant; a movement disorder is coded, no usable vitamin E is on record and none is drafted"
                " or ordered",
                "suggests alpha-tocopherol and a lipid panel before the first dose",
            ),
        ),
        sources=(RULES, GENEREVIEWS_AVED),
    ),
)
