"""`make report`: what it asks the gateway for, and how it prints the answer."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from tryout.__main__ import main


class _Gateway(BaseHTTPRequestHandler):
    """Says what it was asked for, as the report would, or that it is for operators."""

    def do_GET(self) -> None:
        known = self.headers.get("Authorization") == "Bearer operator-secret"
        refusal = '{"issue":[{"details":{"text":"This page is for operators."}}]}'
        body = (f"{self.path},{self.headers['Accept']}\r\n" if known else refusal).encode()
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


@pytest.fixture
def token(tmp_path: Path) -> str:
    file = tmp_path / "operator.token"
    file.write_text("operator-secret\n")
    return str(file)


def test_it_asks_for_what_was_named(url: str, token: str, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["--client", "example-ehr", "--module", "B12", "--from", "2026-09-01", "--to", "2026-11-22"]
    assert main(["report", "--url", url, "--token-file", token, *asked]) == 0
    query = "client=example-ehr&module=B12&from=2026-09-01&to=2026-11-22"
    assert capsys.readouterr().out == f"/report?{query},text/plain\n"


def test_it_asks_for_csv(url: str, token: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "--url", url, "--token-file", token, "--csv"]) == 0
    assert capsys.readouterr().out == "/report.csv,text/csv\n"


def test_a_refusal_is_told_in_its_own_words(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "--url", url]) == 1
    assert "401: This page is for operators." in capsys.readouterr().err
