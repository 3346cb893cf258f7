"""Where what a client sends departs from the templates: keys, content, and what could not be fetched."""

from collections.abc import Iterator

import edge_samples as s
import pytest
import stub_ehr
from asking import Json, ask, drift, fetching, renamed, row, told
from flask import Flask
from flask.testing import FlaskClient

from chassis.testing import CALLER, signed
from screening.pages.doctor_drift import departures
from screening.tally import ClientCounts, KeyCounts, UnitSeen


def test_a_key_that_never_comes_is_named(client: FlaskClient) -> None:
    one = told(client, s.prefetch(procedures=s.DROP), s.prefetch(procedures=s.DROP, site_facts=s.DROP))
    (departure,) = drift(one, "never-came")
    assert (departure["key"], departure["weight"]) == ("procedures", "look")
    assert not one["inOrder"]


def test_a_site_that_records_no_facts_of_its_own_is_in_order(client: FlaskClient) -> None:
    one = told(client, s.prefetch(site_facts=s.DROP))
    assert [departure["weight"] for departure in drift(one, "never-came")] == ["note"]
    assert one["inOrder"]


def test_a_key_that_used_to_come_and_stopped_is_an_alarm(client: FlaskClient) -> None:
    without = s.prefetch(conditions=s.bundle(s.condition()), orders=s.DROP)
    one = told(client, *[s.prefetch()] * 3, *[without] * 19)
    assert drift(one, "stopped-coming") == []
    one = told(client, without)
    (departure,) = drift(one, "stopped-coming")
    assert (departure["key"], departure["weight"]) == ("orders", "alarm")
    assert one["drift"][0] == departure


def test_a_key_that_comes_now_and_then_is_no_alarm(client: FlaskClient) -> None:
    without = s.prefetch(orders=s.DROP)
    one = told(client, s.prefetch(), *[without] * 15, s.prefetch(), *[without] * 30)
    assert drift(one, "stopped-coming") == []


@pytest.mark.parametrize(
    ("ours", "theirs", "content"),
    [
        ("conditions", "problem_list", s.bundle(s.condition())),
        ("labs_vitamin_b12", "B12Labs", s.bundle(s.observation())),
        ("labs_copper_wilson", "zz", s.bundle(s.observation("2064-4", 9, "mg/dL"))),
        ("family_history", "fmh", s.bundle(s.relative())),
        ("medications", "medications-user", s.bundle(s.medication_request())),
        ("labs_manganese", "labs-manganese", s.bundle()),
    ],
)
def test_a_renamed_key_is_recognized_and_its_line_is_ready(
    client: FlaskClient, ours: str, theirs: str, content: Json
) -> None:
    one = told(client, renamed(ours, theirs, s.prefetch(**{ours: content})))
    (departure,) = drift(one, "renamed-key")
    assert departure["key"] == theirs
    assert departure["change"] == f"prefetchKeys:\n  {ours}: {theirs}"
    assert departure["change"] in ask(client, "text/html")


def test_a_key_that_one_hook_renames_is_recognized_although_it_comes_with_others(client: FlaskClient) -> None:
    one = told(client, s.prefetch(), renamed("conditions", "problem_list"))
    (departure,) = drift(one, "renamed-key")
    assert departure["change"] == "prefetchKeys:\n  conditions: problem_list"
    assert [found["key"] for found in drift(one, "sometimes-absent")] == ["conditions"]


def test_a_further_key_is_named_and_nothing_is_suggested(client: FlaskClient) -> None:
    encounter = {"resourceType": "Encounter", "id": "e"}
    one = told(client, {**s.prefetch(), "weight": s.bundle(s.observation("29463-7")), "visit": encounter})
    assert sorted(departure["key"] for departure in drift(one, "unknown-key")) == ["visit", "weight"]
    assert drift(one, "renamed-key") == []
    assert one["inOrder"]


def test_a_mapped_key_counts_as_ours(app: Flask) -> None:
    caller = {**CALLER, "prefetchKeys": {"orders": "OpenOrders"}}
    client = signed(app, caller).test_client()
    one = told(client, renamed("orders", "OpenOrders"))
    assert row(one, "orders")["prefetch"]["hit"] == 1
    assert row(one, "orders")["siteKey"] == "OpenOrders"
    assert one["inOrder"]


@pytest.fixture
def ehr() -> Iterator[stub_ehr.Stub]:
    """An EHR that has nothing but one condition, and lets nobody read results."""

    def answers(asked: stub_ehr.Asked) -> stub_ehr.Reply:
        if asked.path.startswith("Observation"):
            return stub_ehr.Reply(403, body={})
        return stub_ehr.Reply(body=stub_ehr.searchset(*([s.condition()] if asked.path.startswith("Condition") else [])))

    with stub_ehr.running(answers) as made:
        yield made


def test_what_was_fetched_is_told_with_its_time(app: Flask, ehr: stub_ehr.Stub) -> None:
    client = fetching(app, ehr.base)
    values = s.prefetch(conditions=s.DROP, labs_manganese=s.DROP, labs_iron_nbia=s.DROP)
    client.post(s.PATIENT_VIEW, json={**s.call(values), "fhirServer": ehr.base})
    one = told(client)
    conditions, manganese = row(one, "conditions"), row(one, "labs_manganese")
    assert (conditions["prefetch"]["absent"], conditions["ehr"]["hit"]) == (1, 1)
    assert conditions["ehr"]["latency"]["count"] == 1
    assert conditions["ehr"]["latency"]["meanMs"] > 0
    assert manganese["ehr"]["errors"] == {"forbidden": 1}
    (departure,) = drift(one, "fetch-forbidden")
    assert departure["key"] == "labs_manganese, labs_iron_nbia"
    assert "patient/Observation.rs" in departure["words"]
    (never,) = (found for found in drift(one, "never-came") if found["key"] == "conditions")
    assert never["weight"] == "note"
    assert "fetched from the EHR: hit 1" in ask(client, "text/plain")


