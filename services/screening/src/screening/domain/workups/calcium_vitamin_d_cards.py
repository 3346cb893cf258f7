"""The cards about calcium and magnesium. Clinical rules 1.0.8 and 1.5 with section 6: 2, 22."""

from decimal import Decimal
from typing import Final

from screening.domain import analytes, catalog
from screening.domain.chart import Chart
from screening.domain.citations import ABIM_2026, ENDOCRINE_2016, NGUYEN_2005, RULES
from screening.domain.description import Case
from screening.domain.evidence import Evidence, of_result
from screening.domain.findings import (
    ABNORMAL,
    BORDERLINE,
    CRITICAL,
    CRITICAL_STATE,
    INFO,
    NORMAL,
    ORDER_PENDING,
    TREATED,
    WARNING,
    Finding,
    refer,
    suggest,
)
from screening.domain.labs import LabResult
from screening.domain.thresholds import cut, days
from screening.domain.units import display
from screening.domain.workups.calcium_vitamin_d_facts import (
    ADJUSTED,
    ALBUMIN_DAYS,
    FRESH,
    IONIZED,
    IONIZED_REASSURES,
    LOOK_BACK,
    LOOK_BACK_REASSURED,
    MAGNESIUM_LOW,
    MODULE,
    WORKUP,
    Sample,
    needs_ionized,
)
from screening.domain.workups.missing import UNREADABLE_OR_STALE

EMERGENCY: Final = "emergency"
UNDER_TREATMENT: Final = "under treatment"
NEVER_REPEATED: Final = "never repeated"
WITHOUT_ALBUMIN: Final = "without albumin"

VITAMIN_D_SEVERE: Final = cut(
    "calcium-vitamin-d.vitamin-d-severe",
    "25 nmol/L",
    "10 ug/L",
    means="25-hydroxyvitamin D: severely low below this (text only)",
)
VITAMIN_D_LOW: Final = cut(
    "calcium-vitamin-d.vitamin-d-low",
    "50 nmol/L",
    "20 ug/L",
    means="25-hydroxyvitamin D: insufficient below this (text only)",
)
COMPANION_DAYS: Final = days(
    "calcium-vitamin-d.companions", 183, "PTH and 25-hydroxyvitamin D are shown beside a low calcium this long"
)

CASES: Final = (
    Case(
        CRITICAL_STATE,
        f"adjusted (or, without albumin within {ALBUMIN_DAYS}, total) calcium below {ADJUSTED.bands[0].upper}, or ionized"
        f" calcium below {IONIZED.bands[0].upper}",
        f"critical up to {FRESH} old, otherwise a warning that it was never repeated: calcium, magnesium, phosphate, PTH,"
        " vitamin D and ECG at once",
    ),
    Case(TREATED, "calcium or active vitamin D started after the low result", "no card; a low magnesium stays"),
    Case(
        ABNORMAL,
        f"adjusted calcium below {ADJUSTED.bands[1].upper}, ionized below {IONIZED.bands[1].upper}, or magnesium below"
        f" {MAGNESIUM_LOW}",
        "warning: PTH, phosphate, vitamin D, magnesium and a repeat",
    ),
    Case(
        BORDERLINE,
        f"total calcium below {ADJUSTED.bands[2].upper} without an albumin within {ALBUMIN_DAYS} and without a normal"
        f" ionized calcium within {IONIZED_REASSURES}",
        "info: albumin or ionized calcium",
    ),
    Case(ORDER_PENDING, "no calcium, but one is ordered", "no card"),
    *UNREADABLE_OR_STALE,
    Case(
        "NO_RESULT",
        f"no calcium in {LOOK_BACK} ({LOOK_BACK_REASSURED} without a risk, once one since the onset was not abnormal)",
        "a line in SCREEN",
    ),
    Case(NORMAL, "every other calcium; vitamin D alone never shows a card", "no card"),
)
SOURCES: Final = (ENDOCRINE_2016, ABIM_2026, NGUYEN_2005)

