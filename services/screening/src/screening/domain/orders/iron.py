"""Order rule on iron products. Clinical rules 1.7, 1.0.8 and section 6: 29."""

from typing import Final

from screening.domain import catalog
from screening.domain.chart import Draft
from screening.domain.citations import ACERULOPLASMINEMIA
from screening.domain.description import Case, Description
from screening.domain.evidence import Evidence, of_fact
from screening.domain.findings import DISCORDANT, WARNING, Finding, suggest
from screening.domain.orders.rule import (
    PROBLEMS,
    CannotTell,
    Decision,
    NeedsPhenotype,
    Nothing,
    OrderRule,
    Situation,
    medicine_in,
)
from screening.domain.workups.iron_nbia_facts import (
    FERRITIN_HIGH_FEMALE,
    FERRITIN_HIGH_MALE,
    FERRITIN_ORDER_DAYS,
    MODULE,
    WORKUP,
    ferritin_high,
)


def _iron(situation: Situation, drafts: tuple[Draft, ...]) -> Decision:
    """Iron although the body has too much of it, or stores it in the brain. In manganese disorders it is therapy."""
    del drafts
    chart = situation.chart
    if any(chart.known_diagnoses("MN_DX")):
        return Nothing("a manganese disorder is recorded, in which iron is therapy")
    against = _recorded(situation)
    ferritin = ferritin_high(chart) if situation.phenotype.present else None
    if ferritin is not None:
        against = (*against, ferritin)
    if against:
        return Finding(
            "ORD_IRON", "", WARNING,
            "Iron ordered although ferritin is high or an iron-accumulation disorder is recorded: confirm the"
            " indication.",
            statements=("A low serum iron beside a high ferritin is not iron deficiency.",),
            evidence=tuple(dict.fromkeys(against)),
            suggestions=suggest(chart, "Order", catalog.IRON_PANEL, catalog.FERRITIN),
            override_reasons=("specialist-managing", "benefit-outweighs"),
            explanation=WORKUP,
        )  # fmt: skip
    if not situation.phenotype_known:
        return NeedsPhenotype()
    if not situation.phenotype.present:
        return Nothing("neither an iron-accumulation disorder nor a movement disorder is recorded")
    if situation.not_looked_up(MODULE):
        return CannotTell((MODULE,))
    return Nothing("neither an iron-accumulation disorder nor a high ferritin is on record")


def _recorded(situation: Situation) -> tuple[Evidence, ...]:
    """Iron overload or brain iron accumulation on record, or the blood pattern of aceruloplasminemia."""
    chart, iron = situation.chart, situation.assessments[MODULE]
    recorded = dict.fromkeys((*chart.conditions_in("FE_DX", "FE_OVERLOAD"), *chart.known_diagnoses("FE_DX")))
    found = tuple(of_fact(c, "iron overload or brain iron accumulation recorded") for c in recorded)
    return (*found, *iron.evidence) if iron.state == DISCORDANT else found


IRON: Final = OrderRule(
    "ORD_IRON",
    medicine_in("FE_RX"),
    _iron,
    needs_phenotype=False,
    reads=PROBLEMS | {"orders", WORKUP},
    described=Description(
        title="Iron with high ferritin or an iron-accumulation disorder",
        purpose="Asks to confirm the indication before iron is given to a patient who may have too much of it.",
        trigger="An order for an iron product, in any patient.",
        cases=(
            Case(
                WARNING,
                "iron overload or brain iron accumulation is recorded, or ferritin, iron and ceruloplasmin show the"
                f" pattern of aceruloplasminemia, or a movement disorder with ferritin above {FERRITIN_HIGH_MALE} (women:"
                f" above {FERRITIN_HIGH_FEMALE}) in the last {FERRITIN_ORDER_DAYS}; never with a recorded manganese"
                " disorder, where iron is therapy",
                "warning; suggests iron with TIBC, and ferritin; the order is left alone",
            ),
        ),
        sources=(ACERULOPLASMINEMIA,),
    ),
)
