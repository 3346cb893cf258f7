"""One plot of the timeline as SVG: bands as zones with name and limit, the look-back, results as marks of their kind.

Widths are in percent and letters in pixels, so that a plot is readable at any width. Classes only: `timeline.css` gives
the colors, and no kind of mark or zone is told by color alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Final

from markupsafe import Markup

from screening.domain.labs import Scale
from screening.domain.units import Family, display, plain
from screening.pages import timeline_axes
from screening.pages.timeline import DECIDES, IN_TIME, OLDER, Point, Series, tone
from screening.pages.timeline_axes import DayAxis, NumberAxis

LEFT: Final = 13.0
RIGHT: Final = 98.5
"""Percent of the width between which days stand."""
TOP: Final = 32.0
BOTTOM: Final = 222.0
HEIGHT: Final = 250
"""Pixels between which numbers stand, and of the whole."""
_LETTER: Final = 15.0
_BESIDE: Final = 11
_NARROW: Final = 16
"""Percent of the width that the names of bands need."""
_MOST_EVENTS: Final = 3
_LONGEST_NAME: Final = 34
"""Letters of an event's name."""
_MIDDLE: Final = 0.55
_LATE: Final = 0.78
"""Labels of marks farther right stand on the left of them."""

_SVG: Final = Markup("""<svg xmlns="http://www.w3.org/2000/svg" class="tl-plot" role="img"
 aria-labelledby="{id}-title" aria-describedby="{id}-desc" width="100%" height="{height}">
<title id="{id}-title">{title}</title>
<desc id="{id}-desc">{description}</desc>
{parts}
</svg>""")
_ZONE: Final = Markup('<rect class="tl-zone tl-{tone}" x="{x}%" y="{y}" width="{width}%" height="{height}"/>')
_NAME: Final = Markup('<text class="tl-name" x="{x}%" y="{y}" dx="6">{name}</text>')
_LIMIT: Final = Markup('<line class="tl-limit" x1="{x1}%" x2="{x2}%" y1="{y}" y2="{y}"/>')
_NUMBER: Final = Markup('<text class="tl-number" x="{x}%" dx="-6" y="{y}">{number}</text>')
_UNIT: Final = Markup('<text class="tl-unit" x="0" y="11">{unit}</text>')
_VEIL: Final = Markup('<rect class="tl-veil" x="{x}%" y="{y}" width="{width}%" height="{height}"/>')
_SINCE: Final = Markup(
    '<line class="tl-since" x1="{x}%" x2="{x}%" y1="{top}" y2="{bottom}"/>\n'
    '<text class="tl-since-name {side}" x="{x}%" dx="{dx}" y="{y}">{words}</text>'
)
_TICK: Final = Markup(
    '<g class="{kind}"><line x1="{x}%" x2="{x}%" y1="{top}" y2="{bottom}"/>'
    '<text class="tl-day" x="{x}%" y="{y}">{words}</text></g>'
)
_EVENT: Final = Markup(
    '<line class="tl-event" x1="{x}%" x2="{x}%" y1="{top}" y2="{bottom}"/>'
    '<text class="tl-event-name {side}" x="{x}%" dx="{dx}" y="{y}">{words}</text>'
)
_STEP: Final = Markup('<line class="tl-step" x1="{x1}%" y1="{y1}" x2="{x2}%" y2="{y2}"/>')
_MARK: Final = Markup(
    '<svg class="tl-mark tl-{kind}" x="{x}%" y="{y}" overflow="visible">{shape}<title>{words}</title></svg>'
)
_OPEN: Final = Markup('<path class="tl-open" d="M0 0V{end}M-4 {barb}L0 {end}L4 {barb}"/>')
_LABEL: Final = Markup('<text class="tl-label {side}" x="{x}%" dx="{dx}" y="{y}">{words}</text>')
_CROSS: Final = Markup('<path d="M-5-5L5 5M-5 5L5-5"/>')
_SHAPES: Final = {
    DECIDES: ("decides", Markup('<circle class="tl-ring" r="10"/><path d="M0-6.5L6.5 0L0 6.5L-6.5 0Z"/>')),
    IN_TIME: ("counts", Markup('<circle r="4.5"/>')),
    OLDER: ("older", Markup('<circle r="4.5"/>')),
}
"""What counts -> class and shape; every other one is a square."""
_OTHER: Final = ("other", Markup('<path d="M-4-4H4V4H-4Z"/>'))
KEY: Final = (
    (*_SHAPES[DECIDES], "decides"),
    (*_SHAPES[IN_TIME], "in the look-back"),
    (*_SHAPES[OLDER], "older"),
    (*_OTHER, "read beside others, or set aside"),
    ("unread", _CROSS, "cannot be read"),
)
"""Class, shape and meaning of each kind of mark."""
LINES: Final = Markup("\n")


