"""GET /prefetch-doctor: what calls leave behind, what it makes of that, and that nothing of a patient is in it."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import edge_samples as s
import pytest
import stub_ehr
from flask import Flask
from flask.testing import FlaskClient

from chassis import peers
from chassis.environment import SettingsError
from chassis.testing import CALLER, signed
from screening.knowledge import loading, local_codes
from screening.pages.doctor_drift import departures
from screening.services import prefetch_names, prefetch_templates
from screening.tally import ClientCounts, KeyCounts

LOCAL = "urn:oid:1.2.36.1.9999.1"
FORMS = ("application/json", "text/html", "text/plain")
Json = dict[str, Any]


@pytest.fixture
def app() -> Flask:
    return s.application()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


def ask(client: FlaskClient, form: str = "application/json", query: str = "") -> Any:
    answer = client.get(f"/prefetch-doctor{query}", headers={"Accept": form})
    assert answer.status_code == 200
    assert answer.mimetype == form
    return answer.get_json() if form == "application/json" else answer.text


def told(client: FlaskClient, *calls: Json, name: str = "tests") -> Json:
    for values in calls:
        client.post(s.PATIENT_VIEW, json=s.call(values))
    (one,) = (one for one in ask(client)["clients"] if one["client"] == name)
    return dict(one)


def row(one: Json, key: str) -> Json:
    (found,) = (row for row in one["keys"] if row["key"] == key)
    return dict(found)


def drift(one: Json, what: str) -> list[Json]:
    return [departure for departure in one["drift"] if departure["what"] == what]


def renamed(old: str, new: str, values: Json | None = None) -> Json:
    sent = s.prefetch() if values is None else values
    return {new if key == old else key: value for key, value in sent.items()}


def test_before_the_first_call_it_shows_the_sheet_and_no_client(client: FlaskClient) -> None:
    document = ask(client)
    assert document["clients"] == []
    assert "No call has been counted yet." in ask(client, "text/plain")
    assert "No call has been counted yet." in ask(client, "text/html")
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


def test_what_fails_once_in_a_blue_moon_is_a_remark() -> None:
    often = {"delivered": 99, "failed": 1}
    rare = {"delivered": 100, "failed": 1}
    templates = {"orders": "ServiceRequest?patient={{context.patientId}}"}
    weights = [
        [one.weight for one in departures(ClientCounts(keys={"orders": KeyCounts(prefetch=counts)}), templates)]
        for counts in (often, rare)
    ]
    assert weights == [["look"], ["note"]]


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


def test_a_key_that_never_comes_is_named(client: FlaskClient) -> None:
    one = told(client, s.prefetch(procedures=s.DROP), s.prefetch(procedures=s.DROP, site_facts=s.DROP))
    (departure,) = drift(one, "never-came")
    assert (departure["key"], departure["weight"]) == ("procedures", "look")
    assert not one["inOrder"]


def test_a_site_that_records_no_facts_of_its_own_is_in_order(client: FlaskClient) -> None:
    one = told(client, s.prefetch(site_facts=s.DROP))
    assert [departure["weight"] for departure in drift(one, "never-came")] == ["note"]
    assert one["inOrder"]


def test_a_key_that_used_to_come_and_stopped_is_an_alarm(client: FlaskClient) -> None:
    without = s.prefetch(conditions=s.bundle(s.condition()), orders=s.DROP)
    one = told(client, *[s.prefetch()] * 3, *[without] * 19)
    assert drift(one, "stopped-coming") == []
    one = told(client, without)
    (departure,) = drift(one, "stopped-coming")
    assert (departure["key"], departure["weight"]) == ("orders", "alarm")
    assert one["drift"][0] == departure


def test_a_key_that_comes_now_and_then_is_no_alarm(client: FlaskClient) -> None:
    without = s.prefetch(orders=s.DROP)
    one = told(client, s.prefetch(), *[without] * 15, s.prefetch(), *[without] * 30)
    assert drift(one, "stopped-coming") == []


@pytest.mark.parametrize(
    ("ours", "theirs", "content"),
    [
        ("conditions", "problem_list", s.bundle(s.condition())),
        ("labs_vitamin_b12", "B12Labs", s.bundle(s.observation())),
        ("labs_copper_wilson", "zz", s.bundle(s.observation("2064-4", 9, "mg/dL"))),
        ("family_history", "fmh", s.bundle(s.relative())),
        ("medications", "medications-user", s.bundle(s.medication_request())),
        ("labs_manganese", "labs-manganese", s.bundle()),
    ],
)
def test_a_renamed_key_is_recognized_and_its_line_is_ready(
    client: FlaskClient, ours: str, theirs: str, content: Json
) -> None:
    one = told(client, renamed(ours, theirs, s.prefetch(**{ours: content})))
    (departure,) = drift(one, "renamed-key")
    assert departure["key"] == theirs
    assert departure["change"] == f"prefetchKeys:\n  {ours}: {theirs}"
    assert departure["change"] in ask(client, "text/html")


def test_a_key_that_one_hook_renames_is_recognized_although_it_comes_with_others(client: FlaskClient) -> None:
    one = told(client, s.prefetch(), renamed("conditions", "problem_list"))
    (departure,) = drift(one, "renamed-key")
    assert departure["change"] == "prefetchKeys:\n  conditions: problem_list"
    assert [found["key"] for found in drift(one, "sometimes-absent")] == ["conditions"]


def test_a_further_key_is_named_and_nothing_is_suggested(client: FlaskClient) -> None:
    encounter = {"resourceType": "Encounter", "id": "e"}
    one = told(client, {**s.prefetch(), "weight": s.bundle(s.observation("29463-7")), "visit": encounter})
    assert sorted(departure["key"] for departure in drift(one, "unknown-key")) == ["visit", "weight"]
    assert drift(one, "renamed-key") == []
    assert one["inOrder"]


def test_a_mapped_key_counts_as_ours(app: Flask) -> None:
    caller = {**CALLER, "prefetchKeys": {"orders": "OpenOrders"}}
    client = signed(app, caller).test_client()
    one = told(client, renamed("orders", "OpenOrders"))
    assert row(one, "orders")["prefetch"]["hit"] == 1
    assert row(one, "orders")["siteKey"] == "OpenOrders"
    assert one["inOrder"]


@pytest.fixture
def ehr() -> Iterator[stub_ehr.Stub]:
    """An EHR that has nothing but one condition, and lets nobody read results."""

    def answers(asked: stub_ehr.Asked) -> stub_ehr.Reply:
        if asked.path.startswith("Observation"):
            return stub_ehr.Reply(403, body={})
        return stub_ehr.Reply(body=stub_ehr.searchset(*([s.condition()] if asked.path.startswith("Condition") else [])))

    with stub_ehr.running(answers) as made:
        yield made


def fetching(app: Flask, base: str, why: str = "") -> FlaskClient:
    return signed(app, {**CALLER, "fhir": {"base": base, "public_only": False, "why": why}}).test_client()


def test_what_was_fetched_is_told_with_its_time(app: Flask, ehr: stub_ehr.Stub) -> None:
    client = fetching(app, ehr.base)
    values = s.prefetch(conditions=s.DROP, labs_manganese=s.DROP, labs_iron_nbia=s.DROP)
    client.post(s.PATIENT_VIEW, json={**s.call(values), "fhirServer": ehr.base})
    one = told(client)
    conditions, manganese = row(one, "conditions"), row(one, "labs_manganese")
    assert (conditions["prefetch"]["absent"], conditions["ehr"]["hit"]) == (1, 1)
    assert conditions["ehr"]["latency"]["count"] == 1
    assert conditions["ehr"]["latency"]["meanMs"] > 0
    assert manganese["ehr"]["errors"] == {"forbidden": 1}
    (departure,) = drift(one, "fetch-forbidden")
    assert departure["key"] == "labs_manganese, labs_iron_nbia"
    assert "patient/Observation.rs" in departure["words"]
    (never,) = (found for found in drift(one, "never-came") if found["key"] == "conditions")
    assert never["weight"] == "note"
    assert "fetched from the EHR: hit 1" in ask(client, "text/plain")


def test_a_server_that_is_not_on_the_list_is_told(app: Flask) -> None:
    client = fetching(app, "", why="not-listed")
    one = told(client, s.prefetch(labs_manganese=s.DROP))
    (departure,) = drift(one, "fetch-not-listed")
    assert departure["key"] == "labs_manganese"
    assert "fhirServers" in departure["words"]
    assert row(one, "labs_manganese")["ehr"]["latency"] is None


def test_content_of_another_type_is_told(client: FlaskClient) -> None:
    one = told(client, s.prefetch(procedures=s.bundle(s.condition())))
    (departure,) = drift(one, "wrong-content")
    assert departure["key"] == "procedures"
    assert "Never holds" in departure["words"]
    assert drift(one, "more-than-asked") == []


@pytest.mark.parametrize(
    ("changes", "key", "words"),
    [
        ({"orders": s.bundle(s.service_request(status="completed"))}, "orders", "other statuses"),
        ({"orders": s.bundle(s.service_request(), s.condition())}, "orders", "resources of other types"),
        ({"labs_manganese": s.bundle(s.observation("2132-9"))}, "labs_manganese", "results with other codes"),
        ({"labs_vitamin_b12": s.bundle(s.observation("2951-2"))}, "labs_vitamin_b12", "results with other codes"),
        (
            {"labs_vitamin_b12": s.bundle(s.observation(effectiveDateTime="2019-01-01"))},
            "labs_vitamin_b12",
            "results from before the date asked for",
        ),
    ],
)
def test_more_than_was_asked_for_is_a_remark(client: FlaskClient, changes: Json, key: str, words: str) -> None:
    one = told(client, s.prefetch(**changes))
    (departure,) = drift(one, "more-than-asked")
    assert (departure["key"], departure["weight"]) == (key, "note")
    assert words in departure["words"]


def test_included_products_are_what_was_asked_for(client: FlaskClient) -> None:
    product = {"resourceType": "Medication", "id": "m", "code": s.concept(s.RXNORM, "11248")}
    one = told(client, s.prefetch(medications=s.bundle(s.medication_request(), product, total=1)))
    assert one["inOrder"]
    assert one["drift"] == []


def test_codes_that_nobody_understands_become_a_map_to_fill_in(client: FlaskClient, tmp_path: Path) -> None:
    labs = [s.observation(code=s.concept(LOCAL, code, "Vitamin B12 of John Doe")) for code in ("VB12", "VB12", "XYZ")]
    one = told(client, s.prefetch(*labs))
    assert one["localCodes"] == [
        {"system": LOCAL, "code": "VB12", "key": "labs_vitamin_b12", "results": 2},
        {"system": LOCAL, "code": "XYZ", "key": "labs_vitamin_b12", "results": 1},
    ]
    assert not one["inOrder"]
    file = tmp_path / "map.json"
    file.write_text(json.dumps(one["conceptMap"]))
    with pytest.raises(SettingsError, match="holds nothing that a rule reads"):
        local_codes.read([file], loading.code_book())
    filled = one["conceptMap"]
    filled["group"][0]["element"][0]["target"] = [{"code": "2132-9", "equivalence": "equivalent"}]
    file.write_text(json.dumps(filled))
    found = local_codes.read([file], loading.code_book())
    assert [(code.system, code.code, code.targets) for code in found.codes] == [(LOCAL, "VB12", ((s.LOINC, "2132-9"),))]
    assert [left.code for left in found.left_out] == ["XYZ"]


def test_codes_that_the_site_has_mapped_are_understood(tmp_path: Path) -> None:
    element = {"code": "VB12", "target": [{"code": "2132-9", "equivalence": "equivalent"}]}
    file = tmp_path / "map.json"
    file.write_text(
        json.dumps(
            {
                "resourceType": "ConceptMap",
                "status": "active",
                "group": [{"source": LOCAL, "target": s.LOINC, "element": [element]}],
            }
        )
    )
    client = s.application(local_code_maps=(file,)).test_client()
    one = told(client, s.prefetch(s.observation(code=s.concept(LOCAL, "VB12"))))
    assert one["localCodes"] == []
    assert one["inOrder"]


def test_loinc_codes_that_no_rule_reads_stand_apart(client: FlaskClient) -> None:
    one = told(client, s.prefetch(s.observation("2951-2", 140, "mmol/L")))
    assert one["localCodes"] == []
    assert [code["code"] for code in one["standardCodes"]] == ["2951-2"]
    assert one["conceptMap"] is None


def test_results_without_a_code_system_are_counted(client: FlaskClient) -> None:
    one = told(
        client, s.prefetch(s.observation(code={"coding": [{"code": "VB12"}]}), s.observation(code={"text": "B12"}))
    )
    assert (one["codesWithoutSystem"], one["localCodes"]) == (2, [])


@pytest.mark.parametrize(
    ("changes", "unit", "reason"),
    [
        ({"valueQuantity": s.quantity(90, "mg/dL")}, "mg/dL", "unit not accepted"),
        ({"valueQuantity": {"value": 90}}, "", "unit missing"),
        ({"valueQuantity": s.DROP, "valueString": "90 for John Doe"}, "", "unit not accepted"),
        ({"valueQuantity": s.DROP, "valueString": "see note of John Doe"}, "", "no number with a unit"),
        ({"valueQuantity": s.quantity(900_000, "pg/mL")}, "pg/mL", "implausible number"),
    ],
)
def test_units_that_could_not_be_read_are_told(client: FlaskClient, changes: Json, unit: str, reason: str) -> None:
    one = told(client, s.prefetch(s.observation(**changes)))
    (seen,) = one["units"]
    assert (seen["analyte"], seen["unit"], seen["reason"], seen["results"]) == ("vitamin B12", unit, reason, 1)
    assert [departure["what"] for departure in one["drift"]] == ["units-not-read"]


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
    assert 50 <= one["lookedInto"] < 60


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


def test_templates_of_local_codes_stand_in_the_sheet(tmp_path: Path) -> None:
    elements = [
        {"code": f"LOCAL-CODE-NUMBER-{n}", "target": [{"code": "2132-9", "equivalence": "equivalent"}]}
        for n in range(60)
    ]
    file = tmp_path / "map.json"
    group = {"source": LOCAL, "target": s.LOINC, "element": elements}
    file.write_text(json.dumps({"resourceType": "ConceptMap", "status": "active", "group": [group]}))
    client = s.application(local_code_maps=(file,)).test_client()
    rows = [key["key"] for group in ask(client)["sheet"] for key in group["keys"]]
    assert "labs_vitamin_b12_2" in rows
    assert set(prefetch_templates(loading.code_book(), "https://dystonia-cds.example/fhir")) < set(rows)