def test_a_server_that_is_not_on_the_list_is_told(app: Flask) -> None:
    client = fetching(app, "", why="not-listed")
    one = told(client, s.prefetch(labs_manganese=s.DROP))
    (departure,) = drift(one, "fetch-not-listed")
    assert departure["key"] == "labs_manganese"
    assert "fhirServers" in departure["words"]
    assert row(one, "labs_manganese")["ehr"]["latency"] is None


def test_what_failed_is_told_in_words(client: FlaskClient) -> None:
    error = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "timeout"}]}
    one = told(client, s.prefetch(), s.prefetch(orders=error, procedures=s.bundle(entry=[{"fullUrl": "x"}])))
    (departure,) = drift(one, "failing")
    assert departure["key"] == "orders"
    assert departure["words"] == "Failed in 1 of 2 calls: once it was an OperationOutcome, or held one with an error."
    (departure,) = drift(one, "partial")
    assert departure["key"] == "procedures"
    assert "entries that cannot be read" in departure["words"]


def test_content_of_another_type_is_told(client: FlaskClient) -> None:
    one = told(client, s.prefetch(procedures=s.bundle(s.condition())))
    (departure,) = drift(one, "wrong-content")
    assert departure["key"] == "procedures"
    assert "Never holds" in departure["words"]
    assert drift(one, "more-than-asked") == []


@pytest.mark.parametrize(
    ("changes", "key", "words"),
    [
        ({"orders": s.bundle(s.service_request(status="completed"))}, "orders", "other statuses"),
        ({"orders": s.bundle(s.service_request(), s.condition())}, "orders", "resources of other types"),
        ({"labs_manganese": s.bundle(s.observation("2132-9"))}, "labs_manganese", "results with other codes"),
        ({"labs_vitamin_b12": s.bundle(s.observation("2951-2"))}, "labs_vitamin_b12", "results with other codes"),
        (
            {"labs_vitamin_b12": s.bundle(s.observation(effectiveDateTime="2019-01-01"))},
            "labs_vitamin_b12",
            "results from before the date asked for",
        ),
    ],
)
def test_more_than_was_asked_for_is_a_remark(client: FlaskClient, changes: Json, key: str, words: str) -> None:
    one = told(client, s.prefetch(**changes))
    (departure,) = drift(one, "more-than-asked")
    assert (departure["key"], departure["weight"]) == (key, "note")
    assert words in departure["words"]


def test_included_products_are_what_was_asked_for(client: FlaskClient) -> None:
    product = {"resourceType": "Medication", "id": "m", "code": s.concept(s.RXNORM, "11248")}
    one = told(client, s.prefetch(medications=s.bundle(s.medication_request(), product, total=1)))
    assert one["inOrder"]
    assert one["drift"] == []


def test_what_fails_once_in_a_blue_moon_is_a_remark() -> None:
    often = {"delivered": 99, "failed": 1}
    rare = {"delivered": 100, "failed": 1}
    templates = {"orders": "ServiceRequest?patient={{context.patientId}}"}
    weights = [
        [one.weight for one in departures(ClientCounts(keys={"orders": KeyCounts(prefetch=counts)}), templates)]
        for counts in (often, rare)
    ]
    assert weights == [["look"], ["note"]]


def test_keys_that_are_absent_now_and_then_make_one_line(client: FlaskClient) -> None:
    less = s.prefetch(orders=s.DROP, procedures=s.DROP)
    one = told(client, s.prefetch(), s.prefetch(), less, s.prefetch(procedures=s.DROP))
    (departure,) = drift(one, "sometimes-absent")
    assert (departure["weight"], departure["key"]) == ("note", "procedures, orders")
    assert "some of 4 calls: procedures 2, orders 1." in departure["words"]
    assert one["inOrder"]


def test_a_key_that_holds_too_much_is_worth_a_look() -> None:
    counts = KeyCounts(prefetch={"too-many": 2, "delivered": 2})
    (departure,) = departures(ClientCounts(keys={"orders": counts}), {"orders": "ServiceRequest?patient=1"})
    assert (departure.what, departure.weight, departure.key) == ("too-many", "look", "orders")
    assert "in 2 of 4 calls" in departure.words


def test_orders_whose_medicine_is_unknown_are_named(client: FlaskClient) -> None:
    order = s.medication_request(id="d1", status="draft", medicationCodeableConcept={"text": "a drug"})
    assert client.post(s.ORDER_SELECT, json=s.order_call(order, s.draft())).status_code == 200
    (departure,) = drift(told(client), "drafts-unknown")
    assert departure["weight"] == "look"
    assert departure["words"].startswith("Orders of which no code says what medicine is meant: 1. ")


@pytest.mark.parametrize(("times", "inspected", "weight"), [(1, 1, "note"), (4, 4, "note"), (5, 5, "look"),
                                                             (5, 500, "look"), (5, 501, "note")])  # fmt: skip
def test_a_unit_that_is_not_read_is_worth_a_look_when_it_comes_again_and_again(
    times: int, inspected: int, weight: str
) -> None:
    seen = UnitSeen("vitamin B12", "mg/dL", "unit not accepted", times)
    (departure,) = departures(ClientCounts(inspected=inspected, units={"one": seen}), {})
    assert (departure.what, departure.weight) == ("units-not-read", weight)
    assert departure.words.startswith("1 result of vitamin B12" if times == 1 else f"{times} results of vitamin B12")
