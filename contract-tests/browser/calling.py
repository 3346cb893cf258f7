"""Calls that an EHR would have made, so that pages about calls have something to show."""

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from contract.client import Client

from screening.synthetic import charts, specimens
from tryout.ehr import answer_prefetch

_CHOSEN: Final = 12


@dataclass(frozen=True)
class Called:
    """A call and its answer.

    Attributes:
        name: of the scenario.
        instance: the hookInstance.
        service: the id of the service.
        cards: that came.
    """

    name: str
    instance: str
    service: str
    cards: list[dict[str, Any]]


def called(base: str) -> list[Called]:
    """Call with some of the scenarios, one of them without its results; accept the first card and override another."""
    door = Client(base)
    services = door.services()
    today = datetime.now(UTC).date()
    scenarios = specimens.one_of_each()
    chosen = scenarios[:: max(1, len(scenarios) // _CHOSEN)]
    chosen.append({**chosen[0], "id": "browser-not-delivered", "not_delivered": ["vitamin-b12"]})
    made = [_one(door, services[one["hook"]], one, today) for one in chosen]
    answered = [one for one in made if one.cards]
    _say(door, answered[0], {"outcome": "accepted", "acceptedSuggestions": []})
    _say(door, answered[1], {"outcome": "overridden"})
    return made


def _one(door: Client, service: dict[str, Any], scenario: dict[str, Any], today: Any) -> Called:
    named = {**scenario, "id": f"{scenario['id']}-{uuid.uuid4().hex[:8]}"}
    body = charts.call(named, service["prefetch"], today, answer_prefetch)
    answer = door.post(f"/cds-services/{service['id']}", body)
    assert answer.status_code == 200, f"{scenario['id']}: {answer.status_code} {answer.text[:300]}"
    return Called(scenario["id"], body["hookInstance"], service["id"], answer.json()["cards"])


def _say(door: Client, call: Called, outcome: dict[str, Any]) -> None:
    card = call.cards[0]
    if "acceptedSuggestions" in outcome:
        outcome["acceptedSuggestions"] = [{"id": one["uuid"]} for one in card.get("suggestions", ())[:1]]
    told = {"card": card["uuid"], "outcomeTimestamp": datetime.now(UTC).isoformat(timespec="seconds"), **outcome}
    answer = door.post(f"/cds-services/{call.service}/feedback", {"feedback": [told]})
    assert answer.status_code == 200, answer.text[:300]
