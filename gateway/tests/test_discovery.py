"""Discovery: merged, kept when an upstream fails, and never in the way of a call."""

import json
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from chassis.problems import Problem
from chassis.testing import KEYS
from gateway import discovery
from gateway.app import create_app
from gateway.discovery import Directory, DuplicateService, UnreadableDocument
from gateway.settings import Settings

VIEW = "/cds-services/dystonia-patient-view"


def document(*ids: str) -> bytes:
    return json.dumps({"services": [{"id": i, "hook": "patient-view", "description": "d"} for i in ids]}).encode()


class Upstreams:
    """Discovery documents by base URL; an exception instead of one is raised."""

    def __init__(self, **documents: bytes | Exception) -> None:
        self.documents = documents
        self.reads = 0

    def fetch(self, base_url: str) -> bytes:
        self.reads += 1
        found = self.documents[base_url]
        if isinstance(found, Exception):
            raise found
        return found

    def directory(self, ttl: float = 60.0) -> Directory:
        made = Directory({name: name for name in self.documents}, ttl, self.fetch)
        made.start()
        return made


def test_discovery_passes_the_entries_on_as_they_are(client: Any, stub: Any) -> None:
    response = client.get("/cds-services")
    assert response.status_code == 200
    assert response.content_type == "application/json"
    assert response.json == {"services": stub.services}


def test_discoveries_are_merged_in_the_order_of_the_table() -> None:
    catalog = Upstreams(one=document("b", "c"), two=document("a")).directory().announced()
    assert [s["id"] for s in json.loads(catalog.document)["services"]] == ["b", "c", "a"]
    assert catalog.find("a").upstream == "two"


def test_an_upstream_without_services_is_no_failure() -> None:
    catalog = Upstreams(one=b'{"services": []}').directory().announced()
    assert json.loads(catalog.document) == {"services": []}
    with pytest.raises(Problem, match="none") as caught:
        catalog.find("x")
    assert caught.value.status == 404


def test_entries_keep_their_very_bytes() -> None:
    entry = '{ "id":"a",  "hook":"h","description":"\\u00e4 \\/ ä", "version":1.10e0 }'
    catalog = Upstreams(one=f' {{"x": 1, "services" : [ {entry} ]}} '.encode()).directory().announced()
    assert entry.encode() in catalog.document


def test_the_copy_is_kept_for_its_time(client: Any, stub: Any) -> None:
    for _ in range(3):
        client.get("/cds-services")
    assert stub.discoveries == 1


def test_an_old_copy_is_renewed_in_the_background(wait: Callable[..., bool]) -> None:
    upstreams = Upstreams(one=document("a"))
    directory = upstreams.directory(ttl=0.0)
    upstreams.documents["one"] = document("b")
    assert wait(lambda: "b" in directory.current().services)


def test_a_call_never_waits_for_discovery(wait: Callable[..., bool], threads: list[threading.Thread]) -> None:
    upstreams = Upstreams(one=document("a"))
    directory = upstreams.directory(ttl=0.0)
    release = threading.Event()
    quick = upstreams.fetch

    finished: list[str] = []

    def slow(base_url: str) -> bytes:
        release.wait(5)
        finished.append(base_url)
        return quick(base_url)

    directory._fetch = slow
    for _ in range(50):
        assert directory.current().find("a").id == "a"
    assert finished == [], "no call waits for a slow look"
    assert [thread.name for thread in threads] == ["discovery"]
    release.set()
    assert wait(lambda: upstreams.reads >= 2)


@pytest.mark.parametrize(
    "broken",
    [
        UnreadableDocument(), b"not json", b'{"services": {}}', b"[]", b'{"services":[{"id":5}]}',
        b'{"services":[{"id":"a b","hook":"h","description":"d"}]}',
    ],
)  # fmt: skip
def test_an_upstream_that_fails_keeps_its_last_copy_and_the_log_says_so(
    broken: bytes | Exception, wait: Callable[..., bool], caplog: pytest.LogCaptureFixture
) -> None:
    upstreams = Upstreams(one=document("a"))
    directory = upstreams.directory(ttl=0.0)
    upstreams.documents["one"] = broken
    directory.current()
    assert wait(lambda: "discovery failed, serving a stale copy" in caplog.messages)
    assert "a" in directory.announced().services


def test_a_stale_copy_is_served_over_http(client: Any, app: Any, stub: Any, gateway: Any) -> None:
    stub_down = gateway(discovery_ttl=0.0)
    stub.discovery_status = 500
    for _ in range(5):
        assert stub_down.get("/cds-services").json == {"services": stub.services}
        time.sleep(0.02)


def test_without_any_copy_discovery_is_503_and_comes_back(
    gateway: Any, stub: Any, call: Any, words: Any, wait: Any
) -> None:
    stub.discovery_status = 500
    client = gateway()
    for response in (client.get("/cds-services"), client.post(VIEW, json=call)):
        assert response.status_code == 503
        assert response.headers["Retry-After"] == "1"
        assert "not announced" in words(response)
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json["waiting"]) == (503, ["discovery of screening"])
    stub.discovery_status = 200
    assert wait(lambda: client.get("/readyz").status_code == 200)
    assert client.get("/cds-services").json == {"services": stub.services}
    assert client.post(VIEW, json=call).status_code == 200


