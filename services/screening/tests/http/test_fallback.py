"""A call whose prefetch is wanting: what the caller is told, and what goes with the answer."""

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any

import edge_samples as s
import pytest
import stub_ehr
from flask.testing import FlaskClient
from stub_ehr import Reply, Stub, searchset

from chassis import arrival
from chassis.testing import CALLER, signed
from screening.fhir import outcomes

TOKEN = "synthetic-token-of-this-call"
BEARER = {"access_token": TOKEN, "token_type": "Bearer", "expires_in": 300, "scope": "patient/*.read", "subject": "x"}


@pytest.fixture
def stub() -> Iterator[Stub]:
    with stub_ehr.running(lambda _: Reply(body=searchset())) as made:
        yield made


def client(fhir: Mapping[str, Any], **settings: Any) -> FlaskClient:
    return signed(s.application(**settings), {**CALLER, "fhir": fhir}).test_client()


def listed(stub: Stub, **settings: Any) -> FlaskClient:
    return client({"base": stub.base, "public_only": False, "why": ""}, **{"answer_within": 5.0, **settings})


def bare(stub: Stub | None = None, **more: Any) -> dict[str, Any]:
    call = {key: value for key, value in s.call().items() if key not in ("prefetch", "fhirServer")}
    return {**call, **({"fhirServer": stub.base} if stub is not None else {}), **more}


def words(answer: Any, key: str) -> str:
    """What a 412 says in words of ours."""
    assert answer.status_code == 412, answer.data
    (issue,) = answer.get_json()["issue"]
    assert issue["expression"] == [f"prefetch.{key}"]
    told: str = issue["details"]["text"]
    return told


def test_412_says_that_no_server_was_named() -> None:
    told = words(client({"base": "", "why": "none"}).post(s.PATIENT_VIEW, json=bare()), "patient")
    assert told.startswith("The prefetch key 'patient' was absent, and the call named no fhirServer")
    assert "Patient/{{context.patientId}}" in told


def test_412_names_the_key_as_the_site_has_it() -> None:
    caller = {**CALLER, "prefetchKeys": {"conditions": "EpicProblems"}}
    asking = signed(s.application(), caller).test_client()
    told = words(asking.post(s.PATIENT_VIEW, json=bare(prefetch={"patient": s.patient()})), "conditions")
    assert told.startswith("The prefetch key 'conditions' (agreed with this client as 'EpicProblems') was absent")


def test_412_says_that_the_server_is_not_listed(stub: Stub) -> None:
    told = words(client({"base": "", "why": "not-listed"}).post(s.PATIENT_VIEW, json=bare(stub)), "patient")
    assert "not among the servers agreed for this client" in told
    assert not stub.asked


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (401, outcomes.UNAUTHORIZED), (403, outcomes.FORBIDDEN), (404, outcomes.NOT_FOUND), (410, outcomes.GONE),
        (429, outcomes.THROTTLED), (500, outcomes.SERVER_ERROR), (302, outcomes.REDIRECTED), (400, outcomes.REFUSED),
    ],
)  # fmt: skip
def test_412_says_what_the_server_said(stub: Stub, status: int, outcome: str) -> None:
    stub.answers = lambda _: Reply(status, body={"resourceType": "OperationOutcome", "issue": [{"x": TOKEN}]})
    answer = listed(stub).post(s.PATIENT_VIEW, json=bare(stub, fhirAuthorization=BEARER))
    told = words(answer, "patient")
    assert outcomes.EHR_WORDS[outcome] in told
    assert TOKEN not in answer.get_data(as_text=True) + str(answer.headers)
    assert json.loads(answer.headers["Cds-Audit"])["fetched"] == 2
    assert answer.headers["Server-Timing"].startswith("door;dur=")


def test_412_says_that_the_token_could_not_be_used(stub: Stub) -> None:
    for bad in ({**BEARER, "token_type": "mac"}, {**BEARER, "expires_in": 0}, "x"):
        told = words(listed(stub).post(s.PATIENT_VIEW, json=bare(stub, fhirAuthorization=bad)), "patient")
        assert "fhirAuthorization could not be used" in told
    assert not stub.asked


def test_412_says_that_the_server_was_late(stub: Stub) -> None:
    stub.answers = lambda _: Reply(body=searchset(), wait=30)
    answer = listed(stub, answer_within=0.2).post(s.PATIENT_VIEW, json=bare(stub))
    assert "fhirServer did not answer in time" in words(answer, "patient")
    assert json.loads(answer.headers["Cds-Audit"])["data"]["late"] == 2


def test_what_a_call_has_waited_for_its_turn_is_taken_off_the_time_of_the_server(stub: Stub) -> None:
    """Half a second in the gateway and half a second here are all that there was."""
    since = {arrival.ENVIRON: time.monotonic() - 0.5}
    asking = listed(stub, answer_within=1.0)
    answer = asking.post(s.PATIENT_VIEW, json=bare(stub), headers={"Cds-Elapsed-Ms": "500"}, environ_base=since)
    assert "fhirServer did not answer in time" in words(answer, "patient")
    assert not stub.asked
    assert float(answer.headers["Server-Timing"].split(",")[0].removeprefix("door;dur=")) >= 1000


