"""HTTP to an EHR: what is sent where, and what each way of failing comes to."""

import gzip
import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
import stub_ehr
from aiohttp.resolver import ThreadedResolver
from stub_ehr import Asked, Reply, Stub, searchset

from screening.fhir import access as access_module
from screening.fhir import answers as answers_module
from screening.fhir import outcomes
from screening.fhir.access import Access, Fetched, Query, Server

TOKEN = "synthetic-token-of-this-call"
CONDITIONS = Query("conditions", "Condition", "patient=1")
PATIENT = Query("patient", "Patient/1")
ONE = {"resourceType": "Condition", "id": "c1"}


@pytest.fixture
def stub() -> Iterator[Stub]:
    with stub_ehr.running(lambda _: Reply(body=searchset(ONE))) as made:
        yield made


MADE: list[Access] = []


@pytest.fixture(autouse=True)
def closing() -> Iterator[None]:
    yield
    while MADE:
        MADE.pop().close()


def new(slots: int = 4, pages: int = 10) -> Access:
    MADE.append(Access(slots_per_host=slots, max_pages=pages))
    return MADE[-1]


def once(access: Access, server: Server, queries: Sequence[Query], seconds: float) -> dict[str, Fetched]:
    with access.turn(server) as turn:
        return turn.fetch(queries, seconds)


def fetch(stub: Stub, *queries: Query, seconds: float = 3.0, access: Access | None = None) -> dict[str, Fetched]:
    return once(access or new(), Server(stub.base, TOKEN), queries or (CONDITIONS,), seconds)


def outcome(stub: Stub, reply: Reply, seconds: float = 3.0, query: Query = PATIENT) -> Fetched:
    stub.answers = lambda _: reply
    return fetch(stub, query, seconds=seconds)[query.key]


def test_reads_by_get_and_searches_by_post(stub: Stub) -> None:
    code = Query("labs", "Observation", "patient=1&code=http%3A%2F%2Floinc.org%7C2132-9%2Curn%3Ax%7Ca")
    found = fetch(stub, PATIENT, code)
    assert {one.outcome for one in found.values()} == {outcomes.DELIVERED}
    assert json.loads(found["labs"].pages[0]) == searchset(ONE)
    by_path = {one.path: one for one in stub.asked}
    assert set(by_path) == {"Patient/1", "Observation/_search"}
    search = by_path["Observation/_search"]
    assert search.params == (("patient", "1"), ("code", "http://loinc.org|2132-9,urn:x|a"))
    assert "?" not in search.target  # no URL names the patient
    assert search.headers["Content-Type"] == "application/x-www-form-urlencoded"
    for one in stub.asked:
        assert one.headers["Authorization"] == f"Bearer {TOKEN}"
        assert one.headers["Accept"] == "application/fhir+json"
        assert "Cookie" not in one.headers


def test_without_a_token_no_authorization_is_sent(stub: Stub) -> None:
    once(new(), Server(stub.base), [PATIENT], 3.0)
    assert "Authorization" not in stub.asked[0].headers


@pytest.mark.parametrize("status", [400, 403, 404, 405, 406, 411, 415, 422, 501])
def test_a_server_that_does_not_search_by_post_is_asked_by_get_and_that_is_remembered(stub: Stub, status: int) -> None:
    stub.answers = lambda a: Reply(status, body={}) if a.method == "POST" else Reply(body=searchset(ONE))
    access = new()
    assert fetch(stub, access=access)["conditions"].outcome == outcomes.DELIVERED
    assert fetch(stub, access=access)["conditions"].outcome == outcomes.DELIVERED
    assert [one.method for one in stub.asked] == ["POST", "GET", "GET"]
    assert stub.asked[1].path == "Condition"
    assert stub.asked[1].params == (("patient", "1"),)


def test_a_server_that_searches_by_post_is_not_asked_twice(stub: Stub) -> None:
    access = new()
    fetch(stub, access=access)
    stub.answers = lambda _: Reply(403, body={})
    assert fetch(stub, access=access)["conditions"].outcome == outcomes.FORBIDDEN
    assert [one.method for one in stub.asked] == ["POST", "POST"]


