"""A patient's results over time against the bands of the rules: what is drawn, and what is said of each result.

From a Chart that the real reader made, with the numbers of the site. Nothing is decided here: bands are those of the
domain's scales, a value is compared in the family of units that it was sent in, and what decided is what the
screening says decided.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from screening.domain import reasons, screen
from screening.domain.analytes import Analyte
from screening.domain.chart import Chart
from screening.domain.evidence import Evidence
from screening.domain.findings import MISSING_STATES
from screening.domain.labs import Scale, Value
from screening.domain.phenotype import Phenotype
from screening.domain.phenotype import of as phenotype_of
from screening.domain.units import Family
from screening.domain.workups.registry import WORKUPS
from screening.pages import timeline_readings, timeline_results
from screening.pages.timeline_readings import Reading
from screening.pages.timeline_results import Placed

DECIDES: Final = "decides"
IN_TIME: Final = "in the look-back"
OLDER: Final = "older"
BESIDE: Final = "beside"
SET_ASIDE: Final = "set aside"
SPANS: Final = "spans a limit"

MOST: Final = 100
"""So many results of a test are drawn, the newest: more are no drawing, and nobody reads them."""

_TAG: Final = re.compile(r" \([a-z/ ]+\)$")
"""What SNOMED CT says of the kind of a concept, behind its name."""
_Key = tuple[str, str, date | None]


@dataclass(frozen=True, slots=True)
class Point:
    """One result in its place.

    Attributes:
        day: UTC calendar day.
        printed: the value and unit as sent; for an adjusted calcium also what it was made from.
        value: what is compared with the bands.
        scale: the bands that hold for it; None where the rules have none.
        bands: the band that it lies in, or all that a comparator's interval spans; none where the rules have no bands.
        criterion: what the band means, with its limits; empty without one.
        counts: one of the words above.
        because: what the screening says of it; empty where it says nothing.
    """

    day: date
    printed: str
    value: Value
    scale: Scale | None
    bands: tuple[str, ...]
    criterion: str
    counts: str
    because: str

    def ends(self, family: Family) -> tuple[Decimal, Decimal]:
        """The number in a family of units, twice, or both ends of what a comparator leaves open."""
        if family.unit == self.value.unit:
            return self.value.low, self.value.high
        low, high = self.value.canonical_bounds()
        return low / family.to_canonical, high / family.to_canonical


@dataclass(frozen=True, slots=True)
class Segment:
    """Days on which these bands hold: from the first one up to the last, on which the next bands begin."""

    start: date
    end: date
    scale: Scale


@dataclass(frozen=True, slots=True)
class Event:
    """A dated fact that is no result and that the workup turns on: an operation, an exposure, a treatment."""

    day: date
    label: str


@dataclass(frozen=True, slots=True)
class NotRead:
    """A result that cannot be compared with anything.

    Attributes:
        day: UTC calendar day.
        label: of the test.
        printed: what was sent, as far as it could be read.
        why: in words.
    """

    day: date
    label: str
    printed: str
    why: str


@dataclass(frozen=True, slots=True)
class Series:
    """The results of one test.

    Attributes:
        id: stable, fit for an address.
        label: name of the test.
        families: the families of units in which the rules have bands, or those of the test where they have none.
        points: newest first.
        segments: the bands, by the days on which they hold; none where the rules have none.
        not_read: results without a value, newest first.
        events: what the workup knows besides, newest first.
        days: how long a result counts; None: that depends on another result.
        counts: the same in words.
        until: the day of the call.
        aside: it decides nothing by itself.
        left_out: how many older results are not among the points.
        urgency: the lowest is drawn first.
    """

    id: str
    label: str
    families: tuple[Family, ...]
    points: tuple[Point, ...]
    segments: tuple[Segment, ...]
    not_read: tuple[NotRead, ...]
    events: tuple[Event, ...]
    days: int | None
    counts: str
    until: date
    aside: bool
    left_out: int
    urgency: tuple[bool, int]

    @property
    def since(self) -> date | None:
        """The first day that is within the look-back."""
        return None if self.days is None else self.until - timedelta(days=self.days)


@dataclass(frozen=True, slots=True)
class Timeline:
    """The results of all workups.

    Attributes:
        series: tests with at least one readable result, the most telling first, then workup by workup.
        not_read: every result that cannot be read, newest first.
        not_delivered: the workups whose results did not come, or not all: what is not drawn of them is unknown.
    """

    series: tuple[Series, ...]
    not_read: tuple[NotRead, ...]
    not_delivered: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Told:
    """What the screening says of single results: its words, which decided, which a card is about; events by module."""

    words: Mapping[_Key, str]
    decided: frozenset[_Key]
    on_cards: frozenset[_Key]
    events: Mapping[str, tuple[Event, ...]]

    def counts(self, key: _Key, *, in_time: bool | None, spans: bool) -> str:
        if key in self.decided:
            return DECIDES
        if in_time is False:
            return OLDER
        if spans:
            return SPANS
        if key in self.words:
            return SET_ASIDE
        return BESIDE if in_time is None else IN_TIME


GOOD: Final = "good"
WARN: Final = "warn"
STOP: Final = "stop"


def tone(scale: Scale, band: str) -> str:
    """`good` for a band that reassures, `warn` beside one, `stop` farther away; `warn` for all where none reassures."""
    reassuring = scale.reassuring or {scale.bands[-1].name}
    names = [one.name for one in scale.bands]
    if band in reassuring:
        return GOOD
    place = names.index(band)
    beside = reassuring.intersection(names[max(0, place - 1) : place + 2])
    return WARN if beside or reassuring.isdisjoint(names) else STOP


def _urgency(points: Sequence[Point], keys: Sequence[_Key], told: _Told) -> tuple[bool, int]:
    """The most telling first: what a card is about, then by how far what decides lies from what reassures."""
    tones = {
        tone(p.scale, p.bands[0]) for p in points if p.counts in (DECIDES, SET_ASIDE, SPANS) and p.scale is not None
    }
    far = min((place for place, one in enumerate((STOP, WARN, GOOD)) if one in tones), default=3)
    return told.on_cards.isdisjoint(keys), far


def of_chart(chart: Chart) -> Timeline:
    """The timeline of a chart."""
    phenotype, told = phenotype_of(chart), _told(chart)
    every = [_series(reading, chart, phenotype, told) for reading in timeline_readings.READINGS]
    not_read = (one for series in every for one in series.not_read)
    return Timeline(
        tuple(sorted((series for series in every if series.points), key=lambda series: series.urgency)),
        tuple(sorted(not_read, key=lambda one: one.day, reverse=True)),
        tuple(workup.label for workup in WORKUPS if not chart.looked_up(workup.id)),
    )


def _series(reading: Reading, chart: Chart, phenotype: Phenotype, told: _Told) -> Series:
    days = reading.days(chart, phenotype)
    every = timeline_results.of(reading, chart, phenotype)
    read = every[:MOST]
    points = [_point(one, chart, days, told) for one in read]
    segments = _segments(read, reading.changes(chart), chart.today)
    return Series(
        id=reading.id,
        label=reading.label,
        families=_families(reading.analytes[0], segments),
        points=tuple(points),
        segments=segments,
        not_read=tuple(_not_read(reading, chart))[:MOST],
        events=told.events.get(reading.module, ()),
        days=days,
        counts=reading.counts(chart, days),
        until=chart.today,
        aside=reading.aside,
        left_out=len(every) - len(read),
        urgency=_urgency(points, [_key_of_result(one) for one in read], told),
    )


# --- results and their scales ---


def _point(read: Placed, chart: Chart, days: int | None, told: _Told) -> Point:
    day, key = read.result.taken.date(), _key_of_result(read)
    in_time = None if days is None else chart.within(day, days)
    counts = told.counts(key, in_time=in_time, spans=len(read.bands) > 1)
    return Point(day, read.printed, read.value, read.scale, read.bands, read.criterion, counts, told.words.get(key, ""))


def _segments(read: Sequence[Placed], changes: Sequence[date], until: date) -> tuple[Segment, ...]:
    """The bands by days: where those of two results that follow each other differ, they change at a day of `changes`
    between them, else half-way."""
    found: list[Segment] = []
    last: date | None = None
    for day, scale in sorted(
        ((one.result.taken.date(), one.scale) for one in read if one.scale is not None), key=lambda one: one[0]
    ):
        if last is None:
            found.append(Segment(day, until, scale))
        elif found[-1].scale.bands != scale.bands:
            between = (one for one in changes if last < one <= day)
            turn = next(between, last + timedelta(days=((day - last).days + 1) // 2))
            found[-1] = replace(found[-1], end=turn)
            found.append(Segment(turn, until, scale))
        last = day
    return tuple(found)


def _families(analyte: Analyte, segments: Sequence[Segment]) -> tuple[Family, ...]:
    families = analyte.measure.families
    first = segments[-1].scale.bands[0].upper if segments else None
    if first is None:
        return families[:2]
    return tuple(family for family in families if first.for_unit(family.unit) is not None)


def _not_read(reading: Reading, chart: Chart) -> Iterator[NotRead]:
    for analyte in reading.analytes:
        for result in chart.labs.get(analyte.key, ()):
            if result.value is None:
                yield NotRead(result.taken.date(), reading.label, timeline_results.printed(result), result.unreadable)


# --- what decided ---


def _told(chart: Chart) -> _Told:
    screening = screen.patient_view(chart)
    explained = reasons.explained(screening, chart)
    words: dict[_Key, str] = {}
    decided: set[_Key] = set()
    on_cards: set[_Key] = set()
    events: dict[str, tuple[Event, ...]] = {}
    for assessment, reason in zip(screening.assessments, explained.modules, strict=True):
        events[reason.module] = _events(reason.facts)
        for fact in reason.facts:
            key = _key_of(fact)
            if assessment.state not in MISSING_STATES and (assessment.missing is None or fact in assessment.evidence):
                decided.add(key)
                words.setdefault(key, fact.criterion)
            else:
                words.setdefault(key, reason.because)
            if assessment.finding is not None or assessment.missing is not None:
                on_cards.add(key)
    return _Told(words, frozenset(decided), frozenset(on_cards), events)


def _events(facts: Sequence[Evidence]) -> tuple[Event, ...]:
    found = {
        Event(fact.day, _TAG.sub("", fact.display))
        for fact in facts
        if fact.day is not None and fact.value is None and not fact.reference.startswith("Observation/")
    }
    return tuple(sorted(found, key=lambda event: (event.day, event.label), reverse=True))


def _key_of_result(read: Placed) -> _Key:
    return read.result.reference, read.result.code, read.result.taken.date()


def _key_of(fact: Evidence) -> _Key:
    return fact.reference, fact.code, fact.day
