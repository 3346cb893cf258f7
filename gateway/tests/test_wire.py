"""The door as it is served: what only the bytes on the wire can show."""

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from .conftest import Stub

CONFIGURATION = Path(__file__).parents[2] / "deploy" / "gunicorn.conf.py"
VIEW = "/cds-services/dystonia-patient-view"
LIMIT = 5_000


@dataclass(frozen=True)
class Said:
    """An HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def words(self) -> str:
        """The words of an OperationOutcome, after checking that it is one."""
        outcome = json.loads(self.body)
        assert self.headers["content-type"] == "application/fhir+json"
        assert self.headers["x-request-id"] in outcome["issue"][0]["diagnostics"]
        text: str = outcome["issue"][0]["details"]["text"]
        return text


@dataclass(frozen=True)
class Wire:
    """A gateway in a process of its own, and the stub behind it."""

    port: int
    stub: Stub
    audit: Path

    @contextlib.contextmanager
    def open(self) -> Iterator[socket.socket]:
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as sock:
            yield sock

    def send(self, head: str, body: bytes = b"") -> Said:
        """One request, of which `head` is all but the Host; lines end with LF here."""
        with self.open() as sock:
            host = "" if "\nHost:" in head else f"Host: localhost:{self.port}\n"
            first, _, rest = head.partition("\n")
            text = f"{first}\n{host}{rest}".rstrip("\n") + "\n\n"
            sock.sendall(text.replace("\n", "\r\n").encode("latin-1") + body)
            return read(sock)


def read(sock: socket.socket) -> Said:
    """The next answer on a connection."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = sock.recv(65_536)
        assert piece, "closed without an answer"
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", 0)):
        body += sock.recv(65_536)
    return Said(int(first.split(" ")[1]), headers, body)


@pytest.fixture(scope="module")
def wire(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    folder = tmp_path_factory.mktemp("wire")
    stub = Stub()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environ = {
        name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "VIRTUAL_ENV", "PYTHONPATH")
    }
    environ |= {
        "PACKAGE": "gateway", "BIND": f"127.0.0.1:{port}", "WEB_CONCURRENCY": "1", "DEPLOYMENT": "try-out",
        "GATEWAY_PORT": str(port), "UPSTREAMS": f"screening={stub.url}", "CONTENT_URL": stub.url,
        "INTERNAL_KEY": "synthetic-internal-synthetic-internal", "STATE_DIR": str(folder), "GRACEFUL_TIMEOUT": "1",
        "AUDIT_FILE": str(folder / "audit.jsonl"), "MAX_BODY_BYTES": str(LIMIT),
    }  # fmt: skip
    command = [sys.executable, "-m", "gunicorn", "-c", str(CONFIGURATION)]
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(command, env=environ, stdout=log, stderr=log) as process,  # noqa: S603  our own
    ):
        made = Wire(port, stub, folder / "audit.jsonl")
        try:
            ends = time.monotonic() + 20
            while not is_ready(made):
                assert process.poll() is None, (folder / "log").read_text()
                assert time.monotonic() < ends, (folder / "log").read_text()
                time.sleep(0.05)
            yield made
        finally:
            process.terminate()
            process.wait(10)
            stub.close()


def is_ready(wire: Wire) -> bool:
    try:
        return wire.send("GET /readyz HTTP/1.1").status == 200
    except (OSError, AssertionError):
        return False


@pytest.fixture
def body() -> bytes:
    call = {"hook": "patient-view", "hookInstance": str(uuid.uuid4()), "context": {"patientId": "synthetic-1"}}
    return json.dumps(call).encode()


def chunked(body: bytes, size: int = 10) -> bytes:
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


JSON = "Content-Type: application/json"


def test_a_body_in_chunks_is_a_body(wire: Wire, body: bytes) -> None:
    said = wire.send(f"POST {VIEW} HTTP/1.1\n{JSON}\nTransfer-Encoding: chunked", chunked(body))
    assert (said.status, said.body) == (200, b'{ "cards" : [] }')
    assert wire.stub.calls[-1][3] == body
    assert wire.stub.calls[-1][2]["Content-Length"] == str(len(body))


def test_chunks_meet_the_same_limits_and_the_same_reader(wire: Wire, body: bytes) -> None:
    before = len(wire.stub.calls)
    head = f"POST {VIEW} HTTP/1.1\n{JSON}\nTransfer-Encoding: chunked"
    padded = body + b" " * (LIMIT - len(body))
    assert wire.send(head, chunked(padded, 1_000)).status == 200
    said = wire.send(head, chunked(padded + b" ", 1_000))
    assert said.status == 413
    assert "MAX_BODY_BYTES" in said.words
    said = wire.send(head, chunked(body[:-1] + b', "hook": "patient-view"}'))
    assert said.status == 400
    assert "twice" in said.words
    assert len(wire.stub.calls) == before + 1


