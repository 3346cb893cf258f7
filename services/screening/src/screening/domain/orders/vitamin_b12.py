"""Order rules around vitamin B12. Clinical rules 1.7, 1.0.8 and section 6: 18, 25, 30."""

from typing import Final

from screening.domain import analytes, catalog
from screening.domain.chart import Draft
from screening.domain.citations import BSH_2014, N2O_PRACTICAL_NEUROLOGY, RULES, STABLER_2013
from screening.domain.description import Case, Description
from screening.domain.evidence import Evidence, of_fact
from screening.domain.findings import (
    ABNORMAL,
    BORDERLINE,
    CRITICAL,
    DISCORDANT,
    INFO,
    NORMAL,
    ORDER_PENDING,
    TREATED,
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
    anything_in,
    medicine_in,
    test_in,
)
from screening.domain.workups.vitamin_b12 import MMA_UNLIKELY
from screening.domain.workups.vitamin_b12_facts import (
    LOOK_BACK,
    MODULE,
    WORKUP,
    any_risk,
    nitrous_oxide,
    pregnant,
    strong_risk,
)

_FUNCTIONAL: Final = ("L_MMA", "L_HCY")
_NO_DISORDER: Final = "no movement disorder is recorded"
_READS: Final = PROBLEMS | MEDICINES | {"past_medications", "procedures", "orders", "site_facts", WORKUP}


def _settled(state: str) -> str:
    """Why vitamin B12 needs no word: in which of the states it is that settle it."""
    words = {TREATED: "vitamin B12 is being replaced", ORDER_PENDING: "vitamin B12 is already ordered"}
    return words.get(state, "vitamin B12 is normal")


def _reflex(situation: Situation, drafts: tuple[Draft, ...]) -> Decision:
    """Serum B12 alone in a patient at risk, or with an indeterminate level on record."""
    del drafts
    chart = situation.chart
    if not situation.phenotype.present:
        return Nothing(_NO_DISORDER)
    if chart.drafted_in(*_FUNCTIONAL) or chart.pending_in(*_FUNCTIONAL):
        return Nothing("methylmalonic acid or homocysteine is already drafted or ordered")
    exposures = nitrous_oxide(chart)
    risks = strong_risk(chart, exposures)
    borderline = situation.state(MODULE) == BORDERLINE
    if not risks and not borderline:
        if situation.not_looked_up(MODULE):
            return CannotTell((MODULE,))
        return Nothing("there is no strong risk of vitamin B12 deficiency, and no indeterminate result")
    if exposures:
        return Finding(
            "ORD_B12_REFLEX", "", WARNING,
            "Nitrous oxide exposure: serum B12 is often normal. Add homocysteine and MMA to this draw.",
            statements=("Do not delay treatment for these results if there are neurological signs.",),
            evidence=tuple(exposure.evidence for exposure in exposures),
            suggestions=suggest(chart, "Add", catalog.HOMOCYSTEINE.again(), catalog.MMA.again()),
            override_reasons=("done-elsewhere",),
            explanation=WORKUP,
        )  # fmt: skip
    return Finding(
        "ORD_B12_REFLEX", "", INFO,
        "At-risk patient: serum B12 alone can miss deficiency. Add MMA and homocysteine to this draw.",
        evidence=risks or situation.assessments[MODULE].evidence,
        suggestions=suggest(chart, "Add", catalog.MMA, catalog.HOMOCYSTEINE, catalog.CREATININE),
        override_reasons=("not-indicated", "deferred"),
        explanation=WORKUP,
    )  # fmt: skip


def _on_treatment(situation: Situation, drafts: tuple[Draft, ...]) -> Decision:
    """Serum B12 while on replacement."""
    chart = situation.chart
    if not situation.phenotype.present:
        return Nothing(_NO_DISORDER)
    if situation.state(MODULE) != TREATED:
        taken = any(chart.treatments("B12_RX")) or any(chart.procedures_in("B12_RX"))
        return Nothing(f"{'a result contradicts the recorded' if taken else 'no current'} vitamin B12 replacement")
    treatments = tuple(of_fact(m, "vitamin B12 replacement") for m in chart.treatments("B12_RX"))
    injections = tuple(of_fact(p, "vitamin B12 injection") for p in chart.procedures_in("B12_RX"))
    tests = catalog.still_wanted(chart, (catalog.MMA,))
    withdraw = tuple(draft.reference for draft in drafts)
    return Finding(
        "ORD_B12_ON_TX", "", INFO,
        "On B12 replacement: a serum B12 level is not informative. Use MMA or homocysteine if symptoms persist.",
        statements=("Do not stop vitamin B12 because of this card.",),
        evidence=(*treatments, *injections),
        suggestions=(Suggestion("Replace by methylmalonic acid", tests, withdraw),) if tests else (),
        override_reasons=("benefit-outweighs",),
        explanation=WORKUP,
    )  # fmt: skip


