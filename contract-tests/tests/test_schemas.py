"""The schemas themselves: they are valid, they accept what is right and refuse what is wrong."""

import copy
import json
from typing import Any

import pytest
from contract import exchanges, judge, schemas

UUID = "0b5f6a3c-6a0e-4e3a-9d4e-2f4b8a6c1d07"
CARD: dict[str, Any] = {
    "uuid": UUID,
    "summary": "A synthetic summary.",
    "detail": "A synthetic detail.",
    "indicator": "warning",
    "source": {
        "label": "dystonia-cds 1",
        "topic": {"system": "https://dystonia-cds.example/fhir/CodeSystem/topics", "code": "B12Abnormal"},
    },
    "selectionBehavior": "any",
    "suggestions": [
        {
            "label": "Order",
            "uuid": "0b5f6a3c-6a0e-4e3a-9d4e-2f4b8a6c1d08",
            "actions": [
                {
                    "type": "create",
                    "description": "Order a test",
                    "resource": {
                        "resourceType": "ServiceRequest",
                        "status": "draft",
                        "intent": "order",
                        "code": {"coding": [{"system": "http://loinc.org", "code": "13964-2"}]},
                        "subject": {"reference": "Patient/synthetic"},
                    },
                },
                {"type": "delete", "description": "Remove a draft", "resourceId": "ServiceRequest/d1"},
            ],
        }
    ],
    "overrideReasons": [
        {
            "system": "https://dystonia-cds.example/fhir/CodeSystem/override-reasons",
            "code": "wrong-data",
            "display": "Coded problem or result is wrong",
        }
    ],
    "links": [{"label": "Why", "url": "http://localhost:8080/explanations/vitamin-b12", "type": "absolute"}],
    "extension": {
        "example.dystonia-cds.decision": {
            "module": "B12",
            "state": "ABNORMAL",
            "rulesVersion": "1",
            "evidence": [{"code": "2132-9", "display": "Vitamin B12", "value": 100, "unit": "pg/mL"}],
        }
    },
}
DECISION = "extension.example\\.dystonia-cds\\.decision"


def changed(path: str, value: Any) -> dict[str, Any]:
    """The card with one place set; `\\.` is a dot inside a key, a number is a position, `None` removes."""
    card = copy.deepcopy(CARD)
    parts = [part.replace("\0", ".") for part in path.replace("\\.", "\0").split(".")]
    holder: Any = card
    for part in parts[:-1]:
        holder = holder[int(part)] if isinstance(holder, list) else holder[part]
    if value is None:
        del holder[parts[-1]]
    else:
        holder[int(parts[-1]) if isinstance(holder, list) else parts[-1]] = value
    return card


def test_the_sample_card_is_right() -> None:
    assert judge.faults({"cards": [CARD]}) == []
    assert judge.faults({"cards": []}) == []


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("uuid", "card-1"),
        ("summary", "x" * 140),
        ("summary", " "),
        ("detail", None),
        ("indicator", "hard-stop"),
        ("source.label", None),
        ("source.topic.code", "B12-Abnormal"),
        ("source.topic.code", "B12Normal"),
        ("source.label", "dystonia-cds without its version's number".replace("1", "")),
        ("selectionBehavior", None),
        ("selectionBehavior", "all"),
        ("suggestions", []),
        ("suggestions.0.label", ""),
        ("suggestions.0.uuid", UUID),
        ("suggestions.0.actions", []),
        ("suggestions.0.actions.0.type", "update"),
        ("suggestions.0.actions.0.resource.intent", "plan"),
        ("suggestions.0.actions.0.resource.resourceType", "MedicationRequest"),
        ("suggestions.0.actions.0.resource.note", []),
        ("suggestions.0.actions.0.resourceId", "ServiceRequest/d1"),
        ("suggestions.0.actions.1.resourceId", "d1"),
        ("overrideReasons", []),
        ("overrideReasons.0.display", None),
        ("overrideReasons.0.code", "because"),
        ("links.0.url", "/explanations/vitamin-b12"),
        ("links.0.type", "smart"),
        ("links.0.appContext", "x"),
        ("extension", None),
        (f"{DECISION}.state", None),
        (f"{DECISION}.state", "NORMAL"),
        (f"{DECISION}.includes", ["B12"]),
        (f"{DECISION}.module", "ORD_N2O"),
        (f"{DECISION}.module", "SCREEN"),
        (f"{DECISION}.module", "VITC"),
        (f"{DECISION}.evidence", []),
        (f"{DECISION}.evidence.0.note", "x"),
        (f"{DECISION}.evidence.0.value", ""),
        ("priority", "high"),
    ],
)
def test_a_card_wrong_in_one_place_is_refused(path: str, value: Any) -> None:
    assert judge.faults({"cards": [changed(path, value)]})


