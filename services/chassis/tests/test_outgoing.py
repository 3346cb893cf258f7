"""HTTP to other services of ours: timeouts that nobody can forget, no redirects, nothing taken from outside."""

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import requests

from chassis import outgoing

SEEN: list[dict[str, str]] = []


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        SEEN.append({"path": self.path, **dict(self.headers.items())})
        if self.path == "/slow":
            time.sleep(1.0)
        self.send_response(302 if self.path == "/moved" else 200)
        if self.path == "/moved":
            self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments: Any) -> None:
        return


@pytest.fixture
def url() -> Iterator[str]:
    SEEN.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join(2)


def test_the_default_timeout_holds(url: str) -> None:
    session = outgoing.session(connect=0.2, read=0.2)
    with pytest.raises(requests.exceptions.ReadTimeout):
        session.get(f"{url}/slow")
    with pytest.raises(requests.exceptions.ReadTimeout):
        session.get(f"{url}/slow", timeout=None)


def test_a_timeout_of_ones_own_wins(url: str) -> None:
    assert outgoing.session(connect=0.2, read=0.2).get(f"{url}/slow", timeout=3).status_code == 200


def test_redirects_are_not_followed(url: str) -> None:
    with pytest.raises(requests.exceptions.TooManyRedirects):
        outgoing.session(connect=1, read=1).get(f"{url}/moved")
    assert [one["path"] for one in SEEN] == ["/moved"]


def test_no_proxy_and_no_netrc_from_outside(url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login a password b\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(netrc))
    session = outgoing.session(connect=1, read=1, headers={"X-Example": "1"})
    assert session.get(f"{url}/").status_code == 200
    assert "Authorization" not in SEEN[0]
    assert SEEN[0]["X-Example"] == "1"


def test_nothing_is_asked_twice() -> None:
    with pytest.raises(requests.exceptions.ConnectionError):
        outgoing.session(connect=0.5, read=0.5).get("http://127.0.0.1:9/")
