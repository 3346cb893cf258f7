"""Vitamin B12. Clinical rules 1.1 with section 6: 3, 4, 8, 12, 13, 16, 19, 24, 30."""

from datetime import date
from typing import Final

from screening.domain import analytes, catalog
from screening.domain.chart import Chart
from screening.domain.citations import (
    EGFR_MMA_2018,
    N2O_PRACTICAL_NEUROLOGY,
    NICE_NG239,
    PREGNANCY_FLOOR,
    STABLER_2013,
)
from screening.domain.evidence import Evidence, of_result
from screening.domain.findings import (
    ABNORMAL,
    BORDERLINE,
    DISCORDANT,
    INFO,
    NO_RESULT,
    NORMAL,
    ORDER_PENDING,
    STALE,
    TREATED,
    UNREADABLE,
    WARNING,
    Assessment,
    Finding,
    Missing,
)
from screening.domain.labs import LabResult, Scale, above, below, up_to
from screening.domain.phenotype import Phenotype
from screening.domain.thresholds import Threshold, ascending, cut, days
from screening.domain.units import Limit
from screening.domain.workups import vitamin_b12_cards as cards
from screening.domain.workups.missing import state_without_result, unreadable_note
from screening.domain.workups.vitamin_b12_facts import (
    LOOK_BACK,
    MODULE,
    PAIRED_DAYS,
    WORKUP,
    Exposure,
    high_risk_facts,
    latest_exposure,
    nitrous_oxide,
    pregnant,
    replacement,
    strong_risk,
    strong_risk_since,
)

HOLOTC_PREFERRED_DAYS: Final = days(
    "vitamin-b12.holotc-preferred", 7, "drawn at most this far from a total vitamin B12, holotranscobalamin decides"
)
HOLOTC_IN_PREGNANCY_DAYS: Final = days(
    "vitamin-b12.holotc-in-pregnancy", 90, "in pregnancy a holotranscobalamin at most this old decides"
)

TOTAL_B12: Final = Scale(
    analytes.B12,
    (below("deficient", "180 ng/L", "133 pmol/L"), up_to("indeterminate", "350 ng/L", "258 pmol/L"), above("unlikely")),
    cite=NICE_NG239,
    id="vitamin-b12.total",
)
TOTAL_B12_IN_PREGNANCY: Final = Scale(
    analytes.B12,
    (
        below("deficient", "100 ng/L", "74 pmol/L"),  # floor awaiting clinical confirmation
        below("low in pregnancy", "180 ng/L", "133 pmol/L"),
        up_to("indeterminate", "350 ng/L", "258 pmol/L"),
        above("unlikely"),
    ),
    cite=PREGNANCY_FLOOR,
    id="vitamin-b12.total-in-pregnancy",
    whom="in pregnancy",
)
HOLOTC: Final = Scale(
    analytes.HOLOTC,
    (below("deficient", "25 pmol/L"), up_to("indeterminate", "70 pmol/L"), above("unlikely")),
    cite=NICE_NG239,
    id="vitamin-b12.holotc",
)
MMA_UNLIKELY: Final = cut(
    "vitamin-b12.mma-unlikely", "0.28 umol/L", means="methylmalonic acid up to this makes a deficiency unlikely",
    cite=N2O_PRACTICAL_NEUROLOGY,
)  # fmt: skip
MMA_HIGH: Final = cut(
    "vitamin-b12.mma-high",
    "0.40 umol/L",
    means="methylmalonic acid above this is high when the kidneys work",
    cite=STABLER_2013,
)
MMA_HIGH_AT_ANY_EGFR: Final = cut(
    "vitamin-b12.mma-high-at-any-egfr", "0.75 umol/L", means="methylmalonic acid above this is high", cite=STABLER_2013
)
MMA_LADDER: Final = ascending(MMA_UNLIKELY, MMA_HIGH, MMA_HIGH_AT_ANY_EGFR)
HOMOCYSTEINE_RAISED: Final = cut(
    "vitamin-b12.homocysteine-raised", "15 umol/L", means="homocysteine above this is raised when the kidneys work"
)
EGFR_NORMAL: Final = cut(
    "vitamin-b12.egfr-normal",
    "60 mL/min/{1.73_m2}",
    means="at least this eGFR does not raise methylmalonic acid",
    cite=EGFR_MMA_2018,
)


