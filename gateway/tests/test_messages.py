"""The envelope: what is refused, with which words and where; and what must pass."""

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


def refused(document: dict[str, Any], hook: str) -> Problem:
    with pytest.raises(Problem) as caught:
        messages.check_call(document, hook)
    assert caught.value.status == 400
    assert MARK not in caught.value.words + caught.value.expression
    assert caught.value.words.endswith(".")
    return caught.value


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
    assert refused(changed(call, path, value), "patient-view").expression == path


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("context.draftOrders", []), ("context.draftOrders", MARK),
        ("context.draftOrders", {}), ("context.draftOrders", {"resourceType": "MedicationRequest"}),
        ("context.draftOrders", {"resourceType": ["Bundle"]}), ("context.draftOrders", {"resourceType": None}),
        ("context.selections", "MedicationRequest/1"), ("context.selections", [1]), ("context.selections", {}),
        ("context.selections", ["a", None]), ("context.selections", False),
    ],
)  # fmt: skip
def test_a_wrong_order_context_is_refused(order: dict[str, Any], path: str, value: Any) -> None:
    assert refused(changed(order, path, value), "order-select").expression == path


@pytest.mark.parametrize("document", [{}, {"feedback": None}, {"feedback": {}}, {"feedback": MARK}, {"card": MARK}])
def test_feedback_without_a_list_is_refused(document: dict[str, Any]) -> None:
    with pytest.raises(Problem) as caught:
        messages.check_feedback(document)
    assert (caught.value.status, caught.value.expression) == (400, "feedback")
    assert MARK not in caught.value.words


def test_the_items_of_feedback_are_judged_by_the_service() -> None:
    for items in ([], [{}, 5, None], [{"card": MARK}]):
        messages.check_feedback({"feedback": items, "more": 1})


def test_authorization_needs_the_server_that_it_is_for(call: dict[str, Any]) -> None:
    call["fhirAuthorization"] = {"access_token": MARK, "token_type": "Bearer", "scope": "x", "subject": "y"}
    assert refused(call, "patient-view").expression == "fhirServer"
    call["fhirServer"] = "http://localhost:9010/fhir"
    messages.check_call(call, "patient-view")  # expires_in is missing, and that is all right


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
    messages.check_call(changed(call, path, value), "patient-view")


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("context.draftOrders", ...), ("context.selections", ...), ("context.selections", []),
        ("context.draftOrders", None), ("context.selections", None),
        ("context.draftOrders", {"entry": [{}, None], "x": 1, "resourceType": "Bundle"}),
    ],
)  # fmt: skip
def test_orders_may_be_missing_or_odd_inside(order: dict[str, Any], path: str, value: Any) -> None:
    messages.check_call(changed(order, path, value), "order-select")
    messages.check_call(changed(order, path, value) | {"hook": "order-sign"}, "order-sign")


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
