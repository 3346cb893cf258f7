"""The envelope: what is refused, with which words and where; and what must pass."""

import io
import json
import tracemalloc
import uuid
from typing import Any

import pytest

from chassis.problems import Problem
from gateway import messages

VIEW = "/cds-services/dystonia-patient-view"
SELECT = "/cds-services/dystonia-order-select"
MARK = "Sentinel-7319"
UUID = "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea"


def changed(document: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy with the value at a dotted path set, or left out if `value` is `...`."""
    head, _, rest = path.partition(".")
    if rest:
        return document | {head: changed(document[head], rest, value)}
    return {k: v for k, v in document.items() if k != head} if value is ... else document | {head: value}


def refused(body: bytes, hook: str) -> Problem:
    with pytest.raises(Problem) as caught:
        messages.check_call(body, hook)
    assert caught.value.status == 400
    assert MARK not in caught.value.words + caught.value.expression
    assert caught.value.words.endswith(".")
    return caught.value


@pytest.mark.parametrize(
    "body",
    [
        b"not json", b'{"a": NaN}', b'{"a": {"b": -Infinity}}', b'{"a": 1} x', b'{"a": 1}\x00', b"{", b'{"a": 01}',
        b'{"a": "\xff"}', b'{"prefetch": {"b": "\xff"}}', '{"a": 1}'.encode("utf-16"), b"{'a': 1}", b'{"a": 1,}',
    ],
)  # fmt: skip
def test_what_is_not_json_is_refused(body: bytes) -> None:
    assert refused(body, "patient-view").words == "The request body is not JSON in UTF-8."


@pytest.mark.parametrize("body", [b"[]", b"null", b"1", b'"text"', b"true"])
def test_what_is_not_an_object_is_refused(body: bytes) -> None:
    assert refused(body, "patient-view").words == "The request body must be a JSON object."


def test_an_empty_body_and_a_deeply_nested_one_are_refused() -> None:
    assert "empty" in refused(b"", "patient-view").words
    assert "nested" in refused(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "patient-view").words
    deep = b'{"hook":"patient-view","hookInstance":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    assert "nested" in refused(deep, "patient-view").words


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("hook", ...), ("hook", 5), ("hook", None), ("hook", "order-sign"), ("hook", MARK),
        ("hookInstance", ...), ("hookInstance", 5), ("hookInstance", MARK), ("hookInstance", ""),
        ("hookInstance", f"{{{UUID}}}"), ("hookInstance", UUID.replace("-", "")),
        ("hookInstance", UUID + "\n"), ("hookInstance", UUID.replace("d", "g")),
        ("context", ...), ("context", None), ("context", []), ("context", MARK), ("context.patientId", ...),
        ("context.patientId", None), ("context.patientId", 12), ("context.patientId", ""),
        ("context.patientId", "Patient/" + MARK), ("context.patientId", "a" * 201), ("context.patientId", ".."),
        ("context.patientId", "."), ("context.patientId", MARK + " x"), ("context.patientId", MARK + "?x=1"),
        ("context.userId", ""), ("context.userId", MARK), ("context.userId", 3), ("context.userId", "practitioner/1"),
        ("context.userId", "Practitioner/"), ("context.userId", "Practitioner/1/2"),
        ("context.userId", "https://ehr.example/Practitioner/1"),
        ("prefetch", []), ("prefetch", MARK), ("prefetch", 0), ("prefetch", False),
        ("fhirServer", MARK), ("fhirServer", 5), ("fhirServer", "ftp://ehr.example"), ("fhirServer", "https://"),
        ("fhirAuthorization", MARK), ("fhirAuthorization", []),
    ],
)  # fmt: skip
def test_a_wrong_member_is_refused_and_its_place_is_said(call: dict[str, Any], path: str, value: Any) -> None:
    assert refused(json.dumps(changed(call, path, value)).encode(), "patient-view").expression == path


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("context.draftOrders", None), ("context.draftOrders", []), ("context.draftOrders", MARK),
        ("context.draftOrders", {}), ("context.draftOrders", {"resourceType": "MedicationRequest"}),
        ("context.draftOrders", {"resourceType": ["Bundle"]}), ("context.draftOrders", {"resourceType": None}),
        ("context.selections", "MedicationRequest/1"), ("context.selections", [1]), ("context.selections", {}),
        ("context.selections", None), ("context.selections", ["a", None]),
    ],
)  # fmt: skip
def test_a_wrong_order_context_is_refused(order: dict[str, Any], path: str, value: Any) -> None:
    assert refused(json.dumps(changed(order, path, value)).encode(), "order-select").expression == path


def test_authorization_needs_the_server_that_it_is_for(call: dict[str, Any]) -> None:
    call["fhirAuthorization"] = {"access_token": MARK, "token_type": "Bearer", "scope": "x", "subject": "y"}
    assert refused(json.dumps(call).encode(), "patient-view").expression == "fhirServer"
    call["fhirServer"] = "http://localhost:9010/fhir"
    messages.check_call(json.dumps(call).encode(), "patient-view")  # expires_in is missing, and that is all right


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("prefetch", ...), ("prefetch", None), ("prefetch", {}), ("prefetch", {"patient": None, "x": "text"}),
        ("extension", {"com.example": {"deep": [1, {"a": None}]}}), ("unknown", None), ("context.more", [1]),
        ("context.userId", ...), ("context.userId", None), ("context.encounterId", "e1"),
        ("context.userId", "PractitionerRole/" + "r" * 250), ("context.userId", "Device/d.1_x-2"),
        ("context.patientId", "a" * 200), ("context.patientId", "Tbt3KuCY0B5PSrJvCu2j-PlK.aiHsu2x_1"),
        ("hookInstance", "345d5060-e6ac-11f1-bc2c-02fc00000001"),
        ("hookInstance", str(uuid.uuid5(uuid.NAMESPACE_DNS, "x"))),
        ("hookInstance", str(uuid.UUID(int=0))), ("hookInstance", "018F3C5A-7B1E-7CC3-98C4-DC0C0C07398F"),
        ("fhirServer", None), ("fhirServer", "https://ehr.example/fhir/R4"), ("fhirAuthorization", None),
        ("context.draftOrders", []), ("context.selections", 5),
    ],
)  # fmt: skip
def test_what_is_unusual_but_right_passes(call: dict[str, Any], path: str, value: Any) -> None:
    messages.check_call(json.dumps(changed(call, path, value)).encode(), "patient-view")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("context.draftOrders", ...), ("context.selections", ...), ("context.selections", []),
        ("context.draftOrders", {"entry": [{}, None], "x": 1, "resourceType": "Bundle"}),
    ],
)  # fmt: skip
def test_orders_may_be_missing_or_odd_inside(order: dict[str, Any], path: str, value: Any) -> None:
    messages.check_call(json.dumps(changed(order, path, value)).encode(), "order-select")
    messages.check_call(json.dumps(changed(order, path, value) | {"hook": "order-sign"}).encode(), "order-sign")


def test_the_prefetch_is_neither_copied_nor_walked(call: dict[str, Any]) -> None:
    call["prefetch"] = {"observations": ["x" * 50] * 20_000}
    body = json.dumps(call).encode()
    messages.check_call(body, "patient-view")
    tracemalloc.start()
    messages.check_call(body, "patient-view")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < len(body) * 1.5  # one copy to see that it is UTF-8; a decoded prefetch would take a second and more


def test_a_refusal_over_http_says_what_and_where(client: Any, call: dict[str, Any], words: Any, stub: Any) -> None:
    del call["context"]["patientId"]
    response = client.post(VIEW, json=call)
    assert response.status_code == 400
    assert "patientId" in words(response)
    assert response.json["issue"][0]["expression"] == ["context.patientId"]
    assert stub.calls == []


def test_the_hook_must_be_that_of_the_service(
    client: Any, call: dict[str, Any], order: dict[str, Any], words: Any
) -> None:
    assert "patient-view" in words(client.post(VIEW, json=order))
    assert "order-select" in words(client.post(SELECT, json=call))
    assert client.post(SELECT, json=order).status_code == 200


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 200), ("application/json; charset=utf-8", 200), ("Application/JSON;charset=UTF-8", 200),
        ("application/fhir+json", 200), ("application/vnd.x.y+json; charset=us-ascii", 200),
        ("text/plain", 415), ("", 415), ("application/x-www-form-urlencoded", 415), ("application/json+fhir", 415),
        ("application/json; charset=utf-16", 415), ("text/json", 415), ("application/jsonp", 415),
    ],
)  # fmt: skip
def test_content_types(client: Any, call: dict[str, Any], words: Any, content_type: str, status: int) -> None:
    response = client.post(VIEW, data=json.dumps(call), content_type=content_type)
    assert response.status_code == status
    if status == 415:
        assert "application/json" in words(response)


@pytest.mark.parametrize(
    ("encoding", "status"), [("identity", 200), ("gzip", 415), ("br", 415), ("gzip, identity", 415)]
)
def test_content_encodings(client: Any, call: dict[str, Any], encoding: str, status: int) -> None:
    assert client.post(VIEW, json=call, headers={"Content-Encoding": encoding}).status_code == status


def test_the_size_limit_is_exact_and_said(gateway: Any, call: dict[str, Any], words: Any, stub: Any) -> None:
    body = json.dumps(call).encode()
    small = gateway(max_body=len(body))
    assert small.post(VIEW, data=body, content_type="application/json").status_code == 200
    response = small.post(VIEW, data=body + b" ", content_type="application/json")
    assert response.status_code == 413
    assert f"{len(body):,} bytes" in words(response)
    assert len(stub.calls) == 1


def test_a_body_of_unknown_length_meets_the_same_limit(gateway: Any, call: dict[str, Any]) -> None:
    body = json.dumps(call).encode()
    small = gateway(max_body=len(body))
    for data, status in ((body, 200), (body + b" ", 413), (body * 50, 413)):
        chunked = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
        response = small.post(VIEW, input_stream=io.BytesIO(data), environ_overrides=chunked,
                              content_type="application/json")  # fmt: skip
        assert response.status_code == status


def test_a_body_that_ends_early_is_refused(client: Any, words: Any) -> None:
    response = client.post(VIEW, data=b"{}", content_type="application/json", environ_overrides={"CONTENT_LENGTH": "9"})
    assert response.status_code == 400
    assert "ended" in words(response)
