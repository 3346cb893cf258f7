"""What the public door answers when the services behind it have nothing, fail or hang."""

import json
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from contract import judge, schemas
from contract.client import ORIGIN, Client
from contract.stack import gateway_app, served

CALL = {
    "hook": "patient-view",
    "hookInstance": "0b5f6a3c-6a0e-4e3a-9d4e-2f4b8a6c1d09",
    "context": {"userId": "Practitioner/example-clinician", "patientId": "synthetic-adult"},
}
STUB = {
    "hook": "patient-view", "id": "stub", "title": "Stub", "description": "Synthetic service.",
    "prefetch": {"patient": "Patient/{{context.patientId}}"},
}  # fmt: skip
DEADLINE_S = 0.5
Answer = Callable[[], tuple[str, str, bytes]]


@contextmanager
def door_before(services: list[dict[str, Any]], answer: Answer, folder: Path) -> Iterator[Client]:
    """A gateway in front of an upstream with these services, whose every call is answered by `answer`."""

    def upstream(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        if environ["REQUEST_METHOD"] == "GET":
            status, kind, body = "200 OK", "application/json", json.dumps({"services": services}).encode()
        else:
            status, kind, body = answer()
        start_response(status, [("Content-Type", kind), ("Content-Length", str(len(body)))])
        return [body]

    with served(upstream) as behind, served() as front:
        front.start(
            gateway_app(
                {
                    "DEPLOYMENT": "try-out",
                    "UPSTREAMS": f"stub={behind.url}",
                    "CONTENT_URL": behind.url,
                    "PUBLIC_URL": front.url,
                    "GATEWAY_PORT": str(front.port),
                    "CALL_DEADLINE_S": str(DEADLINE_S),
                    "STATE_DIR": str(folder),
                    "INTERNAL_KEY": "key-of-a-gateway-before-a-stub-only",
                }
            )
        )
        client = Client(front.url)
        for _ in range(100):
            if client.get("/readyz").status_code == 200:
                break
            time.sleep(0.05)
        yield client


@pytest.fixture(autouse=True)
def ours() -> None:
    if os.environ.get("CDS_BASE_URL"):
        pytest.skip("CDS_BASE_URL is given: what stands behind that gateway is not ours to break")


@pytest.mark.promise("R10", "T83")
def test_no_service_at_all_is_an_empty_list(tmp_path: Path) -> None:
    with door_before([], lambda: ("200 OK", "application/json", b"{}"), tmp_path) as door:
        answer = door.get("/cds-services")
        assert answer.status_code == 200
        assert answer.json() == {"services": []}
        assert schemas.faults("discovery", answer.json()) == []


@pytest.mark.promise("T85")
def test_a_service_that_hangs_is_not_waited_for(tmp_path: Path) -> None:
    release = threading.Event()

    def hang() -> tuple[str, str, bytes]:
        release.wait(20)
        return "200 OK", "application/json", b'{"cards": []}'

    with door_before([STUB], hang, tmp_path) as door:
        started = time.monotonic()
        answer = door.post("/cds-services/stub", CALL, headers={"Origin": ORIGIN})
        waited = time.monotonic() - started
        release.set()
    assert answer.status_code == 504
    assert waited < DEADLINE_S + 1
    assert judge.refusal_faults(answer) == []
    assert answer.headers["Access-Control-Allow-Origin"] in {ORIGIN, "*"}


@pytest.mark.promise("R42", "T94")
@pytest.mark.parametrize(
    ("reply", "status"),
    [
        (("200 OK", "text/html", b"<h1>synthetic-mark</h1>"), 502),
        (("200 OK", "application/json", b"synthetic-mark"), 502),
        (("500 INTERNAL SERVER ERROR", "text/html", b"<h1>synthetic-mark</h1>"), 502),
        (("302 FOUND", "application/json", b'{"synthetic-mark": 1}'), 502),
        (("200 OK", "application/json", b""), 502),
    ],
    ids=["HTML", "no JSON object", "a failure in HTML", "a redirection", "nothing"],
)
def test_a_bad_answer_is_not_passed_on(tmp_path: Path, reply: tuple[str, str, bytes], status: int) -> None:
    with door_before([STUB], lambda: reply, tmp_path) as door:
        answer = door.post("/cds-services/stub", CALL, headers={"Origin": ORIGIN})
    assert answer.status_code == status
    assert judge.refusal_faults(answer) == []
    assert "synthetic-mark" not in answer.text
    assert answer.headers["Access-Control-Allow-Origin"] in {ORIGIN, "*"}


@pytest.mark.promise("R42")
def test_a_service_that_is_down_is_said_to_be_down() -> None:
    with served() as nobody:
        address = nobody.url
    environ = {
        "DEPLOYMENT": "try-out",
        "UPSTREAMS": f"gone={address}",
        "CONTENT_URL": address,
        "INTERNAL_KEY": "key-of-a-gateway-before-nobody-only",
    }
    with served(gateway_app(environ)) as front:
        answer = Client(front.url).get("/cds-services", headers={"Origin": ORIGIN})
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert judge.refusal_faults(answer) == []
    assert address not in answer.text


def test_cards_pass_the_door_byte_for_byte(tmp_path: Path) -> None:
    body = b'{ "cards" : [ ] ,"extension":{"a.b":1.00}}'
    with door_before([STUB], lambda: ("200 OK", "application/json", body), tmp_path) as door:
        assert door.post("/cds-services/stub", CALL).content == body
