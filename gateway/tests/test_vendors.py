"""What real clients send that is odd: each passes the door, byte for byte. What no service could work on is named."""

import json
from typing import Any

import pytest

ORDERS = "dystonia-order-select"
VIEW = "dystonia-patient-view"
LONG = "e" * 190 + ".-_Aa0"
OUTCOME = {"resourceType": "OperationOutcome", "issue": [{"severity": "information", "code": "informational"}]}
EMPTY_AT_EPIC = {
    "resourceType": "Bundle", "type": "searchset", "total": 0,
    "entry": [{"fullUrl": "urn:uuid:x", "search": {"mode": "outcome"}, "resource": OUTCOME}],
}  # fmt: skip
ABSENT = "http://hl7.org/fhir/StructureDefinition/data-absent-reason"
MEDICATION = {"resourceType": "Medication", "id": LONG}
DRAFT = {
    "resourceType": "MedicationRequest", "id": LONG, "status": "draft",
    "medicationReference": {"reference": f"Medication/{LONG}", "display": "synthetic"},
    "requester": {"extension": [{"url": ABSENT, "valueCode": "unknown"}]},
    "category": {"coding": []}, "reasonCode": {}, "authoredOn": "Invalid date",
}  # fmt: skip
AUTHORIZATION = {"access_token": "synthetic", "token_type": "Bearer", "scope": "Patient.Read (R4) Observation.Search"}
EPIC = {
    "com.epic.cdshooks.request.bpa-trigger-action": "60",
    "com.epic.cdshooks.request.cds-hooks-specification-version": "1.1",
    "internal.epic.cdshooks.request.epic-emp-id": "synthetic",
}


def orders(*resources: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"resourceType": "Bundle", "entry": [{"resource": resource} for resource in resources], **more}


PASSES: dict[str, tuple[str, dict[str, Any]]] = {
    "Epic: extensions of the request": (VIEW, {"extension": EPIC}),
    "Epic: an extension that is null or no object": (VIEW, {"extension": None}),
    "Epic: ids of 200 characters": (VIEW, {"context": {"patientId": LONG, "userId": f"PractitionerRole/{LONG}"}}),
    "Epic: a version 1 UUID": (VIEW, {"hookInstance": "345d5060-e6ac-11f1-bc2c-02fc00000001"}),
    "Epic: keys typed by hand, some missing, some more": (VIEW, {"prefetch": {"labs-user": EMPTY_AT_EPIC, "x y": {}}}),
    "Epic: no result is an OperationOutcome among the entries": (VIEW, {"prefetch": {"labs": EMPTY_AT_EPIC}}),
    "Epic: a reference to a Medication that lies beside it": (ORDERS, {"draftOrders": orders(DRAFT, MEDICATION)}),
    "Epic: no scope for orders, so no drafts": (ORDERS, {"draftOrders": ..., "selections": [f"Medication/{LONG}"]}),
    "Epic: scopes that are not SMART's": (
        VIEW, {"fhirServer": "https://ehr.example/api/FHIR/R4", "fhirAuthorization": AUTHORIZATION | {"expires_in": 3}},
    ),
    "a token that does not say when it ends": (
        VIEW, {"fhirServer": "https://ehr.example/fhir/", "fhirAuthorization": AUTHORIZATION},
    ),
    "Sandbox: a Bundle without type and fullUrl": (ORDERS, {"draftOrders": orders(DRAFT)}),
    "Sandbox: a draft without a drug": (
        ORDERS, {"draftOrders": orders({"resourceType": "MedicationRequest", "id": "request-123", "status": "draft"})},
    ),
    "Sandbox: an open tab clicked again": (ORDERS, {"draftOrders": ..., "selections": ...}),
    "Sandbox: a cut answer of the FHIR server as a string": (VIEW, {"prefetch": {"patient": '{"resourceType": "Pat'}}),
    "Sandbox: no prefetch at all": (VIEW, {"prefetch": ...}),
    "Sandbox: a FHIR server without TLS on this machine": (VIEW, {"fhirServer": "http://localhost:9010/fhir"}),
    "Sandbox: a code that is empty": (
        ORDERS, {"draftOrders": orders({"resourceType": "ServiceRequest", "code": {"coding": [{}]}, "reasonCode": []})},
    ),
    "Inferno: an empty prefetch": (VIEW, {"prefetch": {}}),
    "null for what is not there": (
        ORDERS, {"prefetch": None, "fhirServer": None, "fhirAuthorization": None, "extension": None, "userId": None,
                 "encounterId": None, "draftOrders": None, "selections": None},
    ),
    "null for a prefetch key": (VIEW, {"prefetch": {"patient": None}}),
    "an error page in the prefetch": (VIEW, {"prefetch": {"labs": "<html>404</html>", "more": {"resource": "<html>"}}}),
    "no user": (VIEW, {"userId": ...}),
    "a patient who looks at the chart": (VIEW, {"userId": "Patient/synthetic-1"}),
    "an id with an underscore": (VIEW, {"patientId": "synthetic_1"}),
    "members of older drafts": (VIEW, {"user": "Practitioner/1", "redirect": "https://ehr.example", "patient": "1"}),
    "entries that are none": (
        ORDERS, {"draftOrders": {"resourceType": "Bundle", "entry": [None, 1, {}, {"resource": None}]}},
    ),
}  # fmt: skip
IN_CONTEXT = {"patientId", "userId", "encounterId", "draftOrders", "selections"}


def made(call: dict[str, Any], order: dict[str, Any], service: str, changes: dict[str, Any]) -> bytes:
    """A call with members set; in the context where they belong there, and left out where the value is `...`."""
    whole = json.loads(json.dumps(call if service == VIEW else order))
    for name, value in changes.items():
        place = whole["context"] if name in IN_CONTEXT else whole
        if value is ...:
            place.pop(name, None)
        else:
            place[name] = value
    return json.dumps(whole, indent=1).encode()


@pytest.mark.parametrize("name", PASSES)
def test_what_is_odd_passes_byte_for_byte(client: Any, stub: Any, call: Any, order: Any, name: str) -> None:
    service, changes = PASSES[name]
    body = made(call, order, service, changes)
    assert client.post(f"/cds-services/{service}", data=body, content_type="application/json").status_code == 200
    assert stub.calls[-1][3] == body


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"context": {}}, "context.patientId"), ({"context": [{"patientId": "1"}]}, "context"),
        ({"context": ...}, "context"), ({"hookInstance": ...}, "hookInstance"), ({"hook": ...}, "hook"),
        ({"patientId": "Patient/1"}, "context.patientId"),
        ({"userId": "synthetic"}, "context.userId"), ({"prefetch": "text"}, "prefetch"),
        ({"fhirAuthorization": AUTHORIZATION}, "fhirServer"),
    ],
)  # fmt: skip
def test_what_nobody_could_work_on_is_named(
    client: Any, stub: Any, call: Any, order: Any, words: Any, changes: dict[str, Any], place: str
) -> None:
    body = made(call, order, VIEW, changes)
    response = client.post(f"/cds-services/{VIEW}", data=body, content_type="application/json")
    assert response.status_code == 400
    assert response.json["issue"][0]["expression"] == [place]
    assert words(response)
    assert stub.calls == []