@dataclass(frozen=True, slots=True)
class Plot:
    """A series in one family of units, with its axes."""

    series: Series
    family: Family
    days: DayAxis
    numbers: NumberAxis

    def x(self, part: float) -> float:
        """Percent of the width for a part of the axis of days."""
        return LEFT + (RIGHT - LEFT) * part

    def y(self, number: Decimal | float) -> float:
        """Pixels from the top for a number."""
        return BOTTOM - (BOTTOM - TOP) * self.numbers.at(number)

    def ends(self, point: Point) -> tuple[Decimal, Decimal]:
        """Both ends of a point as they are drawn: within its band, also where a conversion would leave that.

        A value is compared with the limit that is printed in its own family of units; limits of two families are
        rounded apart, so that a value close to one of them may convert to the other side.
        """
        low, high = point.ends(self.family)
        if point.scale is None or point.value.unit == self.family.unit:
            return low, high
        touched = point.scale.touched(point.value)
        first, last = touched[0], touched[-1]
        return _within(low, point.scale, first, self.family), _within(high, point.scale, last, self.family)


def _within(number: Decimal, scale: Scale, band: str, family: Family) -> Decimal:
    """The number, or the end of the band that is nearest to it; what is open stays open."""
    bottom, top = edges(scale, band, family)
    held = max(bottom, number)
    return held if top is None or not held.is_finite() else min(held, top)


def limits(scale: Scale, family: Family) -> list[Decimal]:
    """The limits between the bands in a family of units, lowest first."""
    found = (band.upper.for_unit(family.unit) for band in scale.bands if band.upper is not None)
    return [number for number in found if number is not None]


def edges(scale: Scale, band: str, family: Family) -> tuple[Decimal, Decimal | None]:
    """Where a band begins and ends; the highest has no end."""
    numbers = limits(scale, family)
    place = [one.name for one in scale.bands].index(band)
    return numbers[place - 1] if place else Decimal(0), numbers[place] if place < len(numbers) else None


def plots(series: Series) -> dict[str, Plot]:
    """A plot for each family of units, by its printed unit; all on the same kind of scale."""
    dates = [*(point.day for point in series.points), *(one.day for one in series.not_read)]
    days = timeline_axes.days(dates, series.since, series.until)
    first = series.families[0]
    far = timeline_axes.is_far(_limits(series, first), _values(series, first))
    return {
        family.unit: Plot(
            series,
            family,
            days,
            timeline_axes.numbers(_limits(series, family), _values(series, family), logarithmic=far),
        )
        for family in series.families
    }


def _limits(series: Series, family: Family) -> list[Decimal]:
    return sorted({number for segment in series.segments for number in limits(segment.scale, family)})


def _values(series: Series, family: Family) -> list[Decimal]:
    return [end for point in series.points for end in point.ends(family) if end.is_finite()]


def drawn(plot: Plot) -> Markup:
    """The plot as an SVG element."""
    series = plot.series
    unit = for_people(plot.family.unit)
    return _SVG.format(
        id=f"tl-{series.id}-{series.families.index(plot.family)}",
        height=HEIGHT,
        title=f"{series.label} over time, in {unit}" if unit else f"{series.label} over time",
        description=_described(plot),
        parts=LINES.join(
            [
                *_zones(plot),
                *_look_back(plot),
                *_names(plot),
                *_numbers(plot),
                _UNIT.format(unit=unit + (", log" if plot.numbers.logarithmic else "")),
                *_ticks(plot),
                *_events(plot),
                *_steps(plot),
                *_marks(plot),
                *_unread(plot),
            ]
        ),
    )


def _described(plot: Plot) -> str:
    points = plot.series.points
    newest = points[0]
    band = f", {' or '.join(newest.bands)}" if newest.bands else ""
    many = "1 result" if len(points) == 1 else f"{len(points)} results since {points[-1].day.isoformat()}"
    decided = [point for point in points if point.counts == DECIDES and point is not newest]
    beside = "".join(f" {event.label}, {event.day.isoformat()}." for event in plot.series.events[:_MOST_EVENTS])
    also = f" What decides: {decided[0].printed}, {decided[0].day.isoformat()}." if decided else ""
    told = f"{many}. Newest: {newest.printed}{band}, {newest.day.isoformat()}.{also}{beside}"
    return f"{told} All of them stand in the table."


