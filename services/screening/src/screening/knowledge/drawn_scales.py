"""The limits of the rules that are no bands of a scale, put together as scales: to be drawn, never to decide.

The explanations draw them with the numbers of the rules; the timeline of the workbench with those that a site has set.
"""

from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from screening.domain import analytes
from screening.domain.analytes import Abnormal, Analyte
from screening.domain.chart import Chart
from screening.domain.citations import OWN_RANGE, Citation
from screening.domain.labs import Band, LabResult, Scale
from screening.domain.thresholds import Threshold
from screening.domain.units import Limit, Measure, display, units
from screening.domain.workups import (
    calcium_vitamin_d_cards,
    calcium_vitamin_d_facts,
    copper_wilson_facts,
    iron_nbia,
    iron_nbia_facts,
    manganese,
    manganese_facts,
    vitamin_b12,
    vitamin_b12_facts,
    vitamin_e,
)

LIPID_RATIO: Final = Analyte(
    "vitamin-e-lipid-ratio", "vitamin E to lipid ratio", "", Measure((units(vitamin_e.RATIO_LOW.unit),))
)
"""No laboratory measures it: the workup makes it of three results."""
NOTHING: Final = frozenset({""})
"""No band reassures."""
_OF_MEN: Final = "of men, and where sex is unknown"


def of_pages(chart: Chart) -> tuple[Scale, ...]:
    """The scales that pages draw besides those of the rules, in the order in which they follow these.

    Not drawn there, since they say something about risk or about another result: eGFR, MCV, hemoglobin, albumin,
    lipids, INR.

    Args:
        chart: gives the numbers in force; one without site values gives those of the rules.
    """
    serum = _cut(chart, manganese.SERUM_NORMAL, analytes.MANGANESE_SERUM, "excludes nothing", "order whole blood")
    return (
        _methylmalonic_acid(chart),
        _cut(chart, vitamin_b12.HOMOCYSTEINE_RAISED, analytes.HOMOCYSTEINE, "not raised", "raised if the kidneys work"),
        _cut(chart, calcium_vitamin_d_facts.MAGNESIUM_LOW, analytes.MAGNESIUM, "low", "not low"),
        _vitamin_d(chart),
        manganese_blood(chart),
        replace(serum, reassuring=NOTHING),
        ferritin(chart, women=False),
        ferritin(chart, women=True),
        _cut(chart, iron_nbia.IRON_LOW, analytes.IRON, "low", "not low"),
        _cut(chart, iron_nbia.SATURATION_LOW, analytes.TRANSFERRIN_SATURATION, "low", "not low"),
        _cut(chart, copper_wilson_facts.SERUM_LOW, analytes.COPPER_SERUM, "low", "not low"),
    )


def beside(chart: Chart) -> tuple[Scale, ...]:
    """Limits that say something about a risk or about another result: drawn where a patient's own results are."""
    inr = _cut(chart, copper_wilson_facts.INR_RAISED, analytes.INR, "not raised", "raised")
    return (
        _cut(chart, vitamin_b12.EGFR_NORMAL, analytes.EGFR, "raises methylmalonic acid", "does not raise it"),
        _cut(chart, vitamin_b12_facts.MACROCYTOSIS, analytes.MCV, "not raised", "risk of B12 deficiency"),
        _cut(
            chart,
            calcium_vitamin_d_facts.ALBUMIN_LOW,
            analytes.ALBUMIN,
            "low: ask for ionized calcium",
            "not low",
        ),
        _cut(chart, vitamin_e.CHOLESTEROL_VERY_LOW, analytes.CHOLESTEROL, "very low", "not very low"),
        replace(inr, bands=(replace(inr.bands[0], inclusive=False), inr.bands[1])),
    )


def hemoglobin(chart: Chart, *, women: bool) -> Scale:
    """High hemoglobin: a manganese risk."""
    threshold = manganese_facts.HEMOGLOBIN_HIGH_FEMALE if women else manganese_facts.HEMOGLOBIN_HIGH_MALE
    return _cut(chart, threshold, analytes.HEMOGLOBIN, "not high", "high", whom="of women" if women else _OF_MEN)