@pytest.mark.parametrize("status", [405, 415, 501])
def test_a_server_may_search_by_post_for_some_types_only(stub: Stub, status: int) -> None:
    access = new()
    fetch(stub, access=access)
    refused = Reply(status, body={})
    stub.answers = lambda a: refused if a.path == "Observation/_search" else Reply(body=searchset(ONE))
    labs = Query("labs", "Observation", "patient=1")
    assert fetch(stub, labs, access=access)["labs"].outcome == outcomes.DELIVERED
    assert stub.paths() == ["POST Condition/_search", "POST Observation/_search", "GET Observation"]


def zipped(size: int) -> bytes:
    return gzip.compress(b'{"resourceType": "Bundle", "x": "' + b"0" * size + b'"}')


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Reply(401, body={}), outcomes.UNAUTHORIZED),
        (Reply(403, body={}), outcomes.FORBIDDEN),
        (Reply(404, body={}), outcomes.NOT_FOUND),
        (Reply(410, body={}), outcomes.GONE),
        (Reply(400, body={}), outcomes.REFUSED),
        (Reply(422, body={}), outcomes.REFUSED),
        (Reply(429, body={}), outcomes.THROTTLED),
        (Reply(500, body={}), outcomes.SERVER_ERROR),
        (Reply(503, body=b"<html>", headers={"Content-Type": "text/html"}), outcomes.SERVER_ERROR),
        (Reply(204, body=b""), outcomes.UNREADABLE),
        (Reply(body=b"<html>", headers={"Content-Type": "text/html"}), outcomes.UNREADABLE),
        (Reply(body=b"{}", headers={"Content-Type": "text/plain"}), outcomes.UNREADABLE),
        (Reply(body=b""), outcomes.UNREADABLE),
        (Reply(body=b"{"), outcomes.UNREADABLE),
        (Reply(body=b'{"resourceType": "Bundle", "entr'), outcomes.UNREADABLE),
        (Reply(body=b"\xff\xfe"), outcomes.UNREADABLE),
        (Reply(body=b'{"resourceType": "Bundle", "x": "\xff"}'), outcomes.UNREADABLE),
        (Reply(body=b"[]"), outcomes.UNREADABLE),
        (Reply(body={}), outcomes.UNREADABLE),
        (Reply(body=b"[" * 100_000), outcomes.UNREADABLE),
        (Reply(raw=b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"), "unreadable"),
        (Reply(raw=b"not http at all\r\n\r\n"), outcomes.UNREADABLE),
        (Reply(raw=b""), outcomes.UNREACHABLE),
        (Reply(body=zipped(9), headers={"Content-Encoding": "gzip"}), outcomes.DELIVERED),
        (Reply(body=zipped(9)[:-9], headers={"Content-Encoding": "gzip"}), outcomes.UNREADABLE),
        (Reply(body=b"{}", headers={"Content-Encoding": "gzip"}), outcomes.UNREADABLE),
        (Reply(body=b"{}", headers={"Content-Encoding": "br"}), outcomes.UNREADABLE),
        (Reply(body=zipped(200_000_000), headers={"Content-Encoding": "gzip"}), outcomes.TOO_LARGE),
        (Reply(body=zipped(0), headers={"Content-Length": 60_000_000}), outcomes.TOO_LARGE),
        (Reply(body=b" " * 5_000_001), outcomes.TOO_LARGE),
    ],
)  # fmt: skip
def test_every_way_of_failing_has_its_outcome(stub: Stub, reply: Reply, expected: str) -> None:
    assert outcome(stub, reply, seconds=10).outcome == expected


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(stub: Stub, status: int) -> None:
    reply = Reply(status, body={}, headers={"Location": f"{stub.base}/Patient/2"})
    assert outcome(stub, reply).outcome == outcomes.REDIRECTED
    assert stub.paths() == ["GET Patient/1"]