# --- behind the results ---


def _zones(plot: Plot) -> Iterator[Markup]:
    segments = plot.series.segments
    for number, segment in enumerate(segments):
        left = plot.x(0.0 if number == 0 else plot.days.at(segment.start))
        right = plot.x(1.0 if segment is segments[-1] else plot.days.at(segment.end))
        for band, top, bottom in _heights(plot, segment.scale):
            yield _ZONE.format(
                tone=tone(segment.scale, band),
                x=_short(left),
                y=_short(top),
                width=_short(right - left),
                height=_short(bottom - top),
            )
        for limit in limits(segment.scale, plot.family):
            yield _LIMIT.format(x1=_short(left), x2=_short(right), y=_short(plot.y(limit)))


def _names(plot: Plot) -> Iterator[Markup]:
    """The names of the bands, where there is room, at the left of each stretch of days; none where a band goes on."""
    segments = plot.series.segments
    marks = [place(plot, point) for point in plot.series.points]
    for number, segment in enumerate(segments):
        left = plot.x(0.0 if number == 0 else plot.days.at(segment.start))
        right = plot.x(1.0 if segment is segments[-1] else plot.days.at(segment.end))
        since = plot.x(plot.days.at(plot.series.since)) if plot.series.since is not None else left
        left = since if left < since < left + _NARROW else left
        near = [y for x, y in marks if left - 1 <= x <= left + _NARROW]
        before = set(_heights(plot, segments[number - 1].scale)) if number else set()
        for band, top, bottom in _heights(plot, segment.scale):
            if bottom - top >= _LETTER and right - left > _NARROW and (band, top, bottom) not in before:
                whom = f", {segment.scale.whom}" if number and band == segment.scale.bands[-1].name else ""
                yield _NAME.format(x=_short(left), y=_short(_free(top, bottom, near)), name=band + whom)


def _free(top: float, bottom: float, taken: Sequence[float]) -> float:
    """A height for a name in a band, as far from the marks as there is."""
    choices = ((top + bottom) / 2 + 4, top + 15, bottom - 6) if bottom - top < 40 else (top + 15, bottom - 6)
    return max(choices, key=lambda y: min((min(abs(y - 4 - mark), _LETTER) for mark in taken), default=_LETTER))


def _heights(plot: Plot, scale: Scale) -> Iterator[tuple[str, float, float]]:
    for band in scale.bands:
        bottom, top = edges(scale, band.name, plot.family)
        yield band.name, TOP if top is None else plot.y(top), plot.y(bottom)


def _numbers(plot: Plot) -> Iterator[Markup]:
    """The limits, at the left of the days from which on they hold; without bands a few numbers to read by."""
    columns = [(LEFT, plot.numbers.round_numbers())] if not plot.series.segments else []
    before: list[Decimal] = []
    for number, segment in enumerate(plot.series.segments):
        here = limits(segment.scale, plot.family)
        new = [(float(one), plain(one)) for one in here if one not in before]
        columns.append((LEFT if number == 0 else plot.x(plot.days.at(segment.start)), new))
        before = here
    for x, numbers in columns:
        heights = [BOTTOM - plot.y(number) for number, _ in numbers]
        for height, (_, words) in zip(timeline_axes.spread(heights, _LETTER), numbers, strict=True):
            yield _NUMBER.format(x=_short(x), y=_short(BOTTOM - height + 5), number=words)


def _look_back(plot: Plot) -> Iterator[Markup]:
    since = plot.series.since
    if since is None or since <= plot.days.start:
        return
    part = plot.days.at(since)
    x, early = plot.x(part), part < 0.25
    yield _VEIL.format(x=LEFT, y=TOP, width=_short(x - LEFT), height=BOTTOM - TOP)
    yield _SINCE.format(
        x=_short(x),
        top=TOP - 8,
        bottom=BOTTOM,
        side="" if early else "tl-end",
        dx=5 if early else -5,
        y=TOP - 5,
        words="counts →" if early else "← too old",
    )


def _ticks(plot: Plot) -> Iterator[Markup]:
    for number, (day, words) in enumerate(plot.days.ticks()):
        x = plot.x(plot.days.at(day))
        if LEFT + 3 < x < RIGHT - 4:
            kind = "tl-tick tl-minor" if number % 2 else "tl-tick"
            yield _TICK.format(kind=kind, x=_short(x), top=BOTTOM, bottom=BOTTOM + 6, y=BOTTOM + 21, words=words)


