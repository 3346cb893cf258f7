"""What is no call is refused: a clear 4xx, an OperationOutcome, CORS headers, and nothing of the body in the answer."""

import gzip
import json
from typing import Any

import pytest
import requests
from contract import exchanges, judge
from contract.client import JSON, ORIGIN, Client

NO_CALL: dict[str, Any] = json.loads((exchanges.FOLDER / "no-call.json").read_text("utf-8"))
SERVICE = "/cds-services/dystonia-patient-view"


def body_of(case: dict[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(json.dumps(NO_CALL["call"]))
    for place in case.get("without", ()):
        *parents, last = place.split(".")
        holder = body
        for name in parents:
            holder = holder[name]
        del holder[last]
    for place, value in case.get("with", {}).items():
        *parents, last = place.split(".")
        holder = body
        for name in parents:
            holder = holder[name]
        holder[last] = value
    return body


def refused(answer: requests.Response, status: int) -> None:
    assert answer.status_code == status, answer.text[:400]
    assert judge.refusal_faults(answer) == []


@pytest.mark.promise("R42", "T81")
@pytest.mark.parametrize("case", NO_CALL["raw"], ids=[case["name"] for case in NO_CALL["raw"]])
def test_a_body_that_is_no_json_object_is_refused(door: Client, case: dict[str, str]) -> None:
    refused(door.post(SERVICE, case["body"].encode()), 400)


@pytest.mark.promise("R20", "R42", "T40", "T44", "T81", "T84")
@pytest.mark.parametrize("case", NO_CALL["changed"], ids=[case["name"] for case in NO_CALL["changed"]])
def test_a_call_wrong_in_one_place_is_refused(door: Client, case: dict[str, Any]) -> None:
    refused(door.post(SERVICE, body_of(case)), 400)


@pytest.mark.parametrize("case", NO_CALL["raw"], ids=[case["name"] for case in NO_CALL["raw"]])
def test_screening_alone_refuses_a_body_that_is_no_json_object(screening: Client, case: dict[str, str]) -> None:
    refused(screening.post(SERVICE, case["body"].encode()), 400)


@pytest.mark.parametrize("case", NO_CALL["changed"], ids=[case["name"] for case in NO_CALL["changed"]])
def test_screening_alone_never_fails_on_a_wrong_call(screening: Client, case: dict[str, Any]) -> None:
    answer = screening.post(SERVICE, body_of(case))
    assert 400 <= answer.status_code < 500
    assert judge.refusal_faults(answer) == []


RANDOM_ID = "3f0c9a52-7b41-4d0e-9a55-1c2d3e4f5a6b"


@pytest.mark.promise("R42")
@pytest.mark.parametrize(
    "body",
    [
        b"\xff\xfe",
        b'{"hook": "patient-view", "hookInstance": "\xc3\x28"}',
        b"[" * 100_000,
        b'{"hook":' * 50_000,
        b'{"hook": "patient-view", "context": {"patientId": "\\ud800"}}',
        b"\x00",
        b"\xef\xbb\xbf{}",
    ],
    ids=["no UTF-8", "broken UTF-8", "deep lists", "deep objects", "lone surrogate", "zero byte", "byte order mark"],
)
def test_hostile_bodies_are_refused(door: Client, body: bytes) -> None:
    refused(door.post(SERVICE, body), 400)


@pytest.mark.promise("R42")
@pytest.mark.parametrize("value", [b"[" * 20_000 + b"]" * 20_000, b'{"a":' * 20_000 + b"1" + b"}" * 20_000])
def test_a_bottomless_prefetch_is_no_failure_of_ours(door: Client, screening: Client, value: bytes) -> None:
    body = json.dumps({**NO_CALL["call"], "prefetch": {"patient": "HERE"}}).encode().replace(b'"HERE"', value)
    for client in (door, screening):
        answer = client.post(SERVICE, body)
        assert 400 <= answer.status_code < 500
        assert judge.refusal_faults(answer) == []


@pytest.mark.promise("R42")
def test_another_content_type_is_refused(door: Client) -> None:
    body = json.dumps(NO_CALL["call"]).encode()
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "application/xml"):
        refused(door.post(SERVICE, body, headers={"Content-Type": content_type}), 415)
    packed = gzip.compress(body)
    refused(door.post(SERVICE, packed, headers={"Content-Encoding": "gzip"}), 415)
    for content_type in ("application/json; charset=utf-8", "application/fhir+json"):
        assert door.post(SERVICE, body, headers={"Content-Type": content_type}).status_code == 412


@pytest.mark.promise("R42")
def test_a_body_that_is_too_large_is_refused_with_the_limit(door: Client) -> None:
    body = json.dumps({**NO_CALL["call"], "padding": "x" * 10_500_000}).encode()
    answer = door.post(SERVICE, body)
    refused(answer, 413)
    assert any(character.isdigit() for character in answer.json()["issue"][0]["details"]["text"])


@pytest.mark.promise("T60")
def test_an_unknown_service_is_not_found(door: Client) -> None:
    refused(door.post("/cds-services/no-such-service", NO_CALL["call"]), 404)
    refused(door.post("/cds-services/no-such-service/feedback", {"feedback": []}), 404)


@pytest.mark.promise("T60")
def test_a_call_to_the_discovery_address_is_refused(door: Client) -> None:
    answer = door.post("/cds-services", NO_CALL["call"])
    assert answer.status_code in {404, 405}
    assert judge.refusal_faults(answer) == []


@pytest.mark.promise("R77", "T82")
def test_a_preflight_is_answered_without_authorization(door: Client) -> None:
    for path, method, asked in (
        ("/cds-services", "GET", "authorization"),
        (SERVICE, "POST", "authorization,content-type"),
        (f"{SERVICE}/feedback", "POST", "authorization,content-type"),
    ):
        headers = {
            "Origin": ORIGIN,
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": asked,
        }
        answer = door.send("OPTIONS", path, headers=headers)
        assert answer.status_code in {200, 204}, path
        assert answer.headers["Access-Control-Allow-Origin"] in {ORIGIN, "*"}, path
        allowed = {name.strip().lower() for name in answer.headers["Access-Control-Allow-Headers"].split(",")}
        assert {"authorization", "content-type"} <= allowed, path
        assert {"GET", "POST", "OPTIONS"} <= {
            name.strip() for name in answer.headers["Access-Control-Allow-Methods"].split(",")
        }, path
        assert int(answer.headers["Access-Control-Max-Age"]) > 0, path


@pytest.mark.promise("R77", "T82")
@pytest.mark.parametrize("origin", ["https://elsewhere.example", "null", "http://localhost.elsewhere.example"])
def test_another_origin_gets_no_permission(door: Client, origin: str) -> None:
    for method, headers in (("GET", {}), ("OPTIONS", {"Access-Control-Request-Method": "GET"})):
        answer = door.send(method, "/cds-services", headers={"Origin": origin, **headers})
        assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.promise("R77", "T82")
def test_without_an_origin_there_is_nothing_to_permit(door: Client) -> None:
    answer = door.get("/cds-services")
    assert answer.status_code == 200
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.promise("R42", "R77", "T94")
def test_every_refusal_can_be_read_by_a_browser(door: Client) -> None:
    call = NO_CALL["call"]
    failures = [
        door.post(SERVICE, b"{", headers={"Origin": ORIGIN}),
        door.get("/nowhere", headers={"Origin": ORIGIN}),
        door.send("PUT", "/cds-services", headers={"Origin": ORIGIN}),
        door.post(SERVICE, call, headers={"Origin": ORIGIN}),
        door.post("/cds-services/no-such-service", call, headers={"Origin": ORIGIN}),
        door.post(SERVICE, b"{}", headers={"Origin": ORIGIN, "Content-Type": "text/plain"}),
        door.post(f"{SERVICE}/feedback", {"feedback": [{}, 5]}, headers={"Origin": ORIGIN}),
        door.get("/cds-services", headers={"Origin": ORIGIN, "Authorization": "Bearer not.a.token"}),
    ]
    assert [each.status_code for each in failures] == [400, 404, 405, 412, 404, 415, 400, 401]
    for answer in failures:
        assert answer.headers["Access-Control-Allow-Origin"] in {ORIGIN, "*"}, answer.status_code
        assert judge.refusal_faults(answer) == [], answer.status_code


@pytest.mark.promise("R42")
def test_every_answer_carries_a_request_id_that_refusals_repeat(door: Client) -> None:
    answer = door.post(SERVICE, b"{", headers={"X-Request-Id": RANDOM_ID})
    assert answer.headers["X-Request-Id"] == RANDOM_ID
    assert RANDOM_ID in answer.json()["issue"][0]["diagnostics"]
    other = door.post(SERVICE, b"{", headers={"X-Request-Id": "<script>", "Content-Type": JSON})
    assert "<script>" not in other.headers["X-Request-Id"]
    assert "<script>" not in other.text
