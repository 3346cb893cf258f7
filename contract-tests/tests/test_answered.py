"""A card that was answered stays away for its time, and only whoever was shown a card can answer it."""

import json
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from contract import exchanges, judge
from contract.client import Client

Ask = Callable[[], list[dict[str, Any]]]
FEEDBACK = "/cds-services/dystonia-patient-view/feedback"


@pytest.fixture
def ask(door: Client, services: dict[str, dict[str, Any]], today: date) -> Ask:
    """Asks about a patient whom nobody else asks about: a low vitamin B12, and other tests that are missing."""
    service = services["patient-view"]
    request = exchanges.load("patient-view-prefetch")[0].request(service["prefetch"], today)
    body = json.loads(json.dumps(request).replace(request["context"]["patientId"], f"synthetic-{uuid.uuid4()}"))

    def cards() -> list[dict[str, Any]]:
        answer = door.post(f"/cds-services/{service['id']}", {**body, "hookInstance": str(uuid.uuid4())})
        assert answer.status_code == 200, answer.text
        assert judge.faults(answer.json()) == []
        shown: list[dict[str, Any]] = answer.json()["cards"]
        return shown

    return cards


def modules(cards: list[dict[str, Any]]) -> list[str]:
    return [judge.decision(card)["module"] for card in cards]


def override(card: str, days_ago: float = 0.01, reason: str = "") -> dict[str, Any]:
    moment = datetime.now(UTC) - timedelta(days=days_ago)
    made = {"card": card, "outcome": "overridden", "outcomeTimestamp": moment.isoformat(timespec="seconds")}
    return made | ({"overrideReason": {"reason": {"code": reason}}} if reason else {})


def accept(card: dict[str, Any]) -> dict[str, Any]:
    suggestion = card["suggestions"][0]["uuid"]
    return {**override(card["uuid"]), "outcome": "accepted", "acceptedSuggestions": [{"id": suggestion}]}


def statuses(client: Client, *items: Any, path: str = FEEDBACK) -> list[str]:
    answer = client.post(path, {"feedback": list(items)})
    assert answer.status_code == 200, answer.text
    return [one["status"] for one in answer.json()["feedback"]]


@pytest.mark.promise("R71", "T92")
def test_feedback_about_a_card_that_was_shown_is_kept_once(door: Client, ask: Ask) -> None:
    card = ask()[0]
    accepted, dismissed = accept(card), override(card["uuid"])
    told = statuses(door, accepted, override("never-shown"), dismissed, accepted)
    assert told == ["kept", "unknown-card", "kept", "repeated"]
    again = statuses(door, dismissed, accepted, path=FEEDBACK.replace("patient-view", "order-sign"))
    assert again == ["repeated", "repeated"]


def test_feedback_about_another_clients_card_is_refused(door: Client, screening: Client, ask: Ask) -> None:
    card = ask()[0]["uuid"]
    answer = screening.post(FEEDBACK, {"feedback": [override(card)]})
    assert answer.status_code == 403
    assert judge.refusal_faults(answer) == []
    assert statuses(screening, override(card), override(f"other-{uuid.uuid4()}")) == ["refused", "unknown-card"]
    assert modules(ask()) == ["B12", "SCREEN"]
    assert statuses(door, override(card)) == ["kept"]


@pytest.mark.promise("T75")
def test_what_was_answered_is_silent_and_what_was_not_keeps_its_uuid(door: Client, ask: Ask) -> None:
    low, screen = ask()
    assert [card["uuid"] for card in ask()] == [low["uuid"], screen["uuid"]]
    assert statuses(door, override(screen["uuid"])) == ["kept"]
    assert [card["uuid"] for card in ask()] == [low["uuid"]]
    assert statuses(door, override(low["uuid"], reason="specialist-managing")) == ["kept"]
    assert ask() == []


@pytest.mark.parametrize(("days_ago", "left"), [(100, ["B12"]), (400, ["B12", "SCREEN"])])
def test_an_override_counts_from_when_it_was_given(door: Client, ask: Ask, days_ago: int, left: list[str]) -> None:
    screen = ask()[1]["uuid"]
    assert statuses(door, override(screen, days_ago)) == ["kept"]
    assert modules(ask()) == left


def test_an_accepted_suggestion_is_acted_on(door: Client, ask: Ask) -> None:
    screen = ask()[1]
    assert statuses(door, accept(screen)) == ["kept"]
    assert modules(ask()) == ["B12"]
