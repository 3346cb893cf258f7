"""A drawing of the timeline read back: where its zones, limits and marks stand."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from xml.etree import ElementTree

from chart_builder import NOW, build

from screening.domain.chart import Chart
from screening.knowledge.loading import code_book
from screening.pages import timeline, timeline_svg
from screening.pages.timeline import Series

_SVG = "{http://www.w3.org/2000/svg}"


@dataclass(frozen=True)
class Zone:
    """A stretch of a band: percent of the width, pixels from the top."""

    tone: str
    left: float
    right: float
    top: float
    bottom: float


@dataclass(frozen=True)
class Mark:
    """A result: percent of the width, pixels from the top, and how far a comparator leaves it open."""

    kind: str
    x: float
    y: float
    words: str
    opens: float | None


@dataclass(frozen=True)
class Drawing:
    """What is in an SVG."""

    zones: list[Zone]
    limits: list[float]
    marks: list[Mark]
    texts: dict[str, list[str]]
    since: float | None


def read(svg: str) -> Drawing:
    """A drawing, read as XML."""
    root = ElementTree.fromstring(svg)  # noqa: S314 - ours
    of = [(one, one.get("class", "").split()) for one in root.iter()]
    texts: dict[str, list[str]] = {}
    for one, names in of:
        if one.tag == f"{_SVG}text":
            texts.setdefault(names[0], []).append(one.text or "")
    since = [_number(one, "x1") for one, names in of if "tl-since" in names]
    return Drawing(
        zones=[_zone(one, names) for one, names in of if "tl-zone" in names],
        limits=[_number(one, "y1") for one, names in of if "tl-limit" in names],
        marks=[_mark(one, names) for one, names in of if "tl-mark" in names],
        texts=texts,
        since=since[0] if since else None,
    )


def _number(one: Any, name: str) -> float:
    return float(one.get(name).removesuffix("%"))


def _zone(one: Any, names: list[str]) -> Zone:
    left, top = _number(one, "x"), _number(one, "y")
    return Zone(names[1], left, left + _number(one, "width"), top, top + _number(one, "height"))


def _mark(one: Any, names: list[str]) -> Mark:
    title = one.find(f"{_SVG}title")
    arrows = [path.get("d") for path in one.iter(f"{_SVG}path") if path.get("class") == "tl-open"]
    opens = float(arrows[0].removeprefix("M0 0V").partition("M")[0]) if arrows else None
    return Mark(names[1], _number(one, "x"), _number(one, "y"), title.text, opens)


def chart(**scenario: Any) -> Chart:
    """A chart from the short form, of a woman with dystonia unless it says otherwise."""
    usual = {"id": "any", "hook": "patient-view", "age": 50, "sex": "female"}
    return build({**usual, "conditions": [{"code": "G24.9", "onsetAge": 49}], **scenario}, code_book())


def series(name: str, of: Chart) -> Series:
    """The series with this id."""
    return next(one for one in timeline.of_chart(of).series if one.id == name)


def drawings(one: Series) -> dict[str, Drawing]:
    """The drawing in each family of units."""
    return {unit: read(str(timeline_svg.drawn(plot))) for unit, plot in timeline_svg.plots(one).items()}


def day(ago: int) -> str:
    """The day so many days before the call."""
    return (NOW.date() - timedelta(days=ago)).isoformat()
