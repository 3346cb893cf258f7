"""When a result was taken: timestamps as FHIR allows them, and as it does not. The call is on 2026-11-22, noon UTC."""

from datetime import UTC, date, datetime
from typing import Any

import edge_samples as s
import pytest

from screening.fhir.times import day, instant


def taken(**changes: Any) -> list[datetime]:
    found = s.chart(s.observation("2132-9", 90, "pg/mL", **{"effectiveDateTime": s.DROP, **changes})).results("B12")
    return [result.taken for result in found]


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("2026", datetime(2026, 1, 1, tzinfo=UTC)),
        ("2026-03", datetime(2026, 3, 1, tzinfo=UTC)),
        ("2026-03-07", datetime(2026, 3, 7, tzinfo=UTC)),
        ("2024-02-29", datetime(2024, 2, 29, tzinfo=UTC)),
        ("2026-03-07T23:30:00Z", datetime(2026, 3, 7, 23, 30, tzinfo=UTC)),
        ("2026-03-07T23:30:00-05:00", datetime(2026, 3, 8, 4, 30, tzinfo=UTC)),
        ("2026-03-08T00:30:00+14:00", datetime(2026, 3, 7, 10, 30, tzinfo=UTC)),
        ("2026-03-07T23:30:00.123456789Z", datetime(2026, 3, 7, 23, 30, 0, 123456, tzinfo=UTC)),
        ("2026-03-07T23:30:00", datetime(2026, 3, 7, 23, 30, tzinfo=UTC)),
        (" 2026-03-07 ", datetime(2026, 3, 7, tzinfo=UTC)),
        *(
            (text, None)
            for text in (
                "", None, "Invalid date", "yesterday", "0000", "0000-01-01", "2026-13", "2026-02-30", "2026-1-1",
                "07/03/2026", "2026-03-07T25:00:00Z", "2026-03-07T10:00:00+99:00", "0001-01-01T00:00:00+14:00",
                "9999-12-31T23:59:59-14:00", "20260", "-2026-01-01", "2026-03-07T10:00:00Z; DROP", "٢٠٢٦-٠٣-٠٧T",
            )
        ),
    ],
)  # fmt: skip
def test_instants(text: str | None, read: datetime | None) -> None:
    assert instant(text) == read
    assert day(text) == (read.date() if read is not None else None)


@pytest.mark.parametrize(
    ("changes", "read"),
    [
        ({"effectiveDateTime": "2026-11-01T08:00:00Z"}, datetime(2026, 11, 1, 8, tzinfo=UTC)),
        ({"effectiveInstant": "2026-11-01T08:00:00Z"}, datetime(2026, 11, 1, 8, tzinfo=UTC)),
        ({"effectivePeriod": {"start": "2026-10-01", "end": "2026-10-03"}}, datetime(2026, 10, 3, tzinfo=UTC)),
        (
            {"effectivePeriod": {"start": "2026-10-01"}, "issued": "2026-10-09T00:00:00Z"},
            datetime(2026, 10, 9, tzinfo=UTC),
        ),
        ({"issued": "2026-10-09T00:00:00Z"}, datetime(2026, 10, 9, tzinfo=UTC)),
        (
            {"effectiveDateTime": "2026-10-01", "effectivePeriod": {"end": "2026-10-03"}, "issued": "2026-10-09"},
            datetime(2026, 10, 1, tzinfo=UTC),
        ),
        ({"effectiveDateTime": None, "issued": "2026-10-09"}, datetime(2026, 10, 9, tzinfo=UTC)),
        ({"effectivePeriod": "bent", "issued": "2026-10-09"}, datetime(2026, 10, 9, tzinfo=UTC)),
        ({}, None),
        ({"effectivePeriod": {"start": "2026-10-01"}}, None),
        ({"effectiveDateTime": "Invalid date"}, None),
        ({"effectiveDateTime": 20261001}, None),
        ({"effectiveDateTime": ["2026-10-01"]}, None),
        ({"effectiveDateTime": {"value": "2026-10-01"}}, None),
        ({"issued": {"extension": []}}, None),
    ],
)
def test_which_timestamp_counts(changes: dict[str, Any], read: datetime | None) -> None:
    assert taken(**changes) == ([read] if read is not None else [])


@pytest.mark.parametrize(
    ("text", "usable"),
    [
        ("2026-11-22T12:00:00Z", True),
        ("2026-11-23", True),
        ("2026-11-23T12:00:00Z", True),
        ("2026-11-23T12:00:01Z", False),
        ("2026-11-23T14:00:00+02:00", True),
        ("2026-11-24", False),
        ("2206-11-01", False),
    ],
)
def test_what_lies_ahead_is_unusable_after_a_day(text: str, usable: bool) -> None:
    assert bool(taken(effectiveDateTime=text)) is usable
    assert (s.chart(s.site_fact(effectiveDateTime=text)).site_fact("t1-pallidal") is not None) is usable


@pytest.mark.parametrize(
    ("text", "pends"),
    [
        ("2026-11-20", True),
        ("2025-11-22", True),
        ("2025-11-21", False),
        (s.DROP, False),
        ("2206-11-01", False),
    ],
)
def test_a_pending_result_has_a_day_too(text: Any, pends: bool) -> None:
    chart = s.chart(s.observation(status="registered", effectiveDateTime=text, valueQuantity=s.DROP))
    assert chart.pending_in("L_B12") is pends


@pytest.mark.parametrize(
    ("text", "inside"),
    [("2025-11-22", True), ("2025-11-21T23:59:59Z", False), ("2025-11-22T00:30:00+02:00", False), ("2025", False)],
)
def test_look_back_counts_utc_calendar_days(text: str, inside: bool) -> None:
    chart = s.chart(s.observation("2132-9", 90, "pg/mL", effectiveDateTime=text))
    assert (chart.newest("B12", 365) is not None) is inside


@pytest.mark.parametrize(
    ("changes", "start"),
    [
        ({}, date(2026, 1, 10)),
        ({"authoredOn": s.DROP}, None),
        ({"authoredOn": "2026"}, date(2026, 1, 1)),
        ({"authoredOn": "Invalid date"}, None),
        ({"authoredOn": s.DROP, "dateWritten": "2026-02-03"}, date(2026, 2, 3)),
    ],
)
def test_start_of_a_prescription(changes: dict[str, Any], start: date | None) -> None:
    assert [m.start for m in s.chart(s.medication_request(**changes)).medications] == [start]


@pytest.mark.parametrize(
    ("changes", "start"),
    [
        ({"effectivePeriod": {"start": "2025-05-05"}}, date(2025, 5, 5)),
        ({"effectiveDateTime": "2025-05-06"}, date(2025, 5, 6)),
        ({}, None),
    ],
)
def test_start_of_a_statement_is_never_the_day_of_writing(changes: dict[str, Any], start: date | None) -> None:
    told = s.medication_request(resourceType="MedicationStatement", **changes)
    assert [m.start for m in s.chart(told).medications] == [start]


@pytest.mark.parametrize(
    ("changes", "done"),
    [
        ({}, date(2026, 10, 1)),
        (
            {"performedDateTime": s.DROP, "performedPeriod": {"start": "2026-01-02", "end": "2026-03-04"}},
            date(2026, 3, 4),
        ),
        ({"performedDateTime": s.DROP, "performedPeriod": {"start": "2026-01-02"}}, date(2026, 1, 2)),
        ({"performedDateTime": "bent"}, None),
    ],
)
def test_day_of_a_procedure(changes: dict[str, Any], done: date | None) -> None:
    assert [p.done for p in s.chart(s.procedure(**changes)).procedures] == [done]
