"""HTTP to an EHR: what is sent where, and what each way of failing comes to."""

import gzip
import json
import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest
from ehr_calls import CONDITIONS, ONE, PATIENT, TOKEN, fetch, new, once, outcome
from stub_ehr import Asked, Reply, Stub, searchset

from screening.fhir import access as access_module
from screening.fhir import outcomes
from screening.fhir.access import Fetched, Query, Server


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
        (Reply(body=zipped(0), headers={"Content-Length": 60_000_000}), outcomes.TOO_LARGE),
        (Reply(body=b" " * 5_000_001), outcomes.TOO_LARGE),
    ],
)  # fmt: skip
def test_every_way_of_failing_has_its_outcome(stub: Stub, reply: Reply, expected: str) -> None:
    assert outcome(stub, reply, seconds=10).outcome == expected


def test_what_unpacks_to_far_too_much_is_too_large(stub: Stub) -> None:
    bomb = Reply(body=zipped(200_000_000), headers={"Content-Encoding": "gzip"})
    assert outcome(stub, bomb, seconds=10).outcome == outcomes.TOO_LARGE


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
