"""Calls that are not as CDS Hooks has them: a clear refusal, never a 500, never a silent empty list."""

import json
from typing import Any

import edge_samples as s
import pytest
from flask.testing import FlaskClient


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    return s.application(max_body=100_000).test_client()


def refused(answer: Any, status: int, expression: str = "") -> str:
    """Assert a refusal as an OperationOutcome with our words only; return the words."""
    assert answer.status_code == status, answer.data
    assert answer.mimetype == "application/fhir+json"
    outcome = answer.get_json()
    assert outcome["resourceType"] == "OperationOutcome"
    (issue,) = outcome["issue"]
    assert issue["severity"] == "error"
    assert issue.get("expression", [""]) == [expression]
    assert answer.headers["X-Request-Id"] in issue["diagnostics"]
    words: str = issue["details"]["text"]
    return words


@pytest.mark.parametrize(
    "data",
    [
        b"", b" ", b"null", b"5", b'"x"', b"[]", b"[{}]", b"{", b"{'hook': 1}", b"{} {}", b"\xff", b"\xef\xbb\xbf{}",
        b'{"\xff": 1}',
        b'{"hook": "patient-view",}', b'{"hook": NaN}', b'{"a": "\x01"}', b"hook=patient-view",
    ],
)  # fmt: skip
def test_what_is_no_json_object_is_refused(client: FlaskClient, data: bytes) -> None:
    for path in (s.PATIENT_VIEW, s.ORDER_SELECT):
        refused(client.post(path, data=data, content_type="application/json"), 400)


@pytest.mark.parametrize(
    ("changes", "expression"),
    [
        ({"hook": s.DROP}, "hook"),
        ({"hook": None}, "hook"),
        ({"hook": 5}, "hook"),
        ({"hook": ["patient-view"]}, "hook"),
        ({"hook": ""}, "hook"),
        ({"hook": "order-select"}, "hook"),
        ({"hook": "Patient-View"}, "hook"),
        ({"hook": "patient-view "}, "hook"),
        ({"hookInstance": s.DROP}, "hookInstance"),
        ({"hookInstance": None}, "hookInstance"),
        ({"hookInstance": ""}, "hookInstance"),
        ({"hookInstance": 5}, "hookInstance"),
        ({"hookInstance": "not-a-uuid"}, "hookInstance"),
        ({"hookInstance": f"{{{s.HOOK_INSTANCE}}}"}, "hookInstance"),
        ({"hookInstance": f"urn:uuid:{s.HOOK_INSTANCE}"}, "hookInstance"),
        (
            {"hookInstance": f"{s.HOOK_INSTANCE}/../x"}, "hookInstance",
        ),
        (
            {"hookInstance": f"{s.HOOK_INSTANCE}\n"}, "hookInstance",
        ),
        ({"fhirServer": 5}, "fhirServer"),
        ({"fhirServer": ["x"]}, "fhirServer"),
        ({"context": s.DROP}, "context"),
        ({"context": None}, "context"),
        ({"context": []}, "context"),
        ({"context": "x"}, "context"),
        ({"context": {}}, "context.patientId"),
        ({"prefetch": "x"}, "prefetch"),
        ({"prefetch": []}, "prefetch"),
        ({"prefetch": 5}, "prefetch"),
        ({"prefetch": True}, "prefetch"),
    ],
)  # fmt: skip
def test_a_bent_envelope_is_refused_by_its_place(client: FlaskClient, changes: dict[str, Any], expression: str) -> None:
    refused(client.post(s.PATIENT_VIEW, json=s.changed(s.call(), changes)), 400, expression)


