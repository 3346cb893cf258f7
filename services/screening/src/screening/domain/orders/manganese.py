"""Order rules around manganese. Clinical rules 1.7, 1.0.8."""

from typing import Final

from screening.domain import analytes, catalog
from screening.domain.chart import Chart, Draft
from screening.domain.citations import GENEREVIEWS_HMNDYT1, RULES
from screening.domain.description import Case, Description
from screening.domain.evidence import Evidence, of_fact
from screening.domain.findings import (
    ABNORMAL,
    BORDERLINE,
    INFO,
    KNOWN_DX,
    NORMAL,
    WARNING,
    Finding,
    Suggestion,
    suggest,
)
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
from screening.domain.workups.manganese import LOOK_BACK_ON_PN, MODULE, WORKUP
from screening.domain.workups.manganese_facts import liver, on_parenteral_nutrition, risk

_ORDERED: Final = "whole-blood manganese is already drafted or ordered"
_READS: Final = PROBLEMS | MEDICINES | {"procedures", "orders", "site_facts", WORKUP}


def _specimen(situation: Situation, drafts: tuple[Draft, ...]) -> Decision:
    """Serum, plasma or urine manganese: the wrong specimen for the body's burden."""
    chart = situation.chart
    if not situation.phenotype.present and not risk(chart):
        return Nothing("neither a movement disorder nor a manganese risk is recorded")
    if chart.drafted_in("L_MNB") or chart.pending_in("L_MNB"):
        return Nothing(_ORDERED)
    if situation.state(MODULE) == KNOWN_DX:
        return Nothing("a manganese disorder is already recorded")
    if situation.state(MODULE) in (NORMAL, BORDERLINE, ABNORMAL):
        return Nothing("a manganese result that can be read is on record")
    return Finding(
        "ORD_MN_SPECIMEN", "", INFO,
        "Serum or urine manganese does not reflect body burden: order whole-blood manganese instead.",
        statements=("Less than 5 % of the manganese in the circulation is in serum.",),
        evidence=risk(chart),
        suggestions=(
            Suggestion(
                "Replace by whole-blood manganese",
                (catalog.MANGANESE_BLOOD,),
                tuple(draft.reference for draft in drafts),
            ),
        ),
        override_reasons=("specialist-managing", "lab-unavailable"),
        explanation=WORKUP,
    )  # fmt: skip


def _parenteral(situation: Situation, drafts: tuple[Draft, ...]) -> Decision:
    """Parenteral nutrition or trace elements that contain manganese."""
    del drafts
    chart = situation.chart
    against = _against(situation)
    if against:
        return Finding(
            "ORD_PN_MN", "", WARNING,
            "Manganese-containing nutrition with raised manganese, cholestasis or pallidal signal: use a"
            " manganese-free formulation.",
            statements=("The other trace elements are still needed: do not leave all of them out.",),
            evidence=against,
            suggestions=suggest(chart, "Order", catalog.MANGANESE_BLOOD),
            override_reasons=("specialist-managing", "benefit-outweighs"),
            explanation=WORKUP,
        )  # fmt: skip
    if not situation.phenotype_known:
        return NeedsPhenotype()
    nutrition = on_parenteral_nutrition(chart)
    if not situation.phenotype.present:
        return Nothing("nothing on record speaks against manganese, and no movement disorder is recorded")
    if not nutrition:
        return Nothing("nothing on record speaks against manganese, and no parenteral nutrition is going on")
    if chart.newest(analytes.MANGANESE_BLOOD.key, LOOK_BACK_ON_PN) is not None:
        return Nothing("whole-blood manganese is not raised and recent enough")
    if chart.drafted_in("L_MNB") or chart.pending_in("L_MNB"):
        return Nothing(_ORDERED)
    if MODULE in situation.unavailable:
        return CannotTell((MODULE,))
    return Finding(
        "ORD_PN_MN", "", INFO,
        f"Long-term parenteral nutrition and a movement disorder: no whole-blood manganese in {_look_back(chart)}.",
        evidence=tuple(of_fact(fact, "parenteral nutrition") for fact in nutrition),
        suggestions=suggest(chart, "Order", catalog.MANGANESE_BLOOD.again()),
        override_reasons=("done-elsewhere",),
        explanation=WORKUP,
    )  # fmt: skip


def _look_back(chart: Chart) -> str:
    """As the rules put it; a site's own number as it is."""
    held = chart.of(LOOK_BACK_ON_PN)
    return "6 months" if held == LOOK_BACK_ON_PN.value else f"{held} days"


def _against(situation: Situation) -> tuple[Evidence, ...]:
    """What speaks against more manganese: a raised level, a known disorder, a pallidal signal, cholestasis or liver."""
    chart = situation.chart
    found: list[Evidence] = []
    if situation.state(MODULE) in (ABNORMAL, BORDERLINE):
        found.extend(situation.assessments[MODULE].evidence)
    found.extend(of_fact(c, "manganese disorder recorded") for c in chart.known_diagnoses("MN_DX"))
    signal = chart.site_fact("t1-pallidal")
    if signal is not None:
        found.append(of_fact(signal, "T1 pallidal hyperintensity"))
    found.extend(of_fact(fact, "cholestasis or liver disease") for fact in liver(chart))
    return tuple(dict.fromkeys(found))


SPECIMEN: Final = OrderRule(
    "ORD_MN_SPECIMEN",
    test_in("L_MNS", "L_MNU"),
    _specimen,
    reads=_READS,
    described=Description(
        title="Manganese in the wrong specimen",
        purpose="Less than 5 % of the manganese in the circulation is in serum: only whole blood shows the burden.",
        trigger="A serum, plasma or urine manganese is ordered.",
        cases=(
            Case(
                INFO,
                "a movement disorder or a manganese risk is coded; no manganese disorder is recorded, whole-blood"
                " manganese is neither drafted nor ordered, and no usable result reads as normal, raised or high",
                "replace it: one suggestion withdraws the selected order and drafts whole-blood manganese",
            ),
        ),
        sources=(RULES, GENEREVIEWS_HMNDYT1),
    ),
)
PARENTERAL: Final = OrderRule(
    "ORD_PN_MN",
    medicine_in("MN_RX", "MN_PN"),
    _parenteral,
    needs_phenotype=False,
    reads=_READS,
    described=Description(
        title="Manganese in parenteral nutrition",
        purpose="Manganese given by vein bypasses the gut's control, and without bile flow it is not cleared.",
        trigger="Parenteral nutrition or trace elements that may contain manganese are ordered.",
        cases=(
            Case(
                WARNING,
                "manganese is raised or high, a manganese disorder or T1 pallidal hyperintensity is recorded, or there"
                " is cirrhosis, cholestasis or a portosystemic shunt",
                "use a manganese-free formulation and keep the other trace elements; suggests whole-blood manganese;"
                " withdraws nothing",
            ),
            Case(
                INFO,
                "a movement disorder is coded and parenteral nutrition goes on; no whole-blood manganese in"
                f" {LOOK_BACK_ON_PN}, none drafted or ordered",
                "suggests whole-blood manganese",
            ),
        ),
        sources=(RULES, GENEREVIEWS_HMNDYT1),
    ),
)
