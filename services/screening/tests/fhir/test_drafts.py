"""Draft orders: read leniently, as clients really send them; selected by `Type/id`."""

import json
from typing import Any

import edge_samples as s
import pytest

SANDBOX_DRUG = {
    "resourceType": "MedicationRequest",
    "id": "request-123",
    "status": "draft",
    "subject": {"reference": f"Patient/{s.PATIENT_ID}"},
    "authoredOn": "0002-11-22",
    "category": {"coding": [{"code": "outpatient"}]},
    "reasonCode": {"coding": [{}]},
    "dosageInstruction": [{"timing": {"repeat": {"boundsPeriod": {"start": "Invalid date"}}}}],
    "medicationCodeableConcept": {"text": "folic acid", "coding": [{"system": s.RXNORM, "code": "4511"}]},
}


def drafts(*resources: Any, selections: tuple[str, ...] | None = None) -> list[tuple[str, bool, bool]]:
    """Reference, whether it is in a set of ours, whether it is selected."""
    chart, _ = s.read(s.prefetch(), resources, selections)
    return [(one.reference, bool(one.sets), one.selected) for one in chart.drafts]


def test_the_bent_shapes_of_a_real_client() -> None:
    assert drafts(SANDBOX_DRUG) == [("MedicationRequest/request-123", True, True)]
    undecided = {key: value for key, value in SANDBOX_DRUG.items() if key != "medicationCodeableConcept"}
    assert drafts(undecided) == [("MedicationRequest/request-123", False, True)]
    assert drafts(s.draft(code={"coding": [{}]}, reasonCode=[])) == [("ServiceRequest/draft-1", False, True)]


def test_medication_entries_are_products_and_not_orders() -> None:
    product = {"resourceType": "Medication", "id": "m-1", "code": s.concept(s.RXNORM, "4511", "folic acid")}
    order = {
        **{key: value for key, value in SANDBOX_DRUG.items() if key != "medicationCodeableConcept"},
        "medicationReference": {"reference": "Medication/m-1", "display": "folic acid"},
    }
    assert drafts(product, order) == [("MedicationRequest/request-123", True, True)]
    assert drafts(order, product) == [("MedicationRequest/request-123", True, True)]
    contained = {**order, "contained": [product], "medicationReference": {"reference": "#m-1"}}
    assert drafts(contained) == [("MedicationRequest/request-123", True, True)]


def test_an_order_by_its_product_has_the_codes_of_the_product_and_of_what_is_in_it() -> None:
    inside = [{"itemCodeableConcept": s.concept(s.RXNORM, "4511")}, {"itemCodeableConcept": s.concept(s.RXNORM, "1")}]
    excipient = {"itemCodeableConcept": s.concept(s.RXNORM, "2"), "isActive": False}
    product = {"resourceType": "Medication", "id": "m-1", "code": s.concept(s.RXNORM, "4511", "folic acid")}
    order = {"resourceType": "MedicationRequest", "id": "d", "medicationReference": {"reference": "Medication/m-1"}}
    chart, _ = s.read(s.prefetch(), ({**product, "ingredient": [*inside, excipient]}, order))
    assert chart.drafts[0].codes == {"4511", "1"}
    chart, _ = s.read(s.prefetch(), (order,))
    assert chart.drafts[0].codes == frozenset()


@pytest.mark.parametrize(
    "entry",
    [
        None, 5, "x", [], {}, {"resourceType": "Nope", "id": "x"}, {"resourceType": 5}, {"id": "draft-1"},
        {"resourceType": "Patient", "id": s.PATIENT_ID}, {"resourceType": "Observation", "id": "x"},
        {"resourceType": "NutritionOrder", "id": "x"},
    ],
)  # fmt: skip
def test_what_is_no_order_does_not_cost_the_others(entry: Any) -> None:
    assert drafts(entry, s.draft(), entry) == [("ServiceRequest/draft-1", True, True)]


@pytest.mark.parametrize("kind", ["MedicationRequest", "MedicationOrder", "ServiceRequest", "ProcedureRequest"])
def test_kinds_of_orders_of_all_editions(kind: str) -> None:
    told = {**SANDBOX_DRUG, "resourceType": kind, "code": s.concept(s.LOINC, "2132-9")}
    assert drafts(told) == [(f"{kind}/request-123", True, True)]


@pytest.mark.parametrize(
    ("selections", "selected"),
    [
        (None, True),
        (("ServiceRequest/draft-1",), True),
        ((f"{s.SERVER}/ServiceRequest/draft-1",), True),
        (("draft-1",), True),
        (("MedicationRequest/other", "ServiceRequest/draft-1"), True),
        ((), False),
        (("ServiceRequest/draft-2",), False),
        (("MedicationRequest/draft-1",), False),
        (("ServiceRequest/draft-10",), False),
        (("ServiceRequest/",), False),
        (("",), False),
    ],
)
def test_selections(selections: tuple[str, ...] | None, selected: bool) -> None:
    assert drafts(s.draft(), selections=selections) == [("ServiceRequest/draft-1", True, selected)]


@pytest.mark.parametrize("identifier", [s.DROP, None, 5, ""])
def test_a_draft_without_an_id_is_read_but_cannot_be_withdrawn(identifier: Any) -> None:
    client = s.application().test_client()
    told = s.draft("5683-8", id=identifier)
    body = s.order_call(told, selections=s.DROP)
    answer = client.post(s.ORDER_SELECT, json=body).get_json()
    assert s.modules(answer["cards"]) == ["ORD_MN_SPECIMEN"]
    actions = [a for card in answer["cards"] for one in card["suggestions"] for a in one["actions"]]
    assert [a["type"] for a in actions] == ["create"]


@pytest.mark.parametrize("identifier", ["a b", "../Patient/synthetic-1", "x/../../Patient/1", "a?b=c", "a\nb"])
def test_only_a_real_id_can_be_withdrawn(identifier: str) -> None:
    client = s.application().test_client()
    body = s.order_call(s.draft("5683-8", id=identifier), selections=s.DROP)
    answer = client.post(s.ORDER_SELECT, json=body).get_json()
    assert s.modules(answer["cards"]) == ["ORD_MN_SPECIMEN"]
    actions = [a for card in answer["cards"] for one in card["suggestions"] for a in one["actions"]]
    assert [a["type"] for a in actions] == ["create"]


def test_long_ids_are_withdrawn_whole() -> None:
    client = s.application().test_client()
    identifier = "e" * 200 + "-.3"
    answer = client.post(s.ORDER_SELECT, json=s.order_call(s.draft("5683-8", id=identifier))).get_json()
    assert f'"resourceId": "ServiceRequest/{identifier}"' in json.dumps(answer)


@pytest.mark.parametrize("status", ["draft", "active", "on-hold", "unknown", s.DROP, 5])
def test_orders_may_be_re_selected_whatever_their_status(status: Any) -> None:
    assert drafts(s.draft(status=status)) == [("ServiceRequest/draft-1", True, True)]


@pytest.mark.parametrize("status", ["entered-in-error", "revoked", "cancelled"])
def test_a_draft_that_was_withdrawn_is_no_draft(status: str) -> None:
    assert drafts(s.draft(status=status)) == []