CONFIRMATORY: Final = (
    catalog.METABOLIC_PANEL, catalog.MAGNESIUM, catalog.CALCIUM_IONIZED, catalog.PTH, catalog.PHOSPHATE,
    catalog.VITAMIN_D, catalog.ECG,
)  # fmt: skip

_PRIORITY: Final = {EMERGENCY: "stat", UNDER_TREATMENT: "stat", NEVER_REPEATED: "urgent", WITHOUT_ALBUMIN: "stat"}
_TETANY: Final = "Tetany and cramps are not the same as dystonia, but low calcium can cause, mimic or worsen both."
_MAGNESIUM_FIRST: Final = "Low magnesium blocks PTH: calcium does not recover before magnesium does."
_PTH_TELLS: Final = (
    "PTH tells hypoparathyroidism (low, or normal although calcium is low) from vitamin D deficiency and kidney disease"
    " (high)."
)


def sample_evidence(chart: Chart, sample: Sample) -> tuple[Evidence, ...]:
    """What was measured, and what it amounts to after adjustment."""
    band = sample.band or ""
    scale = sample.scale
    cite = scale.citation(band) if band else RULES
    words = scale.criterion(band) if band else "beside the ionized calcium"
    if sample.alone:
        if band == "low":
            words = f"low or near-normal: below {scale.bands[2].upper}"
        near = "no albumin near" if chart.looked_up(WORKUP) else "no albumin near was available"
        return (of_result(sample.result, analytes.CALCIUM.measure, f"total, {near}; {words}", cite),)
    if sample.albumin is None or sample.total is None:
        return (of_result(sample.result, scale.analyte.measure, words, cite),)
    value = sample.result.value
    exact = value is not None and value.exact
    return (
        of_result(sample.total, analytes.CALCIUM.measure, "total, to be adjusted for albumin", RULES),
        of_result(sample.albumin, analytes.ALBUMIN.measure, "adjusts the calcium", RULES),
        Evidence(
            code="adjusted-calcium",
            display="calcium adjusted for albumin",
            value=Decimal(display(value.low)) if exact and value is not None else None,
            unit=value.unit if value is not None else "",
            day=sample.day,
            criterion=words,
            citation=cite,
        ),
    )


def magnesium_evidence(chart: Chart, magnesium: LabResult) -> Evidence:
    """A low magnesium."""
    words = f"low: below {chart.of(MAGNESIUM_LOW)}"
    return of_result(magnesium, analytes.MAGNESIUM.measure, words, chart.cite(MAGNESIUM_LOW))


def _companions(chart: Chart) -> tuple[Evidence, ...]:
    """PTH and vitamin D near the low calcium: for the reader, they decide nothing."""
    found: list[Evidence] = []
    pth = chart.newest(analytes.PTH.key, COMPANION_DAYS)
    if pth is not None:
        words = "shown beside the calcium: low or normal points to the parathyroids"
        found.append(of_result(pth, analytes.PTH.measure, words, RULES))
    vitamin_d = chart.newest(analytes.VITAMIN_D.key, COMPANION_DAYS)
    if vitamin_d is not None and vitamin_d.value is not None:
        severe, low = chart.of(VITAMIN_D_SEVERE), chart.of(VITAMIN_D_LOW)
        if vitamin_d.value.at_most_below(severe) is True:
            words = f"severely low: below {severe}"
        elif vitamin_d.value.at_most_below(low) is True:
            words = f"insufficient: below {low}"
        else:
            words = "shown beside the calcium"
        cite = chart.cite(VITAMIN_D_SEVERE, VITAMIN_D_LOW)
        found.append(of_result(vitamin_d, analytes.VITAMIN_D.measure, words, cite))
    return tuple(found)


def _window(span: int) -> str:
    return f"Looked back {span} days for calcium and magnesium."


