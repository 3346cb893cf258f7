"""GET /prefetch-doctor: what calls leave behind, and that nothing of a patient is in it."""

import json
import re
import time
from pathlib import Path

import edge_samples as s
import pytest
from asking import LOCAL, ask, row, told
from flask import Flask
from flask.testing import FlaskClient

from chassis import peers
from chassis.testing import CALLER, signed
from screening.pages.doctor_watch import BURST
from screening.services import prefetch_names

FORMS = ("application/json", "text/html", "text/plain")


def test_before_the_first_call_it_shows_the_sheet_and_no_client(client: FlaskClient) -> None:
    document = ask(client)
    assert document["clients"] == []
    assert "No call has been counted yet, or none of a client of this name." in ask(client, "text/plain")
    assert "No call has been counted yet, or none of a client of this name." in ask(client, "text/html")
    keys = [key["key"] for group in document["sheet"] for key in group["keys"]]
    assert sorted(keys) == sorted(prefetch_names())


def test_each_outcome_is_counted_for_each_key(client: FlaskClient) -> None:
    outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "processing"}]}
    one = told(
        client,
        s.prefetch(orders=None),
        s.prefetch(orders=outcome),
        s.prefetch(orders=s.DROP),
        s.prefetch(orders=s.bundle(total=3)),
        s.prefetch(orders="<html>"),
    )
    counts = row(one, "orders")["prefetch"]
    assert (one["calls"], one["lookedInto"]) == (5, 5)
    assert (counts["hit"], counts["null"], counts["absent"], counts["partial"], counts["error"]) == (0, 1, 1, 1, 2)
    assert counts["errors"] == {"failed": 1, "wrong-type": 1}
    assert row(one, "conditions")["prefetch"]["hit"] == 5


def test_a_whole_prefetch_is_in_order(client: FlaskClient) -> None:
    one = told(client, s.prefetch(s.observation()), s.prefetch())
    assert one["inOrder"]
    assert one["drift"] == []
    assert (row(one, "labs_vitamin_b12")["withData"], row(one, "labs_manganese")["withData"]) == (1, 0)
    assert "In order" in ask(client, "text/plain")


def test_clients_are_told_apart_and_can_be_asked_for(app: Flask) -> None:
    for name in ("first-site", "second-site"):
        signed(app, {**CALLER, "client": name}).test_client().post(s.PATIENT_VIEW, json=s.call())
    client = app.test_client()
    assert [one["client"] for one in ask(client)["clients"]] == ["first-site", "second-site"]
    assert [one["client"] for one in ask(client, query="?client=second-site")["clients"]] == ["second-site"]
    assert ask(client, query="?client=nobody")["clients"] == []


@pytest.mark.parametrize("name", ["%3Cscript%3E", "a%20b", "x" * 101])
def test_what_cannot_be_the_name_of_a_client_is_refused_without_being_quoted(client: FlaskClient, name: str) -> None:
    answer = client.get(f"/prefetch-doctor?client={name}")
    assert answer.status_code == 400
    assert "script" not in answer.text


def test_it_answers_our_own_gateway_only(app: Flask) -> None:
    plain = Flask.test_client(app)
    plain_answer = plain.get("/prefetch-doctor", headers={peers.HEADER: "v1.e30.AAAA"})
    assert plain_answer.status_code == 401


@pytest.mark.parametrize("form", FORMS)
def test_nothing_of_a_patient_is_in_it(client: FlaskClient, form: str) -> None:
    """Every text of every resource is marked; only the marks in codes that are to be mapped may come back."""
    marked = s.prefetch(
        s.observation(
            id="Mark-id",
            code={"coding": [{"system": LOCAL, "code": "OWN", "display": "Mark display"}], "text": "Mark text"},
            valueQuantity=s.DROP,
            valueString="Mark value",
        ),
        s.observation(
            id="Mark-id", valueQuantity={"value": 4242, "unit": "Mark unit", "system": s.UCUM, "code": "Mark unit"}
        ),
        s.observation(code=s.concept("Mark system", "Mark code")),
        conditions=s.bundle(s.condition(id="Mark-id", note=[{"text": "Mark note"}])),
        patient=s.patient(name=[{"family": "Mark"}], birthDate="1996-03-02"),
    )
    marked["Mark key of a patient"] = s.bundle(s.observation())
    marked["mrn-12345678"] = s.bundle(s.observation())
    client.post(
        s.PATIENT_VIEW, json=s.call(marked, userId="Practitioner/Mark-user"), headers={"Authorization": "Bearer Mark"}
    )
    shown = ask(client, form) if form != "application/json" else json.dumps(ask(client))
    assert "OWN" in shown
    assert "Mark" not in shown
    for secret in ("4242", "1996", s.PATIENT_ID, "12345678", s.HOOK_INSTANCE):
        assert secret not in shown