def assess(chart: Chart, phenotype: Phenotype) -> Assessment:
    """The state of vitamin B12 in this chart, and the card that is due."""
    exposures = nitrous_oxide(chart)
    strong = strong_risk(chart, exposures)
    eligible, because = _eligible(phenotype, bool(strong))
    open_exposure = bool(exposures) and not _functional_marker_after(chart, exposures)
    unresolved_exposure = open_exposure and chart.looked_up(WORKUP)
    treatment = replacement(chart)
    result, scale = _deciding(chart)
    mma = _paired_mma(chart, result)
    state, evidence = _state(chart, result, scale, mma, strong_since=strong_risk_since(chart))
    if state == NORMAL and open_exposure and not unresolved_exposure:
        state = NO_RESULT  # whether a functional marker was measured since the exposure could not be looked up
    raised = _raised_after(chart, exposures) if state == NORMAL else ()
    if state == NORMAL and (unresolved_exposure or raised):
        state, evidence = DISCORDANT, tuple(dict.fromkeys((*evidence, *raised)))
    if exposures and state in (BORDERLINE, DISCORDANT):
        evidence = (*evidence, *(e.evidence for e in exposures))

    missing: Missing | None = None
    if state not in (NORMAL, BORDERLINE, DISCORDANT, ABNORMAL):
        note = _missing_note(chart, result, state)
        if chart.pending_in("L_B12", "L_HOLOTC"):
            state = ORDER_PENDING
        else:
            missing = Missing(
                note, _screen_tests(chart, exposures, bool(strong)), _high_risk(chart, exposures, strong), strong
            )
        if unresolved_exposure:
            state, evidence = DISCORDANT, tuple(e.evidence for e in exposures)

    def outcome(state: str, finding: Finding | None = None, held: str = "", lacks: Missing | None = None) -> Assessment:
        return Assessment(MODULE, state, eligible, because, lacks, finding, held, evidence)

    if treatment is not None and (
        state != ABNORMAL or (result is not None and treatment.explains(result.taken.date()))
    ):
        return outcome(TREATED, held="vitamin B12 replacement is active")
    if state == ABNORMAL:
        return outcome(state, cards.abnormal(chart, evidence, despite_treatment=treatment is not None))
    if state == BORDERLINE:
        indeterminate_mma = mma is not None and not _mma_unlikely(chart, mma)
        markers = ("L_MMA", "L_HCY", "L_HOLOTC") if indeterminate_mma else ("L_MMA", "L_HCY")
        if chart.pending_in(*markers):
            return outcome(state, held="the resolving test is already ordered")
        indicator = WARNING if exposures else INFO
        finding = cards.borderline(
            chart, evidence, indicator, indeterminate_mma=indeterminate_mma, in_pregnancy=pregnant(chart)
        )
        return outcome(state, finding)
    if state == DISCORDANT:
        if chart.pending_in("L_MMA", "L_HCY"):
            return outcome(state, held="methylmalonic acid or homocysteine is already ordered", lacks=missing)
        decided = [r.taken.date() for r in (result, mma) if r is not None]
        since = max((*decided, *(day for day in (latest_exposure(exposures),) if day is not None)), default=None)
        if since is not None and catalog.acted_on(chart, cards.CONFIRMATORY, since):
            return outcome(state, held=catalog.acted_on_words(chart), lacks=missing)
        if unresolved_exposure:
            return outcome(state, cards.nitrous_oxide(chart, exposures, evidence), lacks=missing)
        return outcome(state, cards.discordant(chart, evidence, WARNING if exposures else INFO))
    return outcome(state, lacks=missing)


# --- eligibility for SCREEN (1.0.4) ---


def _eligible(phenotype: Phenotype, strong: bool) -> tuple[bool, str]:
    if phenotype.tier == "T1":
        return True, "cheap and reversible, so looked for in every dystonia without a recorded cause"
    if phenotype.tier == "T4" and phenotype.has("M_CHOREA", "M_MYOCLONUS", "M_ATAXIA"):
        return True, f"{phenotype.word.lower()} without dystonia"
    if phenotype.present and strong:
        return True, "strong risk of vitamin B12 deficiency"
    return False, phenotype.not_looked_for("strong risk of vitamin B12 deficiency")


# --- which result decides, and how it reads ---


