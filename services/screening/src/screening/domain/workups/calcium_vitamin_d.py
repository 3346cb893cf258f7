"""Calcium, magnesium and vitamin D. Clinical rules 1.5 with section 6: 2, 4, 7, 14, 22, 23, 30.

Vitamin D never fires on its own; adjusted or ionized calcium does, and magnesium.
"""

from typing import Final

from screening.domain import analytes, catalog
from screening.domain.chart import Chart
from screening.domain.description import Description
from screening.domain.evidence import of_fact
from screening.domain.findings import (
    ABNORMAL,
    BORDERLINE,
    CRITICAL_STATE,
    NORMAL,
    ORDER_PENDING,
    TREATED,
    UNREADABLE,
    Assessment,
    Finding,
    Missing,
)
from screening.domain.labs import LabResult
from screening.domain.phenotype import Phenotype
from screening.domain.thresholds import days
from screening.domain.workups import calcium_vitamin_d_cards as cards
from screening.domain.workups.calcium_vitamin_d_facts import (
    FRESH,
    IONIZED_PREFERRED,
    IONIZED_REASSURES,
    MAGNESIUM_LOW,
    MODULE,
    REASSURING,
    Sample,
    adjusted_by,
    at_risk,
    deciding,
    high_risk,
    ionized,
    look_back,
    needs_ionized,
    samples,
    treatment_since,
)
from screening.domain.workups.missing import state_without_result, unreadable_note

LATER_ALBUMIN: Final = days(
    "calcium-vitamin-d.later-albumin",
    30,
    "an albumin at most so far away tempers a very low total calcium",
    fixed=True,
)

DESCRIBED: Final = Description(
    title="Calcium, magnesium and vitamin D",
    purpose="Finds low calcium and magnesium, which cause dystonia, chorea and spasms and can be corrected.",
    trigger="Dystonia without a recorded cause and chorea; other movement disorders with a risk of low calcium.",
    cases=cards.CASES,
    sources=cards.SOURCES,
)


def assess(chart: Chart, phenotype: Phenotype) -> Assessment:
    """The state of calcium and magnesium in this chart, and the card that is due."""
    risks = at_risk(chart)
    eligible, because = _eligible(phenotype, bool(risks))
    span = look_back(chart, phenotype, risk=bool(risks))
    sample, beside = _deciding(chart, span)
    magnesium = _low_magnesium(chart, span)
    state = _state(chart, sample)
    evidence = (
        *(cards.sample_evidence(chart, sample) if sample is not None and sample.band is not None else ()),
        *(cards.sample_evidence(chart, beside) if beside is not None and state in (ABNORMAL, CRITICAL_STATE) else ()),
        *((cards.magnesium_evidence(chart, magnesium),) if magnesium is not None else ()),
    )

    def outcome(state: str, finding: Finding | None = None, held: str = "", lacks: Missing | None = None) -> Assessment:
        return Assessment(MODULE, state, eligible, because, lacks, finding, held, evidence)

    treatment = treatment_since(chart, sample.day) if sample is not None else None
    fresh = sample is not None and chart.within(sample.day, FRESH)
    since = max((d for d in (sample and sample.day, magnesium and magnesium.taken.date()) if d), default=None)
    if state == CRITICAL_STATE and sample is not None and (fresh or treatment is None):
        kind = _kind(chart, sample, fresh=fresh, treated=treatment is not None)
        return outcome(state, cards.critical(chart, span, evidence, kind))
    if magnesium is not None and (state != ABNORMAL or treatment is not None):
        state, treatment, since = ABNORMAL, None, magnesium.taken.date()  # calcium never answers a low magnesium
    if state in (ABNORMAL, BORDERLINE, CRITICAL_STATE) and treatment is not None:
        return outcome(TREATED, held="calcium or active vitamin D was started after the result")
    if state == ABNORMAL and since is not None:
        if catalog.acted_on(chart, cards.CONFIRMATORY, since):
            return outcome(state, held=catalog.acted_on_words(chart))
        return outcome(state, cards.abnormal(chart, span, evidence))
    if state == BORDERLINE:
        if chart.pending_in("L_ALB", "L_PANELS_ALBUMIN", "L_CAI", "L_CAADJ"):
            return outcome(state, held="albumin or ionized calcium is already ordered")
        return outcome(state, cards.borderline(chart, span, evidence))
    if state == NORMAL:
        return outcome(state)
    if chart.pending_in("L_CA", "L_CAADJ", "L_CAI", "L_PANELS_CALCIUM"):
        return outcome(ORDER_PENDING)
    state, note = _missing(chart, sample, span)
    return outcome(state, lacks=_lacks(chart, span, note))