def _events(plot: Plot) -> Iterator[Markup]:
    within = [event for event in plot.series.events if plot.days.start < event.day <= plot.days.end]
    for number, event in enumerate(within[:_MOST_EVENTS]):
        part = plot.days.at(event.day)
        late = part > _MIDDLE
        label = event.label if len(event.label) <= _LONGEST_NAME else f"{event.label[: _LONGEST_NAME - 1]}…"
        yield _EVENT.format(
            x=_short(plot.x(part)),
            top=TOP,
            bottom=BOTTOM,
            side="tl-end" if late else "",
            dx=-5 if late else 5,
            y=_short(BOTTOM - 8 - number * _LETTER),
            words=label,
        )


# --- the results ---


def _steps(plot: Plot) -> Iterator[Markup]:
    exact = [point for point in reversed(plot.series.points) if point.value.exact]
    for one, other in pairwise(exact):
        yield _STEP.format(
            x1=_short(plot.x(plot.days.at(one.day))),
            y1=_short(plot.y(plot.ends(one)[0])),
            x2=_short(plot.x(plot.days.at(other.day))),
            y2=_short(plot.y(plot.ends(other)[0])),
        )


def place(plot: Plot, point: Point) -> tuple[float, float]:
    """Where a mark stands: percent of the width, pixels from the top; for a comparator the end that was sent."""
    low, high = plot.ends(point)
    return plot.x(plot.days.at(point.day)), plot.y(low if point.value.exact or not high.is_finite() else high)


def _marks(plot: Plot) -> Iterator[Markup]:
    for point in reversed(plot.series.points):
        x, y = place(plot, point)
        kind, shape = _SHAPES.get(point.counts, _OTHER)
        yield _MARK.format(kind=kind, x=_short(x), y=_short(y), shape=_arrow(plot, point, y) + shape, words=said(point))
    for point in labeled(plot.series.points):
        x, y = place(plot, point)
        late = (x - LEFT) / (RIGHT - LEFT) > _LATE
        yield _LABEL.format(
            side="tl-end" if late else "",
            x=_short(x),
            dx=-_BESIDE - 4 if late else _BESIDE + 4,
            y=_short(max(TOP + 10, y - 8)),
            words=number_in(plot.family, point),
        )


def _arrow(plot: Plot, point: Point, y: float) -> Markup:
    """What a comparator leaves open: down to the bottom, or up to the top."""
    if point.value.exact:
        return Markup("")
    low, high = plot.ends(point)
    end = (plot.y(low) if high.is_finite() else TOP) - y
    barb = end + (6 if end < 0 else -6)
    return _OPEN.format(end=_short(end), barb=_short(barb))


def labeled(points: Sequence[Point]) -> list[Point]:
    """The marks that bear their number: what decides, and the newest."""
    return [point for number, point in enumerate(points) if point.counts == DECIDES or number == 0]


def said(point: Point) -> str:
    """A result in one line."""
    parts = (point.day.isoformat(), point.printed, " or ".join(point.bands), point.counts)
    return ", ".join(part for part in parts if part)


def number_in(family: Family, point: Point) -> str:
    """The number of a result in a family of units: as it is in its own, else rounded for people."""
    low, high = point.ends(family)
    written = _exact if point.value.unit == family.unit else display
    if point.value.exact:
        return written(low)
    if not high.is_finite():
        return f"{'>' if point.value.low_open else '≥'} {written(low)}"
    return f"{'<' if point.value.high_open else '≤'} {written(high)}"


def _unread(plot: Plot) -> Iterator[Markup]:
    for one in plot.series.not_read:
        words = f"{one.day.isoformat()}, {one.printed or 'no value'}: cannot be read, {one.why}"
        x = plot.x(plot.days.at(one.day))
        yield _MARK.format(kind="unread", x=_short(x), y=_short(BOTTOM - 9), shape=_CROSS, words=words)


def _exact(number: Decimal) -> str:
    return plain(number.normalize())


def for_people(unit: str) -> str:
    """A unit as people write it; nothing for the unit of a ratio."""
    if unit == "1":
        return ""
    written = unit.replace("/(24.h)", " in 24 h").replace("{1.73_m2}", "1.73 m²")
    return written.replace("u", "µ", 1) if written.startswith("u") else written


def _short(number: float) -> str:
    return f"{number:.2f}".rstrip("0").rstrip(".")