@pytest.mark.parametrize(
    ("context", "expression"),
    [
        *(({"patientId": bent}, "context.patientId") for bent in (s.DROP, None, "", " ", 5, [], {}, "/", "\n")),
        *(
            (
                {"patientId": bent}, "context.patientId",
            )
            for bent in ("1/../2", "Patient/1", "1 2", "1\n", "x" * 256)
        ),
        *(
            ({"userId": bent}, "context.userId")
            for bent in (5, [], {}, "x", "Practitioner", "Practitioner/", "/x", "Practitioner/a/b", "practitioner/x",
                         "https://ehr.example/Practitioner/x", "Practitioner/a b", "Practitioner/x\n")
        ),
        *(({"encounterId": bent}, "context.encounterId") for bent in (5, [], {})),
    ],
)  # fmt: skip
def test_a_bent_context_is_refused_by_its_place(client: FlaskClient, context: Any, expression: str) -> None:
    refused(client.post(s.PATIENT_VIEW, json=s.call(**context)), 400, expression)


@pytest.mark.parametrize(
    ("context", "expression"),
    [
        *(({"draftOrders": bent}, "context.draftOrders") for bent in (
            "x", 5, [], {}, True, {"resourceType": "Patient"}, {"resourceType": ["Bundle"]}, [s.bundle()],
        )),
        *(({"selections": bent}, "context.selections") for bent in ("x", 5, {}, True)),
        ({"selections": [5]}, "context.selections.0"),
        ({"selections": [None]}, "context.selections.0"),
    ],
)  # fmt: skip
def test_bent_orders_are_refused_by_their_place(client: FlaskClient, context: Any, expression: str) -> None:
    answer = client.post(s.ORDER_SELECT, json=s.order_call(s.draft(), **context))
    place = answer.get_json()["issue"][0]["expression"][0]
    assert place.startswith(expression.removesuffix(".0"))
    refused(answer, 400, place)


@pytest.mark.parametrize(
    "changes",
    [
        {}, {"extension": {"com.epic.cdshooks.request.bpa-trigger-action": "60"}}, {"fhirServer": s.DROP},
        {"fhirServer": None}, {"fhirServer": "http://localhost:1"}, {"fhirAuthorization": {"access_token": "x"}},
        {"hookInstance": "D1577C69-DFBE-14AD-0A6D-3E05E953B2EA"}, {"unknown": [1, {"x": None}]},
    ],
)  # fmt: skip
def test_what_is_allowed_is_answered(client: FlaskClient, changes: dict[str, Any]) -> None:
    answer = client.post(s.PATIENT_VIEW, json=s.changed(s.call(), changes))
    assert s.modules(answer.get_json()["cards"]) == ["SCREEN INCOMPLETE"]


@pytest.mark.parametrize("context", [
    {"userId": s.DROP}, {"userId": None}, {"encounterId": None}, {"encounterId": "e" * 200}, {"more": {"x": 1}},
    {"selections": ["x"]},
])  # fmt: skip
def test_context_that_is_allowed_is_answered(client: FlaskClient, context: dict[str, Any]) -> None:
    answer = client.post(s.PATIENT_VIEW, json=s.call(**context))
    assert s.modules(answer.get_json()["cards"]) == ["SCREEN INCOMPLETE"]


def test_an_id_may_be_200_characters_long(client: FlaskClient) -> None:
    patient_id = "e" * 200
    values = json.loads(json.dumps(s.prefetch()).replace(s.PATIENT_ID, patient_id))
    (card,) = client.post(s.PATIENT_VIEW, json=s.call(values, patientId=patient_id)).get_json()["cards"]
    assert card["suggestions"][0]["actions"][0]["resource"]["subject"] == {"reference": f"Patient/{patient_id}"}


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8", "text/plain", ""])
def test_the_answer_is_json_with_its_length(client: FlaskClient, content_type: str) -> None:
    answer = client.post(s.PATIENT_VIEW, data=json.dumps(s.call()), content_type=content_type)
    assert answer.mimetype == "application/json"
    assert answer.content_length == len(answer.data)


