"""Selenium: the example of a workup. Its numbers are made up for the recipe and mean nothing clinically."""

from typing import Final

from screening.domain import analytes, catalog
from screening.domain.chart import Chart
from screening.domain.citations import RULES
from screening.domain.description import Case, Description
from screening.domain.evidence import Evidence, of_fact, of_result
from screening.domain.findings import (
    ABNORMAL,
    NO_RESULT,
    NORMAL,
    ORDER_PENDING,
    UNREADABLE,
    WARNING,
    Assessment,
    Finding,
    Missing,
    refer,
    suggest,
)
from screening.domain.labs import Scale, above, below
from screening.domain.phenotype import Phenotype
from screening.domain.thresholds import days
from screening.domain.workups.missing import UNREADABLE_OR_STALE, state_without_result, unreadable_note

MODULE: Final = "SE"
WORKUP: Final = "selenium"

LOOK_BACK: Final = days("selenium.look-back", 365, "a selenium counts this long")
SERUM: Final = Scale(
    analytes.SELENIUM,
    (below("low", "50 ug/L", "0.63 umol/L"), above("adequate")),
    cite=RULES,
    id="selenium.serum",
)

DESCRIBED: Final = Description(
    title="Selenium",
    purpose="Shows how a workup is added.",
    trigger="Dystonia without a recorded cause in a patient with a recorded selenium deficiency.",
    cases=(
        Case(ABNORMAL, "serum selenium is low", "warning: a repeat and a neurology referral; never a supplement"),
        Case(ORDER_PENDING, "no usable result, and selenium is ordered", "no card"),
        *UNREADABLE_OR_STALE,
        Case(NO_RESULT, f"no selenium in {LOOK_BACK}", "a line in SCREEN with serum selenium"),
        Case(NORMAL, "serum selenium is adequate", "no card"),
    ),
    sources=(RULES,),
)


def assess(chart: Chart, phenotype: Phenotype) -> Assessment:
    """The state of selenium in this chart, and the card that is due."""
    risks = tuple(chart.conditions_in("SE_RISK"))
    eligible = phenotype.tier == "T1" and bool(risks)
    because = "a recorded selenium deficiency" if eligible else phenotype.not_looked_for("recorded selenium deficiency")
    state, note, evidence = _state(chart)
    lacks, finding, held = None, None, ""
    if state == ABNORMAL:
        if evidence[0].day is not None and catalog.acted_on(chart, (catalog.SELENIUM,), evidence[0].day):
            held = catalog.acted_on_words(chart)
        else:
            facts = tuple(of_fact(risk, "a risk of low selenium") for risk in risks)
            finding = _abnormal(chart, (*evidence, *facts))
    elif state != NORMAL:
        if chart.pending_in("L_SE"):
            state = ORDER_PENDING
        else:
            lacks = Missing(note, (catalog.SELENIUM.again(),))
    return Assessment(MODULE, state, eligible, because, lacks, finding, held, evidence)


def _state(chart: Chart) -> tuple[str, str, tuple[Evidence, ...]]:
    """State, wording when missing, evidence."""
    look_back, scale = chart.of(LOOK_BACK), chart.scale(SERUM)
    result = scale.deciding(chart.results(analytes.SELENIUM.key, look_back))
    if result is None or result.value is None:
        state, note = state_without_result(chart, look_back, analytes.SELENIUM.key)
        return state, note, ()
    band = scale.band(result.value)
    if band is None:
        return UNREADABLE, unreadable_note(result), ()
    evidence = of_result(result, scale.analyte.measure, scale.criterion(band), scale.citation(band))
    return ABNORMAL if band == "low" else NORMAL, "", (evidence,)


def _abnormal(chart: Chart, evidence: tuple[Evidence, ...]) -> Finding:
    return Finding(
        MODULE,
        ABNORMAL,
        WARNING,
        "Low selenium with a movement disorder: repeat the level and refer.",
        statements=(f"Looked back {chart.of(LOOK_BACK)} days for selenium.",),
        evidence=evidence,
        suggestions=(*suggest(chart, "Order", catalog.SELENIUM.again()), *refer(chart)),
        override_reasons=("specialist-managing", "done-elsewhere"),
        explanation=WORKUP,
    )