def _deciding(chart: Chart) -> tuple[LabResult | None, Scale]:
    """The newer of total B12 and holotranscobalamin; close together, or in pregnancy, the latter (section 6, 8)."""
    in_pregnancy = pregnant(chart)
    total_scale = chart.scale(TOTAL_B12_IN_PREGNANCY if in_pregnancy else TOTAL_B12)
    holo_scale = chart.scale(HOLOTC)
    total = total_scale.deciding(chart.results(analytes.B12.key, LOOK_BACK))
    holo = holo_scale.deciding(chart.results(analytes.HOLOTC.key, LOOK_BACK))
    if total is None or holo is None:
        return (holo, holo_scale) if total is None and holo is not None else (total, total_scale)
    close = abs((total.taken.date() - holo.taken.date()).days) <= chart.of(HOLOTC_PREFERRED_DAYS)
    preferred = in_pregnancy and chart.within(holo.taken.date(), HOLOTC_IN_PREGNANCY_DAYS)
    if close or preferred or holo.taken > total.taken:
        return holo, holo_scale
    return total, total_scale


def _state(
    chart: Chart, result: LabResult | None, scale: Scale, mma: LabResult | None, strong_since: date | None
) -> tuple[str, tuple[Evidence, ...]]:
    """The state that the results alone amount to."""
    if result is None or result.value is None:
        state, _ = state_without_result(chart, chart.of(LOOK_BACK), analytes.B12.key, analytes.HOLOTC.key)
        return state, ()
    band = scale.band(result.value)
    if band is None:
        return UNREADABLE, ()
    evidence: tuple[Evidence, ...] = (
        of_result(result, scale.analyte.measure, scale.criterion(band), scale.citation(band)),
    )
    if mma is not None:
        evidence = (*evidence, _mma_evidence(chart, mma))
    if band == "deficient":
        return ABNORMAL, evidence
    high = mma is not None and _mma_high(chart, mma)
    if band in ("indeterminate", "low in pregnancy"):
        if high:
            return ABNORMAL, evidence
        if band == "indeterminate" and mma is not None and _mma_unlikely(chart, mma):
            return _unless_stale(NORMAL, result, strong_since), evidence
        return _unless_stale(BORDERLINE, result, strong_since), evidence
    return (DISCORDANT if high else _unless_stale(NORMAL, result, strong_since)), evidence


def _unless_stale(state: str, result: LabResult, strong_since: date | None) -> str:
    """A result that is not abnormal and older than a new strong exposure is out of date (section 5, 14)."""
    return STALE if strong_since is not None and result.taken.date() < strong_since else state


def _paired_mma(chart: Chart, result: LabResult | None) -> LabResult | None:
    """The newest methylmalonic acid drawn close to the B12, whatever its age today."""
    if result is None:
        return None
    drawn, apart = result.taken.date(), chart.of(PAIRED_DAYS)
    return next((m for m in chart.results(analytes.MMA.key) if abs((m.taken.date() - drawn).days) <= apart), None)


def _above(chart: Chart, result: LabResult, cut_off: Threshold[Limit]) -> bool:
    return result.value is not None and result.value.at_most_below(chart.of(cut_off), inclusive=True) is False


def _mma_unlikely(chart: Chart, mma: LabResult) -> bool:
    return mma.value is not None and mma.value.at_most_below(chart.of(MMA_UNLIKELY), inclusive=True) is True


def _mma_high(chart: Chart, mma: LabResult) -> bool:
    return _above(chart, mma, MMA_HIGH_AT_ANY_EGFR) or (_above(chart, mma, MMA_HIGH) and _kidneys_clear(chart, mma))


def _kidneys_clear(chart: Chart, marker: LabResult) -> bool:
    """Whether the eGFR that goes with a functional marker may be taken as normal."""
    return _kidneys(chart, marker)[0]


def _kidneys(chart: Chart, marker: LabResult) -> tuple[bool, str]:
    """The same, with what it rests on (section 6, 13 and 30)."""
    drawn, apart, normal = marker.taken.date(), chart.of(PAIRED_DAYS), chart.of(EGFR_NORMAL)
    number = next(iter(normal.printed.values()))
    near = [r for r in chart.labs.get(analytes.EGFR.key, ()) if abs((r.taken.date() - drawn).days) <= apart]
    readable = [(abs((r.taken.date() - drawn).days), r.value.low, r) for r in near if r.value is not None]
    if readable:
        _, _, egfr = min(readable, key=lambda entry: entry[:2])
        clear = egfr.value is not None and egfr.value.at_most_below(normal) is False
        return clear, f"eGFR {egfr.printed}"
    if near:
        return False, f"an eGFR that cannot be read, taken as below {number}"
    if chart.has_condition("B12_CKD"):
        return False, "chronic kidney disease on record"
    last = next(iter(chart.labs.get(analytes.EGFR.key, ())), None)
    if last is None:
        where = "on record" if chart.looked_up(WORKUP) else "among the results that were available"
        return True, f"no eGFR {where}, taken as {number} or more"
    clear = last.value is not None and last.value.at_most_below(normal) is False
    return clear, f"last eGFR {last.printed or 'not readable'}, not near"