def test_refusals_of_addresses_methods_and_sizes(client: FlaskClient) -> None:
    refused(client.post("/cds-services/no-such-service", json=s.call()), 404)
    refused(client.post("/cds-services/no-such-service/feedback", json={}), 404)
    refused(client.post("/cds-services", json=s.call()), 405)
    refused(client.get("/cds-services/"), 404)
    refused(client.get(s.PATIENT_VIEW), 405)
    refused(client.post(f"{s.PATIENT_VIEW}/", json=s.call()), 404)
    refused(client.post(s.PATIENT_VIEW, data=b" " * 100_001), 413)
    refused(client.post(f"{s.PATIENT_VIEW}/feedback", json={"feedback": []}), 501)


# --- 412, and who comes before it ---

MISSING = [s.DROP, {"resourceType": "OperationOutcome"}, "x", s.bundle(link=[{"relation": "next", "url": "x"}])]
T0 = {"conditions": s.bundle(s.condition("J45.909"))}


@pytest.mark.parametrize("missing", [*MISSING, None], ids=ascii)
def test_without_the_patient_nothing_can_be_decided(client: FlaskClient, missing: Any) -> None:
    words = refused(client.post(s.PATIENT_VIEW, json=s.call(s.prefetch(patient=missing))), 412, "prefetch.patient")
    assert "Patient/{{context.patientId}}" in words
    body = s.order_call(s.draft("5683-8"), values=s.prefetch(patient=missing))
    refused(client.post(s.ORDER_SELECT, json=body), 412, "prefetch.patient")


@pytest.mark.parametrize("missing", MISSING, ids=ascii)
def test_without_conditions_nothing_can_be_decided(client: FlaskClient, missing: Any) -> None:
    values = s.prefetch(conditions=missing)
    refused(client.post(s.PATIENT_VIEW, json=s.call(values)), 412, "prefetch.conditions")
    body = s.order_call(s.draft("5683-8"), values=values)
    refused(client.post(s.ORDER_SELECT, json=body), 412, "prefetch.conditions")


@pytest.mark.parametrize("absent", [s.DROP, None, {}])
def test_no_prefetch_at_all(client: FlaskClient, absent: Any) -> None:
    refused(client.post(s.PATIENT_VIEW, json=s.changed(s.call(), {"prefetch": absent})), 412, "prefetch.patient")


def test_no_conditions_on_record_is_an_answer(client: FlaskClient) -> None:
    for none in (None, s.bundle(), s.bundle(s.condition("J45.909"))):
        assert client.post(s.PATIENT_VIEW, json=s.call(s.prefetch(conditions=none))).get_json() == {"cards": []}
        body = s.order_call(s.draft("5683-8"), values=s.prefetch(conditions=none))
        assert client.post(s.ORDER_SELECT, json=body).get_json() == {"cards": []}


def test_orders_that_need_no_phenotype_are_answered_without_one(client: FlaskClient) -> None:
    values = s.prefetch(patient=s.DROP, conditions=s.DROP)
    told = client.post(s.ORDER_SELECT, json=s.order_call(s.draft("1823-4"), values=values)).get_json()
    assert s.modules(told["cards"]) == ["ORD_VITE_LIPID"]
    for order in (s.draft("718-7"), s.draft(code={"coding": [{}]}), s.draft("5681-2")):
        assert client.post(s.ORDER_SELECT, json=s.order_call(order, values={})).get_json() == {"cards": []}


def test_a_phenotype_under_a_renamed_key_is_enough(client: FlaskClient) -> None:
    values = s.prefetch(conditions=s.DROP, renamed=s.bundle(s.condition()))
    told = client.post(s.PATIENT_VIEW, json=s.call(values)).get_json()
    assert s.modules(told["cards"]) == ["SCREEN INCOMPLETE"]


