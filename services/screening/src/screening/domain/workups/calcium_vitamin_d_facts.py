"""Which calcium decides, and facts about calcium. Clinical rules 1.5.a, 1.5.b and section 6: 2, 7, 22, 23."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from screening.domain import analytes
from screening.domain.chart import Chart, Fact, Medication
from screening.domain.citations import ABIM_2026, ENDOCRINE_2016
from screening.domain.labs import LabResult, Scale, Value, above, below
from screening.domain.phenotype import Phenotype
from screening.domain.thresholds import cut, days

MODULE: Final = "CA"
WORKUP: Final = "calcium-vitamin-d"

LOOK_BACK: Final = days("calcium-vitamin-d.look-back", 183, "a calcium counts this long")
LOOK_BACK_REASSURED: Final = days(
    "calcium-vitamin-d.look-back-reassured",
    1095,
    "a calcium counts this long without a risk, once one since the onset was not abnormal",
)
ALBUMIN_DAYS: Final = days(
    "calcium-vitamin-d.albumin-interval", 1, "an albumin adjusts a calcium drawn at most so far away"
)
FRESH: Final = days("calcium-vitamin-d.fresh", 14, "a critical calcium is an emergency this long", fixed=True)
IONIZED_REASSURES: Final = days(
    "calcium-vitamin-d.ionized-reassures", 7, "a normal ionized calcium answers a low total one at most so far away"
)
IONIZED_PREFERRED: Final = timedelta(hours=24)

ADJUSTED: Final = Scale(
    analytes.CALCIUM_ADJUSTED,
    (
        below("critical", "1.90 mmol/L", "7.6 mg/dL", floor=True),
        below("low", "2.10 mmol/L", "8.4 mg/dL"),
        below("near-normal", "2.15 mmol/L", "8.6 mg/dL"),
        above("normal"),
    ),
    cite=ENDOCRINE_2016,
    id="calcium-vitamin-d.adjusted",
    reassuring=frozenset({"near-normal", "normal"}),
)
IONIZED: Final = Scale(
    analytes.CALCIUM_IONIZED,
    (
        below("critical", "0.90 mmol/L", "3.6 mg/dL", floor=True),
        below("low", "1.10 mmol/L", "4.4 mg/dL"),
        below("near-normal", "1.15 mmol/L", "4.6 mg/dL"),
        above("normal"),
    ),
    cite=ENDOCRINE_2016,
    id="calcium-vitamin-d.ionized",
    reassuring=frozenset({"near-normal", "normal"}),
)
MAGNESIUM_LOW: Final = cut(
    "calcium-vitamin-d.magnesium-low",
    "0.50 mmol/L",
    "1.2 mg/dL",
    means="magnesium: low below this",
    cite=ABIM_2026,
)
ALBUMIN_LOW: Final = cut(
    "calcium-vitamin-d.albumin-low", "30 g/L", means="albumin: ionized calcium is added below this", cite=ENDOCRINE_2016
)
REASSURING: Final = ADJUSTED.reassuring


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at calcium: ionized, adjusted by the laboratory or by an albumin of the same time, or total alone.

    `result.value` is what is read in the bands; `albumin` is the one that adjusted it. `alone`: a total calcium
    without an albumin near.
    """

    result: LabResult
    scale: Scale
    band: str | None
    albumin: LabResult | None = None
    total: LabResult | None = None
    alone: bool = False

    @property
    def day(self) -> date:
        """The UTC day of the sample."""
        return self.result.taken.date()


def adjusted(total: Value, albumin: Value) -> Value:
    """Calcium adjusted for albumin, in the family that the calcium was sent in.

    mmol/L: total + 0.02 x (40 - albumin in g/L); mg/dL: total + 0.8 x (4.0 - albumin in g/dL).
    """
    if total.unit == "mg/dL":
        slope, normal, per = Decimal("0.8"), Decimal("4.0"), Decimal("0.1")
        unit, factor, to_canonical = "mg/dL", Decimal(1), total.to_canonical
    else:
        slope, normal, per = Decimal("0.02"), Decimal(40), Decimal(1)
        unit, factor, to_canonical = total.canonical_unit, total.to_canonical, Decimal(1)
    least, most = (bound * per for bound in albumin.canonical_bounds())
    return Value(
        max(Decimal(0), total.low * factor + slope * (normal - most)),
        total.high * factor + slope * (normal - least),
        total.low_open or albumin.high_open,
        total.high_open or albumin.low_open,
        unit,
        total.canonical_unit,
        to_canonical,
    )


