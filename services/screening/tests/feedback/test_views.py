"""Feedback over HTTP: each item is answered for itself, and nothing is acknowledged that is not kept."""

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from chassis import logs, peers, shell
from chassis.testing import KEYS, SignedClient, signed
from screening import feedback_views
from screening.account import AUDIT
from screening.override_reasons import reasons
from screening.store import CardRow, Marks, Store, StoreDown, StoreSettings

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
PATH = "/cds-services/dystonia-patient-view/feedback"
OTHER_SERVICE = "/cds-services/dystonia-order-sign/feedback"
MINE = "4a31ce06-0b27-5a5c-9f0e-6f1d0a6f2c11"
SECOND = "0b5f6a3c-6a0e-5e3a-9d4e-2f4b8a6c1d06"
THEIRS = "9c1d7a52-1f6e-5b0a-8a55-2f8f0c1b7e44"
PATIENT = "f" * 64
MARK = "zzmarkzz"
EPIC_CALLER = {"client": "mine", "tenant": "north", "dialect": "epic", "overrideReasons": {"45": "not-indicated"}}
CARD = CardRow(
    client="mine", tenant="north", uuid=MINE, suggestions=(), service="dystonia-patient-view", hook="patient-view",
    module="SCREEN", state="INCOMPLETE", indicator="info", rules_version="1", patient=PATIENT,
    fhir_server="https://ehr.example/fhir", shown="{}", at=NOW - timedelta(hours=1),
)  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = Store(StoreSettings(), tmp_path, Marks.of(b"only-for-tests-only-for-tests-00"))
    assert made.prepare()
    made.record([CARD, replace(CARD, uuid=SECOND), replace(CARD, uuid=THEIRS, client="theirs", tenant="")])
    yield made
    made.close()


@pytest.fixture
def client(store: Store) -> FlaskClient:
    return serving(store)


def serving(store: Any, caller: dict[str, Any] = EPIC_CALLER, clock: Callable[[], datetime] = lambda: NOW) -> Any:
    """A client of a service that answers feedback only."""
    app = shell.build(__name__, version="0", max_body=10_000_000, not_ready=tuple)
    peers.install(app, KEYS, by={"gateway"})
    parts = feedback_views.Parts(store, reasons("https://dystonia-cds.example/fhir"), clock)
    app.register_blueprint(feedback_views.blueprint(parts))
    return signed(app, caller).test_client()


def item(card: str = MINE, **changes: Any) -> dict[str, Any]:
    made = {"card": card, "outcome": "overridden", "outcomeTimestamp": "2026-11-23T11:59:00Z", **changes}
    return {key: value for key, value in made.items() if value is not ...}


def sent(client: SignedClient, *items: Any, path: str = PATH) -> Any:
    return client.post(path, json={"feedback": list(items)})


