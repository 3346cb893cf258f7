"""GET /trace: what a call leaves behind, through HTTP, in each of its forms."""

import json
import re
import time
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import edge_samples as s
import pytest
from flask import Flask
from flask.testing import FlaskClient

from chassis.testing import CALLER, signed
from screening.domain import reasons
from screening.pages import trace as pages
from screening.recorder import Recorder
from screening.store import TraceRow
from screening.store.traces import Traces

FORMS = ("application/json", "text/html", "text/plain")
ORDER_SIGN = "/cds-services/dystonia-order-sign"
METOCLOPRAMIDE = s.medication_request("6915", id="draft-2", status="draft")
Json = dict[str, Any]


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no other process to wait for."""
    monkeypatch.setattr(pages, "_WAIT_S", 0.0)


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Flask:
    return s.application(state_dir=tmp_path_factory.mktemp("state"), trace_facts=True)


@pytest.fixture(scope="module")
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def asked(client: FlaskClient, call: Json, path: str = s.PATIENT_VIEW) -> tuple[Any, Json]:
    """The answer to a call, and its trace."""
    instance = str(uuid.uuid4())
    answer = client.post(path, json={**call, "hookInstance": instance.upper()})
    (told,) = ask(client, f"/trace/{instance}")["traces"]
    assert told["hookInstance"] == instance
    return answer, dict(told)


def ask(client: FlaskClient, path: str, form: str = "application/json") -> Any:
    answer = client.get(path, headers={"Accept": form})
    assert answer.status_code == 200, answer.text
    assert answer.mimetype == form
    return answer.get_json() if form == "application/json" else answer.text


def module(told: Json, name: str) -> Json:
    (found,) = (one for one in told["modules"] if one["module"] == name)
    return dict(found)


def test_a_call_with_cards_says_why_each_is_there(client: FlaskClient) -> None:
    answer, told = asked(client, s.call(s.prefetch(s.observation(), orders=None, labs_manganese=s.DROP)))
    cards = answer.get_json()["cards"]
    assert [(c["topic"], c["uuid"]) for c in told["answer"]["cards"]] == [
        (card["source"]["topic"]["code"], card["uuid"]) for card in cards
    ]
    assert [c["topic"] for c in told["answer"]["cards"]] == ["B12Abnormal", "ScreenIncomplete"]
    assert (told["outcome"], told["answer"]["status"]) == ("cards", 200)
    assert told["sentence"].startswith("2 cards. B12 abnormal: vitamin B12 is low")
    assert (told["service"], told["hook"]) == ("dystonia-patient-view", "patient-view")
    assert (told["client"], told["at"]) == ("tests", "2026-11-22T12:00:00Z")
    assert told["rulesVersion"] == cards[0]["extension"]["example.dystonia-cds.decision"]["rulesVersion"]
    assert (told["tier"]["tier"], told["tier"]["because"]) == ("T1", "dystonia without a recorded cause")
    b12, manganese = module(told, "B12"), module(told, "MN")
    assert (b12["state"], b12["cameOfIt"], b12["askedFor"]) == ("ABNORMAL", "shown", True)
    assert {"code": "2132-9", "date": "2026-11-01", "band": "deficient: below 180 ng/L / 133 pmol/L"} in b12["facts"]
    assert manganese["because"] == "its results were not delivered with this call"
    assert module(told, "CA")["cameOfIt"] == "listed"
    data = {one["key"]: one["prefetch"] for one in told["data"]}
    assert (data["conditions"], data["orders"], data["labs_manganese"]) == ("delivered", "none", "absent")
    assert {"prefetch", "rules", "cards", "store"} <= set(told["timing"])


DECEASED = s.prefetch(patient=s.patient(deceasedBoolean=True))
REFUTED = s.concept("http://terminology.hl7.org/CodeSystem/condition-ver-status", "refuted")
SILENT: list[tuple[str, Json, str, str]] = [
    (
        s.PATIENT_VIEW,
        s.call(s.prefetch(conditions=None)),
        "No card: no coded movement disorder that is screened.",
        "T0",
    ),
    (s.PATIENT_VIEW, s.call(DECEASED), "No card: the patient has died.", "T1"),
    (s.PATIENT_VIEW, s.call(userId="Patient/synthetic-1"), "No card: the user does not order.", ""),
    (
        s.ORDER_SELECT,
        {**s.order_call(), "context": {"patientId": s.PATIENT_ID, "userId": "Practitioner/example-clinician"}},
        "No card: the call brought no draft orders, so there is nothing to advise on.",
        "",
    ),
    (s.ORDER_SELECT, s.order_call(s.draft("0000-0")), "No card: no rule is about the selected orders.", "T1"),
]


@pytest.mark.parametrize(("path", "call", "sentence", "tier"), SILENT)
def test_a_silent_call_says_why(client: FlaskClient, path: str, call: Json, sentence: str, tier: str) -> None:
    answer, told = asked(client, call, path)
    assert answer.get_json() == {"cards": []}
    assert (told["outcome"], told["sentence"], told["answer"]["cards"]) == ("silent", sentence, [])
    assert (told["tier"] or {"tier": ""})["tier"] == tier
    assert bool(told["data"]) is bool(tier)


def test_a_refused_call_says_why_and_what_came_of_its_data(client: FlaskClient) -> None:
    answer, told = asked(client, s.call(s.prefetch(conditions=s.DROP)))
    assert answer.status_code == 412
    words = answer.get_json()["issue"][0]["details"]["text"]
    assert (told["outcome"], told["sentence"]) == ("refused", f"Refused (412): {words}")
    (conditions,) = (one for one in told["data"] if one["key"] == "conditions")
    assert (conditions["prefetch"], conditions["why"]) == ("absent", "no-server")


def test_a_failure_of_ours_leaves_a_trace_without_the_reason(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*arguments: Any, **named: Any) -> None:
        raise ValueError("zzmarkzz")

    monkeypatch.setattr("screening.domain.screen.patient_view", fails)
    answer, told = asked(client, s.call())
    assert (answer.status_code, told["outcome"]) == (500, "failed")
    assert told["sentence"].startswith("Failed (500): The service failed on this request.")
    assert "zzmarkzz" not in str(told)


def test_what_an_answer_holds_back_is_counted_and_says_until_when(client: FlaskClient) -> None:
    call = s.call(s.prefetch(s.observation(), patient=s.patient(id="synthetic-2")), patientId="synthetic-2")
    call = json.loads(json.dumps(call).replace(f"Patient/{s.PATIENT_ID}", "Patient/synthetic-2"))
    answer, _ = asked(client, call)
    (screen,) = (card for card in answer.get_json()["cards"] if card["source"]["topic"]["code"] == "ScreenIncomplete")
    overridden = {
        "card": screen["uuid"],
        "outcome": "overridden",
        "overrideReason": {"reason": screen["overrideReasons"][0]},
        "outcomeTimestamp": "2026-11-22T11:00:00Z",
    }
    client.post(f"{s.PATIENT_VIEW}/feedback", json={"feedback": [overridden]})
    answer, told = asked(client, call)
    assert s.modules(answer.get_json()["cards"]) == ["B12 ABNORMAL"]
    assert told["sentence"].endswith(" 1 card held back.")
    (held,) = told["heldBack"]
    assert (held["what"], held["by"], held["until"]) == ("SCREEN INCOMPLETE", "answer", "2027-11-22")
    assert "1 card held back" in ask(client, f"/trace/{told['hookInstance']}", "text/html")
    (line,) = re.findall(
        r"^  SCREEN INCOMPLETE: .*$", ask(client, f"/trace/{told['hookInstance']}", "text/plain"), re.M
    )
    assert line.count("2027-11-22") == 1


def test_an_order_rule_says_what_it_came_to_with_the_first_condition_that_fails(client: FlaskClient) -> None:
    drafts = (s.draft("2132-9"), METOCLOPRAMIDE)
    _, told = asked(client, s.order_call(*drafts), s.ORDER_SELECT)
    rules = {one["rule"]: one for one in told["orderRules"]}
    assert rules["ORD_DRBA"]["cameOfIt"] == "shown"
    assert {"code": "6915", "date": "", "band": "the selected order"} in rules["ORD_DRBA"]["facts"]
    assert (rules["ORD_B12_ON_TX"]["cameOfIt"], rules["ORD_B12_ON_TX"]["facts"]) == ("nothing", [])
    assert rules["ORD_B12_ON_TX"]["because"]
    signing = {**s.order_call(*drafts, selections=s.DROP), "hook": "order-sign"}
    _, told = asked(client, signing, ORDER_SIGN)
    assert [card["topic"] for card in told["answer"]["cards"]] == ["OrdDrba"]


def test_the_calls_of_one_hook_instance_stand_together_newest_first(client: FlaskClient) -> None:
    instance = str(uuid.uuid4())
    for path, call in (
        (s.PATIENT_VIEW, s.call()),
        (s.ORDER_SELECT, s.order_call(s.draft())),
        (s.PATIENT_VIEW, s.call()),
    ):
        client.post(path, json={**call, "hookInstance": instance})
    told = ask(client, f"/trace/{instance.upper()}")
    assert sorted(one["hook"] for one in told["traces"]) == ["order-select", "patient-view", "patient-view"]
    assert "3 calls, newest first." in ask(client, f"/trace/{instance}", "text/html")


@pytest.mark.parametrize("form", FORMS)
def test_each_form_tells_it_all(client: FlaskClient, form: str) -> None:
    instance = str(uuid.uuid4())
    values = s.prefetch(s.observation(), labs_manganese=s.DROP)
    client.post(s.PATIENT_VIEW, json={**s.call(values), "hookInstance": instance})
    page = client.get(f"/trace/{instance}", headers={"Accept": form}).text
    for said in (
        instance, "2 cards. B12 abnormal: vitamin B12 is low", "B12Abnormal", "T1", "dystonia without a recorded cause",
        "no manganese risk or childhood generalized dystonia", "labs_manganese", "absent", "1.1.0",
    ):  # fmt: skip
        assert said in page, said


def test_the_page_runs_nothing_and_links_relatively(client: FlaskClient) -> None:
    _, told = asked(client, s.call())
    for path, up in ((f"/trace/{told['hookInstance']}", "../"), ("/trace", "")):
        answer = client.get(path, headers={"Accept": "text/html"})
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Cache-Control"] == "no-store"
        assert f'href="{up}explanations-assets/site.css"' in answer.text
        assert not re.search(r"<script|style=|javascript:|https?://", answer.text)


def test_the_latest_calls_are_listed_with_what_came_of_them(app: Flask) -> None:
    name = f"site-{uuid.uuid4().hex[:8]}"
    site = signed(app, {**CALLER, "client": name}).test_client()
    for call in (s.call(), s.call(s.prefetch(conditions=None)), s.call(s.prefetch(conditions=s.DROP))):
        site.post(s.PATIENT_VIEW, json={**call, "hookInstance": str(uuid.uuid4())})
    calls = ask(site, f"/trace?client={name}")["calls"]
    assert sorted(one["outcome"] for one in calls) == ["cards", "refused", "silent"]
    (silent,) = ask(site, f"/trace?client={name}&outcome=silent")["calls"]
    assert silent["sentence"] == "No card: no coded movement disorder that is screened."
    assert f'href="trace/{silent["hookInstance"]}"' in ask(site, f"/trace?client={name}", "text/html")
    assert silent["hookInstance"] in ask(site, f"/trace?client={name}", "text/plain")
    assert "No call of this kind is kept." in ask(site, "/trace?client=nobody", "text/html")


@pytest.mark.parametrize("query", ["client=%3Cb%3E", "outcome=zzmarkzz", f"client={'x' * 101}"])
def test_a_query_that_is_none_is_refused_without_quoting_it(client: FlaskClient, query: str) -> None:
    answer = client.get(f"/trace?{query}")
    assert answer.status_code == 400
    assert query.partition("=")[2] not in answer.text


@pytest.mark.parametrize("instance", ["zzmarkzz", s.HOOK_INSTANCE + "0", str(uuid.UUID(int=7))])
def test_what_is_not_there_is_said_without_quoting_it(client: FlaskClient, instance: str) -> None:
    answer = client.get(f"/trace/{instance}")
    assert answer.status_code == 404
    assert "for 24 hours" in answer.text
    assert instance not in answer.text


def test_another_worker_finds_it(tmp_path: Path) -> None:
    one, other = (s.application(state_dir=tmp_path).test_client() for _ in range(2))
    one.post(s.PATIENT_VIEW, json=s.call())
    path, tries = f"/trace/{s.HOOK_INSTANCE}", range(500)
    assert any(other.get(path).status_code == 200 or time.sleep(0.01) for _ in tries)
    assert len(ask(other, path)["traces"]) == 1


def test_it_is_waited_for_what_other_workers_have_not_written_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "_WAIT_S", 5.0)
    monkeypatch.setattr(pages, "_LOOK_EVERY_S", 0.001)
    row = TraceRow(s.HOOK_INSTANCE, "tests", "", "s", "h", s.NOW, "silent", "", "{}")
    looks: list[list[TraceRow]] = [[], [], [row], [row, row]]
    clock = iter([s.NOW, s.NOW + timedelta(seconds=6)])

    class Slow(Recorder):
        def find(self, hook_instance: str) -> list[TraceRow]:
            return looks.pop(0)

    slow = Slow(lambda trace: row, Traces(lambda lane, work: work))  # type: ignore[arg-type,return-value]
    app = Flask(__name__)
    app.register_blueprint(pages.blueprint(slow, 24, lambda: next(clock)))
    answer = app.test_client().get(f"/trace/{s.HOOK_INSTANCE}", headers={"Accept": "application/json"})
    assert len(answer.get_json()["traces"]) == 2
    assert looks == []


def test_without_a_store_there_are_none_and_it_says_so() -> None:
    client = s.application().test_client()
    assert client.post(s.PATIENT_VIEW, json=s.call()).status_code == 200
    for path in ("/trace", f"/trace/{s.HOOK_INSTANCE}"):
        answer = client.get(path)
        assert answer.status_code == 404
        assert "TRACE_HOURS" in answer.text


@pytest.mark.parametrize("method", ["post", "delete"])
def test_it_is_for_reading_only(client: FlaskClient, method: str) -> None:
    assert getattr(client, method)("/trace").status_code == 405


def test_only_the_gateway_may_ask(app: Flask) -> None:
    assert Flask.test_client(app).get("/trace", headers={"Cds-Caller": ""}).status_code == 401


def test_a_fault_in_the_explanation_costs_no_card(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def broken(*_: object) -> None:
        raise LookupError

    monkeypatch.setattr(reasons, "explained", broken)
    client = s.application(state_dir=tmp_path).test_client()
    answer = client.post(s.PATIENT_VIEW, json=s.call(s.prefetch(s.observation())))
    assert s.modules(answer.get_json()["cards"]) == ["B12 ABNORMAL", "SCREEN INCOMPLETE"]
    (told,) = client.get(f"/trace/{s.HOOK_INSTANCE}", headers={"Accept": "application/json"}).get_json()["traces"]
    assert told["outcome"] == "cards"
    assert told["modules"] == []