@pytest.mark.parametrize("body", [{}, {"cards": None}, {"cards": [], "systemActions": []}, {"cards": {}}, []])
def test_a_response_wrong_in_one_place_is_refused(body: Any) -> None:
    assert schemas.faults("response", body)


def test_includes_stand_on_consolidated_cards_only() -> None:
    card = changed(f"{DECISION}.module", "SCREEN")
    card["extension"]["example.dystonia-cds.decision"].update(state="INCOMPLETE", includes=["B12", "MN"])
    assert schemas.faults("response", {"cards": [card]}) == []
    card["extension"]["example.dystonia-cds.decision"]["includes"] = ["B12", "B12"]
    assert schemas.faults("response", {"cards": [card]})


def test_order_cards_have_no_state() -> None:
    card = changed(f"{DECISION}.module", "ORD_N2O")
    del card["extension"]["example.dystonia-cds.decision"]["state"]
    assert schemas.faults("response", {"cards": [card]}) == []


def test_our_well_formed_requests_keep_the_request_schemas(today: Any) -> None:
    hooks = {
        "patient-view-prefetch": "patient-view",
        "patient-view-epic": "patient-view",
        "order-select-epic": "order-select",
        "order-sign": "order-sign",
    }
    for name, hook in hooks.items():
        request = exchanges.load(name)[0].request({"patient": "Patient/{{context.patientId}}"}, today)
        assert schemas.faults(f"request-{hook}", request) == [], name
        assert schemas.faults("request", request) == [], name


def test_the_request_schema_refuses_what_is_no_call() -> None:
    document = json.loads((exchanges.FOLDER / "no-call.json").read_text("utf-8"))
    assert schemas.faults("request-patient-view", document["call"]) == []
    assert schemas.faults("request", {**document["call"], "context": {}})
    assert schemas.faults("request", {**document["call"], "hookInstance": "x"})
    token = {"access_token": "x", "token_type": "Bearer"}
    without_server = {key: value for key, value in document["call"].items() if key != "fhirServer"}
    assert schemas.faults("request", {**without_server, "fhirAuthorization": token})


def test_the_feedback_schema_knows_right_from_wrong() -> None:
    document = json.loads((exchanges.FOLDER / "feedback.json").read_text("utf-8"))
    for case in document["cases"]:
        assert schemas.faults("feedback", case["body"]) == [], case["name"]
    for case in document["refused"]:
        assert schemas.faults("feedback", {"feedback": [case["item"]]}), case["name"]
    assert schemas.faults("feedback", {"feedback": {}})
    assert schemas.faults("feedback", {})


def test_nothings_are_found_wherever_they_are() -> None:
    document: dict[str, Any] = {"a": None, "b": [{"c": ""}, []], "d": {}, "cards": [], "e": {"cards": []}, "f": 0}
    assert sorted(schemas.nothings(document)) == ["$.a", "$.b[0].c", "$.b[1]", "$.d", "$.e.cards"]


def test_every_exchange_says_that_it_is_synthetic() -> None:
    for path in exchanges.FOLDER.glob("*.json"):
        assert "ynthetic" in json.loads(path.read_text("utf-8"))["_about"], path.name
