"""FHIR dates and times: to UTC, with a missing day or month read as the first. Clinical rules 1.0.1."""

import re
from datetime import UTC, date, datetime
from typing import Final

_PARTIAL: Final = re.compile(r"(\d{4})(?:-(\d{2}))?(?:-(\d{2}))?")
_LONGEST_PARTIAL: Final = len("2026-11-22")


def instant(text: str | None) -> datetime | None:
    """A dateTime, date, year-month or year as an instant in UTC; None when it is none of these.

    A time without a zone, which FHIR does not allow, is read as UTC.
    """
    if not text:
        return None
    text = text.strip()
    partial = _PARTIAL.fullmatch(text) if len(text) <= _LONGEST_PARTIAL else None
    try:
        if partial is not None:
            year, month, day = partial.groups()
            return datetime(int(year), int(month or 1), int(day or 1), tzinfo=UTC)
        read = datetime.fromisoformat(text)
        return (read if read.tzinfo is not None else read.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def day(text: str | None) -> date | None:
    """The UTC calendar day of a FHIR date or time."""
    read = instant(text)
    return read.date() if read is not None else None