def _mma_evidence(chart: Chart, mma: LabResult) -> Evidence:
    clear, basis = _kidneys(chart, mma)
    unlikely, high = chart.of(MMA_UNLIKELY), chart.of(MMA_HIGH)
    if _above(chart, mma, MMA_HIGH_AT_ANY_EGFR):
        words = f"high: above {chart.of(MMA_HIGH_AT_ANY_EGFR)} at any eGFR"
        cite = chart.cite(MMA_HIGH_AT_ANY_EGFR)
    elif _mma_high(chart, mma):
        words, cite = f"high: above {high} ({basis})", chart.cite(MMA_HIGH)
    elif _mma_unlikely(chart, mma):
        words, cite = f"deficiency unlikely: up to {unlikely}", chart.cite(MMA_UNLIKELY)
    elif clear:
        cite = chart.cite(MMA_UNLIKELY, MMA_HIGH, otherwise=MMA_HIGH.cite)
        words = f"indeterminate: above {unlikely}, up to {high}"
    else:
        words, cite = f"does not decide: kidney function raises it ({basis})", chart.cite(EGFR_NORMAL)
    return of_result(mma, analytes.MMA.measure, words, cite)


def _functional_marker_after(chart: Chart, exposures: tuple[Exposure, ...]) -> bool:
    """Whether MMA or homocysteine was measured after the latest dated exposure (undated: within the look-back)."""
    since = latest_exposure(exposures)
    results = (*chart.results(analytes.MMA.key), *chart.results(analytes.HOMOCYSTEINE.key))
    if since is None:
        return any(chart.within(r.taken.date(), LOOK_BACK) for r in results)
    return any(r.taken.date() > since for r in results)


def _raised_after(chart: Chart, exposures: tuple[Exposure, ...]) -> tuple[Evidence, ...]:
    """Functional markers since nitrous oxide that contradict a normal level, whatever B12 they belong to."""
    if not exposures:
        return ()
    since = latest_exposure(exposures)

    def newest(analyte: str) -> LabResult | None:
        result = chart.newest(analyte, LOOK_BACK)
        return result if result is not None and (since is None or result.taken.date() >= since) else None

    mma, homocysteine = newest(analytes.MMA.key), newest(analytes.HOMOCYSTEINE.key)
    found: list[Evidence] = []
    if mma is not None and _mma_high(chart, mma):
        found.append(_mma_evidence(chart, mma))
    if (
        homocysteine is not None
        and _above(chart, homocysteine, HOMOCYSTEINE_RAISED)
        and _kidneys_clear(chart, homocysteine)
    ):
        words = f"raised: above {chart.of(HOMOCYSTEINE_RAISED)} (folate deficiency and kidney disease raise it, too)"
        found.append(of_result(homocysteine, analytes.HOMOCYSTEINE.measure, words, chart.cite(HOMOCYSTEINE_RAISED)))
    return tuple(found)


# --- what is missing ---


def _missing_note(chart: Chart, result: LabResult | None, state: str) -> str:
    if state == UNREADABLE and result is not None:
        return unreadable_note(result)
    if state == STALE and result is not None:
        return f"last result {result.taken.date().isoformat()}, before a new strong risk"
    return state_without_result(chart, chart.of(LOOK_BACK), analytes.B12.key, analytes.HOLOTC.key)[1]


def _high_risk(chart: Chart, exposures: tuple[Exposure, ...], strong: tuple[Evidence, ...]) -> tuple[Evidence, ...]:
    """What makes SCREEN a warning: it need not be a strong risk that makes B12 eligible (1.1.a)."""
    marked = (*high_risk_facts(chart), *(e for e in strong if e.criterion.startswith("high risk")))
    return tuple(dict.fromkeys((*(e.evidence for e in exposures), *marked)))


def _screen_tests(chart: Chart, exposures: tuple[Exposure, ...], strong: bool) -> tuple[catalog.Orderable, ...]:
    first = (catalog.HOLOTC if pregnant(chart) else catalog.TOTAL_B12).again()
    if exposures:
        return (catalog.HOMOCYSTEINE.again(), catalog.MMA.again(), catalog.CREATININE, first, catalog.CBC)
    functional = (catalog.MMA, catalog.HOMOCYSTEINE, catalog.CREATININE)
    return (first, catalog.CBC, *functional) if strong else (first, catalog.CBC)