# --- eligibility for SCREEN (1.0.4) ---


def _eligible(phenotype: Phenotype, at_risk: bool) -> tuple[bool, str]:
    if phenotype.tier == "T1":
        return True, "cheap and reversible, so looked for in every dystonia without a recorded cause"
    if phenotype.tier == "T4" and phenotype.has("M_CHOREA"):
        return True, "chorea without dystonia"
    if phenotype.present and at_risk:
        return True, "a risk of low calcium"
    return False, phenotype.not_looked_for("risk of low calcium")


# --- which sample decides, and how it reads ---


def _deciding(chart: Chart, span: int) -> tuple[Sample | None, Sample | None]:
    """The sample that decides, and the adjusted one beside which an ionized one decides (section 6, 7).

    An ionized calcium that a comparator leaves open does not take a low adjusted one away.
    """
    by_albumin, free = deciding(samples(chart, span)), deciding(ionized(chart, span))
    if free is None or by_albumin is None:
        return free or by_albumin, None
    unclear = free.band is None and by_albumin.band is not None and by_albumin.band not in REASSURING
    if free.result.taken >= by_albumin.result.taken - IONIZED_PREFERRED and not unclear:
        return free, by_albumin
    return by_albumin, None


def _state(chart: Chart, sample: Sample | None) -> str:
    """What calcium alone amounts to; UNREADABLE stands for every missing state."""
    if sample is None or sample.band is None:
        return UNREADABLE
    if sample.band == "critical":
        return CRITICAL_STATE
    if sample.band in REASSURING:
        return NORMAL
    if not sample.alone:
        return ABNORMAL
    near = (s for s in ionized(chart, chart.days_since(sample.day) + chart.of(IONIZED_REASSURES)))
    answered = any(s.band in REASSURING and abs((s.day - sample.day).days) <= chart.of(IONIZED_REASSURES) for s in near)
    return NORMAL if answered else BORDERLINE


def _low_magnesium(chart: Chart, span: int) -> LabResult | None:
    newest = chart.newest(analytes.MAGNESIUM.key, span)
    if newest is None or newest.value is None or newest.value.at_most_below(chart.of(MAGNESIUM_LOW)) is not True:
        return None
    return newest


def _kind(chart: Chart, sample: Sample, *, fresh: bool, treated: bool) -> str:
    """Which of the critical cards is due (1.5.c; section 6, 2 and 22)."""
    if not fresh:
        return cards.NEVER_REPEATED
    if treated:
        return cards.UNDER_TREATMENT
    if sample.alone:
        tempered = adjusted_by(chart, sample.result, chart.of(LATER_ALBUMIN))
        if tempered is not None and sample.scale.band(tempered) not in (None, "critical"):
            return cards.WITHOUT_ALBUMIN
    return cards.EMERGENCY


# --- what is missing ---


def _missing(chart: Chart, sample: Sample | None, span: int) -> tuple[str, str]:
    if sample is not None:
        return UNREADABLE, unreadable_note(sample.result)
    keys = (analytes.CALCIUM.key, analytes.CALCIUM_ADJUSTED.key, analytes.CALCIUM_IONIZED.key)
    return state_without_result(chart, span, *keys)


def _lacks(chart: Chart, span: int, note: str) -> Missing:
    urgent = high_risk(chart)
    tests = [catalog.METABOLIC_PANEL.again(), catalog.MAGNESIUM]
    if urgent:
        tests += [catalog.PTH, catalog.PHOSPHATE, catalog.VITAMIN_D]
    if needs_ionized(chart, span):
        tests.append(catalog.CALCIUM_IONIZED)
    facts = tuple(of_fact(fact, "high risk of low calcium: hypoparathyroidism or tetany") for fact in urgent)
    risks = tuple(of_fact(fact, "risk of low calcium") for fact in at_risk(chart))
    return Missing(note, tuple(tests), facts, risks)
