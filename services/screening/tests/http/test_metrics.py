"""What screening counts of a call: what went out, what was lacking, how the EHR did; and nothing of the patient."""

from typing import Any

import edge_samples as s
import pytest
import stub_ehr
from prometheus_client import REGISTRY, generate_latest
from stub_ehr import Reply, searchset

from chassis.testing import CALLER, signed
from screening import metrics

MARK = "zzmarkzz"


def bare(fhir_server: str = "") -> dict[str, Any]:
    """A call without prefetch."""
    call = {key: value for key, value in s.call().items() if key not in ("prefetch", "fhirServer")}
    return {**call, "fhirServer": fhir_server} if fhir_server else call


def count(name: str, **labels: str) -> float:
    """The sum over all series with these labels."""
    return sum(
        sample.value
        for metric in REGISTRY.collect()
        for sample in metric.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


@pytest.fixture
def client() -> Any:
    return signed(s.application()).test_client()


def test_cards_are_counted_by_topic_and_calls_by_what_came(client: Any) -> None:
    first = client.post(s.PATIENT_VIEW, json=s.call()).get_json()["cards"]
    assert first
    topics = [card["source"]["topic"]["code"] for card in first]
    before = {topic: count("cds_cards_total", topic=topic) for topic in topics}
    labels = {"client": "tests", "service": "dystonia-patient-view", "result": "cards"}
    screened = count("cds_screened_total", **labels)
    client.post(s.PATIENT_VIEW, json=s.call())
    assert count("cds_screened_total", **labels) == screened + 1
    for topic in topics:
        assert count("cds_cards_total", topic=topic) == before[topic] + 1


def test_keys_that_do_not_come_are_gaps(client: Any) -> None:
    call = s.call()
    del call["prefetch"]["labs_copper_wilson"]
    before = count("cds_prefetch_gaps_total", key="labs_copper_wilson", outcome="absent")
    gaps = count("cds_screened_total", prefetch="gaps")
    client.post(s.PATIENT_VIEW, json=call)
    assert count("cds_prefetch_gaps_total", key="labs_copper_wilson", outcome="absent") == before + 1
    assert count("cds_screened_total", prefetch="gaps") == gaps + 1


def test_a_refused_call_is_not_screened(client: Any) -> None:
    before = count("cds_screened_total")
    assert client.post(s.PATIENT_VIEW, json=bare()).status_code == 412
    assert count("cds_screened_total") == before


def test_what_the_ehr_is_asked_for_is_counted_and_timed() -> None:
    with stub_ehr.running(lambda _: Reply(body=searchset())) as stub:
        before = count("cds_ehr_fetches_total", client="tests"), count("cds_ehr_fetch_seconds_count", client="tests")
        caller = {**CALLER, "fhir": {"base": stub.base, "public_only": False, "why": ""}}
        asking = signed(s.application(answer_within=5.0), caller)
        asking.test_client().post(s.PATIENT_VIEW, json=bare(stub.base))
        after = count("cds_ehr_fetches_total", client="tests"), count("cds_ehr_fetch_seconds_count", client="tests")
    assert after[0] > before[0]
    assert after[0] - before[0] == after[1] - before[1]


def test_a_server_that_may_not_be_asked_is_counted_once_a_call(client: Any) -> None:
    asking = signed(s.application(), {"client": "far", "dialect": "strict", "fhir": {"base": "", "why": "not-listed"}})
    before = count("cds_ehr_not_asked_total", client="far", reason="not-listed")
    asking.test_client().post(s.PATIENT_VIEW, json=bare())
    assert count("cds_ehr_not_asked_total", client="far", reason="not-listed") == before + 1


def test_nothing_of_a_patient_becomes_a_label(client: Any) -> None:
    marked = s.call(
        {
            **s.prefetch(),
            "patient": s.patient(name=[{"family": MARK}], identifier=[{"value": MARK}]),
            MARK: s.bundle(s.condition(note=[{"text": MARK}])),
        },
        encounterId=MARK,
        userId=f"Practitioner/{MARK}",
    )
    client.post(s.PATIENT_VIEW, json=marked | {"fhirServer": f"https://{MARK}.example", "hookInstance": MARK})
    client.post(s.PATIENT_VIEW, json=marked)
    answer = {"card": MARK, "outcome": MARK, "overrideReason": {"reason": {"code": MARK}, "userComment": MARK}}
    client.post(f"{s.PATIENT_VIEW}/feedback", json={"feedback": [answer]})
    text = generate_latest(REGISTRY).decode()
    assert "cds_screened_total{" in text
    assert MARK not in text


def test_another_version_takes_the_place_of_the_former() -> None:
    metrics.switched(metrics.MODES, "", "m-1")
    metrics.switched(metrics.MODES, "m-1", "m-2")
    assert count("cds_rule_modes_info", version="m-1") == 0
    assert count("cds_rule_modes_info", version="m-2") == 1
    metrics.switched(metrics.MODES, "m-2", "m-2")
    assert count("cds_rule_modes_info", version="m-2") == 1


def test_the_lanes_that_may_fail_are_those_that_there_are() -> None:
    from screening.store import lanes  # noqa: PLC0415

    assert {lane.name for lane in lanes.ALL} == {
        sample.labels["lane"]
        for metric in REGISTRY.collect()
        for sample in metric.samples
        if sample.name == "cds_store_errors_total"
    }
