"""Which tests the timeline draws, by which bands each is read, and how long a result of it counts.

All numbers and scales are those of the rules, by way of the chart: a site's own where it has set some.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from screening.domain import analytes
from screening.domain.analytes import Analyte
from screening.domain.chart import Chart
from screening.domain.labs import LabResult, Scale
from screening.domain.phenotype import Phenotype
from screening.domain.thresholds import Threshold
from screening.domain.workups import (
    calcium_vitamin_d_cards,
    ceruloplasmin,
    copper_wilson_facts,
    iron_nbia_facts,
    manganese,
    manganese_facts,
    vitamin_b12,
    vitamin_b12_facts,
    vitamin_e,
)
from screening.domain.workups import calcium_vitamin_d_facts as calcium
from screening.knowledge import drawn_scales

RESULTS: Final = "results"
CALCIUM: Final = "calcium"
LIPID_RATIO: Final = "lipid-ratio"

ScaleOf = Callable[[Chart, LabResult], Scale | None]
Days = Callable[[Chart, Phenotype], int | None]


def _no_scale(chart: Chart, result: LabResult) -> None:
    del chart, result


def _no_changes(chart: Chart) -> Sequence[date]:
    del chart
    return ()


def _never(chart: Chart, phenotype: Phenotype) -> None:
    del chart, phenotype


@dataclass(frozen=True, slots=True)
class Reading:
    """How the results of one test are drawn.

    Attributes:
        id: stable, fit for an address.
        label: name of the test.
        analytes: the one that is drawn first; results of the others that cannot be read are told of with it.
        scale: the bands that a result is read in; None where the rules have none.
        days: how many days a result counts; None: that depends on another result.
        belongs: to what, in words, where `days` gives none.
        changes: the days on which the bands change.
        module: the workup whose other facts (an operation, a treatment) are drawn beside the results.
        aside: it decides nothing by itself, and is folded away.
        source: where its numbers come from: `RESULTS` as they are, or what the rules make of several results.
    """

    id: str
    label: str
    analytes: tuple[Analyte, ...]
    scale: ScaleOf = _no_scale
    days: Days = _never
    belongs: Callable[[Chart], str] = field(default=lambda _: "It is read beside other results.")
    changes: Callable[[Chart], Sequence[date]] = _no_changes
    module: str = ""
    aside: bool = False
    source: str = RESULTS

    def counts(self, chart: Chart, days: int | None) -> str:
        """How long a result counts, in a sentence."""
        return self.belongs(chart) if days is None else f"A result counts for {days} days."


def _for(threshold: Threshold[int]) -> Days:
    return lambda chart, _: chart.of(threshold)


def _within(words: str, threshold: Threshold[int]) -> Callable[[Chart], str]:
    return lambda chart: f"It counts with {words} drawn at most {chart.of(threshold)} days from it."


def _in_force(scale: Scale) -> ScaleOf:
    return lambda chart, _: chart.scale(scale)


def _of_pages(analyte: Analyte) -> ScaleOf:
    """The bands that pages draw for an analyte, put together from single limits."""

    def found(chart: Chart, result: LabResult) -> Scale | None:
        del result
        every = (*drawn_scales.of_pages(chart), *drawn_scales.beside(chart))
        return next((scale for scale in every if scale.analyte is analyte), None)

    return found


def _total_b12(chart: Chart, result: LabResult) -> Scale:
    del result
    pregnant = vitamin_b12_facts.pregnant(chart)
    return chart.scale(vitamin_b12.TOTAL_B12_IN_PREGNANCY if pregnant else vitamin_b12.TOTAL_B12)


def _vitamin_e(chart: Chart, result: LabResult) -> Scale:
    """By the age on the day of the sample; an unknown age is read as adult."""
    age = chart.age_on(result.taken.date())
    child = age is not None and age < chart.of(vitamin_e.ADULT_AGE)
    return chart.scale(vitamin_e.CHILD if child else vitamin_e.ADULT)


def _coming_of_age(chart: Chart) -> Sequence[date]:
    day = chart.birthday(chart.of(vitamin_e.ADULT_AGE))
    return (day,) if day is not None else ()


def _vitamin_e_days(chart: Chart, phenotype: Phenotype) -> int:
    del phenotype
    at_risk = any(chart.facts_in("VE_RISK"))
    return chart.of(vitamin_e.LOOK_BACK_AT_RISK if at_risk else vitamin_e.LOOK_BACK)


def _manganese_days(chart: Chart, phenotype: Phenotype) -> int:
    del phenotype
    on_nutrition = bool(manganese_facts.on_parenteral_nutrition(chart))
    return chart.of(manganese.LOOK_BACK_ON_PN if on_nutrition else manganese.LOOK_BACK)


def _calcium_days(chart: Chart, phenotype: Phenotype) -> int:
    return calcium.look_back(chart, phenotype, risk=bool(calcium.at_risk(chart)))


def _is_woman(chart: Chart) -> bool:
    return chart.patient.sex == "female"


READINGS: Final[tuple[Reading, ...]] = (
    Reading("b12", "Vitamin B12", (analytes.B12,), _total_b12, _for(vitamin_b12_facts.LOOK_BACK), module="B12"),
    Reading(
        "holotc",
        "Holotranscobalamin",
        (analytes.HOLOTC,),
        _in_force(vitamin_b12.HOLOTC),
        _for(vitamin_b12_facts.LOOK_BACK),
        module="B12",
    ),
    Reading(
        "mma",
        "Methylmalonic acid",
        (analytes.MMA,),
        _of_pages(analytes.MMA),
        belongs=_within("a vitamin B12", vitamin_b12_facts.PAIRED_DAYS),
        module="B12",
    ),
    Reading(
        "homocysteine",
        "Homocysteine",
        (analytes.HOMOCYSTEINE,),
        _of_pages(analytes.HOMOCYSTEINE),
        _for(vitamin_b12_facts.LOOK_BACK),
        module="B12",
    ),
    Reading("folate", "Folate", (analytes.FOLATE,), aside=True),
    Reading(
        "egfr",
        "eGFR",
        (analytes.EGFR,),
        _of_pages(analytes.EGFR),
        belongs=_within("a methylmalonic acid or homocysteine", vitamin_b12_facts.PAIRED_DAYS),
        aside=True,
    ),
    Reading(
        "mcv",
        "MCV",
        (analytes.MCV,),
        _of_pages(analytes.MCV),
        _for(vitamin_b12_facts.MACROCYTOSIS_DAYS),
        aside=True,
    ),
    Reading(
        "calcium",
        "Calcium, adjusted for albumin",
        (analytes.CALCIUM_ADJUSTED, analytes.CALCIUM),
        days=_calcium_days,
        source=CALCIUM,
        module="CA",
    ),
    Reading(
        "calcium-ionized",
        "Ionized calcium",
        (analytes.CALCIUM_IONIZED,),
        _in_force(calcium.IONIZED),
        _calcium_days,
        module="CA",
    ),
    Reading(
        "albumin",
        "Albumin",
        (analytes.ALBUMIN,),
        _of_pages(analytes.ALBUMIN),
        belongs=_within("a calcium", calcium.ALBUMIN_DAYS),
        aside=True,
    ),
    Reading("magnesium", "Magnesium", (analytes.MAGNESIUM,), _of_pages(analytes.MAGNESIUM), _calcium_days, module="CA"),
    Reading("pth", "PTH", (analytes.PTH,), days=_for(calcium_vitamin_d_cards.COMPANION_DAYS), aside=True),
    Reading(
        "vitamin-d",
        "25-hydroxyvitamin D",
        (analytes.VITAMIN_D,),
        _of_pages(analytes.VITAMIN_D),
        _for(calcium_vitamin_d_cards.COMPANION_DAYS),
        aside=True,
    ),
    Reading(
        "ceruloplasmin",
        "Ceruloplasmin",
        (analytes.CERULOPLASMIN,),
        _in_force(ceruloplasmin.CERULOPLASMIN),
        _for(ceruloplasmin.LOOK_BACK),
        module="CU",
    ),
    Reading(
        "copper-urine",
        "Copper in 24-hour urine",
        (analytes.COPPER_URINE,),
        _in_force(copper_wilson_facts.URINE),
        _for(copper_wilson_facts.URINE_LOOK_BACK),
        module="CU",
    ),
    Reading(
        "copper-serum",
        "Copper in serum",
        (analytes.COPPER_SERUM,),
        _of_pages(analytes.COPPER_SERUM),
        belongs=_within("a ceruloplasmin", copper_wilson_facts.SERUM_DAYS),
    ),
    Reading("inr", "INR", (analytes.INR,), _of_pages(analytes.INR), _for(copper_wilson_facts.INR_LOOK_BACK)),
    Reading(
        "vitamin-e",
        "Vitamin E (alpha-tocopherol)",
        (analytes.ALPHA_TOCOPHEROL,),
        _vitamin_e,
        _vitamin_e_days,
        changes=_coming_of_age,
        module="VITE",
    ),
    Reading(
        "vitamin-e-lipid-ratio",
        "Vitamin E to lipid ratio",
        (drawn_scales.LIPID_RATIO,),
        lambda chart, _: drawn_scales.lipid_ratio(chart),
        _vitamin_e_days,
        source=LIPID_RATIO,
        module="VITE",
    ),
    Reading(
        "cholesterol",
        "Cholesterol",
        (analytes.CHOLESTEROL,),
        _of_pages(analytes.CHOLESTEROL),
        belongs=_within("a vitamin E", vitamin_e.LIPID_DAYS),
        aside=True,
    ),
    Reading(
        "triglycerides",
        "Triglycerides",
        (analytes.TRIGLYCERIDES,),
        belongs=_within("a vitamin E", vitamin_e.LIPID_DAYS),
        aside=True,
    ),
    Reading(
        "manganese-blood",
        "Manganese in whole blood",
        (analytes.MANGANESE_BLOOD,),
        drawn_scales.manganese_blood,
        _manganese_days,
        module="MN",
    ),
    Reading(
        "manganese-serum",
        "Manganese in serum",
        (analytes.MANGANESE_SERUM,),
        _of_pages(analytes.MANGANESE_SERUM),
        _manganese_days,
        module="MN",
    ),
    Reading(
        "ferritin",
        "Ferritin",
        (analytes.FERRITIN,),
        lambda chart, _: drawn_scales.ferritin(chart, women=_is_woman(chart)),
        _for(iron_nbia_facts.LOOK_BACK),
        module="FE",
    ),
    Reading(
        "iron",
        "Iron in serum",
        (analytes.IRON,),
        _of_pages(analytes.IRON),
        _for(iron_nbia_facts.LOOK_BACK),
        module="FE",
    ),
    Reading(
        "transferrin-saturation",
        "Transferrin saturation",
        (analytes.TRANSFERRIN_SATURATION,),
        _of_pages(analytes.TRANSFERRIN_SATURATION),
        _for(iron_nbia_facts.LOOK_BACK),
        module="FE",
    ),
    Reading(
        "hemoglobin",
        "Hemoglobin",
        (analytes.HEMOGLOBIN,),
        lambda chart, _: drawn_scales.hemoglobin(chart, women=_is_woman(chart)),
        _for(manganese_facts.HEMOGLOBIN_DAYS),
        aside=True,
    ),
)
"""In the order of the workups on a card."""
