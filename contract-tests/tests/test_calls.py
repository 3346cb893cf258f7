"""Every exchange, sent as it stands: the status and the cards that it must be answered."""

from datetime import date
from typing import Any

import pytest
from contract import judge
from contract.client import Client
from contract.exchanges import Exchange, load
from scenarios.expected import expected, shown

DELIVERY = load("patient-view-prefetch", "patient-view-mixed", "patient-view-partial", "order-select-prefetch")
EPIC = load("patient-view-epic", "order-select-epic", "order-sign-epic")
SANDBOX = load("order-select-sandbox", "order-select-sandbox-dstu2")
OTHERS = load("patient-view-oracle", "order-select-athena", "order-select-tolerance")
MALFORMED = load("order-select-malformed")
SIGNING = load("order-sign")


def exchanged(list_of_exchanges: list[Exchange]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("exchange", list_of_exchanges, ids=[each.name for each in list_of_exchanges])


def answered_as_expected(client: Client, service: dict[str, Any], exchange: Exchange, today: date) -> None:
    request = exchange.request(service["prefetch"], today)
    answer = client.post(f"/cds-services/{service['id']}", request)
    assert answer.status_code == exchange.expect["status"], answer.text[:600]
    if answer.status_code != 200:
        assert judge.refusal_faults(answer) == []
        return
    response = answer.json()
    assert shown(response) == expected(exchange.expect["cards"])
    assert judge.faults(response) == []
    if words := exchange.expect.get("detail"):
        assert any(words in card["detail"].lower() for card in response["cards"]), response["cards"]


@pytest.mark.promise("R20", "R24", "R27", "R28", "R29", "R33", "R40", "R41", "T61", "T70", "T71", "T76")
@exchanged(DELIVERY)
def test_absent_null_failed_and_empty_are_told_apart(
    door: Client, services: dict[str, Any], exchange: Exchange, today: date
) -> None:
    answered_as_expected(door, services[exchange.hook], exchange, today)


@pytest.mark.promise("T90", "T93")
@exchanged(EPIC)
def test_calls_in_the_shape_of_epic(door: Client, services: dict[str, Any], exchange: Exchange, today: date) -> None:
    answered_as_expected(door, services[exchange.hook], exchange, today)


@pytest.mark.promise("R20")
@exchanged(SANDBOX)
def test_calls_in_the_shape_of_the_sandbox(
    door: Client, services: dict[str, Any], exchange: Exchange, today: date
) -> None:
    answered_as_expected(door, services[exchange.hook], exchange, today)


@exchanged(OTHERS)
def test_calls_in_the_shape_of_other_ehrs(
    door: Client, services: dict[str, Any], exchange: Exchange, today: date
) -> None:
    answered_as_expected(door, services[exchange.hook], exchange, today)


@pytest.mark.promise("R20")
@exchanged(SIGNING)
def test_before_signing_every_draft_counts_and_only_warnings_are_shown(
    door: Client, services: dict[str, Any], exchange: Exchange, today: date
) -> None:
    answered_as_expected(door, services[exchange.hook], exchange, today)


@pytest.mark.promise("T63")
@exchanged(MALFORMED)
def test_odd_orders_are_passed_over_and_what_is_no_call_is_refused(
    door: Client, services: dict[str, Any], exchange: Exchange, today: date
) -> None:
    answered_as_expected(door, services[exchange.hook], exchange, today)


@exchanged(DELIVERY + EPIC + SANDBOX + OTHERS + MALFORMED + SIGNING)
def test_screening_alone_answers_what_it_answers_through_the_gateway(
    screening: Client, door: Client, services: dict[str, Any], exchange: Exchange, today: date
) -> None:
    service = services[exchange.hook]
    request = exchange.request(service["prefetch"], today)
    alone = screening.post(f"/cds-services/{service['id']}", request)
    through = door.post(f"/cds-services/{service['id']}", request)
    if exchange.expect["status"] == 200:
        assert alone.status_code == 200
        assert shown(alone.json()) == shown(through.json())
    else:
        assert 400 <= alone.status_code < 500
        assert judge.refusal_faults(alone) == []


@pytest.mark.promise("R38", "T40", "T41")
def test_a_token_for_the_fhir_server_is_taken_and_never_shown(
    door: Client, services: dict[str, Any], today: date
) -> None:
    exchange = DELIVERY[0]
    request = exchange.request(services[exchange.hook]["prefetch"], today)
    request["fhirServer"] = "https://ehr.example/fhir"
    request["fhirAuthorization"] = {
        "access_token": "synthetic-access-token",
        "token_type": "Bearer",
        "scope": "patient/*.read",
    }
    answer = door.post(f"/cds-services/{services[exchange.hook]['id']}", request)
    assert answer.status_code == 200
    assert "synthetic-access-token" not in answer.text
    del request["fhirServer"]
    refused = door.post(f"/cds-services/{services[exchange.hook]['id']}", request)
    assert refused.status_code == 400
    assert "synthetic-access-token" not in refused.text


@pytest.mark.promise("T95")
@exchanged([each for each in DELIVERY + EPIC + SANDBOX + OTHERS + SIGNING if each.expect["status"] == 200])
def test_the_same_call_twice_gets_the_same_topics_and_the_same_words(
    door: Client, services: dict[str, Any], exchange: Exchange, today: date
) -> None:
    service = services[exchange.hook]
    request = exchange.request(service["prefetch"], today)
    first, second = (door.post(f"/cds-services/{service['id']}", request).json()["cards"] for _ in range(2))
    assert [card["source"]["topic"] for card in first] == [card["source"]["topic"] for card in second]
    assert [(card["summary"], card["detail"]) for card in first] == [
        (card["summary"], card["detail"]) for card in second
    ]


@pytest.mark.promise("T75")
def test_an_unanswered_screen_card_keeps_its_uuid(door: Client, services: dict[str, Any], today: date) -> None:
    exchange = next(each for each in DELIVERY if each.name.endswith("laboratory searches empty"))
    service = services[exchange.hook]
    request = exchange.request(service["prefetch"], today)
    first = door.post(f"/cds-services/{service['id']}", request).json()["cards"]
    request["hookInstance"] = "0b5f6a3c-6a0e-4e3a-9d4e-2f4b8a6c1dff"
    again = door.post(f"/cds-services/{service['id']}", request).json()["cards"]
    request["context"]["encounterId"] = "another-encounter"
    elsewhere = door.post(f"/cds-services/{service['id']}", request).json()["cards"]
    assert [card["uuid"] for card in first] == [card["uuid"] for card in again] != []
    assert elsewhere[0]["uuid"] != first[0]["uuid"]