def samples(chart: Chart, look_back: int | None = None) -> tuple[Sample, ...]:
    """Adjusted and total calcium of the last `look_back` days, newest first; a better reading of one time first."""
    scale = chart.scale(ADJUSTED)
    found = [_read(scale, result) for result in chart.results(analytes.CALCIUM_ADJUSTED.key, look_back)]
    found += [_of_total(chart, scale, total) for total in chart.results(analytes.CALCIUM.key, look_back)]
    return tuple(
        sorted(found, key=lambda s: (s.result.taken, s.total is None and not s.alone, not s.alone), reverse=True)
    )


def _of_total(chart: Chart, scale: Scale, total: LabResult) -> Sample:
    """A total calcium by the nearest albumin of its time; alone without one.

    An albumin with a comparator that leaves the calcium open neither takes a low calcium away nor makes one normal.
    """
    alone = _read(scale, total, alone=True)
    by_albumin = [
        _read(scale, replace(total, value=value), albumin=albumin, total=total)
        for albumin in albumins(chart, total, chart.of(ALBUMIN_DAYS))
        if (value := _value(total, albumin)) is not None
    ]
    clear = next((sample for sample in by_albumin if sample.band is not None), None)
    if clear is not None or not by_albumin:
        return clear or alone
    return by_albumin[0] if alone.band is None or alone.band in REASSURING else alone


def albumins(chart: Chart, total: LabResult, within: int) -> Iterator[LabResult]:
    """The readable albumins at most `within` days from a calcium, the nearest first."""
    near = [r for r in chart.results(analytes.ALBUMIN.key) if abs((r.taken.date() - total.taken.date()).days) <= within]
    return iter(sorted(near, key=lambda r: abs(r.taken - total.taken)))


def adjusted_by(chart: Chart, total: LabResult, within: int) -> Value | None:
    """A total calcium adjusted by the nearest albumin at most `within` days away."""
    return next((v for a in albumins(chart, total, within) if (v := _value(total, a)) is not None), None)


def ionized(chart: Chart, look_back: int | None = None) -> tuple[Sample, ...]:
    """Ionized calcium of the last `look_back` days, newest first."""
    scale = chart.scale(IONIZED)
    return tuple(_read(scale, result) for result in chart.results(analytes.CALCIUM_IONIZED.key, look_back))


def _value(total: LabResult, albumin: LabResult) -> Value | None:
    return None if total.value is None or albumin.value is None else adjusted(total.value, albumin.value)


def _read(
    scale: Scale,
    result: LabResult,
    albumin: LabResult | None = None,
    total: LabResult | None = None,
    *,
    alone: bool = False,
) -> Sample:
    band = scale.band(result.value) if result.value is not None else None
    if alone and result.value is not None and set(scale.touched(result.value)) <= {"low", "near-normal"}:
        band = "low"  # without an albumin the two mean the same: it may be low
    return Sample(result, scale, band, albumin, total, alone)


def deciding(found: tuple[Sample, ...]) -> Sample | None:
    """The newest sample, unless it spans a limit and cannot be normal: that never hides an older one that is low."""
    for sample in found:
        if sample.band is not None and (sample is found[0] or sample.band not in REASSURING):
            return sample
        value = sample.result.value
        if value is None or not REASSURING.isdisjoint(sample.scale.touched(value)):
            break
    return found[0] if found else None


def at_risk(chart: Chart) -> tuple[Fact, ...]:
    """Hypocalcemia risk, tetany, and medicines that lower calcium (active or on hold)."""
    return tuple(chart.facts_in("CA_RISK", "CA_HYPOPARA", "CA_TETANY", "CA_RISK_RX"))


def high_risk(chart: Chart) -> tuple[Fact, ...]:
    """Hypoparathyroidism or tetany."""
    return tuple(chart.facts_in("CA_HYPOPARA", "CA_TETANY"))


def look_back(chart: Chart, phenotype: Phenotype, *, risk: bool) -> int:
    """How many days a calcium counts (section 6, 23)."""
    usual, long = chart.of(LOOK_BACK), chart.of(LOOK_BACK_REASSURED)
    if risk:
        return usual
    since = phenotype.onset_day(chart)
    if since is None:
        return usual
    seen = (*samples(chart), *ionized(chart))
    reassured = any(s.band in REASSURING and s.day >= since for s in seen)
    return long if reassured else usual


def treatment_since(chart: Chart, sample: date) -> Medication | None:
    """Active calcium or active vitamin D that was started after the day of a sample; plain vitamin D never counts."""
    return next((m for m in chart.treatments("CA_RX") if m.start is not None and m.start > sample), None)


def needs_ionized(chart: Chart, look_back: int) -> bool:
    """Whether adjustment for albumin cannot be relied on: a low albumin or advanced kidney disease."""
    if chart.has_condition("B12_CKD"):
        return True
    albumin = chart.newest(analytes.ALBUMIN.key, look_back)
    return (
        albumin is not None and albumin.value is not None and albumin.value.at_most_below(chart.of(ALBUMIN_LOW)) is True
    )
