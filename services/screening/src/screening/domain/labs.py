"""Laboratory results: how a value reads, and in which band it lies.

Source: clinical rules, 1.0.2 and section 6, 14, 15 and 30.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from screening.domain.analytes import Abnormal, Analyte
from screening.domain.citations import Citation
from screening.domain.thresholds import Threshold
from screening.domain.units import Amount, Limit, amount, limit

INFINITY: Final = Decimal("Infinity")


@dataclass(frozen=True, slots=True)
class Value:
    """A readable value: a number, or the interval that a comparator leaves open.

    `low` and `high` are in the printed unit of the family that was sent; an open end excludes its number.
    """

    low: Decimal
    high: Decimal
    low_open: bool
    high_open: bool
    unit: str
    canonical_unit: str
    to_canonical: Decimal

    @property
    def exact(self) -> bool:
        """A number was sent, without a comparator."""
        return self.low == self.high

    def at_most_below(self, cut: Limit, *, inclusive: bool = False) -> bool | None:
        """Whether the value lies below `cut` (`inclusive`: or on it). None: the interval straddles it."""
        number, factor = _comparable(cut, self)
        low, high = self.low * factor, self.high * factor
        low_below = low < number or (inclusive and low == number and not self.low_open)
        high_below = high < number or (high == number and (inclusive or self.high_open))
        if high_below:
            return True
        return None if low_below else False

    def canonical_bounds(self) -> tuple[Decimal, Decimal]:
        """Both ends in the analyte's canonical unit."""
        return self.low * self.to_canonical, self.high * self.to_canonical


def _comparable(cut: Limit, value: Value) -> tuple[Decimal, Decimal]:
    """The limit's number to compare with, and the factor for the value: 1 in its own family, else converted."""
    own = cut.for_unit(value.unit)
    if own is not None:
        return own, Decimal(1)
    converted = cut.for_unit(value.canonical_unit)
    if converted is None:
        raise ValueError(f"limit {cut} is printed in no unit that {value.unit} leads to")
    return converted, value.to_canonical


@dataclass(frozen=True, slots=True)
class Band:
    """A named band that ends at `upper`; the last band of a scale has none.

    `floor`: no site may lower the limit. `cite`: the source of a limit that a site has set.
    """

    name: str
    upper: Limit | None = None
    inclusive: bool = False
    floor: bool = False
    cite: Citation | None = None


@dataclass(frozen=True, slots=True)
class Scale:
    """The bands of one analyte, lowest first, with the source of their limits.

    `id` begins the ids of its thresholds: `vitamin-b12.total` and the band `deficient` make `vitamin-b12.total.deficient`.
    """

    analyte: Analyte
    bands: tuple[Band, ...]
    cite: Citation
    id: str
    reassuring: frozenset[str] = frozenset()
    """The bands that reassure; when none is named, the last one."""
    whom: str = ""
    """For whom the limits are, where they are not for everybody."""

    def thresholds(self) -> tuple[Threshold[Limit], ...]:
        """The limits between the bands, each as a threshold."""
        label = f"{self.analyte.label} {self.whom}".strip()
        return tuple(
            Threshold(
                self._id(band),
                band.upper,
                "",
                f"{label}: {band.name} {'up to' if band.inclusive else 'below'} this",
                self.cite,
                floor=band.floor,
            )
            for band in self.bands
            if band.upper is not None
        )

    def with_limits(self, limits: Mapping[str, tuple[Limit, Citation]]) -> "Scale":
        """The same bands with some limits of other sources, by threshold id."""
        bands: list[Band] = []
        for band in self.bands:
            upper, cite = limits.get(self._id(band), (band.upper, band.cite))
            bands.append(replace(band, upper=upper, cite=cite))
        return replace(self, bands=tuple(bands))

    def _id(self, band: Band) -> str:
        return f"{self.id}.{band.name.replace(' ', '-')}"

    def criterion(self, band: str) -> str:
        """What a band means, with its limit: `deficient: below 180 ng/L / 133 pmol/L`."""
        lower: Limit | None = None
        for listed in self.bands:
            if listed.name == band and listed.upper is not None:
                return f"{band}: {'up to' if listed.inclusive else 'below'} {listed.upper}"
            lower = listed.upper or lower
        return f"{band}: {'above' if self.bands[-2].inclusive else 'at least'} {lower}"

    def citation(self, band: str) -> Citation:
        """The source of the limit that `criterion` prints for a band."""
        listed = next((one for one in self.bands[:-1] if one.name == band), self.bands[-2])
        return listed.cite or self.cite

    def band(self, value: Value) -> str | None:
        """The band that holds the whole value; None where a comparator's interval spans a limit."""
        for band in self.bands:
            if band.upper is None:
                return band.name
            below = value.at_most_below(band.upper, inclusive=band.inclusive)
            if below is None:
                return None
            if below:
                return band.name
        return None

    def touched(self, value: Value) -> tuple[str, ...]:
        """Every band that a value may lie in: one, or those that a comparator's interval spans."""
        found: list[str] = []
        for band in self.bands:
            below = None if band.upper is None else value.at_most_below(band.upper, inclusive=band.inclusive)
            if below is not False:
                found.append(band.name)
            if below is True:
                break
        return tuple(found)

    def deciding(self, results: Iterable["LabResult"]) -> "LabResult | None":
        """The result that decides: the newest, unless it spans a limit and cannot be normal whatever it is.

        Such a result never hides an older one that does not reassure; an older normal value does not speak for it.
        """
        reassuring = self.reassuring or {self.bands[-1].name}
        newest: LabResult | None = None
        for result in results:
            newest = newest or result
            touched = self.touched(result.value) if result.value is not None else ()
            if len(touched) == 1 and (result is newest or touched[0] not in reassuring):
                return result
            if not reassuring.isdisjoint(touched):
                break
        return newest


