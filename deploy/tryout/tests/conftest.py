"""Stand-ins for the three services, on ports that are free."""

import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

OPERATOR_SECRET = "operator-secret-of-tests-and-no-other"
STANDINS = Path(__file__).parent / "standins"


def free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        listeners = [stack.enter_context(socket.socket()) for _ in range(count)]
        for listener in listeners:
            listener.bind(("127.0.0.1", 0))
        return [listener.getsockname()[1] for listener in listeners]


@pytest.fixture
def tryout_environ(tmp_path: Path) -> dict[str, str]:
    """An environment in which `python -m tryout run` starts the stand-ins on free ports."""
    gateway, screening, content = free_ports(3)
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(STANDINS),
        "GATEWAY_PORT": str(gateway),
        "SCREENING_PORT": str(screening),
        "CONTENT_PORT": str(content),
        "STATE_DIR": str(tmp_path / "state"),
    }


@pytest.fixture(scope="module")
def module_environ() -> dict[str, str]:
    """An environment in which `python -m tryout` runs the real services on free ports."""
    gateway, screening, content = map(str, free_ports(3))
    return {
        "PATH": os.environ["PATH"],
        "GATEWAY_PORT": gateway,
        "SCREENING_PORT": screening,
        "CONTENT_PORT": content,
    }


@pytest.fixture(scope="module")
def gateway_url() -> Iterator[str]:
    """The base URL of a running stand-in for the gateway."""
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "flask", "--app", "gateway.wsgi", "run", "--port", str(port)]
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, cwd=STANDINS, stdout=quiet, stderr=quiet)  # noqa: S603
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(200):
            try:
                urllib.request.urlopen(f"{url}/readyz", timeout=1).close()  # noqa: S310
                break
            except OSError:
                time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        process.wait(5)


class _OperatorsPage(BaseHTTPRequestHandler):
    """Says what it was asked for, with what steers a terminal in it, or that it is for operators."""

    def do_GET(self) -> None:
        known = self.headers.get("Authorization") == f"Bearer {OPERATOR_SECRET}"
        refusal = '{"resourceType":"OperationOutcome","issue":[{"details":{"text":"This page is for operators."}}]}'
        body = (f"{self.path},{self.headers['Accept']}\x1b[31mred\r\n" if known else refusal).encode()
        self.send_response(200 if known else 401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def operators_url() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _OperatorsPage)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join(5)


@pytest.fixture
def operator_token(tmp_path: Path) -> str:
    file = tmp_path / "operator.token"
    file.write_text(f"{OPERATOR_SECRET}\nthe one before\n")
    return str(file)