def test_a_body_that_is_announced_as_too_large_is_refused(wire: Wire, body: bytes) -> None:
    large = body + b" " * LIMIT
    said = wire.send(f"POST {VIEW} HTTP/1.1\n{JSON}\nContent-Length: {len(large)}\nConnection: close", large)
    assert said.status == 413
    assert f"{LIMIT:,}" in said.words


def test_who_asks_before_sending_is_told_to_go_on(wire: Wire, body: bytes) -> None:
    with wire.open() as sock:
        lines = (
            f"POST {VIEW} HTTP/1.1",
            "Host: localhost",
            JSON,
            f"Content-Length: {len(body)}",
            "Expect: 100-continue",
        )
        sock.sendall("\r\n".join((*lines, "", "")).encode())
        assert sock.recv(1_000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(body)
        assert read(sock).status == 200


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "x-anything", "identity, gzip"])
def test_an_encoded_body_is_refused_unread(wire: Wire, body: bytes, encoding: str) -> None:
    said = wire.send(
        f"POST {VIEW} HTTP/1.1\n{JSON}\nContent-Encoding: {encoding}\nContent-Length: {len(body)}\n"
        "Origin: https://sandbox.cds-hooks.org",
        body,
    )
    assert said.status == 415
    assert said.headers["accept-encoding"] == "identity"
    assert said.headers["access-control-allow-origin"] == "https://sandbox.cds-hooks.org"
    assert "compressed" in said.words


@pytest.mark.parametrize(
    ("target", "status"),
    [
        (VIEW, 200), (VIEW + "?a=b%2F", 200), (VIEW + "%2Ffeedback", 404),
        ("/cds-services%2Fdystonia-patient-view", 404),
        (VIEW + "/", 404), ("/" + VIEW, 404), ("/./cds-services/x", 404), ("/x/..%2f" + VIEW, 404), (VIEW + "\\", 404),
        ("http://localhost" + VIEW, 200), ("http://evil.example" + VIEW, 400), (VIEW + "/%2e%2e/none", 404),
    ],
)  # fmt: skip
def test_targets(wire: Wire, body: bytes, target: str, status: int) -> None:
    said = wire.send(f"POST {target} HTTP/1.1\nHost: localhost\n{JSON}\nContent-Length: {len(body)}", body)
    assert said.status == status
    assert status == 200 or said.words


def test_a_name_that_is_not_ours_is_refused(wire: Wire) -> None:
    assert wire.send("GET /version HTTP/1.1\nHost: [::1]:1").status == 200
    said = wire.send("GET /version HTTP/1.1\nHost: evil.example\nX-Forwarded-Host: localhost")
    assert said.status == 403
    assert "Host" in said.words


def test_the_servers_version_is_not_told(wire: Wire) -> None:
    for head in ("GET /version HTTP/1.1", "GET /none HTTP/1.1", f"GET {VIEW} HTTP/1.1"):
        assert not re.search(r"\d", wire.send(head).headers.get("server", ""))


def test_identity_headers_from_outside_do_not_get_in(wire: Wire, body: bytes) -> None:
    forged = (
        "Cds-Caller: v1.e30.x\nCds_Caller: v1.e30.x\nX-Forwarded-For: 10.0.0.1\nX-Client: x\nForwarded: for=x\n"
        "Cds-Elapsed-Ms: 999999999"
    )
    said = wire.send(f"POST {VIEW} HTTP/1.1\n{JSON}\n{forged}\nContent-Length: {len(body)}", body)
    sent = wire.stub.calls[-1][2]
    assert said.status == 200
    assert sent["Cds-Caller"].startswith("v1.ey")
    assert int(sent["Cds-Elapsed-Ms"]) < 999_999_999
    assert {name.lower() for name in sent} <= {
        "host", "accept-encoding", "content-length", "content-type", "accept", "x-request-id", "cds-caller",
        "cds-elapsed-ms",
    }  # fmt: skip


def test_each_call_left_one_line(wire: Wire, body: bytes) -> None:
    before = len(wire.audit.read_text().splitlines())
    wire.send(f"POST {VIEW} HTTP/1.1\n{JSON}\nContent-Length: {len(body)}", body)
    wire.send(f"GET {VIEW} HTTP/1.1")
    *_, first, second = (json.loads(line) for line in wire.audit.read_text().splitlines())
    assert len(wire.audit.read_text().splitlines()) == before + 2
    assert (first["outcome"], first["hook_instance"]) == ("answered", json.loads(body)["hookInstance"])
    assert (second["outcome"], second["status"]) == ("refused", 405)


def test_who_mistypes_an_address_in_a_browser_gets_a_page_and_a_program_an_outcome(client: Any) -> None:
    page = client.get("/explantions", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert (page.status_code, page.mimetype) == (404, "text/html")
    assert "There is nothing at this address" in page.text
    assert "/explantions" not in page.text
    for accept in ("application/json", "*/*", "application/fhir+json, text/html;q=0.5"):
        outcome = client.get("/explantions", headers={"Accept": accept})
        assert (outcome.status_code, outcome.mimetype) == (404, "application/fhir+json")
        assert "Accept" in outcome.vary