def statuses(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.data
    return [one["status"] for one in answer.get_json()["feedback"]]


def issues(answer: Any, status: int) -> list[dict[str, Any]]:
    """The issues of a refusal, each of which names the request."""
    assert answer.status_code == status, answer.data
    assert answer.mimetype == "application/fhir+json"
    found: list[dict[str, Any]] = answer.get_json()["issue"]
    assert all(answer.headers["X-Request-Id"] in one["diagnostics"] for one in found)
    return found


def audited(answer: Any) -> Any:
    return json.loads(answer.headers[AUDIT])


def test_each_item_is_answered_in_order_with_the_card_as_it_was_sent(client: Any, store: Store) -> None:
    accepted = item(SECOND, outcome="accepted", acceptedSuggestions=[{"id": "unknown"}])
    deferred = item(MINE.upper(), overrideReason={"reason": {"code": "deferred"}})
    answer = sent(client, item("card-lab-1"), deferred, accepted, deferred)
    assert answer.get_json() == {
        "feedback": [
            {"card": "card-lab-1", "status": "unknown-card"},
            {"card": MINE.upper(), "status": "kept"},
            {"card": SECOND, "status": "kept"},
            {"card": MINE.upper(), "status": "repeated"},
        ]
    }
    assert audited(answer) == {
        "feedback": {"unknown-card": 1, "kept": 2, "repeated": 1},
        "reasons": {"none": 1, "deferred": 1},
    }
    found = {(row.outcome, row.reason, row.at) for row in store.answers(PATIENT)}
    at = NOW - timedelta(minutes=1)
    assert found == {("overridden", "deferred", at), ("accepted", "", at)}


def test_repeating_it_changes_nothing(client: Any, store: Store) -> None:
    assert statuses(sent(client, item())) == ["kept"]
    before = store.answers(PATIENT)
    later = serving(store, clock=lambda: NOW + timedelta(days=1))
    assert statuses(sent(later, item(), item(f"urn:uuid:{MINE}"))) == ["repeated", "repeated"]
    assert statuses(sent(later, item(), path=OTHER_SERVICE)) == ["repeated"]
    assert store.answers(PATIENT) == before


def test_one_in_the_future_counts_as_now_and_is_the_same_when_repeated(store: Store) -> None:
    ahead = item(outcomeTimestamp="2031-01-01T00:00:00Z")
    assert statuses(sent(serving(store), ahead)) == ["kept"]
    assert statuses(sent(serving(store, clock=lambda: NOW + timedelta(days=1)), ahead)) == ["repeated"]
    assert [row.at for row in store.answers(PATIENT)] == [NOW]


def test_a_card_of_another_service_of_ours_may_be_answered(client: Any) -> None:
    assert statuses(sent(client, item(), path=OTHER_SERVICE)) == ["kept"]


def test_feedback_may_come_before_its_card(client: Any, store: Store) -> None:
    unseen = "11111111-2222-5333-8444-555555555555"
    assert statuses(sent(client, item(unseen))) == ["unknown-card"]
    assert store.answers(PATIENT) == []
    store.record([replace(CARD, uuid=unseen)])
    assert len(store.answers(PATIENT)) == 1


def test_the_bad_items_are_refused_and_the_good_ones_kept(client: Any, store: Store) -> None:
    bad = item(outcome=MARK, overrideReason={"userComment": MARK})
    answer = sent(client, bad, item(THEIRS), item(), 5, item("a\nb"), path=PATH)
    told = answer.get_json()["feedback"]
    assert statuses(answer) == ["refused", "refused", "kept", "refused", "refused"]
    assert [one.get("expression") for one in told] == [
        "feedback[0].outcome", "feedback[1].card", None, "feedback[3]", "feedback[4].card",
    ]  # fmt: skip
    assert [one.get("card") for one in told] == [MINE, THEIRS, MINE, None, None]
    assert all(one["diagnostics"].endswith(".") for one in told if one["status"] == "refused")
    assert MARK not in answer.get_data(as_text=True)
    assert audited(answer) == {"feedback": {"refused": 4, "kept": 1}, "reasons": {"none": 1}}
    assert len(store.answers(PATIENT)) == 1


def test_without_a_good_item_all_is_refused_with_an_issue_for_each(client: Any) -> None:
    answer = sent(client, item(card=...), item(outcome="accepted"), item(THEIRS), None)
    found = issues(answer, 400)
    assert [one["expression"] for one in found] == [
        ["feedback[0].card"], ["feedback[1].acceptedSuggestions"], ["feedback[2].card"], ["feedback[3]"],
    ]  # fmt: skip
    assert [one["code"] for one in found] == ["invalid", "invalid", "forbidden", "invalid"]
    assert audited(answer) == {"feedback": {"refused": 4}, "reasons": {}}


def test_cards_of_others_alone_are_forbidden(client: Any, store: Store) -> None:
    found = issues(sent(client, item(THEIRS), item(THEIRS)), 403)
    assert [(one["code"], one["expression"]) for one in found] == [
        ("forbidden", ["feedback[0].card"]), ("forbidden", ["feedback[1].card"]),
    ]  # fmt: skip
    other_tenant = serving(store, {**EPIC_CALLER, "tenant": "south"})
    assert len(issues(sent(other_tenant, item()), 403)) == 1
    assert store.answers(PATIENT) == []


def test_nothing_is_a_right_answer_to_nothing(client: Any) -> None:
    answer = sent(client)
    assert (answer.status_code, answer.get_json()) == (200, {"feedback": []})


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"feedback": {}}', b'{"feedback": null}', b'{"feedback": ["\xff"]}']
)
def test_what_is_no_feedback_is_refused(client: Any, body: bytes) -> None:
    issues(client.post(PATH, data=body, content_type="application/json"), 400)


def test_the_reasons_of_a_site_are_those_of_its_client(client: Any, store: Store) -> None:
    category = {"com.epic.cdshooks.feedback.overrideReason.reasonCategory": "45"}
    told = item(overrideReasons={"extension": category, "userComment": MARK})
    assert audited(sent(client, told))["reasons"] == {"not-indicated": 1}
    plain = serving(store, {**EPIC_CALLER, "overrideReasons": {}})
    assert audited(sent(plain, told))["reasons"] == {"other": 1}


class Down:
    """A store that cannot keep anything now."""

    exists = True

    def keep(self, *_: Any) -> Any:
        raise StoreDown


def test_nothing_is_acknowledged_while_the_store_is_down() -> None:
    answer = sent(serving(Down()), item(), item(card=...))
    (issue,) = issues(answer, 503)
    assert issue["code"] == "transient"
    assert int(answer.headers["Retry-After"]) > 0
    assert AUDIT not in answer.headers


def test_without_a_place_for_it_it_says_so() -> None:
    nowhere = serving(Store(StoreSettings(), None, Marks.of(b"only-for-tests-only-for-tests-00")))
    (issue,) = issues(sent(nowhere, item()), 501)
    assert "STATE_DIR" in issue["details"]["text"]


def test_there_is_no_feedback_about_a_service_that_there_is_not(client: Any) -> None:
    issues(sent(client, item(), path="/cds-services/none/feedback"), 404)


def test_logs_hold_counts_and_nothing_that_was_sent(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    logs.configure("screening", "DEBUG", stream)
    coding = {"code": "wrong-data", "display": MARK, "system": MARK}
    sent(client, item(overrideReason={"reason": coding, "userComment": MARK}), item(f"x{MARK}", more=MARK))
    sent(client, item(outcome=MARK), item(card=f"\n{MARK}"))
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert MARK not in stream.getvalue()
    assert MINE not in stream.getvalue()
    assert [line["count"] for line in lines if line["event"] == "request"] == [2, 2]
    (quality,) = [line for line in lines if line["logger"] == "cds.feedback"]
    assert (quality["client"], quality["count"]) == ("mine", 1)