@pytest.mark.parametrize("wait", [0.6, 30.0])
def test_slow_and_hanging_are_late_and_cost_no_more_than_the_time_given(stub: Stub, wait: float) -> None:
    stub.answers = lambda a: Reply(body=searchset(ONE), wait=wait if a.path.startswith("Condition") else 0)
    found = fetch(stub, CONDITIONS, PATIENT, seconds=0.3)
    assert found["conditions"].outcome == outcomes.LATE
    assert found["patient"].outcome == outcomes.DELIVERED


def test_a_body_that_drips_is_late(stub: Stub) -> None:
    def drip(_: Asked) -> Reply:
        return Reply(raw=b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{", wait=0)

    stub.answers = drip
    listener = socket.create_server(("127.0.0.1", 0))
    held: list[socket.socket] = []

    def serve() -> None:
        connection, _ = listener.accept()
        held.append(connection)
        connection.recv(1000)
        connection.sendall(drip(Asked("GET", "", (), {}, "")).raw or b"")

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    base = f"http://127.0.0.1:{listener.getsockname()[1]}"
    assert once(new(), Server(base), [PATIENT], 0.3)["patient"].outcome == outcomes.LATE
    thread.join(5)
    for one in (*held, listener):
        one.close()


def test_nobody_listens(stub: Stub) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    found = once(new(), Server(f"http://127.0.0.1:{port}/fhir"), [PATIENT], 2.0)
    assert found["patient"].outcome == outcomes.UNREACHABLE


def test_a_certificate_that_nobody_vouches_for(stub: Stub) -> None:
    port = stub.server.server_port
    found = once(new(), Server(f"https://127.0.0.1:{port}/fhir"), [PATIENT], 2.0)
    assert found["patient"].outcome in (outcomes.NOT_TRUSTED, outcomes.UNREACHABLE)
    assert not stub.asked


@pytest.mark.parametrize(
    "base",
    [
        "http://ehr.example/fhir", "ftp://127.0.0.1/fhir", "file:///etc", "https://user@ehr.example/fhir", "https://",
        "https://ehr.example/fhir?x=1", "https://ehr.example\\@other.example/fhir", "https://ehr.example:x/", "",
    ],
)  # fmt: skip
def test_what_is_no_base_is_not_asked(base: str) -> None:
    assert once(new(), Server(base, TOKEN), [PATIENT], 1.0)["patient"].outcome == outcomes.UNREACHABLE


# --- pages ---


def pages(stub: Stub, links: Callable[[str, int], str], last: int = 99) -> Callable[[Asked], Reply]:
    """Pages that each hold one condition; `links(base, page)` is the next link of a page."""

    def answer(asked: Asked) -> Reply:
        page = int(asked.param("page") or 1)
        link = links(stub.base, page) if page < last else ""
        return Reply(body=searchset({"resourceType": "Condition", "id": f"c{page}"}, next_url=link))

    return answer


def ids(found: Fetched) -> list[str]:
    return [entry["resource"]["id"] for page in found.pages for entry in json.loads(page)["entry"]]


@pytest.mark.parametrize(
    "link",
    [
        "{base}?page={page}",
        "{base}/Condition?page={page}",
        "Condition?page={page}",
        "?page={page}",
        "/fhir?page={page}",
    ],
)  # fmt: skip
def test_next_links_are_followed_to_the_end(stub: Stub, link: str) -> None:
    stub.answers = pages(stub, lambda base, page: link.format(base=base, page=page + 1), last=3)
    found = fetch(stub)["conditions"]
    assert (found.outcome, ids(found)) == (outcomes.DELIVERED, ["c1", "c2", "c3"])
    assert [one.headers["Authorization"] for one in stub.asked] == [f"Bearer {TOKEN}"] * 3


@pytest.mark.parametrize(
    "link",
    [
        "https://other.example/fhir?page=2", "//other.example/fhir?page=2", "http://localhost:{port}/fhir?page=2",
        "https://127.0.0.1:{port}/fhir?page=2", "http://127.0.0.1:{other}/fhir?page=2", "file:///etc/passwd",
        "http://me@127.0.0.1:{port}/fhir?page=2", "http://127.0.0.1:{port}@other.example/fhir?page=2", "/admin?page=2",
        "/fhirfly?page=2", "/fhir/../admin?page=2", "/fhir/%2e%2e/admin?page=2", "../admin?page=2",
        "/fhir/..;/admin?page=2", "/fhir/%2E%2e%2Fadmin?page=2", "/fhir/x%5c..%5cadmin?page=2", "/fhir/x%00?page=2",
        "\\\\other.example/x", "http://127.0.0.1:{port}\\@other.example/fhir", "/fhir?page=2 HTTP/1.1",
        "/fhir?pa\tge=2", "/fhir?p=é", "javascript:alert(1)", "?", "x" * 5_000,
    ],
)  # fmt: skip
def test_next_links_that_lead_elsewhere_are_not_followed(stub: Stub, link: str) -> None:
    port = stub.server.server_port
    stub.answers = pages(stub, lambda _, __: link.format(port=port, other=port + 1))
    found = fetch(stub)["conditions"]
    assert (found.outcome, ids(found)) == (outcomes.PARTIAL, ["c1"])
    assert len(stub.asked) == 1


@pytest.mark.parametrize("link", [5, None, ["x"], {}, ""])
def test_a_next_link_that_cannot_be_read_leaves_it_partial(stub: Stub, link: Any) -> None:
    stub.answers = lambda _: Reply(body={**searchset(ONE), "link": {"relation": "next", "url": link}})
    assert fetch(stub)["conditions"].outcome == outcomes.PARTIAL


def test_loops_and_endless_pages_end(stub: Stub) -> None:
    stub.answers = pages(stub, lambda base, page: f"{base}?page={3 - page}")
    assert fetch(stub)["conditions"].outcome == outcomes.PARTIAL
    assert len(stub.asked) == 3
    stub.asked.clear()
    stub.answers = pages(stub, lambda base, page: f"{base}?page={page + 1}")
    found = fetch(stub, access=new(pages=4))["conditions"]
    assert (found.outcome, ids(found)) == (outcomes.PARTIAL, ["c1", "c2", "c3", "c4"])
    assert len(stub.asked) == 4


def test_more_entries_than_anybody_reads_end_it(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_module, "MOST_ENTRIES", 2)
    stub.answers = pages(stub, lambda base, page: f"{base}?page={page + 1}")
    assert ids(fetch(stub)["conditions"]) == ["c1", "c2"]


def test_what_came_before_a_page_failed_is_kept(stub: Stub) -> None:
    good = pages(stub, lambda base, page: f"{base}?page={page + 1}")
    stub.answers = lambda a: good(a) if a.param("page") != "3" else Reply(500, body={})
    found = fetch(stub)["conditions"]
    assert (found.outcome, ids(found)) == (outcomes.SERVER_ERROR, ["c1", "c2"])


def test_a_prefetch_goes_on_where_it_ended(stub: Stub) -> None:
    stub.answers = pages(stub, lambda base, page: f"{base}?page={page + 1}", last=3)
    query = Query("conditions", "Condition", "patient=1", link=f"{stub.base}?page=2")
    found = fetch(stub, query)["conditions"]
    assert (found.outcome, found.went_on, ids(found)) == (outcomes.DELIVERED, True, ["c2", "c3"])


@pytest.mark.parametrize("link", ["https://other.example/fhir?page=2", "{base}?page=9"])
def test_a_prefetch_whose_link_is_of_no_use_is_asked_anew(stub: Stub, link: str) -> None:
    stub.answers = lambda a: Reply(410, body={}) if a.param("page") == "9" else Reply(body=searchset(ONE))
    query = Query("conditions", "Condition", "patient=1", link=link.format(base=stub.base))
    found = fetch(stub, query)["conditions"]
    assert (found.outcome, found.went_on, ids(found)) == (outcomes.DELIVERED, False, ["c1"])


# --- many calls, sick hosts ---


def test_no_call_waits_for_a_slot(stub: Stub) -> None:
    stub.answers = lambda _: Reply(body=searchset(ONE), wait=30)
    access = new(slots=2)
    threads = [threading.Thread(target=fetch, args=(stub,), kwargs={"seconds": 2.0, "access": access}) for _ in "ab"]
    for thread in threads:
        thread.start()
    while len(stub.asked) < 2:
        time.sleep(0.01)
    assert fetch(stub, access=access)["conditions"].outcome == outcomes.BUSY
    with stub_ehr.running(lambda _: Reply(body=searchset(ONE))) as other:
        assert fetch(other, access=access)["conditions"].outcome == outcomes.DELIVERED
    stub.open.set()
    for thread in threads:
        thread.join(5)
    stub.answers = lambda _: Reply(body=searchset(ONE))
    assert fetch(stub, access=access)["conditions"].outcome == outcomes.DELIVERED


def test_hosts_that_hang_leave_connections_for_others(stub: Stub) -> None:
    access = new()
    queries = [Query(str(number), f"Condition/{number}") for number in range(24)]
    with ExitStack() as block:
        hanging = [block.enter_context(stub_ehr.running(lambda _: Reply(body={}, wait=30))) for _ in range(5)]
        threads = [
            threading.Thread(target=fetch, args=(one, *queries), kwargs={"seconds": 8.0, "access": access})
            for one in hanging
        ]
        for thread in threads:
            thread.start()
        until = time.monotonic() + 6
        while sum(len(one.asked) for one in hanging) < 100 and time.monotonic() < until:
            time.sleep(0.01)
        assert fetch(stub, access=access, seconds=1.5)["conditions"].outcome == outcomes.DELIVERED
        for one in hanging:
            one.open.set()
        for thread in threads:
            thread.join(10)


def test_a_host_that_keeps_failing_is_left_alone(stub: Stub) -> None:
    stub.answers = lambda _: Reply(500, body={})
    access = new()
    told = [fetch(stub, access=access)["conditions"].outcome for _ in range(7)]
    assert told == [outcomes.SERVER_ERROR] * 5 + [outcomes.PAUSED] * 2
    assert len(stub.asked) == 5


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_kept(stub: Stub, status: int) -> None:
    stub.answers = lambda _: Reply(status, body={}, headers={"Retry-After": "30"})
    access = new()
    fetch(stub, access=access)
    assert fetch(stub, access=access)["conditions"].outcome == outcomes.PAUSED
    assert len(stub.asked) == 1


def test_a_connection_that_was_closed_meanwhile_is_replaced(stub: Stub) -> None:
    closing = Reply(raw=b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 27\r\n\r\n"
                        b'{"resourceType": "Bundle" }')  # fmt: skip
    access = new()
    stub.answers = lambda _: closing
    assert fetch(stub, access=access)["conditions"].outcome == outcomes.DELIVERED
    stub.answers = lambda _: Reply(body=searchset(ONE))
    assert fetch(stub, access=access)["conditions"].outcome == outcomes.DELIVERED


def test_cookies_are_not_kept(stub: Stub) -> None:
    stub.answers = lambda _: Reply(body=searchset(ONE), headers={"Set-Cookie": "session=1"})
    access = new()
    fetch(stub, access=access)
    fetch(stub, access=access)
    assert all("Cookie" not in one.headers for one in stub.asked)


def test_connections_are_kept(stub: Stub) -> None:
    seen: set[str] = set()
    access = new()
    for _ in range(3):
        fetch(stub, access=access)
    seen.update(one.headers["Host"] for one in stub.asked)
    assert len(stub.asked) == 3
    assert len(seen) == 1


def test_a_proxy_of_the_environment_is_not_used(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert fetch(stub)["conditions"].outcome == outcomes.DELIVERED


def test_the_token_is_in_no_log_and_no_representation(stub: Stub, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    assert TOKEN not in repr(Server(stub.base, TOKEN))
    for reply in (Reply(401, body={}), Reply(raw=b""), Reply(raw=b"junk\r\n\r\n"), Reply(500, body={})):
        outcome(stub, reply)
    for bad in ("two\r\nlines", "ü" * 9):
        found = once(new(), Server(stub.base, f"{TOKEN}{bad}"), [PATIENT], 1.0)
        assert found["patient"].outcome != outcomes.DELIVERED
    assert TOKEN not in caplog.text


# --- addresses ---


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.1", "169.254.169.254", "192.168.1.1", "0.0.0.0",  # noqa: S104
        "100.64.0.1", "224.0.0.1", "::1",
        "fe80::1", "fd00::1", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1",
    ],
)  # fmt: skip
def test_a_name_with_an_address_that_is_not_public_is_not_asked(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    resolved: list[str] = []

    async def resolve(_: Any, host: str, port: int = 0, family: Any = None) -> list[dict[str, Any]]:
        resolved.append(host)
        one = {"hostname": host, "port": port, "family": socket.AF_INET, "proto": 0, "flags": 0}
        return [{**one, "host": "93.184.215.14"}, {**one, "host": address}]

    monkeypatch.setattr(ThreadedResolver, "resolve", resolve)
    found = once(new(), Server("https://site.ehr.example/fhir", TOKEN, public_only=True), [PATIENT], 2.0)
    assert found["patient"].outcome == outcomes.NOT_PUBLIC
    assert resolved == ["site.ehr.example"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "10.0.0.1", "[::ffff:127.0.0.1]"])
def test_no_bare_address_passes_for_public(host: str) -> None:
    found = once(new(), Server(f"https://{host}:9/fhir", public_only=True), [PATIENT], 1.0)
    assert found["patient"].outcome == outcomes.NOT_PUBLIC


def test_the_connection_goes_to_the_address_that_was_checked(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = 0

    async def resolve(_: Any, host: str, port: int = 0, family: Any = None) -> list[dict[str, Any]]:
        nonlocal calls
        calls += 1
        one = {"hostname": host, "port": port, "family": socket.AF_INET, "proto": 0, "flags": 0}
        return [{**one, "host": "127.0.0.1" if calls == 1 else "10.9.9.9"}]

    monkeypatch.setattr(ThreadedResolver, "resolve", resolve)
    monkeypatch.setattr("screening.fhir.addresses.is_public", lambda text: text == "127.0.0.1")
    monkeypatch.setattr("screening.fhir.access.may_be_asked", lambda *_, **__: True)
    base = f"http://site.ehr.example:{stub.server.server_port}/fhir"
    found = once(new(), Server(base, public_only=True), [PATIENT], 2.0)
    assert found["patient"].outcome == outcomes.DELIVERED
    assert calls == 1


def test_largest_page_is_what_the_words_say() -> None:
    assert answers_module.LARGEST_PAGE == 5_000_000


def test_closed_access_begins_anew(stub: Stub) -> None:
    access = new()
    for _ in range(2):
        assert fetch(stub, access=access)["conditions"].outcome == outcomes.DELIVERED
        access.close()
        access.close()


def test_a_slot_is_kept_for_the_whole_call_and_only_from_its_first_request(stub: Stub) -> None:
    access = new(slots=1)
    with access.turn(Server(stub.base)) as first, access.turn(Server(stub.base)) as second:
        assert first.fetch([PATIENT], 3.0)["patient"].outcome == outcomes.DELIVERED
        assert second.fetch([PATIENT], 3.0)["patient"].outcome == outcomes.BUSY
        assert first.fetch([CONDITIONS], 3.0)["conditions"].outcome == outcomes.DELIVERED
    assert fetch(stub, access=access)["conditions"].outcome == outcomes.DELIVERED


def test_all_answers_together_have_a_bound(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access_module, "MOST_BYTES", 3_000)
    big = {**ONE, "text": {"div": "x" * 1_000}}
    stub.answers = lambda _: Reply(body=searchset(big))
    found = fetch(stub, *[Query(f"k{n}", f"Condition/{n}") for n in range(5)])
    assert sorted(one.outcome for one in found.values()) == [outcomes.DELIVERED] * 2 + [outcomes.TOO_LARGE] * 3


def test_others_compute_while_an_ehr_is_waited_for(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []

    @contextmanager
    def aside() -> Iterator[None]:
        told.append(len(stub.asked))
        yield
        told.append(len(stub.asked))

    monkeypatch.setattr(access_module, "aside", aside)
    fetch(stub)
    assert told == [0, 1]