def ferritin(chart: Chart, *, women: bool) -> Scale:
    """High ferritin."""
    threshold = iron_nbia_facts.FERRITIN_HIGH_FEMALE if women else iron_nbia_facts.FERRITIN_HIGH_MALE
    return _cut(chart, threshold, analytes.FERRITIN, "not high", "high", whom="of women" if women else _OF_MEN)


def lipid_ratio(chart: Chart) -> Scale:
    """Vitamin E for its lipids."""
    threshold = vitamin_e.RATIO_LOW
    cut = Limit({threshold.unit: chart.of(threshold)})
    return Scale(LIPID_RATIO, (Band("low", cut), Band("not low")), chart.cite(threshold), threshold.id)


def manganese_blood(chart: Chart, result: LabResult | None = None) -> Scale:
    """Whole-blood manganese: multiples of the upper limit of normal, the laboratory's own for a result that has one."""
    normal, whom, cite = chart.of(manganese.UPPER_NORMAL), "where the laboratory prints no range of its own", None
    if result is not None and result.value is not None and result.upper_normal is not None:
        own = result.upper_normal
        printed = {result.value.unit: own}
        for family in analytes.MANGANESE_BLOOD.measure.families:
            converted = own * result.value.to_canonical / family.to_canonical
            printed.setdefault(family.unit, Decimal(display(converted)))
        normal, whom, cite = Limit(printed), "by the laboratory's own range", OWN_RANGE
    return Scale(
        analytes.MANGANESE_BLOOD,
        (
            Band("not raised", normal, inclusive=True),
            Band("mildly high", _times(normal, chart.of(manganese.RAISED)), inclusive=True),
            Band("high with a source or found twice", _times(normal, chart.of(manganese.HIGH)), inclusive=True),
            Band("high"),
        ),
        cite or _cited(chart, manganese.UPPER_NORMAL),
        "manganese.blood",
        frozenset({"not raised"}),
        whom,
    )


def _methylmalonic_acid(chart: Chart) -> Scale:
    unlikely, high, anyway = vitamin_b12.MMA_UNLIKELY, vitamin_b12.MMA_HIGH, vitamin_b12.MMA_HIGH_AT_ANY_EGFR
    return Scale(
        analytes.MMA,
        (
            Band("deficiency unlikely", chart.of(unlikely), inclusive=True),
            Band("indeterminate", chart.of(high), inclusive=True),
            Band("high if the kidneys work", chart.of(anyway), inclusive=True),
            Band("high"),
        ),
        _cited(chart, unlikely, high),
        "vitamin-b12.mma",
        frozenset({"deficiency unlikely"}),
    )


def _vitamin_d(chart: Chart) -> Scale:
    severe, low = calcium_vitamin_d_cards.VITAMIN_D_SEVERE, calcium_vitamin_d_cards.VITAMIN_D_LOW
    return Scale(
        analytes.VITAMIN_D,
        (Band("severely low", chart.of(severe)), Band("insufficient", chart.of(low)), Band("sufficient")),
        _cited(chart, severe, low),
        "calcium-vitamin-d.vitamin-d",
        whom="(text only, never a card)",
    )


def _cut(chart: Chart, threshold: Threshold[Limit], analyte: Analyte, low: str, high: str, *, whom: str = "") -> Scale:
    """One limit as a scale of two bands; it belongs to the band that is not abnormal."""
    upward = analyte.abnormal is Abnormal.HIGH
    bands = (Band(low, chart.of(threshold), inclusive=upward), Band(high))
    return Scale(analyte, bands, _cited(chart, threshold), threshold.id, frozenset({low if upward else high}), whom)


def _times(limit: Limit, factor: Decimal) -> Limit:
    return Limit({unit: number * factor for unit, number in limit.printed.items()})


def _cited(chart: Chart, *thresholds: Threshold[Any]) -> Citation:
    return Citation("; ".join(dict.fromkeys(chart.cite(threshold).text for threshold in thresholds)))
