"""A stub upstream on a free loopback port, and the gateway in front of it. All data here is synthetic."""

import json
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from chassis.testing import KEYS
from gateway import clients
from gateway.app import create_app
from gateway.settings import TRY_OUT, Settings
from gateway.trust import Trust

from .sending import EHR, Sender

PATIENT_VIEW = {
    "id": "dystonia-patient-view",
    "hook": "patient-view",
    "title": "Dystonia",
    "description": "Screens",
    "prefetch": {"patient": "Patient/{{context.patientId}}"},
}
ORDER_SELECT = {"id": "dystonia-order-select", "hook": "order-select", "description": "Orders"}
CARDS = b'{ "cards" : [] }'  # spaced, so that re-dumping it would show


class Stub:
    """An upstream that answers what `reply` does, and remembers what it was asked."""

    def __init__(self) -> None:
        self.services: list[dict[str, Any]] = [PATIENT_VIEW, ORDER_SELECT]
        self.discovery_status = 200
        self.calls: list[tuple[str, str, dict[str, str], bytes]] = []
        self.discoveries = 0
        self.connections = 0
        self.reply: Callable[[BaseHTTPRequestHandler], None] = lambda handler: send(handler, 200, CARDS)
        stub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            timeout = 5

            def setup(self) -> None:
                stub.connections += 1
                super().setup()

            def do_GET(self) -> None:
                if self.path == "/cds-services":
                    stub.discoveries += 1
                    send(self, stub.discovery_status, json.dumps({"services": stub.services}).encode())
                else:
                    self.do_POST()

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                stub.calls.append((self.command, self.path, dict(self.headers.items()), body))
                stub.reply(self)

            def log_message(self, *_: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            def handle_error(self, *_: Any) -> None:
                pass  # broken pipes are what some tests want

        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self._thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @staticmethod
    def send(handler: BaseHTTPRequestHandler, status: int, body: bytes, **headers: str) -> None:
        """As the function below."""
        send(handler, status, body, **headers)

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self._thread.join(5)


def send(handler: BaseHTTPRequestHandler, status: int, body: bytes, **headers: str) -> None:
    """Answer `body` as JSON unless `headers` (underscores for hyphens) say otherwise."""
    handler.send_response(status)
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    for name, value in {"Content-Type": "application/json", "Content-Length": str(len(body)), **given}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


def outcome_text(response: Any) -> str:
    """The words of an OperationOutcome, after checking that it is one and names the request."""
    document = response.get_json(force=True)
    assert response.content_type == "application/fhir+json"
    assert document["resourceType"] == "OperationOutcome"
    (issue,) = document["issue"]
    assert issue["severity"] == "error"
    assert response.headers["X-Request-Id"] in issue["diagnostics"]
    text: str = issue["details"]["text"]
    return text


def eventually(condition: Callable[[], bool], seconds: float = 20.0) -> bool:
    """Whether `condition` comes true in time."""
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if condition():
            return True
        time.sleep(0.01)
    return False


@pytest.fixture
def words() -> Callable[[Any], str]:
    """The words of a refusal, as `outcome_text`."""
    return outcome_text


@pytest.fixture
def wait() -> Callable[..., bool]:
    """Waits for a condition, as `eventually`."""
    return eventually


@pytest.fixture
def stub() -> Iterator[Stub]:
    made = Stub()
    yield made
    made.close()


@pytest.fixture
def settings(stub: Stub, tmp_path: Path) -> Settings:
    """A try-out in front of the stub, which also plays content."""
    return Settings(
        internal_keys=KEYS,
        deployment=TRY_OUT,
        upstreams={"screening": stub.url},
        content_url=stub.url,
        clients=clients.sandbox(),
        origins=frozenset({"https://sandbox.cds-hooks.org"}),
        call_deadline=10.0,
        max_body=200_000,
        trust=Trust(state_dir=tmp_path / "state"),
    )


@pytest.fixture
def app(settings: Settings) -> Flask:
    return create_app(settings)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def gateway(settings: Settings) -> Callable[..., FlaskClient]:
    """Makes a client of a gateway with some settings changed."""

    def make(**changes: Any) -> FlaskClient:
        return create_app(replace(settings, **changes)).test_client()

    return make


@pytest.fixture
def hurried(gateway: Callable[..., FlaskClient]) -> FlaskClient:
    """A client of a gateway whose upstreams have a second."""
    return gateway(call_deadline=1.0)


@pytest.fixture
def call() -> dict[str, Any]:
    """A right patient-view call; tests change a copy of their own."""
    return {
        "hook": "patient-view",
        "hookInstance": str(uuid.uuid4()),
        "context": {"patientId": "synthetic-1", "userId": "Practitioner/synthetic-2"},
        "prefetch": {"patient": {"resourceType": "Patient", "id": "synthetic-1"}},
    }


@pytest.fixture
def order(call: dict[str, Any]) -> dict[str, Any]:
    """A right order-select call."""
    draft = {"resourceType": "MedicationRequest", "id": "d1", "status": "draft"}
    context = call["context"] | {
        "selections": ["MedicationRequest/d1"],
        "draftOrders": {"resourceType": "Bundle", "entry": [{"resource": draft}]},
    }
    return call | {"hook": "order-select", "context": context}


@pytest.fixture
def sender(gateway: Callable[..., Any], call: Any) -> Callable[..., Sender]:
    return lambda *clients, **settings: Sender(gateway, call, *(clients or (EHR,)), **settings)