def test_412_says_what_the_prefetch_held() -> None:
    alone = client({"base": "", "why": "none"})
    error = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "timeout"}]}
    for value, said in (
        (error, "was an OperationOutcome"),
        (s.bundle(s.condition(), link=[{"relation": "next", "url": "x"}], total=9), "was incomplete"),
        ("<html>", "did not hold what it was asked for"),
    ):
        values = s.prefetch(conditions=value)
        if said == "was incomplete":
            values["conditions"]["entry"][0]["resource"]["code"] = s.concept(s.ICD10CM, "J45.9")
        assert said in words(alone.post(s.PATIENT_VIEW, json={**bare(), "prefetch": values}), "conditions")


def test_fetched_data_give_cards_and_the_answer_says_where_the_time_went(stub: Stub) -> None:
    def answer(asked: Any) -> Reply:
        if asked.path == f"Patient/{s.PATIENT_ID}":
            return Reply(body=s.patient())
        if asked.path == "Condition/_search":
            return Reply(body=s.bundle(s.condition()))
        return Reply(body=searchset())

    stub.answers = answer
    told = listed(stub).post(s.PATIENT_VIEW, json=bare(stub, fhirAuthorization=BEARER))
    assert s.modules(told.get_json()["cards"]) == ["SCREEN INCOMPLETE"]
    assert [part.partition(";")[0] for part in told.headers["Server-Timing"].split(", ")] == [
        "door", "prefetch", "ehr", "rules", "cards", "store",
    ]  # fmt: skip
    audit = json.loads(told.headers["Cds-Audit"])
    assert audit["topics"] == {"ScreenIncomplete": 1}
    assert audit["fetched"] == len(stub.asked) == sum(audit["data"].values())
    assert audit["data"] == {"delivered": audit["fetched"]}
    assert audit["rulesVersion"]
    assert {one.headers["Authorization"] for one in stub.asked} == {f"Bearer {TOKEN}"}


def test_more_than_is_read_in_one_call_is_said_and_costs_no_card() -> None:
    many = [s.observation(id=f"o{n}", effectiveDateTime=f"2026-10-{n:02}") for n in range(1, 6)]
    answer = s.application(max_resources=4).test_client().post(s.PATIENT_VIEW, json=s.call(s.prefetch(*many)))
    assert "B12 ABNORMAL" in s.modules(answer.get_json()["cards"])
    assert answer.headers["Server-Timing"].endswith(', too-many;desc="keys: 1"')
    assert json.loads(answer.headers["Cds-Audit"])["data"]["too-many"] == 1


def test_a_whole_prefetch_asks_nobody(stub: Stub) -> None:
    answer = listed(stub).post(s.PATIENT_VIEW, json=s.call())
    assert not stub.asked
    assert json.loads(answer.headers["Cds-Audit"])["fetched"] == 0


@pytest.mark.parametrize("user", ["Patient/1", "RelatedPerson/1"])
def test_for_those_who_get_no_cards_nothing_is_fetched(stub: Stub, user: str) -> None:
    call = bare(stub)
    answer = listed(stub).post(s.PATIENT_VIEW, json={**call, "context": {**call["context"], "userId": user}})
    assert answer.get_json() == {"cards": []}
    assert not stub.asked


def test_the_doctor_hears_of_the_ehr(stub: Stub) -> None:
    stub.answers = lambda _: Reply(403, body={})
    asking = listed(stub)
    asking.post(s.PATIENT_VIEW, json=bare(stub))
    told = asking.get("/prefetch-doctor", headers={"Accept": "application/json"}).get_json()
    assert "forbidden" in json.dumps(told)


def test_a_sites_own_keys_are_credited() -> None:
    values = s.prefetch()
    values["EpicProblems"] = values.pop("conditions")
    caller = {**CALLER, "prefetchKeys": {"conditions": "EpicProblems"}}
    answer = signed(s.application(), caller).test_client().post(s.PATIENT_VIEW, json=s.call(values))
    assert s.modules(answer.get_json()["cards"]) == ["SCREEN INCOMPLETE"]
    assert "Problem list incomplete" not in answer.get_json()["cards"][0]["detail"]


def test_what_the_scope_does_not_cover_is_not_asked_for(stub: Stub) -> None:
    scope = "patient/Patient.read patient/Observation.read"
    stub.answers = lambda _: Reply(body=s.patient())
    answer = listed(stub).post(s.PATIENT_VIEW, json=bare(stub, fhirAuthorization={**BEARER, "scope": scope}))
    assert "the scope in fhirAuthorization does not cover it" in words(answer, "conditions")
    assert {one.path for one in stub.asked} == {f"Patient/{s.PATIENT_ID}"}