def _folate(situation: Situation, drafts: tuple[Draft, ...]) -> Decision:
    """Folic acid while B12 is unknown, low or indeterminate."""
    del drafts
    chart = situation.chart
    if not situation.phenotype.present:
        return Nothing(_NO_DISORDER)
    if pregnant(chart):
        return Nothing("folic acid is not remarked on in pregnancy")
    if chart.on_medicine("RX_MTX") is not None:
        return Nothing("folic acid is not remarked on beside methotrexate")
    if chart.drafted_in("L_B12", "L_HOLOTC", "B12_RX"):
        return Nothing("vitamin B12, as a test or as a product, is drafted, too")
    state = situation.state(MODULE)
    if state in (ABNORMAL, BORDERLINE, DISCORDANT):
        indeterminate = state != ABNORMAL
        return Finding(
            "ORD_FOLATE", "", WARNING,
            "B12 is low or indeterminate: start B12 before folic acid to avoid neurological worsening.",
            statements=("Folic acid can correct the anemia while nerve damage from B12 deficiency progresses.",),
            evidence=situation.assessments[MODULE].evidence,
            suggestions=suggest(chart, "Order", catalog.MMA, catalog.HOMOCYSTEINE) if indeterminate else (),
            override_reasons=("on-treatment", "benefit-outweighs"),
            explanation=WORKUP,
        )  # fmt: skip
    if not situation.missing(MODULE):
        return Nothing(_settled(state))
    if situation.not_looked_up(MODULE):
        return CannotTell((MODULE,))
    return Finding(
        "ORD_FOLATE", "", INFO,
        "Folic acid ordered, B12 status unknown: check B12 first; folate can correct anemia while B12 nerve damage"
        " progresses.",
        suggestions=suggest(chart, "Order", catalog.TOTAL_B12.again()),
        override_reasons=("benefit-outweighs", "done-elsewhere"),
        explanation=WORKUP,
    )  # fmt: skip


def _nitrous_oxide(situation: Situation, drafts: tuple[Draft, ...]) -> Decision:
    """Nitrous oxide with untreated deficiency, or with a risk and no reassuring B12."""
    chart = situation.chart
    state = situation.state(MODULE)
    deficient = _deficient(situation)
    if deficient:
        tests = catalog.still_wanted(chart, (catalog.HOMOCYSTEINE, catalog.MMA))
        withdraw = tuple(draft.reference for draft in drafts)
        ordered = f" and order: {', '.join(test.label for test in tests)}" if tests else ""
        return Finding(
            "ORD_N2O", "", CRITICAL,
            "Nitrous oxide with untreated B12 deficiency can cause acute myelopathy: avoid, or replace B12 first.",
            evidence=deficient,
            suggestions=(Suggestion(f"Withdraw nitrous oxide{ordered}", tests, withdraw),),
            override_reasons=("benefit-outweighs", "on-treatment"),
            explanation=WORKUP,
        )  # fmt: skip
    if not situation.phenotype_known:
        return NeedsPhenotype()
    risks = any_risk(chart)
    if not situation.phenotype.present:
        return Nothing("neither untreated vitamin B12 deficiency nor a movement disorder is recorded")
    if not risks:
        return Nothing("neither vitamin B12 deficiency nor a risk of it is recorded")
    if situation.not_looked_up(MODULE) and state not in (BORDERLINE, DISCORDANT):
        return CannotTell((MODULE,))
    if not (situation.missing(MODULE) or state in (BORDERLINE, DISCORDANT)):
        return Nothing(_settled(state))
    return Finding(
        "ORD_N2O", "", WARNING,
        "Nitrous oxide ordered, B12 risk present and no current B12: check B12 and homocysteine or choose another agent.",
        evidence=(*situation.assessments[MODULE].evidence, *risks),
        suggestions=suggest(chart, "Order", catalog.TOTAL_B12.again(), catalog.HOMOCYSTEINE),
        override_reasons=("benefit-outweighs",),
        explanation=WORKUP,
    )  # fmt: skip


def _deficient(situation: Situation) -> tuple[Evidence, ...]:
    """Untreated deficiency: a low result, or a specific diagnosis that neither treatment nor a result contradicts."""
    chart, assessment = situation.chart, situation.assessments[MODULE]
    if assessment.state == ABNORMAL:
        return assessment.evidence
    if assessment.state in (TREATED, NORMAL):
        return ()
    mma = chart.newest(analytes.MMA.key, LOOK_BACK)
    if (
        mma is not None
        and mma.value is not None
        and mma.value.at_most_below(chart.of(MMA_UNLIKELY), inclusive=True) is True
    ):
        return ()
    specific = chart.conditions_in("B12_DX_SPECIFIC")
    return tuple(of_fact(c, "vitamin B12 deficiency recorded, no treatment or normal result seen") for c in specific)


def _metformin(situation: Situation, drafts: tuple[Draft, ...]) -> Decision:
    """Metformin started while B12 is low or indeterminate."""
    del drafts
    if not situation.phenotype.present:
        return Nothing(_NO_DISORDER)
    if situation.state(MODULE) not in (ABNORMAL, BORDERLINE):
        if situation.not_looked_up(MODULE):
            return CannotTell((MODULE,))
        return Nothing("vitamin B12 is neither low nor indeterminate on record")
    return Finding(
        "ORD_METFORMIN", "", INFO,
        "B12 is low or indeterminate and metformin is being started: resolve B12 and plan yearly B12 checks.",
        evidence=situation.assessments[MODULE].evidence,
        suggestions=suggest(situation.chart, "Order", catalog.MMA),
        override_reasons=("benefit-outweighs",),
        explanation=WORKUP,
    )  # fmt: skip