def test_the_page_has_no_script_and_a_strict_policy(client: FlaskClient) -> None:
    answer = client.get("/prefetch-doctor", headers={"Accept": "text/html"})
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["Cache-Control"] == "no-store"
    assert not re.search(r"<script|style=|javascript:|\son\w+=", answer.text)


@pytest.mark.parametrize("accept", ["*/*", "", "text/html,application/xhtml+xml,*/*;q=0.8"])
def test_a_browser_gets_the_page(client: FlaskClient, accept: str) -> None:
    assert client.get("/prefetch-doctor", headers={"Accept": accept}).mimetype == "text/html"


def test_the_sheet_is_what_discovery_says_with_scopes_and_reasons(client: FlaskClient) -> None:
    document = ask(client)
    offered = client.get("/cds-services").get_json()["services"][0]
    rows = [key for group in document["sheet"] for key in group["keys"]]
    assert {one["key"]: one["query"] for one in rows} == offered["prefetch"]
    for one in rows:
        assert one["why"]
        assert one["without"]
        assert "today()" not in one["withoutDates"]
        assert bool(one["withoutDates"]) == ("today()" in one["query"])
        assert set(one["scopes"]["v2"]) <= set(document["scopes"]["v2"])
        assert f"patient/{one['resource']}.read" in one["scopes"]["v1"]
    access = offered["extension"]["example.dystonia-cds.access"]
    assert set(access["scopes"]) == set(document["scopes"]["v2"])
    assert all(scope in offered["usageRequirements"] for scope in access["scopes"])
    for form in ("text/html", "text/plain"):
        shown = ask(client, form).replace("&amp;", "&")
        assert all(query in shown for query in offered["prefetch"].values())


def test_a_workup_can_be_granted_by_itself(client: FlaskClient) -> None:
    groups = ask(client)["sheet"]
    assert groups[0]["title"] == "Needed by everything"
    assert [key["key"] for key in groups[0]["keys"]] == ["patient", "conditions"]
    labs = [group for group in groups if group["title"].startswith("Results")]
    assert [key["key"] for group in labs for key in group["keys"]] == list(s.LAB_KEYS)
    assert all("/Observation.rs?category=" in key["scopes"]["narrow"][0] for group in labs for key in group["keys"])


def test_an_answer_does_not_depend_on_being_counted(client: FlaskClient) -> None:
    """The budget for looking into calls runs out; the cards stay the same."""
    values = s.prefetch(s.observation())
    answers = {client.post(s.PATIENT_VIEW, json=s.call(values)).data for _ in range(60)}
    one = told(client)
    assert len(answers) == 1
    assert one["calls"] == 60
    assert BURST <= one["lookedInto"] < 60


def test_workers_are_counted_together(tmp_path: Path) -> None:
    first, second = (s.application(state_dir=tmp_path).test_client() for _ in range(2))
    assert ask(first)["complete"]
    told(first, s.prefetch())
    told(second, s.prefetch())
    files = tmp_path / "doctor"
    for _ in range(100):
        document = ask(second)
        if document["processes"] == 2:
            break
        time.sleep(0.05)
    assert document["clients"][0]["calls"] == 2
    assert len(list(files.glob("*.counts.json"))) in (1, 2)


def test_alone_it_says_so(client: FlaskClient) -> None:
    document = ask(client)
    assert not document["complete"]
    assert "one worker process only" in document["about"]
