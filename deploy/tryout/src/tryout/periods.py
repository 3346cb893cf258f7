"""FHIR dates as the stretch of time that they cover, and the comparisons that a date search makes with them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

_DATE: Final = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d{2})(?:-(?P<day>\d{2})"
    r"(?:T(?P<hour>\d{2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.(?P<fraction>\d+))?)?(?P<zone>Z|[+-]\d{2}:\d{2})?)?)?)?"
)
_BEGINNING: Final = datetime.min.replace(tzinfo=UTC)
_END: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Stretch:
    """A stretch of time: `low` is in it, `high` is the first moment after it."""

    low: datetime
    high: datetime


def stretch(text: object) -> Stretch | None:
    """The time that a FHIR date or dateTime covers (`2026` covers the whole year), or None if it is not one.

    A date without a zone is read as UTC.
    """
    match = _DATE.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        return None
    try:
        return _stretch(match)
    except (ValueError, OverflowError):
        return None


def _stretch(match: re.Match[str]) -> Stretch:
    year, month, day = int(match["year"]), int(match["month"] or 1), int(match["day"] or 1)
    if match["month"] is None:
        return Stretch(datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC))
    if match["day"] is None:
        following = (year + 1, 1) if month == 12 else (year, month + 1)
        return Stretch(datetime(year, month, 1, tzinfo=UTC), datetime(*following, 1, tzinfo=UTC))
    if match["hour"] is None:
        low = datetime(year, month, day, tzinfo=UTC)
        return Stretch(low, low + timedelta(days=1))
    seconds = match["second"] or "00"
    fraction = (match["fraction"] or "")[:6].ljust(6, "0")
    zone = (match["zone"] or "+00:00").replace("Z", "+00:00")
    low = datetime.fromisoformat(
        f"{match['year']}-{match['month']}-{match['day']}T{match['hour']}:{match['minute']}:{seconds}.{fraction}{zone}"
    ).astimezone(UTC)
    if match["second"] is None:
        return Stretch(low, low + timedelta(minutes=1))
    return Stretch(low, low + (timedelta(milliseconds=1) if match["fraction"] else timedelta(seconds=1)))


def choice(resource: Mapping[str, Any], element: str) -> Stretch | None:
    """The time of an element with a choice of type: `effective` reads effectiveDateTime, -Period, -Instant, -Timing.

    An element that is a plain dateTime (`authoredOn`) or Period (`period`) is read, too. None when there is no
    readable time.
    """
    for suffix in ("", "DateTime", "Instant", "Date"):
        if found := stretch(resource.get(element + suffix)):
            return found
    for suffix in ("", "Period"):
        if isinstance(period := resource.get(element + suffix), Mapping):
            return _of_period(period)
    timing = resource.get(element + "Timing")
    events = timing.get("event") if isinstance(timing, Mapping) else None
    found_events = [found for event in events if (found := stretch(event))] if isinstance(events, list) else []
    if found_events:
        return Stretch(min(event.low for event in found_events), max(event.high for event in found_events))
    return None


def _of_period(period: Mapping[str, Any]) -> Stretch | None:
    start, end = stretch(period.get("start")), stretch(period.get("end"))
    if start is None and end is None:
        return None
    return Stretch(start.low if start else _BEGINNING, end.high if end else _END)


def matches(prefix: str, wanted: Stretch, target: Stretch) -> bool:
    """Whether `target` satisfies `prefix` (eq, ge, gt, le, lt) with the searched value, as FHIR R4 search has it."""
    inside = wanted.low <= target.low and target.high <= wanted.high
    if prefix == "eq":
        return inside
    if prefix == "gt":
        return target.high > wanted.high
    if prefix == "lt":
        return target.low < wanted.low
    if prefix == "ge":
        return inside or target.high > wanted.high
    return inside or target.low < wanted.low