REFLEX: Final = OrderRule(
    "ORD_B12_REFLEX",
    test_in("L_B12"),
    _reflex,
    only_with_disorder=True,
    reads=_READS,
    described=Description(
        title="Serum vitamin B12 alone in a patient at risk",
        purpose="Serum vitamin B12 alone misses functional deficiency, most of all after nitrous oxide.",
        trigger="A serum vitamin B12 is ordered for a patient with a coded movement disorder.",
        cases=(
            Case(
                WARNING,
                "nitrous oxide exposure; methylmalonic acid and homocysteine are neither drafted nor ordered",
                "suggests homocysteine and methylmalonic acid; treatment is not to wait for them",
            ),
            Case(
                INFO,
                "another strong risk of deficiency, or an indeterminate vitamin B12 on record; methylmalonic acid and"
                " homocysteine are neither drafted nor ordered",
                "suggests methylmalonic acid, homocysteine and creatinine beside the vitamin B12",
            ),
        ),
        sources=(RULES, STABLER_2013, N2O_PRACTICAL_NEUROLOGY),
    ),
)
ON_TREATMENT: Final = OrderRule(
    "ORD_B12_ON_TX",
    test_in("L_B12"),
    _on_treatment,
    only_with_disorder=True,
    reads=_READS,
    described=Description(
        title="Serum vitamin B12 on replacement",
        purpose="On replacement the serum level says nothing about whether the tissues have enough.",
        trigger="A serum vitamin B12 is ordered for a patient with a coded movement disorder.",
        cases=(
            Case(
                INFO,
                "vitamin B12 is being replaced, and no low result contradicts it",
                "replace it: one suggestion withdraws the selected order and drafts methylmalonic acid; replacement is"
                " not to be stopped",
            ),
        ),
        sources=(RULES, BSH_2014),
    ),
)
FOLATE: Final = OrderRule(
    "ORD_FOLATE",
    medicine_in("FOLATE_RX"),
    _folate,
    only_with_disorder=True,
    reads=_READS,
    described=Description(
        title="Folic acid before vitamin B12",
        purpose="Folic acid can correct the anemia of vitamin B12 deficiency while the nerve damage progresses.",
        trigger=(
            "Folic acid is ordered for a patient with a coded movement disorder; not in pregnancy, with methotrexate, or"
            " when vitamin B12 (test or product) is drafted, too."
        ),
        cases=(
            Case(
                WARNING,
                "vitamin B12 is low, indeterminate, or normal with contrary markers",
                "start vitamin B12 first; suggests methylmalonic acid and homocysteine unless vitamin B12 is plainly"
                " low; withdraws nothing",
            ),
            Case(INFO, "no usable vitamin B12 result, and none ordered", "suggests total vitamin B12"),
        ),
        sources=(RULES, BSH_2014),
    ),
)
NITROUS_OXIDE: Final = OrderRule(
    "ORD_N2O",
    anything_in("B12_N2O_GAS"),
    _nitrous_oxide,
    needs_phenotype=False,
    reads=_READS,
    described=Description(
        title="Nitrous oxide and vitamin B12",
        purpose="Nitrous oxide inactivates vitamin B12: in deficiency one anesthetic can cause acute myelopathy.",
        trigger="Nitrous oxide is ordered.",
        cases=(
            Case(
                CRITICAL,
                "vitamin B12 is low; or a specific deficiency diagnosis is recorded, untreated, with neither a normal"
                f" vitamin B12 nor a methylmalonic acid of up to {MMA_UNLIKELY} in {LOOK_BACK}; in any patient",
                "avoid it, or replace vitamin B12 first; one suggestion withdraws the selected order and drafts"
                " homocysteine and methylmalonic acid",
            ),
            Case(
                WARNING,
                "a movement disorder is coded, there is any risk of deficiency (strong, weak, or the code E53.8), and"
                " vitamin B12 is unknown, indeterminate, or normal with contrary markers",
                "check vitamin B12 and homocysteine or choose another agent; suggests both tests",
            ),
        ),
        sources=(RULES, N2O_PRACTICAL_NEUROLOGY),
    ),
)
METFORMIN: Final = OrderRule(
    "ORD_METFORMIN",
    medicine_in("RX_METFORMIN"),
    _metformin,
    only_with_disorder=True,
    reads=_READS,
    described=Description(
        title="Metformin with low vitamin B12",
        purpose="Metformin lowers vitamin B12 over years.",
        trigger="Metformin is ordered for a patient with a coded movement disorder.",
        cases=(
            Case(
                INFO,
                "vitamin B12 is low or indeterminate",
                "resolve vitamin B12 and plan yearly checks; suggests methylmalonic acid; withdraws nothing",
            ),
        ),
        sources=(RULES, BSH_2014),
    ),
)
