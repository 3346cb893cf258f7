"""The timeline as a section of a page and as a document: a plot in each family of units, and a table of the results.

The units are switched by style alone: nothing has to run.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from markupsafe import Markup

from screening.domain.chart import Chart
from screening.domain.units import Family
from screening.pages import look, timeline, timeline_svg
from screening.pages.look import LINES
from screening.pages.timeline import NotRead, Point, Series, Timeline

MOLAR: Final = "molar"
MASS: Final = "mass"
_NAMES: Final = {MOLAR: "molar units", MASS: "mass units"}

_SECTION: Final = Markup('<div class="timeline">\n{}\n</div>')
_SWITCH: Final = Markup('<fieldset class="tl-switch"><legend>Units</legend>\n{}\n</fieldset>')
_CHOICE: Final = Markup(
    '<label><input type="radio" name="tl-units" value="{value}" class="tl-choose-{value}"{checked}> {words}</label>'
)
_CHECKED: Final = Markup(" checked")
_KEY: Final = Markup('<p class="tl-key">{}</p>')
_KEY_ENTRY: Final = Markup(
    '<span><svg class="tl-mark tl-{}" aria-hidden="true" viewBox="-12 -12 24 24">{}</svg> {}</span>'
)
_FIGURE: Final = Markup("""<figure class="tl-series" id="timeline-{id}">
<figcaption><strong>{label}</strong> <span class="tl-verdict">{verdict}</span></figcaption>
{plots}
<details><summary>{label}: the same as a table</summary>
{table}
<p class="meta">{counts}{source}</p>
</details>
</figure>""")
_ASIDE: Final = Markup('<details class="tl-aside"{}><summary>Read beside these: {}</summary>\n{}\n</details>')
_OF_UNIT: Final = Markup('<div class="tl-of-{kind}">{plot}</div>')
_NOT_READ: Final = Markup("<h4>Results that cannot be read</h4>\n{}")
_NOTHING: Final = Markup('<div class="timeline"><p>No result of a test that the rules read is on record.</p></div>')
_NOT_DELIVERED: Final = Markup(
    '<p class="tl-unknown">Not known, because the results were not delivered, or not all of them: {}. '
    "What is not drawn of these may well have been measured.</p>"
)
_NOTHING_READABLE: Final = Markup("<p>No result of a test that the rules read can be drawn.</p>")


def section(chart: Chart) -> Markup:
    """The timeline of a chart as HTML, for the style sheet `timeline.css`."""
    return _section(timeline.of_chart(chart))


def document(chart: Chart) -> dict[str, Any]:
    """The timeline of a chart as JSON values.

    `html` is the whole section; `series`, `notRead` and `notDelivered` (labels of workups) are its parts.
    """
    found = timeline.of_chart(chart)
    return {
        "html": str(_section(found)),
        "series": [_told(series) for series in found.series],
        "notRead": [
            {"date": one.day.isoformat(), "test": one.label, "result": one.printed, "why": one.why}
            for one in found.not_read
        ],
        "notDelivered": list(found.not_delivered),
    }


def _told(series: Series) -> dict[str, Any]:
    drawings = timeline_svg.plots(series)
    return {
        "id": series.id,
        "label": series.label,
        "units": list(drawings),
        "plots": {unit: str(timeline_svg.drawn(plot)) for unit, plot in drawings.items()},
        "rows": [
            {
                "date": point.day.isoformat(),
                "result": point.printed,
                "numbers": {family.unit: timeline_svg.number_in(family, point) for family in series.families},
                "band": " or ".join(point.bands),
                "criterion": point.criterion,
                "counts": point.counts,
                "because": point.because,
            }
            for point in series.points
        ],
        "lookBackDays": series.days,
        "aside": series.aside,
        "leftOut": series.left_out,
    }


def _section(found: Timeline) -> Markup:
    unknown = _NOT_DELIVERED.format(", ".join(found.not_delivered)) if found.not_delivered else Markup("")
    if not found.series and not found.not_read:
        return _SECTION.format(unknown) if unknown else _NOTHING
    parts = [unknown, *([_switch(found.series), _key()] if found.series else [_NOTHING_READABLE])]
    parts += [_figure(series) for series in found.series if not series.aside]
    aside = [series for series in found.series if series.aside]
    parts.append(_folded(aside, alone=len(aside) == len(found.series)))
    if found.not_read:
        parts.append(_NOT_READ.format(_unread(found.not_read)))
    return _SECTION.format(LINES.join(part for part in parts if part))


def _folded(every: Sequence[Series], *, alone: bool) -> Markup:
    """What is read beside others, folded away unless there is nothing else."""
    if not every:
        return Markup("")
    names = ", ".join(series.label for series in every)
    return _ASIDE.format(Markup(" open") if alone else "", names, LINES.join(map(_figure, every)))


def _key() -> Markup:
    """What the marks mean."""
    return _KEY.format(LINES.join(_KEY_ENTRY.format(*entry) for entry in timeline_svg.KEY))


def kind_of(family: Family) -> str:
    """Whether a unit counts molecules or weighs them."""
    return MOLAR if "mol" in family.unit else MASS


def _switches(series: Series) -> bool:
    return len(series.families) > 1


def _switch(every: Sequence[Series]) -> Markup:
    """The choice of units, as most of the newest results were sent; nothing where no test has two."""
    both = [series for series in every if _switches(series)]
    if not both:
        return Markup("")
    sent = ["mol" in series.points[0].value.unit for series in both]
    first = MOLAR if sent.count(True) * 2 > len(sent) else MASS
    choices = (
        _CHOICE.format(value=kind, words=_words(kind, both), checked=_CHECKED if kind == first else Markup(""))
        for kind in _NAMES
    )
    return _SWITCH.format(LINES.join(choices))


def _words(kind: str, every: Iterable[Series]) -> str:
    named = (family for series in every for family in series.families if kind_of(family) == kind)
    units = dict.fromkeys(timeline_svg.for_people(family.unit) for family in named)
    return f"{_NAMES[kind]} ({', '.join(list(units)[:3])})"


def _figure(series: Series) -> Markup:
    drawings = timeline_svg.plots(series)
    plots = (
        _OF_UNIT.format(kind=kind_of(plot.family) if _switches(series) else "any", plot=timeline_svg.drawn(plot))
        for plot in drawings.values()
    )
    source = f" Source of the bands: {series.segments[-1].scale.cite}." if series.segments else ""
    return _FIGURE.format(
        id=series.id,
        label=series.label,
        verdict=_verdict(series),
        plots=LINES.join(plots),
        table=_table(series),
        counts=series.counts
        + _beside(series)
        + (f" {series.left_out} older results are left out." if series.left_out else ""),
        source=source,
    )


def _beside(series: Series) -> str:
    told = "; ".join(f"{event.label}, {event.day.isoformat()}" for event in series.events)
    return f" The workup also turns on: {told}." if told else ""


def _verdict(series: Series) -> str:
    """What the eye is to take away, in words."""
    point = next((one for one in series.points if one.counts == timeline.DECIDES), series.points[0])
    band = " or ".join(point.bands)
    told = f"{point.printed}, {point.day.isoformat()}"
    return f"{told}: {point.criterion or band}" if band else told


def _table(series: Series) -> Markup:
    others = [family for family in series.families if _switches(series)]
    heads = ("Day", "Result", *(timeline_svg.for_people(family.unit) for family in others), "Band", "Counts")
    rows = (
        (
            point.day.isoformat(),
            point.printed,
            *(timeline_svg.number_in(family, point) for family in others),
            point.criterion or " or ".join(point.bands) or "-",
            _counts(point),
        )
        for point in series.points
    )
    return look.table(heads, rows, stacks=True)


def _counts(point: Point) -> str:
    return f"{point.counts}: {point.because}" if point.because and point.because != point.criterion else point.counts


def _unread(every: Sequence[NotRead]) -> Markup:
    rows = ((one.label, one.day.isoformat(), one.printed or "-", one.why) for one in every)
    return look.table(("Test", "Day", "What was sent", "Why it cannot be read"), rows, stacks=True)
