"""Many calls to EHRs at once, hosts that are sick, what is kept between calls, and which addresses may be asked."""

import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
import stub_ehr
from ehr_calls import CONDITIONS, ONE, PATIENT, TOKEN, fetch, new, once, outcome
from stub_ehr import Reply, Stub, searchset

from screening.fhir import access as access_module
from screening.fhir import answers as answers_module
from screening.fhir import outcomes
from screening.fhir.access import Query, Server
from screening.fhir.names import MOST_LOOKUPS, Names


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


def asked_for(client: str, stub: Stub, access: Any) -> str:
    server = Server(stub.base, TOKEN, client=client)
    return once(access, server, [CONDITIONS], 3.0)["conditions"].outcome


@pytest.mark.parametrize(("status", "others"), [(429, outcomes.THROTTLED), (503, outcomes.PAUSED)])
def test_retry_after_is_kept_by_the_client_that_asked_too_much_and_by_all_when_the_host_is_down(
    stub: Stub, status: int, others: str
) -> None:
    stub.answers = lambda _: Reply(status, body={}, headers={"Retry-After": "30"})
    access = new()
    asked_for("clinic", stub, access)
    assert asked_for("clinic", stub, access) == outcomes.PAUSED
    assert len(stub.asked) == 1
    assert asked_for("other", stub, access) == others


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
    access = new()
    for _ in range(3):
        fetch(stub, access=access)
    assert len(stub.asked) == 3
    assert len({one.peer for one in stub.asked}) == 1


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

    monkeypatch.setattr(Names, "resolve", resolve)
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

    monkeypatch.setattr(Names, "resolve", resolve)
    monkeypatch.setattr("screening.fhir.names.is_public", lambda text: text == "127.0.0.1")
    monkeypatch.setattr("screening.fhir.access.may_be_asked", lambda *_, **__: True)
    base = f"http://site.ehr.example:{stub.server.server_port}/fhir"
    found = once(new(), Server(base, public_only=True), [PATIENT], 2.0)
    assert found["patient"].outcome == outcomes.DELIVERED
    assert calls == 1


def test_names_that_hang_hold_up_no_other_client(stub: Stub, monkeypatch: pytest.MonkeyPatch) -> None:
    let_go = threading.Event()
    getaddrinfo = socket.getaddrinfo

    def hanging(host: str, *args: Any, **more: Any) -> Any:
        if host.startswith("hangs"):
            let_go.wait(20)
            raise socket.gaierror
        return getaddrinfo("127.0.0.1", *args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", hanging)
    monkeypatch.setattr("screening.fhir.access.may_be_asked", lambda *_, **__: True)
    access, port = new(), stub.server.server_port

    def outcome_of(host: str, client: str, seconds: float) -> str:
        server = Server(f"http://{host}.ehr.example:{port}/fhir", client=client)
        return once(access, server, [CONDITIONS], seconds)["conditions"].outcome

    try:
        told = [outcome_of(f"hangs{n}", "sick", 0.05) for n in range(MOST_LOOKUPS + 1)]
        assert told == [outcomes.LATE] * MOST_LOOKUPS + [outcomes.UNREACHABLE]
        assert outcome_of("well", "healthy", 3.0) == outcomes.DELIVERED
    finally:
        let_go.set()
    while outcome_of("well", "sick", 3.0) != outcomes.DELIVERED:  # as soon as the names have come to an end
        time.sleep(0.01)


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