def below(name: str, *printed: str, floor: bool = False) -> Band:
    """A band of everything below a limit: `below("deficient", "180 ng/L", "133 pmol/L")`."""
    return Band(name, limit(*printed), floor=floor)


def up_to(name: str, *printed: str) -> Band:
    """A band that includes its upper limit."""
    return Band(name, limit(*printed), inclusive=True)


def above(name: str) -> Band:
    """The band above all limits."""
    return Band(name)


@dataclass(frozen=True, slots=True)
class LabResult:
    """One result of one analyte, usable or not.

    `value` is None when the result cannot be read; `unreadable` then says why. `upper_normal` is the
    laboratory's own upper limit where it may be used (manganese), in the printed unit of the value's family.
    """

    analyte: str
    taken: datetime
    status: str
    value: Value | None
    printed: str
    unit: str
    code: str
    display: str
    reference: str
    unreadable: str = ""
    interpretation: str = ""
    upper_normal: Decimal | None = None


_NUMBER: Final = r"[0-9]+(?:\.[0-9]+)?"
LONGEST_TEXT: Final = 64
_STRING: Final = re.compile(rf"(<=|>=|<|>)?\s*({_NUMBER})\s*(\S.*)?")
_STATUS_RANK: Final = {"corrected": 2, "amended": 1, "final": 0}


def parse(text: str) -> tuple[Decimal, str, str] | None:
    """Number, comparator and unit of a textual result; None unless the whole text has that form."""
    match = _STRING.fullmatch(text.strip()) if len(text) <= LONGEST_TEXT else None
    if match is None:
        return None
    return Decimal(match[2]), match[1] or "", match[3] or ""


def of_sensible_size(number: Decimal) -> bool:
    """Whether a number can be a result at all: finite, not negative, neither astronomic nor infinitesimal."""
    return number.is_finite() and number >= 0 and (number == 0 or -12 <= number.adjusted() <= 12)


def value_of(analyte: Analyte, number: Decimal, comparator: str, unit: str) -> Value | str:
    """A readable value, or the reason why it is not one, in words for the card."""
    if not of_sensible_size(number):
        return "not a plausible number"
    read: Amount | None = amount(analyte.measure, number, unit)
    if read is None:
        return "unit missing" if not unit.strip() else "unit not accepted"
    guard = analyte.measure.plausible
    if guard is not None and not guard[0] <= read.canonical <= guard[1]:
        return "implausible number"
    low, high, low_open, high_open = read.number, read.number, False, False
    match comparator:
        case "":
            pass
        case "<" | "<=":
            low, high_open = Decimal(0), comparator == "<"
        case ">" | ">=":
            high, low_open, high_open = INFINITY, comparator == ">", True
        case _:
            return "comparator not accepted"
    return Value(low, high, low_open, high_open, read.unit, analyte.measure.canonical, read.to_canonical)


def newest_first(results: Iterable[LabResult], analyte: Analyte) -> tuple[LabResult, ...]:
    """Results in the order in which they decide: newest; then corrected, amended, final; then the more abnormal."""
    sign = -1 if analyte.abnormal is Abnormal.LOW else 1

    def rank(result: LabResult) -> tuple[datetime, int, Decimal]:
        canonical = Decimal(0)
        if result.value is not None:
            low, high = result.value.canonical_bounds()
            canonical = high if sign < 0 else low  # the bound that is certain
        return result.taken, _STATUS_RANK.get(result.status, 0), sign * canonical

    return tuple(sorted(results, key=rank, reverse=True))
