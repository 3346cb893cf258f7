"""Cards and answers for the store, all synthetic."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from screening.store import CardRow, FeedbackRow, Marks, TraceRow

MARKS: Final = Marks.of(b"only-for-tests-only-for-tests-00")
NOW: Final = datetime(2026, 11, 22, 12, 0, 0, 123456, UTC)
DAY: Final = timedelta(days=1)
CLIENT: Final = "example-ehr"
PATIENT: Final = MARKS.patient(CLIENT, "", "https://ehr.example/fhir", "synthetic-1")
CARD: Final = CardRow(
    client=CLIENT,
    tenant="",
    uuid="6f1b6c1e-0000-5000-8000-000000000001",
    suggestions=("6f1b6c1e-0000-5000-8000-0000000000aa",),
    service="dystonia-patient-view",
    hook="patient-view",
    module="B12",
    state="ABNORMAL",
    indicator="warning",
    rules_version="2026.11.1",
    patient=PATIENT,
    fhir_server="https://ehr.example/fhir",
    shown='{"module":"B12"}',
    at=NOW,
)
ANSWER: Final = FeedbackRow(
    card=CARD.uuid,
    outcome="overridden",
    service=CARD.service,
    received=NOW + timedelta(minutes=5),
    said_at=NOW + timedelta(minutes=4),
    reason="deferred",
)
TRACE: Final = TraceRow(
    hook_instance="d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
    client=CLIENT,
    tenant="",
    service=CARD.service,
    hook=CARD.hook,
    at=NOW,
    outcome="cards",
    patient=PATIENT,
    body="{}",
)


def uuid(number: int) -> str:
    return f"6f1b6c1e-0000-5000-8000-{number:012x}"


def card(number: int = 1, **changes: Any) -> CardRow:
    return replace(CARD, uuid=uuid(number), **changes)


def answer(number: int = 1, **changes: Any) -> FeedbackRow:
    return replace(ANSWER, card=uuid(number), **changes)
