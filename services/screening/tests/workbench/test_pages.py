"""The workbench through HTTP: the page that is read without a script, and the data that a script works with."""

import json
import re
from typing import Any
from xml.etree import ElementTree

import edge_samples as s
import pytest
from flask.testing import FlaskClient
from msgspec import Raw

from screening.app import reader
from screening.domain.orders.registry import ORDER_RULES
from screening.fhir.reading import Call
from screening.knowledge.loading import code_book
from screening.pages import workbench
from screening.services import prefetch_templates
from screening.synthetic import cases, charts

DISPLAY = workbench.displays(code_book())
CASES = cases.packaged()
TODAY = s.NOW.date()
SAMPLE = {"stomach-bypass", "nothing-done", "laboratory-did-not-answer", "all-normal", "edetate-signed"}
EACH = [pytest.param(one, id=one.id, marks=[] if one.id in SAMPLE else [pytest.mark.wide]) for one in CASES.cases]


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    return s.application(try_out=True).test_client()


def read(client: FlaskClient, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    return answer.text


@pytest.mark.parametrize("case", EACH)
def test_a_case_is_read_without_a_script(client: FlaskClient, case: cases.Case) -> None:
    page = read(client, f"/workbench/{case.id}")
    assert case.title in page
    assert case.story in page.replace("&#34;", '"')
    shown = re.findall(r'<article class="card" data-indicator="(\w+)">', page)
    assert shown == [card["indicator"] for card in case.scenario["expect"]["cards"]]
    assert not re.search(r"\sstyle=|\son\w+=", page)
    for drawing in re.findall(r"<svg xmlns.*?</svg>(?!<title)", page, re.DOTALL)[:1]:
        assert "<title" in drawing
    ids = re.findall(r'\sid="([^"]+)"', page)
    assert len(ids) == len(set(ids))


def test_the_first_page_is_that_of_the_first_case(client: FlaskClient) -> None:
    assert CASES.cases[0].story in read(client, "/")


def test_a_hook_can_be_chosen(client: FlaskClient) -> None:
    assert "Draft orders</h3>" in read(client, "/workbench/metformin-ordered")
    assert "Draft orders</h3>" not in read(client, "/workbench/metformin-ordered?hook=patient-view")
    answer = client.get("/workbench/metformin-ordered?hook=encounter-start")
    assert answer.status_code == 400
    assert "order-select" in answer.get_json()["issue"][0]["details"]["text"]


def test_the_title_of_the_case_comes_first_on_the_tab(client: FlaskClient) -> None:
    for path in ("/", f"/workbench/{CASES.cases[0].id}"):
        assert f"<title>{CASES.cases[0].title} · Workbench · Dystonia CDS</title>" in read(client, path)


def test_an_order_hook_is_not_called_without_an_order(client: FlaskClient) -> None:
    words = "No draft order, so the service is not called."
    for hook in ("order-select", "order-sign"):
        assert words in read(client, f"/workbench/welder?hook={hook}")
        silent = read(client, f"/workbench/levodopa-trial?hook={hook}")
        assert words not in silent
        assert "No card." in silent
    assert "No card." in read(client, "/workbench/all-normal")


def test_what_is_not_there(client: FlaskClient) -> None:
    for path in ("/workbench/nobody", "/workbench/nobody/bundle.json"):
        answer = client.get(path)
        assert answer.status_code == 404
        assert "cases.json" in answer.get_json()["issue"][0]["details"]["text"]


def test_without_a_try_out_there_is_no_workbench() -> None:
    client = s.application().test_client()
    for path in ("/", "/workbench/cases.json", "/workbench/stomach-bypass"):
        assert client.get(path).status_code == 404
    assert client.post("/workbench/timeline", json=s.call()).status_code == 404


# --- the data ---


@pytest.fixture(scope="module")
def told(client: FlaskClient) -> dict[str, Any]:
    document: dict[str, Any] = client.get("/workbench/cases.json").get_json()
    return document


def test_every_case_has_a_story_of_one_sentence(told: dict[str, Any]) -> None:
    assert told["today"] == TODAY.isoformat()
    assert 20 <= len(told["cases"]) <= 30
    for case in told["cases"]:
        assert re.fullmatch(r"[a-z0-9-]+", case["id"])
        assert case["story"].endswith(".")
        assert ". " not in case["story"]
        assert 60 < len(case["story"]) < 260
        assert case["group"] in told["groups"]
    stories = {case["id"]: case["expects"] for case in told["cases"]}
    assert stories["all-normal"] == []
    assert stories["laboratory-did-not-answer"] == ["info: what could not be assessed (B12, copper)"]
    assert stories["after-thyroidectomy"] == ["critical: calcium, critical"]
    cards = {case["id"]: case["cards"] for case in told["cases"]}
    assert cards["metformin-ordered"] == [{"indicator": "info", "topic": "OrdMetformin"}]
    assert [card["topic"] for card in cards["vitamin-e-ataxia"]] == ["ViteAbnormal", "ScreenIncomplete"]


def test_cases_cover_every_workup_and_every_way_of_silence(told: dict[str, Any]) -> None:
    cards = [card for case in CASES.cases for card in case.scenario["expect"]["cards"]]
    assert {card["module"] for card in cards} >= {"B12", "CA", "CU", "VITE", "MN", "FE", "SCREEN", "DATA"} - {
        "CU",
        "FE",
    }
    assert {card["indicator"] for card in cards} == {"info", "warning", "critical"}
    assert sum(not case["expects"] for case in told["cases"]) >= 5
    assert {case["hook"] for case in told["cases"]} == {"patient-view", "order-select", "order-sign"}


def test_the_keys_that_do_not_come_are_named(told: dict[str, Any]) -> None:
    (case,) = [one for one in told["cases"] if one["notDelivered"]]
    assert case["notDelivered"] == ["labs_vitamin_b12", "labs_copper_wilson"]


def test_there_is_a_draft_order_for_every_rule(told: dict[str, Any]) -> None:
    orders = [one["resource"] for one in told["orders"]]
    assert all(one["status"] == "draft" and "subject" not in one for one in orders)
    assert len({one["id"] for one in orders}) == len(orders)
    drafts = [{**one, "subject": {"reference": f"Patient/{s.PATIENT_ID}"}} for one in orders]
    raw = tuple(Raw(json.dumps(one).encode()) for one in drafts)
    chart, _ = reader(code_book(), s.SITE_FACTS.partition("/CodeSystem")[0]).chart(Call(s.PATIENT_ID, {}, raw), s.NOW)
    left = [rule.name for rule in ORDER_RULES if not any(map(rule.concerns, chart.drafts))]
    assert not left


def test_a_record_is_a_bundle_dated_back_from_today(client: FlaskClient) -> None:
    answer = client.get("/workbench/stomach-bypass/bundle.json")
    assert answer.mimetype == "application/fhir+json"
    bundle = answer.get_json()
    resources = [entry["resource"] for entry in bundle["entry"]]
    assert (bundle["resourceType"], bundle["type"]) == ("Bundle", "collection")
    patient, *others = resources
    assert patient["id"] == "syn-stomach-bypass"
    assert patient["name"] == [{"text": "Synthetic patient: Five years after a stomach bypass"}]
    assert {one["subject"]["reference"] for one in others} == {"Patient/syn-stomach-bypass"}
    assert len({(one["resourceType"], one["id"]) for one in resources}) == len(resources)
    assert all(one["meta"]["tag"][0]["code"] == "HTEST" for one in resources)
    days = re.findall(r'"(?:effectiveDateTime|recordedDate|authoredOn)":"(\d{4}-\d\d-\d\d)', answer.text)
    assert max(days) == "2026-11-10"  # 12 days ago
    (b12, *_) = [r for r in others if r["resourceType"] == "Observation" and r["code"]["coding"][0]["code"] == "2132-9"]
    assert b12["code"] == {
        "coding": [{"system": "http://loinc.org", "code": "2132-9", "display": "Vit B12 Ser-mCnc"}],
        "text": "Vitamin B12",
    }


def test_a_code_gets_the_display_of_no_other() -> None:
    assert DISPLAY("http://loinc.org", "2132-9") == "Vit B12 Ser-mCnc"
    assert DISPLAY("http://hl7.org/fhir/sid/icd-10-cm", "K91.23456") == ""


# --- the timeline of a call ---


def post(client: FlaskClient, body: Any) -> Any:
    return client.post("/workbench/timeline", data=body, content_type="application/json")


def call(case: str) -> dict[str, Any]:
    templates = prefetch_templates(code_book(), "https://dystonia-cds.example/fhir")
    found = CASES.of(case)
    assert found is not None
    return charts.call(found.scenario, templates, TODAY, charts.answer_by_type)


def test_a_call_is_drawn(client: FlaskClient) -> None:
    answer = post(client, json.dumps(call("stomach-bypass")))
    assert answer.status_code == 200, answer.text
    drawn = answer.get_json()
    (first, *_) = drawn["series"]
    assert (first["id"], first["label"], first["units"]) == ("b12", "Vitamin B12", ["pmol/L", "ng/L"])
    assert first["rows"][0] == {
        "date": "2026-11-10",
        "result": "148 pg/mL",
        "numbers": {"pmol/L": "109", "ng/L": "148"},
        "band": "deficient",
        "criterion": "deficient: below 180 ng/L / 133 pmol/L",
        "counts": "decides",
        "because": "deficient: below 180 ng/L / 133 pmol/L",
    }
    for svg in first["plots"].values():
        assert ElementTree.fromstring(svg).tag == "{http://www.w3.org/2000/svg}svg"  # noqa: S314 - ours
        assert svg in drawn["html"]
    assert drawn["notRead"] == []


def test_of_very_many_results_the_newest_are_drawn(client: FlaskClient) -> None:
    made = call("all-normal")
    labs = made["prefetch"]["labs_vitamin_b12"]["entry"]
    (b12, *_) = [one["resource"] for one in labs if one["resource"]["code"]["coding"][0]["code"] == "2132-9"]
    labs += [{"resource": {**b12, "id": f"more-{n}", "effectiveDateTime": "2026-01-01"}} for n in range(300)]
    drawn = post(client, json.dumps(made)).get_json()
    (b12_series,) = [one for one in drawn["series"] if one["id"] == "b12"]
    assert len(b12_series["rows"]) == 100
    assert b12_series["leftOut"] == 202
    assert b12_series["rows"][0]["counts"] == "decides"
    assert "202 older results are left out." in drawn["html"]


def test_calls_on_order_hooks_are_drawn_as_well(client: FlaskClient) -> None:
    drawn = post(client, json.dumps(call("metformin-ordered"))).get_json()
    assert [series["id"] for series in drawn["series"]] == ["b12"]


def test_a_hostile_record_stays_text(client: FlaskClient) -> None:
    made = call("stomach-bypass")
    for entry in made["prefetch"]["labs_vitamin_b12"]["entry"]:
        quantity = entry["resource"].get("valueQuantity", {})
        quantity.update(
            unit="<script>alert(1)</script>", code='"><img src=x onerror=alert(1)>', system="http://unitsofmeasure.org"
        )
    made["prefetch"] = {"labs_vitamin_b12": made["prefetch"]["labs_vitamin_b12"]}
    drawn = post(client, json.dumps(made)).get_json()
    assert drawn["series"] == []
    assert {one["why"] for one in drawn["notRead"]} == {"unit not accepted"}
    assert "<img" not in drawn["html"]
    assert "<script" not in drawn["html"]
    assert "&lt;img" in drawn["html"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("", "The body is not a JSON object."),
        ("[]", "The body is not a JSON object."),
        ('{"hook": 3}', "The body is not a JSON object."),
        ('{"hook": "encounter-start"}', "hook must be one of"),
        ('{"hook": "patient-view"}', "is required"),
    ],
)
def test_what_is_no_call_is_refused(client: FlaskClient, body: str, words: str) -> None:
    answer = post(client, body)
    assert answer.status_code == 400
    assert words in answer.get_json()["issue"][0]["details"]["text"]
