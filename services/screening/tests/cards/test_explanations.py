"""The card texts of the content service: kept in memory, replaced whole, and never asked for in a call."""

import io
import json
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import edge_samples as s
import pytest

from chassis import logs, peers, start
from chassis.testing import KEYS
from screening.cards import explanations
from screening.cards.explanations import Explanations

MARK = "zz-text-of-content"


def body(text: str = "Synthetic text about vitamin B12.", version: str = "1") -> dict[str, Any]:
    entry = {
        "title": "Vitamin B12",
        "card_text": text,
        "evidence_grade": "low",
        "checker": "awaiting clinical sign-off",
    }
    return {"version": version, "explanations": {"vitamin-b12": entry}}


@dataclass
class Content:
    """A stand-in for the content service; it answers what it is told to."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"ETag": '"1"'})
    answer: bytes = field(default_factory=lambda: json.dumps(body()).encode())
    delay: float = 0.0
    asked: list[dict[str, str]] = field(default_factory=list)
    url: str = ""

    def say(self, told: Any, etag: str = '"1"') -> None:
        self.answer = told if isinstance(told, bytes) else json.dumps(told).encode()
        self.headers = {"ETag": etag}


@pytest.fixture
def content() -> Iterator[Content]:
    told = Content()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told.asked.append({"path": self.path, **dict(self.headers.items())})
            time.sleep(told.delay)
            unchanged = self.headers.get("If-None-Match") == told.headers.get("ETag", "-") and told.status == 200
            self.send_response(304 if unchanged else told.status)
            for name, value in told.headers.items():
                self.send_header(name, value)
            answer = b"" if unchanged else told.answer
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            try:
                self.wfile.write(answer)
            except OSError:
                return

        def log_message(self, *arguments: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    told.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield told
    server.shutdown()
    server.server_close()
    thread.join(2)


@pytest.fixture(autouse=True)
def _short_timeouts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explanations, "_TIMEOUT", 0.3)


def test_loaded_then_revalidated_by_etag(content: Content) -> None:
    kept = Explanations(content.url, 60, KEYS)
    assert kept.current.texts == {}
    assert kept.look()
    assert kept.current.version == "1"
    first = kept.current
    assert kept.look()
    assert kept.current is first
    assert [one["path"] for one in content.asked] == ["/snapshot", "/snapshot"]
    assert "If-None-Match" not in content.asked[0]
    assert content.asked[1]["If-None-Match"] == '"1"'


def test_changed_content_replaces_the_whole_snapshot(content: Content) -> None:
    kept = Explanations(content.url, 60, KEYS)
    kept.look()
    changed = body("Changed.", "2")
    changed["explanations"]["manganese"] = changed["explanations"].pop("vitamin-b12")
    content.say(changed, '"2"')
    assert kept.look()
    assert set(kept.current.texts) == {"manganese"}
    assert kept.current.version == "2"
    assert kept.look()
    assert content.asked[-1]["If-None-Match"] == '"2"'


GARBAGE: list[Any] = [
    b"", b"not json", b"<html></html>", b"[]", b"null", b"5", b'"text"', b"{}", b'{"version": "1"', b"\xff\xfe",
    {"version": "1"}, {"explanations": {}}, {"version": "1", "explanations": []}, {"version": "1", "explanations": "x"},
    {"version": "1", "explanations": {"vitamin-b12": None}}, {"version": "1", "explanations": {"vitamin-b12": "x"}},
    {"version": "1", "explanations": {"vitamin-b12": {}}},
    {"version": "1", "explanations": {"vitamin-b12": {"title": "x", "card_text": "y"}}},
    *(
        pytest.param(
            {"version": "1", "explanations": {"vitamin-b12": {**body()["explanations"]["vitamin-b12"],
            "card_text": bent}}},
            id=f"card_text-{bent}",
        )
        for bent in (None, 5, ["x"], {"x": "y"})
    ),
]  # fmt: skip


@pytest.mark.parametrize("garbage", GARBAGE)
def test_garbage_leaves_the_last_good_snapshot(content: Content, garbage: Any) -> None:
    kept = Explanations(content.url, 60, KEYS)
    kept.look()
    content.say(garbage, '"garbage"')
    assert not kept.look()
    assert kept.current.texts["vitamin-b12"].text == "Synthetic text about vitamin B12."
    content.say(body("Good again.", "3"), '"garbage"')
    assert kept.look(), "an answer that could not be used is not revalidated"
    assert kept.current.texts["vitamin-b12"].text == "Good again."


@pytest.mark.parametrize("status", [301, 302, 307, 400, 404, 429, 500, 503])
def test_refusals_and_redirects_leave_the_last_good_snapshot(content: Content, status: int) -> None:
    kept = Explanations(content.url, 60, KEYS)
    kept.look()
    content.status, content.headers = status, {"Location": f"{content.url}/elsewhere"}
    assert not kept.look()
    assert kept.current.version == "1"
    assert all(one["path"] == "/snapshot" for one in content.asked), "redirects are not followed"


def test_slow_content_is_given_up(content: Content) -> None:
    content.delay = 1.0
    kept = Explanations(content.url, 60, KEYS)
    assert not kept.look()


def test_content_that_is_down_or_nowhere() -> None:
    assert not Explanations("http://127.0.0.1:9", 60, KEYS).look()
    nowhere = Explanations(None, 60, KEYS)
    nowhere.start()
    assert nowhere.current.texts == {}


def test_content_that_comes_up_later_is_found_in_the_background(content: Content) -> None:
    content.status = 503
    kept = Explanations(content.url, 0.1, KEYS)
    kept.start()
    assert kept.current.texts == {}
    content.status = 200
    try:
        assert _loaded(kept)
        assert kept.current.version == "1"
    finally:
        kept.stop()


def test_nothing_runs_in_the_process_that_forks_and_each_worker_keeps_its_own_texts(
    content: Content, threads: list[threading.Thread]
) -> None:
    content.status = 503
    kept = Explanations(content.url, 0.1, KEYS)
    kept.start()
    assert threads == []
    content.status = 200
    worker = os.fork()
    if worker == 0:
        kept.keep()
        os._exit(0 if _loaded(kept) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1]) == 0
    assert len(content.asked) >= 2
    try:
        assert _loaded(kept), "a process that reads the texts begins by itself"
    finally:
        kept.stop()


def test_a_worker_of_the_service_begins_before_its_first_call(
    content: Content, monkeypatch: pytest.MonkeyPatch
) -> None:
    content.status = 503
    begun: set[Explanations] = set()

    def keep(kept: Explanations) -> None:
        begun.add(kept)

    monkeypatch.setattr(Explanations, "keep", keep)
    app = s.application(content_url=content.url)
    assert not begun
    start.worker_began(app)
    assert len(begun) == 1


def _loaded(kept: Explanations) -> bool:
    """Whether the texts come within five seconds."""
    until = time.monotonic() + 5
    while not kept.current.texts and time.monotonic() < until:
        time.sleep(0.02)
    return bool(kept.current.texts)


def test_a_call_never_asks_content(content: Content) -> None:
    app = s.application(content_url=content.url, content_refresh=3600.0)
    assert len(content.asked) == 1
    content.delay, content.status = 5.0, 500
    client = app.test_client()
    cards = client.post(s.PATIENT_VIEW, json=s.call(s.prefetch(s.observation()))).get_json()["cards"]
    client.get("/cds-services")
    client.get("/readyz")
    assert len(content.asked) == 1
    (b12,) = (card for card in cards if card["source"]["topic"]["code"] == "B12Abnormal")
    assert "Synthetic text about vitamin B12." in b12["detail"]
    assert "Evidence grade: low. Clinical sign-off: awaiting clinical sign-off." in b12["detail"]
    assert b12["links"][0]["label"] == "Background: Vitamin B12"


def test_without_content_cards_go_out_with_the_link(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Explanations, "keep", lambda _: None)  # no thread that goes on asking
    client = s.application(content_url="http://127.0.0.1:9", content_refresh=3600.0).test_client()
    assert client.get("/readyz").status_code == 200
    cards = client.post(s.PATIENT_VIEW, json=s.call(s.prefetch(s.observation()))).get_json()["cards"]
    assert s.modules(cards) == ["B12 ABNORMAL", "SCREEN INCOMPLETE"]
    for card in cards:
        assert "not a diagnosis" in card["detail"]
        assert card["links"][0]["url"].startswith("http://localhost:8080/explanations/")


def test_what_content_says_never_reaches_a_log(content: Content) -> None:
    stream = io.StringIO()
    logs.configure("screening", "DEBUG", stream)
    content.say(MARK.encode())
    kept = Explanations(content.url, 60, KEYS)
    kept.look()
    content.say({"version": "1", "explanations": {MARK: MARK}})
    kept.look()
    content.say(body(MARK))
    kept.look()
    assert len(stream.getvalue().splitlines()) == 3
    assert MARK not in stream.getvalue()


def test_content_is_asked_under_our_signature(content: Content) -> None:
    assert Explanations(content.url, 60, KEYS).look()
    claims = peers.verify(KEYS, content.asked[0][peers.HEADER], "GET", "/snapshot", at=time.time())
    assert claims is not None
    assert claims["by"] == "screening"
