"""The results of a test as the timeline draws them: as the rules compare them, in the bands of the rules."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from screening.domain import analytes
from screening.domain.chart import Chart
from screening.domain.evidence import Evidence
from screening.domain.labs import LabResult, Scale, Value
from screening.domain.phenotype import Phenotype
from screening.domain.units import plain
from screening.domain.workups import calcium_vitamin_d_facts, vitamin_e
from screening.domain.workups.calcium_vitamin_d_facts import Sample
from screening.knowledge import drawn_scales
from screening.pages.timeline_readings import CALCIUM, LIPID_RATIO, Reading

_LIPIDS: Final = (analytes.CHOLESTEROL.key, analytes.TRIGLYCERIDES.key)


@dataclass(frozen=True, slots=True)
class Placed:
    """A readable result with the bands that hold for it.

    Attributes:
        result: as it was read; for a number that the rules make of several, one of that number.
        value: what is compared.
        scale: the bands; None where the rules have none.
        printed: the value and unit as sent, and what a number was made from.
        bands: the one that it lies in, or all that a comparator's interval spans.
        criterion: what the band means, with its limits; empty without one.
    """

    result: LabResult
    value: Value
    scale: Scale | None
    printed: str
    bands: tuple[str, ...]
    criterion: str


def of(reading: Reading, chart: Chart, phenotype: Phenotype) -> list[Placed]:
    """The readable results of a test, newest first."""
    if reading.source == CALCIUM:
        return list(_calcium(chart))
    if reading.source == LIPID_RATIO:
        return list(_ratios(chart, phenotype))
    return list(_results(reading, chart))


def _results(reading: Reading, chart: Chart) -> Iterator[Placed]:
    for result in chart.results(reading.analytes[0].key):
        if result.value is not None:
            scale = reading.scale(chart, result)
            bands = scale.touched(result.value) if scale is not None else ()
            yield Placed(result, result.value, scale, printed(result), bands, _criterion(scale, bands))


def _calcium(chart: Chart) -> Iterator[Placed]:
    """Calcium as the rules compare it: adjusted by the laboratory, or by an albumin of its time, or total alone."""
    for sample in calcium_vitamin_d_facts.samples(chart):
        value = sample.result.value
        if value is not None:
            bands = (sample.band,) if sample.band is not None else sample.scale.touched(value)
            yield Placed(sample.result, value, sample.scale, _from(sample), bands, _criterion(sample.scale, bands))


def _from(sample: Sample) -> str:
    if sample.alone:
        return f"total {printed(sample.result)}, no albumin near"
    if sample.total is None or sample.albumin is None or sample.result.value is None:
        return printed(sample.result)
    value = sample.result.value
    made = f"{plain(value.low.normalize())} {value.unit}" if value.exact else "an open range"
    return f"{made}, from total {printed(sample.total)} and albumin {printed(sample.albumin)}"


def _ratios(chart: Chart, phenotype: Phenotype) -> Iterator[Placed]:
    """The ratio of each vitamin E to its lipids, as the workup makes it on the day of the sample."""
    scale = drawn_scales.lipid_ratio(chart)
    lipids = {key: chart.labs[key] for key in _LIPIDS if key in chart.labs}
    for result in chart.results(analytes.ALPHA_TOCOPHEROL.key) if len(lipids) == len(_LIPIDS) else ():
        then = replace(chart, as_of=result.taken, labs={**lipids, analytes.ALPHA_TOCOPHEROL.key: (result,)})
        for fact in vitamin_e.assess(then, phenotype).evidence:
            if fact.code == drawn_scales.LIPID_RATIO.key and fact.value is not None:
                yield _ratio(fact, result, scale)


def _ratio(fact: Evidence, result: LabResult, scale: Scale) -> Placed:
    """The band is what the workup says: the number beside it is rounded."""
    number = Decimal(str(fact.value))
    value = Value(
        number,
        number,
        low_open=False,
        high_open=False,
        unit=fact.unit,
        canonical_unit=fact.unit,
        to_canonical=Decimal(1),
    )
    made = replace(result, value=value, printed=plain(number), unit=fact.unit, code=fact.code, reference=fact.reference)
    band = fact.criterion.partition(":")[0]
    return Placed(made, value, scale, f"{plain(number)} {fact.unit}", (band,), scale.criterion(band))


def printed(result: LabResult) -> str:
    """A result as sent."""
    return f"{result.printed} {'' if result.unit == '1' else result.unit}".strip()


def _criterion(scale: Scale | None, bands: Sequence[str]) -> str:
    return scale.criterion(bands[0]) if scale is not None and len(bands) == 1 else ""
