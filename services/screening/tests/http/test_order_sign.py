"""order-sign by HTTP: no selections, every draft counts, warnings and critical cards only."""

from typing import Any

import edge_samples as s
import pytest
from flask.testing import FlaskClient

ORDER_SIGN = "/cds-services/dystonia-order-sign"
DRUG = {
    "resourceType": "MedicationRequest",
    "id": "d1",
    "status": "draft",
    "intent": "order",
    "subject": {"reference": f"Patient/{s.PATIENT_ID}"},
    "medicationCodeableConcept": s.concept(s.RXNORM, "6915"),
}


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    return s.application().test_client()


def signing(*drafts: Any, **context: Any) -> dict[str, Any]:
    return {**s.order_call(*drafts, **{"selections": s.DROP, **context}), "hook": "order-sign"}


@pytest.mark.parametrize("selections", [s.DROP, None, [], ["ServiceRequest/other"], "x", 5, {}, [5]])
def test_selections_are_no_part_of_the_hook(client: FlaskClient, selections: Any) -> None:
    answer = client.post(ORDER_SIGN, json=signing(DRUG, s.draft("5683-8"), selections=selections))
    assert answer.status_code == 200
    assert s.modules(answer.get_json()["cards"]) == ["ORD_DRBA"]


def test_the_same_bent_selections_are_refused_where_they_decide(client: FlaskClient) -> None:
    assert client.post(s.ORDER_SELECT, json=s.order_call(DRUG, selections="x")).status_code == 400


def test_selecting_says_more(client: FlaskClient) -> None:
    answer = client.post(s.ORDER_SELECT, json=s.order_call(DRUG, s.draft("5683-8")))
    assert s.modules(answer.get_json()["cards"]) == ["ORD_DRBA", "ORD_MN_SPECIMEN"]


@pytest.mark.parametrize("hook", ["order-select", "patient-view", "Order-Sign"])
def test_each_address_answers_its_own_hook(client: FlaskClient, hook: str) -> None:
    assert client.post(ORDER_SIGN, json={**signing(DRUG), "hook": hook}).status_code == 400
    assert client.post(s.ORDER_SELECT, json=signing(DRUG)).status_code == 400


def test_without_orders_there_is_nothing_to_say(client: FlaskClient) -> None:
    body = signing()
    del body["context"]["draftOrders"]
    answer = client.post(ORDER_SIGN, json={**body, "prefetch": {}})
    assert (answer.status_code, answer.get_json()) == (200, {"cards": []})


def test_what_cannot_be_decided_is_asked_for_only_if_it_could_warn(client: FlaskClient) -> None:
    assert client.post(ORDER_SIGN, json={**signing(DRUG), "prefetch": {}}).status_code == 412
    silent = client.post(ORDER_SIGN, json={**signing(s.draft("5683-8")), "prefetch": {}})
    assert (silent.status_code, silent.get_json()) == (200, {"cards": []})
    assert client.post(s.ORDER_SELECT, json={**s.order_call(s.draft("5683-8")), "prefetch": {}}).status_code == 412