@pytest.mark.parametrize("user", ["Patient/synthetic-1", "RelatedPerson/x"])
def test_a_patients_own_view_is_silent_before_anything_else(client: FlaskClient, user: str) -> None:
    for values in (s.prefetch(), {}, {"patient": "x", "conditions": "x"}):
        assert client.post(s.PATIENT_VIEW, json=s.call(values, userId=user)).get_json() == {"cards": []}
        body = s.order_call(s.draft("5683-8"), values=values, userId=user)
        assert client.post(s.ORDER_SELECT, json=body).get_json() == {"cards": []}


def test_the_dead_are_left_in_peace_whatever_else_is_missing(client: FlaskClient) -> None:
    dead = s.patient(deceasedDateTime="2026-01-01")
    for values in (s.prefetch(patient=dead), {"patient": dead}, s.prefetch(s.observation(), patient=dead)):
        assert client.post(s.PATIENT_VIEW, json=s.call(values)).get_json() == {"cards": []}
        for order in (s.draft("5683-8"), s.draft("1823-4")):
            body = s.order_call(order, values=values)
            assert client.post(s.ORDER_SELECT, json=body).get_json() == {"cards": []}


@pytest.mark.parametrize(
    "context",
    [
        {"draftOrders": s.DROP}, {"draftOrders": s.DROP, "selections": s.DROP}, {"draftOrders": None},
        {"draftOrders": {"resourceType": "Bundle"}}, {"draftOrders": {"resourceType": "Bundle", "entry": []}},
        {"draftOrders": {"resourceType": "Bundle", "entry": "x"}}, {"selections": []},
        {"selections": ["ServiceRequest/x"]},
        {"draftOrders": {"resourceType": "Bundle", "entry": [{}, {"fullUrl": "x"}, {"resource": None}, 5, None]}},
    ],
)  # fmt: skip
def test_orders_without_orders_are_no_error(client: FlaskClient, context: Any) -> None:
    assert client.post(s.ORDER_SELECT, json=s.order_call(s.draft("5683-8"), **context)).get_json() == {"cards": []}


# --- DATA and SCREEN ---


def decision(client: FlaskClient, values: Any) -> tuple[str, list[str], str]:
    (card,) = client.post(s.PATIENT_VIEW, json=s.call(values)).get_json()["cards"]
    told = card["extension"]["example.dystonia-cds.decision"]
    return told["module"], told["includes"], card["detail"] + card["summary"]


@pytest.mark.parametrize("missing", MISSING, ids=ascii)
def test_what_was_not_delivered_is_named_and_never_called_absent(client: FlaskClient, missing: Any) -> None:
    module, includes, words = decision(client, s.prefetch(labs_vitamin_e=missing))
    assert (module, includes) == ("SCREEN", ["B12", "CA", "CU"])
    assert "Could not be assessed, because results were not available: vitamin E" in words
    assert "No current result for: B12, calcium, copper." in words
    module, includes, words = decision(client, s.prefetch(**dict.fromkeys(s.LAB_KEYS, missing)))
    assert (module, includes) == ("DATA", ["B12", "CA", "CU", "VITE"])
    assert "not the same as having no result on record" in words
    assert "No current result" not in words


def test_a_result_under_a_renamed_key_is_taken_though_the_key_is_missing(client: FlaskClient) -> None:
    values = s.prefetch(labs_vitamin_b12=s.DROP, renamed=s.bundle(s.observation()))
    cards = client.post(s.PATIENT_VIEW, json=s.call(values)).get_json()["cards"]
    assert s.modules(cards) == ["B12 ABNORMAL", "SCREEN INCOMPLETE"]


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        ("medications", "Medication list not available."),
        ("procedures", "Procedure list not available."),
        ("orders", "Order list not available"),
    ],
)
def test_lists_that_were_not_delivered_are_said_and_do_not_block(client: FlaskClient, key: str, sentence: str) -> None:
    assert sentence not in decision(client, s.prefetch())[2]
    for missing in MISSING:
        module, includes, words = decision(client, s.prefetch(**{key: missing}))
        assert (module, includes) == ("SCREEN", ["B12", "CA", "CU", "VITE"])
        assert sentence in words
