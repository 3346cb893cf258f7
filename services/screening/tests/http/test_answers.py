"""Answers and the calls after them, over HTTP, with a clock that can be moved."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import edge_samples as s
import pytest
from flask.testing import FlaskClient

from chassis.testing import CALLER, KEYS, signed
from screening.app import create_app
from screening.settings import Settings
from screening.store import Store, StoreDown

FEEDBACK = f"{s.PATIENT_VIEW}/feedback"
ORDER_SIGN = "/cds-services/dystonia-order-sign"
LONG_KNOWN = s.bundle(s.condition(recordedDate="2020-01-01"))
CRITICAL_CALCIUM = s.observation("29265-6", 1.75, "mmol/L", id="calcium", effectiveDateTime="2026-11-22T06:00:00Z")


@dataclass
class Clinic:
    """One service with its store, called by one client after the other, at a time that tests move."""

    client: FlaskClient
    now: datetime = s.NOW
    labs: list[dict[str, Any]] = field(default_factory=list)

    def view(self, **context: Any) -> list[dict[str, Any]]:
        """The cards when the chart is opened."""
        values = s.prefetch(*self.labs, conditions=LONG_KNOWN)
        answer = self.client.post(s.PATIENT_VIEW, json=s.call(values, **context))
        assert answer.status_code == 200, answer.data
        cards: list[dict[str, Any]] = answer.get_json()["cards"]
        return cards

    def select(self, *drafts: dict[str, Any]) -> list[dict[str, Any]]:
        """The cards when orders are selected."""
        cards: list[dict[str, Any]] = self.client.post(s.ORDER_SELECT, json=s.order_call(*drafts)).get_json()["cards"]
        return cards

    def sign(self, *drafts: dict[str, Any]) -> list[dict[str, Any]]:
        """The cards when orders are about to be signed."""
        call = {**s.order_call(*drafts), "hook": "order-sign"}
        cards: list[dict[str, Any]] = self.client.post(ORDER_SIGN, json=call).get_json()["cards"]
        return cards

    def override(self, card: dict[str, Any], reason: str = "", at: datetime | None = None) -> None:
        """Override a card now, or so that the EHR says it was at another time."""
        item = {"card": card["uuid"], "outcome": "overridden", "outcomeTimestamp": (at or self.now).isoformat()}
        self._keep(item | ({"overrideReason": {"reason": {"code": reason}}} if reason else {}))

    def accept(self, card: dict[str, Any]) -> None:
        """Accept the first suggestion of a card now."""
        accepted = [{"id": card["suggestions"][0]["uuid"]}]
        item = {"card": card["uuid"], "outcome": "accepted", "outcomeTimestamp": self.now.isoformat()}
        self._keep(item | {"acceptedSuggestions": accepted})

    def _keep(self, item: dict[str, Any]) -> None:
        answer = self.client.post(FEEDBACK, json={"feedback": [item]})
        assert answer.get_json() == {"feedback": [{"card": item["card"], "status": "kept"}]}

    def after(self, **time: float) -> None:
        """Move the clock on."""
        self.now += timedelta(**time)


Enter = Callable[..., Clinic]


@pytest.fixture(scope="module")
def enter(tmp_path_factory: pytest.TempPathFactory) -> Enter:
    """Makes a clinic by the name of its client; all have one store and one patient."""
    moving: dict[str, Clinic] = {}
    settings = Settings(
        identity_key=s.IDENTITY_KEY, internal_keys=KEYS, state_dir=tmp_path_factory.mktemp("state"),
    )  # fmt: skip
    app = create_app(settings, clock=lambda: moving["now"].now)

    def made(name: str) -> Clinic:
        clinic = Clinic(signed(app, {**CALLER, "client": name}).test_client())
        moving["now"] = clinic
        return clinic

    return made


@pytest.fixture
def clinic(enter: Enter, request: pytest.FixtureRequest) -> Clinic:
    """A clinic whose client no other test has: nothing was answered there yet."""
    return enter(request.node.name)


def modules(cards: list[dict[str, Any]]) -> list[str]:
    return s.modules(cards)


SCREEN = ["SCREEN INCOMPLETE"]


@pytest.mark.parametrize(("reason", "days"), [("", 365), ("deferred", 30), ("patient-declined", 180)])
def test_screening_is_silent_for_the_term_of_the_answer(clinic: Clinic, reason: str, days: int) -> None:
    (card,) = clinic.view()
    clinic.override(card, reason)
    clinic.after(days=days, hours=-1)
    assert clinic.view() == []
    assert clinic.view(encounterId="another") == []
    clinic.after(hours=2, days=1)
    assert modules(clinic.view()) == SCREEN


@pytest.mark.parametrize(("days_ago", "left"), [(100, []), (400, SCREEN)])
def test_the_term_begins_when_the_ehr_says(clinic: Clinic, days_ago: int, left: list[str]) -> None:
    (card,) = clinic.view()
    clinic.override(card, at=clinic.now - timedelta(days=days_ago))
    assert modules(clinic.view()) == left


def test_an_answer_from_the_future_begins_when_it_comes(clinic: Clinic) -> None:
    (card,) = clinic.view()
    clinic.override(card, "deferred", at=clinic.now + timedelta(days=3_000))
    assert clinic.view() == []
    clinic.after(days=32)
    assert modules(clinic.view()) == SCREEN


def test_the_newest_answer_counts_in_whatever_order_they_come(clinic: Clinic) -> None:
    (card,) = clinic.view()
    clinic.override(card, "deferred")
    clinic.override(card, "done-elsewhere", at=clinic.now - timedelta(hours=1))
    assert clinic.view() == []
    clinic.after(days=32)
    assert modules(clinic.view()) == SCREEN


def test_a_critical_card_comes_back_after_a_day_whatever_was_answered(clinic: Clinic) -> None:
    clinic.labs = [CRITICAL_CALCIUM]
    cards = clinic.view()
    (critical,) = [card for card in cards if card["indicator"] == "critical"]
    clinic.override(critical, "specialist-managing")
    clinic.after(hours=23)
    assert [card for card in clinic.view() if card["indicator"] == "critical"] == []
    clinic.after(hours=2)
    assert [card["indicator"] for card in clinic.view()][:1] == ["critical"]


def test_a_newer_result_brings_the_card_about_a_result_back(clinic: Clinic) -> None:
    clinic.labs = [s.observation()]
    low = clinic.view()[0]
    assert s.modules([low]) == ["B12 ABNORMAL"]
    clinic.override(low)
    assert "B12 ABNORMAL" not in modules(clinic.view())
    clinic.after(days=2)
    clinic.labs.append(s.observation("2132-9", 95, id="newer", effectiveDateTime="2026-11-23T08:00:00Z"))
    assert "B12 ABNORMAL" in modules(clinic.view())


def test_an_order_card_is_silent_for_this_order_only(clinic: Clinic) -> None:
    folate = s.medication_request("4511", id="d1", status="draft")
    blocker = s.medication_request("6915", id="d2", status="draft")
    (card,) = clinic.select(folate)
    clinic.override(card, "benefit-outweighs")
    assert clinic.select({**folate, "id": "again"}) == []
    assert clinic.sign({**folate, "id": "again"}) == []
    (other,) = modules(clinic.select(folate, blocker))
    assert other != "ORD_FOLATE"


def test_an_accepted_card_is_acted_on_for_a_fortnight(clinic: Clinic) -> None:
    (card,) = clinic.view()
    clinic.accept(card)
    clinic.after(days=13)
    assert clinic.view() == []
    clinic.after(days=2)
    assert modules(clinic.view()) == SCREEN


def test_a_card_that_nobody_answered_comes_again_as_the_same(clinic: Clinic) -> None:
    first, second = clinic.view()[0], clinic.view()[0]
    assert first["uuid"] == second["uuid"]


def test_an_answer_counts_for_its_patient_and_its_client(enter: Enter) -> None:
    north = enter("north")
    (card,) = north.view()
    north.override(card)
    assert north.view() == []
    south = enter("south")
    (other,) = south.view()
    assert other["uuid"] != card["uuid"]
    refused = south.client.post(
        FEEDBACK,
        json={"feedback": [{"card": card["uuid"], "outcome": "overridden", "outcomeTimestamp": s.NOW.isoformat()}]},
    )
    assert refused.status_code == 403


def test_an_answer_that_comes_before_its_card_is_known_counts_at_once(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store was down when the card was shown; whoever answered it does not see it again."""
    clinic.labs = [s.observation()]

    def down(*_: Any) -> Any:
        raise StoreDown

    with monkeypatch.context() as while_down:
        while_down.setattr(Store, "record", down)
        low = clinic.view()[0]
    item = {"card": low["uuid"], "outcome": "overridden", "outcomeTimestamp": clinic.now.isoformat()}
    told = clinic.client.post(FEEDBACK, json={"feedback": [item]}).get_json()["feedback"]
    assert [one["status"] for one in told] == ["unknown-card"]
    assert [modules(clinic.view()), modules(clinic.view())] == [SCREEN, SCREEN]
    clinic.after(days=181)
    assert modules(clinic.view()) == ["B12 ABNORMAL", *SCREEN], "and it comes back after its time"


def test_an_answered_card_leaves_no_refusal_behind(clinic: Clinic) -> None:
    edetate = s.medication_request("42662", id="d2", status="draft")
    call = s.order_call(s.draft("5683-8"), edetate, values=s.prefetch(conditions=s.DROP))
    (card,) = clinic.client.post(s.ORDER_SELECT, json=call).get_json()["cards"]
    assert card["source"]["topic"]["code"] == "OrdEdta"
    clinic.override(card)
    answer = clinic.client.post(s.ORDER_SELECT, json=call)
    assert (answer.status_code, answer.get_json()) == (200, {"cards": []})
