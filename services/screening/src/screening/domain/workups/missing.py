"""Why there is no usable result: never done, too old, or not readable. Shared by all workups."""

import re
from typing import Final

from screening.domain.chart import Chart
from screening.domain.description import Case
from screening.domain.findings import NO_RESULT, STALE, UNREADABLE
from screening.domain.labs import LabResult

UNREADABLE_OR_STALE: Final = (
    Case(
        UNREADABLE, "the newest result cannot be read or spans a limit that matters", "a line in SCREEN with the reason"
    ),
    Case(STALE, "the newest result is older than its look-back", "a line in SCREEN with the day of the result"),
)
"""The cases that every workup describes alike."""


_DATED: Final = (
    (re.compile(r"last result [0-9-]+, before"), "the last result is from before"),
    (re.compile(r"last result [0-9-]+, older"), "the last result is older"),
    (re.compile(r"result of [0-9-]+ cannot"), "the newest result cannot"),
)
"""The wordings of this module that name a day, and the same without it."""


def state_without_result(chart: Chart, days: int, *analytes: str) -> tuple[str, str]:
    """The missing state and its wording, when none of the analytes has a readable result within `days`."""
    unreadable = [r for a in analytes if (r := chart.unreadable(a, days)) is not None]
    if unreadable:
        newest = max(unreadable, key=lambda r: r.taken)
        return UNREADABLE, unreadable_note(newest)
    older = [r for a in analytes if (r := chart.newest(a)) is not None]
    if older:
        newest = max(older, key=lambda r: r.taken)
        return STALE, f"last result {newest.taken.date().isoformat()}, older than {days} days"
    return NO_RESULT, f"no result in {days} days"


def unreadable_note(result: LabResult) -> str:
    """What to say of a result that cannot be classified."""
    why = result.unreadable or "the reported range spans a decision limit"
    return f"result of {result.taken.date().isoformat()} cannot be used: {why}"


def undated(note: str) -> str:
    """The wording of this module without the day of the result, for readers who may not see the record."""
    return next((words + note[found.end() :] for form, words in _DATED if (found := form.match(note))), note)
