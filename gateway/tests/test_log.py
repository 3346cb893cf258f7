"""The log: one line per call, and nothing in it that a caller sent."""

import io
import json
import logging
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from chassis import logs

VIEW = "/cds-services/dystonia-patient-view"
MARK = "sentinel7319"


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What the process writes, set up as in production but at the most talkative level."""
    root, ours = logging.getLogger(), logging.getLogger("cds")
    before = root.handlers[:], root.level, ours.level
    written = io.StringIO()
    logs.configure("gateway", "DEBUG", written)
    yield written
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    ours.setLevel(before[2])


def lines(log: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


def test_a_call_leaves_one_audit_line(client: Any, call: Any, log: io.StringIO) -> None:
    response = client.post(VIEW, json=call)
    (line,) = lines(log)
    assert line.pop("ms") >= 0
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "info", "component": "gateway", "logger": "cds.access", "event": "request", "method": "POST",
        "request_id": response.headers["X-Request-Id"], "route": "/cds-services/<service_id>", "status": 200,
        "bytes_in": len(json.dumps(call)), "bytes_out": 16, "code": "", "client": "anonymous",
        "service": "dystonia-patient-view", "hook": "patient-view", "upstream": "screening", "outcome": "answered",
    }  # fmt: skip


def test_a_refusal_and_a_failure_leave_theirs(client: Any, call: Any, stub: Any, log: io.StringIO) -> None:
    client.post(VIEW, json={})
    client.post(VIEW, json=call, headers={"Authorization": "Bearer x"})
    stub.reply = lambda handler: stub.send(handler, 500, b"x", Content_Type="text/plain")
    client.post(VIEW, json=call)
    picked = [
        (line["client"], line.get("service"), line["status"], line["code"], line["outcome"]) for line in lines(log)
    ]
    assert picked == [
        ("anonymous", "dystonia-patient-view", 400, "invalid", "refused"),
        ("refused", None, 401, "login", "refused"),
        ("anonymous", "dystonia-patient-view", 502, "transient", "failed"),
    ]


def test_nothing_that_a_caller_sends_reaches_the_log(
    client: Any, call: Any, order: Any, stub: Any, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    marked = json.loads(json.dumps(call | {"fhirServer": f"https://{MARK}.example"}).replace("synthetic-1", MARK))
    marked["fhirAuthorization"] = {"access_token": MARK, "token_type": "Bearer"}
    marked[MARK] = MARK
    bad_context = {"patientId": MARK + "/", "userId": MARK, "draftOrders": MARK, "selections": MARK}
    bodies = [
        json.dumps(document).encode()
        for document in (
            marked, marked | {"hook": MARK}, marked | {"hookInstance": MARK}, marked | {"context": MARK},
            marked | {"context": bad_context}, marked | {"prefetch": MARK}, marked | {"fhirServer": MARK},
            marked | {"hookInstance": str(uuid.uuid4()), "context": {MARK: MARK}}, [MARK],
        )
    ] + [MARK.encode(), b'{"' + MARK.encode() + b'": NaN}', b'{"a": "\xff' + MARK.encode()]  # fmt: skip

    def answer(handler: Any) -> None:
        stub.send(handler, 500, MARK.encode(), Content_Type="text/" + MARK, X=MARK)

    def drop(handler: Any) -> None:
        handler.wfile.write(MARK.encode())
        handler.close_connection = True

    def fail(*_: Any) -> None:
        raise ValueError(MARK)

    for reply in (stub.reply, answer, drop):
        stub.reply = reply
        for body in bodies:
            client.post(VIEW, data=body, content_type="application/json")
            client.post(
                f"{VIEW}?q={MARK}", data=body, content_type="application/json", headers={"X-Request-Id": MARK + " "}
            )
            client.post(VIEW + "/feedback", data=body, content_type="application/json")
    right = json.dumps(marked).encode()
    client.post(VIEW, data=right, content_type="text/" + MARK)
    client.post(VIEW, data=right, content_type="application/json", headers={"Content-Encoding": MARK})
    for path in (f"/cds-services/{MARK}", f"/{MARK}", f"/explanations/{MARK}?a={MARK}", f"/explanations/{MARK}%20"):
        client.get(path)
        client.post(path, data=right, content_type="application/json")
    for token in (MARK, f"Bearer {MARK}", f"Bearer {MARK}.{MARK}.{MARK}", f"Basic {MARK}"):
        client.post(VIEW, data=right, headers={"Authorization": token, "Origin": f"https://{MARK}.example"})
    monkeypatch.setattr("gateway.messages.check_call", fail)
    assert client.post(VIEW, data=right, content_type="application/json").status_code == 500
    assert len(lines(log)) > 100
    assert any(line["event"] == "unexpected failure" and line["error_type"] == "ValueError" for line in lines(log))
    assert MARK not in log.getvalue()


def test_discovery_is_logged_with_its_caller_and_a_preflight_without(client: Any, log: io.StringIO) -> None:
    client.get("/cds-services")
    client.options(VIEW, headers={"Origin": "http://localhost:1"})
    discovery, preflight = lines(log)
    assert (discovery["client"], discovery["route"]) == ("anonymous", "/cds-services")
    assert "client" not in preflight
