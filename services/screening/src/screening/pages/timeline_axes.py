"""Where days and numbers stand in a drawing: as parts of its width and height. Pure arithmetic."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from math import log10
from typing import Final

from screening.domain.units import display

_ROOM: Final = 0.35
"""What is drawn beyond the limits, as a part of what they span."""
_CLOSE: Final = 0.5
"""Where the lowest limit is more than this part of the highest, the drawing does not begin at 0."""
_EDGE: Final = 0.06
"""What is left free beyond the farthest number, as a part of what is drawn."""
_FAR: Final = 3.0
"""A value beyond so many times the highest limit is drawn on a logarithmic scale."""
_AROUND: Final = 1.3
"""What is drawn beyond the ends on a logarithmic scale, as a factor."""
_SHORTEST: Final = 60
_LONGEST_WINDOW: Final = 1100
"""Days. A longer look-back is not drawn whole where there are no results in it."""
_OLDEST: Final = 14_610
"""Days, forty years: what is older stands on the left edge."""
_MOST_TICKS: Final = 6
_MONTHS: Final = (1, 2, 3, 6, 12, 24, 60, 120, 240)
_NAMES: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class DayAxis:
    """The days of a drawing, from the left edge to the right one."""

    start: date
    end: date

    def at(self, day: date) -> float:
        """Where a day stands: 0 at the left edge, 1 at the right one; days outside stand on the edge."""
        part = (day - self.start).days / (self.end - self.start).days
        return min(1.0, max(0.0, part))

    def ticks(self) -> list[tuple[date, str]]:
        """The first days of months or years, at most six, each with its name."""
        months = next(step for step in _MONTHS if len(_firsts(self, step)) <= _MOST_TICKS or step == _MONTHS[-1])
        return [
            (day, str(day.year) if months >= 12 else f"{_NAMES[day.month - 1]} {day.year}")
            for day in _firsts(self, months)
        ]


def days(results: Iterable[date], since: date | None, until: date) -> DayAxis:
    """The axis for results on these days.

    Args:
        results: days of results, at least one.
        since: the first day of the look-back; None where there is none.
        until: the day of the call.
    """
    oldest = min(results)
    start = oldest if since is None else min(oldest, max(since, until - timedelta(days=_LONGEST_WINDOW)))
    last = max(until, oldest)
    span = min(_OLDEST, max(_SHORTEST, (last - start).days))
    return DayAxis(last - timedelta(days=round(span * 1.04)), last + timedelta(days=max(1, round(span * 0.04))))


def _firsts(axis: DayAxis, step: int) -> list[date]:
    """The first days of every `step`-th month within the axis, counted from January of year 0."""
    month = axis.start.year * 12 + axis.start.month - 1
    found: list[date] = []
    month += -month % step
    while (day := date(month // 12, month % 12 + 1, 1)) <= axis.end:
        if day >= axis.start:
            found.append(day)
        month += step
    return found


@dataclass(frozen=True, slots=True)
class NumberAxis:
    """The numbers of a drawing, from the bottom to the top."""

    low: float
    high: float
    logarithmic: bool

    def at(self, number: Decimal | float) -> float:
        """Where a number stands: 0 at the bottom, 1 at the top; numbers outside stand on the edge."""
        value = float(number)
        if value <= self.low:
            return 0.0
        if value >= self.high:
            return 1.0
        if self.logarithmic:
            return (log10(value) - log10(self.low)) / (log10(self.high) - log10(self.low))
        return (value - self.low) / (self.high - self.low)

    def round_numbers(self) -> list[tuple[float, str]]:
        """A few numbers to read values by, where there are no limits."""
        parts = (0.1, 0.5, 0.9)
        if self.logarithmic:
            numbers = [self.low * (self.high / self.low) ** part for part in parts]
        else:
            numbers = [self.low + (self.high - self.low) * part for part in parts]
        return [(float(text), text) for text in dict.fromkeys(display(_two_digits(number)) for number in numbers)]


def numbers(limits: Sequence[Decimal], values: Sequence[Decimal], *, logarithmic: bool) -> NumberAxis:
    """The axis for these limits and values.

    Args:
        limits: lowest first; none where there are no bands.
        values: finite numbers, at least one.
        logarithmic: see `is_far`; then what is 0 stands on the bottom edge.
    """
    every = [float(one) for one in (*limits, *values)]
    if logarithmic:
        positive = [one for one in every if one > 0]
        return NumberAxis(min(positive) / _AROUND, max(positive) * _AROUND, logarithmic=True)
    lowest, highest = (float(limits[0]), float(limits[-1])) if limits else (min(every), max(every))
    near = lowest > _CLOSE * highest
    span = (highest - lowest or _ROOM * highest) if near else highest or 1.0
    low = min(lowest - 2 * _ROOM * span, *every) if near else 0.0
    high = max(highest + _ROOM * span, *every)
    room = _EDGE * (high - low)
    return NumberAxis(max(0.0, low - room if near else low), high + room, logarithmic=False)


def is_far(limits: Sequence[Decimal], values: Sequence[Decimal]) -> bool:
    """Whether a value lies so far above the limits, or above the others, that only a logarithmic scale shows all."""
    positive = [value for value in (*limits, *values) if value > 0]
    reference = max(limits) if limits else min(positive, default=Decimal(1)) * 10
    return max(positive, default=Decimal(0)) > reference * Decimal(_FAR)


def spread(places: Sequence[float], gap: float) -> list[float]:
    """Places for labels, lowest first: as near to where they belong as can be, at least `gap` apart.

    Args:
        places: where they belong, lowest first.
        gap: in the same measure.
    """
    groups: list[list[float]] = []
    for place in places:
        groups.append([place])
        while len(groups) > 1 and _lowest(groups[-1], gap) < _lowest(groups[-2], gap) + gap * len(groups[-2]):
            last = groups.pop()
            groups[-1] += last
    return [_lowest(group, gap) + gap * number for group in groups for number in range(len(group))]


def _lowest(group: Sequence[float], gap: float) -> float:
    """Where the first of a group stands that is spread around its middle."""
    return sum(group) / len(group) - gap * (len(group) - 1) / 2


def _two_digits(number: float) -> Decimal:
    return Decimal(f"{number:.2g}")
