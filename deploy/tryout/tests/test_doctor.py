"""`make doctor` where there is nothing to show."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

DOCTOR = [sys.executable, "-m", "tryout", "doctor"]
REFUSAL = b'{"resourceType":"OperationOutcome","issue":[{"details":{"text":"This page is for operators."}}]}'
SECRET = "operator-secret-of-tests-and-no-other"


class _Gateway(BaseHTTPRequestHandler):
    """Shows the page, with what steers a terminal in it, to whoever knows the secret."""

    def do_GET(self) -> None:
        known = self.headers.get("Authorization") == f"Bearer {SECRET}"
        body = f"{self.path} {self.headers['Accept']} \x1b[31mred\n".encode() if known else REFUSAL
        self.send_response(200 if known else 401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Gateway)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join(5)


def ask(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603
        [*DOCTOR, *arguments], env={}, text=True, capture_output=True, check=False, timeout=30
    )


def test_an_operator_asks_with_the_token_in_a_file(url: str, tmp_path: Path) -> None:
    file = tmp_path / "operator.token"
    file.write_text(f"{SECRET}\nthe one before\n")
    done = ask("--url", f"{url}/", "--client", "example-ehr", "--token-file", str(file))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "/prefetch-doctor?client=example-ehr text/plain [31mred\n"


def test_a_refusal_is_told_in_its_own_words(url: str) -> None:
    done = ask("--url", url)
    assert done.returncode == 1
    assert "401: This page is for operators." in done.stderr


def test_a_token_file_that_is_not_there_is_named(url: str, tmp_path: Path) -> None:
    done = ask("--url", url, "--token-file", str(tmp_path / "nowhere"))
    assert done.returncode == 2
    assert "nowhere" in done.stderr


def test_without_a_gateway_it_says_how_to_start_one() -> None:
    done = ask("--url", "http://127.0.0.1:9")
    assert done.returncode == 3
    assert "make run" in done.stderr