def test_an_upstream_that_has_just_come_up_is_found_at_once(caplog: pytest.LogCaptureFixture) -> None:
    for ask in (lambda d: d.announced().services["a"], lambda d: d.find("a")):
        upstreams = Upstreams(one=UnreadableDocument())
        directory = upstreams.directory()
        upstreams.documents["one"] = document("a")
        assert ask(directory).upstream == "one"  # though the next regular look is a second away


def test_while_one_upstream_is_unknown_an_unknown_id_may_be_its() -> None:
    upstreams = Upstreams(one=document("a"), two=UnreadableDocument())
    directory = upstreams.directory()
    reads = upstreams.reads
    assert directory.find("a").upstream == "one"
    assert [s["id"] for s in json.loads(directory.announced().document)["services"]] == ["a"]
    assert upstreams.reads == reads
    with pytest.raises(Problem) as caught:
        directory.find("b")
    assert caught.value.status == 503


def test_a_call_that_waits_for_a_hanging_upstream_waits_shortly(wait: Callable[..., bool]) -> None:
    upstreams = Upstreams(one=UnreadableDocument())
    directory = upstreams.directory()
    release = threading.Event()

    def hang(_: str) -> bytes:
        release.wait(5)
        raise UnreadableDocument

    directory._fetch = hang
    directory._due = 0.0
    directory.current()
    with pytest.raises(Problem):
        directory.find("a")
    release.set()


def test_an_unknown_service_is_404_and_names_those_there_are(client: Any, call: Any, words: Any) -> None:
    response = client.post("/cds-services/Sentinel-1", json=call)
    assert response.status_code == 404
    said = words(response)
    assert "dystonia-order-select, dystonia-patient-view" in said
    assert "Sentinel" not in response.text
    assert "127.0.0.1" not in response.text


def test_the_same_id_twice_stops_the_start(settings: Settings, stub: Any) -> None:
    with pytest.raises(DuplicateService, match="dystonia-order-select"):
        create_app(Settings(**{**vars(settings), "upstreams": {"one": stub.url, "two": stub.url}}))
    stub.services = [stub.services[0], stub.services[0]]
    with pytest.raises(DuplicateService, match="twice"):
        create_app(settings)


def test_a_duplicate_that_comes_later_is_left_out_loudly(
    wait: Callable[..., bool], caplog: pytest.LogCaptureFixture
) -> None:
    upstreams = Upstreams(one=document("a"), two=UnreadableDocument())
    directory = upstreams.directory(ttl=0.0)
    upstreams.documents["two"] = document("b", "a")
    directory.current()
    assert wait(lambda: any(r.levelname == "ERROR" and "left out" in r.message for r in caplog.records))
    assert set(directory.current().services) == {"a"}
    assert directory.current().find("a").upstream == "one"
    assert directory.current().waiting == ()  # the gateway is ready for the others


def test_an_upstream_that_changes_into_a_duplicate_keeps_its_old_copy(wait: Callable[..., bool]) -> None:
    upstreams = Upstreams(one=document("a"), two=document("b"))
    directory = upstreams.directory(ttl=0.0)
    upstreams.documents["one"] = document("a", "b")
    reads = upstreams.reads
    directory.current()
    assert wait(lambda: upstreams.reads >= reads + 2)
    catalog = directory.current()
    assert (set(catalog.services), catalog.services["b"].upstream) == ({"a", "b"}, "two")


def test_an_unforeseen_failure_in_the_background_is_told_and_does_not_stop_discovery(
    wait: Callable[..., bool], caplog: pytest.LogCaptureFixture
) -> None:
    upstreams = Upstreams(one=document("a"))
    directory = upstreams.directory(ttl=0.0)
    upstreams.documents["one"] = ZeroDivisionError()
    directory.current()
    assert wait(lambda: "discovery failed unexpectedly" in caplog.messages)
    upstreams.documents["one"] = document("b")
    directory._due = 0.0
    assert wait(lambda: "b" in directory.current().services)


def test_fetch_refuses_redirects_failures_and_silence(stub: Any) -> None:
    assert b"dystonia-patient-view" in discovery.fetch(stub.url, KEYS)
    stub.discovery_status = 302
    with pytest.raises(UnreadableDocument):
        discovery.fetch(stub.url, KEYS)
    with pytest.raises(UnreadableDocument):
        discovery.fetch("http://127.0.0.1:1", KEYS)


def test_a_document_that_is_too_large_is_told_apart_with_its_size(
    stub: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    size = len(discovery.fetch(stub.url, KEYS))
    monkeypatch.setattr(discovery, "_MAX_DOCUMENT", size)
    assert len(discovery.fetch(stub.url, KEYS)) == size
    monkeypatch.setattr(discovery, "_MAX_DOCUMENT", size - 1)
    Directory({"one": stub.url}, 60.0, partial(discovery.fetch, keys=KEYS)).start()
    (told,) = [record for record in caplog.records if record.message == "document too large"]
    assert vars(told)["fields"] == {"upstream": "one", "bytes_in": size}
    assert "discovery failed, no copy yet" in caplog.messages