def critical(chart: Chart, span: int, evidence: tuple[Evidence, ...], kind: str) -> Finding:
    """CA CRITICAL: an emergency, one under treatment, one never repeated, or one without albumin."""
    tests = (
        catalog.METABOLIC_PANEL, catalog.CALCIUM_IONIZED, catalog.MAGNESIUM, catalog.PHOSPHATE, catalog.PTH,
        catalog.VITAMIN_D, catalog.ECG,
    )  # fmt: skip
    reasons = ("on-treatment", "wrong-data", "specialist-managing")
    summary = (
        "Severe hypocalcemia: same-day emergency assessment, ECG and calcium, magnesium, PTH. It can mimic or worsen"
        " dystonia."
    )
    if kind == UNDER_TREATMENT:
        summary = "Severe hypocalcemia on record, treatment recorded: confirm a repeat calcium with magnesium and PTH."
    elif kind == NEVER_REPEATED and not chart.looked_up(WORKUP):
        summary = "A severely low calcium is on record, no repeat among the available results: repeat it, magnesium and PTH today."
    elif kind == NEVER_REPEATED and not chart.looked_up("medications"):
        summary = "A severely low calcium on record was not repeated: repeat today with magnesium and PTH."
    elif kind == NEVER_REPEATED:
        summary = "A severely low calcium on record was never repeated or treated: repeat today with magnesium and PTH."
    elif kind == WITHOUT_ALBUMIN:
        summary = (
            "Total calcium is very low without same-day albumin: confirm today with ionized calcium or albumin; treat if"
            " symptomatic."
        )
    return Finding(
        MODULE, CRITICAL_STATE, CRITICAL if kind == EMERGENCY else WARNING, summary,
        statements=(
            "Symptoms are usual below this level: tetany, laryngospasm, seizures, a long QT interval.",
            _MAGNESIUM_FIRST, _PTH_TELLS, _TETANY, _window(span),
        ),
        evidence=(*evidence, *_companions(chart)),
        suggestions=(*suggest(chart, "Order", *(test.at(_PRIORITY[kind]) for test in tests)), *refer(chart)),
        override_reasons=("on-treatment", "done-elsewhere") if kind == NEVER_REPEATED else reasons,
        explanation=WORKUP,
    )  # fmt: skip


def abnormal(chart: Chart, span: int, evidence: tuple[Evidence, ...]) -> Finding:
    """CA ABNORMAL: low calcium or magnesium."""
    tests = [
        catalog.PTH,
        catalog.PHOSPHATE,
        catalog.VITAMIN_D,
        catalog.MAGNESIUM.again(),
        catalog.METABOLIC_PANEL.again(),
    ]
    if needs_ionized(chart, span):
        tests.append(catalog.CALCIUM_IONIZED.again())
    return Finding(
        MODULE, ABNORMAL, WARNING,
        "Low calcium or magnesium with a movement disorder: check PTH, phosphate and vitamin D and correct the cause.",
        statements=(
            _PTH_TELLS, _MAGNESIUM_FIRST, _TETANY,
            "CT of the head (basal ganglia calcification) is for the neurologist to ask for.",
            "Adjustment for albumin is unreliable in critical illness, kidney disease, paraproteinemia and acid-base"
            " disturbance: measure ionized calcium then.",
            _window(span),
        ),
        evidence=(*evidence, *_companions(chart)),
        suggestions=(*suggest(chart, "Order", *tests), *refer(chart)),
        override_reasons=("on-treatment", "specialist-managing"),
        explanation=WORKUP,
    )  # fmt: skip


def borderline(chart: Chart, span: int, evidence: tuple[Evidence, ...]) -> Finding:
    """CA BORDERLINE: a low total calcium that no albumin explains."""
    lacking = "without albumin" if chart.looked_up(WORKUP) else "and no albumin was available"
    return Finding(
        MODULE, BORDERLINE, INFO,
        f"Low total calcium {lacking}: order albumin or ionized calcium before interpreting.",
        statements=("Total calcium falls with albumin without any harm; adjusted or ionized calcium decides.", _window(span)),
        evidence=evidence,
        suggestions=(
            *suggest(chart, "Order", catalog.METABOLIC_PANEL.again()),
            *suggest(chart, "Order", catalog.CALCIUM_IONIZED.again()),
        ),
        override_reasons=("deferred", "done-elsewhere"),
        explanation=WORKUP,
    )  # fmt: skip
