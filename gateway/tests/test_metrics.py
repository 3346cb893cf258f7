"""What the gateway counts: who was answered, refused or failed and why; and nothing that a caller sends."""

import json
import socket
from typing import Any

import pytest
from prometheus_client import REGISTRY, generate_latest

from gateway.ledger import LedgerDown

from .test_audit import MARK, VIEW

Series = dict[str, str]


def count(name: str, **labels: str) -> float:
    """The sum over all series with these labels."""
    return sum(
        sample.value
        for metric in REGISTRY.collect()
        for sample in metric.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


@pytest.fixture
def client(gateway: Any) -> Any:
    return gateway()


def test_calls_are_counted_by_who_asked_and_what_came_of_it(client: Any, call: Any, stub: Any) -> None:
    ways: list[tuple[Series, Any]] = [
        (
            {"kind": "call", "client": "anonymous", "outcome": "answered", "status": "200", "reason": ""},
            lambda: client.post(VIEW, json=call),
        ),
        (
            {"kind": "call", "client": "anonymous", "outcome": "refused", "status": "400", "reason": "invalid"},
            lambda: client.post(VIEW, json=call | {"context": {}}),
        ),
        (
            {"kind": "call", "client": "refused", "outcome": "refused", "status": "401", "reason": "login"},
            lambda: client.post(VIEW, json=call, headers={"Authorization": "Bearer x"}),
        ),
        (
            {"kind": "call", "service": "", "status": "404", "reason": "not-found"},
            lambda: client.post(f"/cds-services/{MARK}", json=call),
        ),
        ({"kind": "discovery", "status": "200"}, lambda: client.get("/cds-services")),
    ]
    for labels, act in ways:
        before = count("cds_calls_total", **labels)
        act()
        assert count("cds_calls_total", **labels) == before + 1, labels


@pytest.mark.parametrize(("code", "reason"), [("required", "required"), (MARK, "other")])
def test_the_reason_of_a_service_behind_is_a_known_code(
    client: Any, call: Any, stub: Any, code: str, reason: str
) -> None:
    issue = {"severity": "error", "code": code, "details": {"text": "Words."}}
    body = json.dumps({"resourceType": "OperationOutcome", "issue": [issue]}).encode()
    stub.reply = lambda handler: stub.send(handler, 412, body)
    before = count("cds_calls_total", status="412", reason=reason)
    assert client.post(VIEW, json=call).status_code == 412
    assert count("cds_calls_total", status="412", reason=reason) == before + 1


def test_pages_health_and_preflights_are_no_calls(client: Any) -> None:
    before = count("cds_calls_total")
    client.get("/version")
    client.get("/healthz")
    client.options(VIEW, headers={"Origin": "http://localhost:1"})
    assert count("cds_calls_total") == before


def test_an_upstream_that_breaks_off_is_counted_and_nothing_stays_in_flight(client: Any, call: Any, stub: Any) -> None:
    stub.reply = lambda handler: handler.connection.shutdown(socket.SHUT_RDWR)
    before = count("cds_upstream_failures_total", upstream="screening", reason="bad")
    assert client.post(VIEW, json=call).status_code == 502
    assert count("cds_upstream_failures_total", upstream="screening", reason="bad") == before + 1
    assert count("cds_calls_in_flight") == 0


def test_a_token_that_cannot_be_written_down_is_counted(gateway: Any) -> None:
    from gateway.ledger import Ledger, Store, Use  # noqa: PLC0415

    def broken() -> Any:
        raise OSError

    ledger = Ledger(Store("broken", broken, (OSError,)))
    before = {reason: count("cds_replay_store_errors_total", reason=reason) for reason in ("broken", "resting")}
    for _ in range(2):
        with pytest.raises(LedgerDown):
            ledger.admit(Use("https://ehr.example", "1", 2.0), None, 1.0)
    for reason, number in before.items():
        assert count("cds_replay_store_errors_total", reason=reason) == number + 1


def test_nothing_that_a_caller_sends_becomes_a_label(client: Any, call: Any) -> None:
    marked = call | {"hookInstance": MARK, "hook": MARK, "fhirServer": f"https://{MARK}.example"}
    for document in (marked, call | {"context": {"patientId": MARK, "userId": f"Practitioner/{MARK}"}}):
        client.post(VIEW, json=document, headers={"X-Request-Id": MARK, "Origin": f"https://{MARK}.example"})
    client.post(f"/{MARK}", json=call, headers={"Authorization": f"Bearer {MARK}"})
    client.get(f"/cds-services/{MARK}/{MARK}?{MARK}={MARK}")
    assert MARK not in generate_latest(REGISTRY).decode()


def test_the_public_door_has_no_metrics(client: Any) -> None:
    assert client.get("/metrics").status_code == 404
