"""Calls on their way: the same bytes there and back, one deadline, and honest words when an upstream fails."""

import http.client
import io
import json
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from chassis import arrival, logs
from gateway import routing

VIEW = "/cds-services/dystonia-patient-view"
OUTCOME = b'{"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "required"}]}'


def test_the_very_bytes_go_there_and_back(client: Any, stub: Any, call: Any) -> None:
    body = (json.dumps(call, indent=3).replace('"hook"', '"ho\\u006fk"') + "  \n").encode() + b" \t"
    response = client.post(VIEW, data=body, content_type="application/json; charset=utf-8")
    assert (response.status_code, response.data) == (200, b'{ "cards" : [] }')
    ((method, path, headers, sent),) = stub.calls
    assert (method, path, sent) == ("POST", VIEW, body)
    assert headers["Content-Type"] == "application/json"
    assert headers["X-Request-Id"] == response.headers["X-Request-Id"]


def test_only_our_headers_reach_the_upstream(client: Any, stub: Any, call: Any) -> None:
    client.set_cookie("a", "b")
    spoofed = {
        "X-Forwarded-For": "192.0.2.1",
        "X-Evil": "1",
        "Referer": "http://x.example",
        "Cds-Caller": "v1.e30.AAAA",
        "Cds-Elapsed-Ms": "499",
    }
    client.post(VIEW, json=call, headers=spoofed)
    ((_, _, headers, _),) = stub.calls
    assert {name.lower() for name in headers} == {
        "host", "accept-encoding", "content-length", "content-type", "accept", "x-request-id", "cds-caller",
        "cds-elapsed-ms",
    }  # fmt: skip
    assert headers["Cds-Caller"] != spoofed["Cds-Caller"]
    assert headers["Cds-Elapsed-Ms"] != spoofed["Cds-Elapsed-Ms"]


def test_how_long_a_call_has_waited_for_its_turn_is_told(client: Any, stub: Any, call: Any) -> None:
    client.post(VIEW, json=call, environ_base={arrival.ENVIRON: time.monotonic() - 0.2})
    ((_, _, headers, _),) = stub.calls
    assert int(headers["Cds-Elapsed-Ms"]) >= 200


def test_a_request_id_is_kept_if_it_is_plain(client: Any, call: Any) -> None:
    plain = client.post(VIEW, json=call, headers={"X-Request-Id": "0f" * 16})
    assert plain.headers["X-Request-Id"] == "0f" * 16
    odd = client.post(VIEW, json=call, headers={"X-Request-Id": "a b\t<script>"})
    assert "script" not in odd.headers["X-Request-Id"]


@pytest.mark.parametrize("status", [200, 202, 400, 412, 422, 429, 500, 501, 503])
def test_status_body_and_type_of_an_answer_are_passed_on(client: Any, stub: Any, call: Any, status: int) -> None:
    body = b'{"cards": []}' if status == 200 else OUTCOME
    stub.reply = lambda handler: stub.send(
        handler, status, body, Content_Type="application/fhir+json", Server_Timing="rules;dur=1.5", Retry_After="7",
        Set_Cookie="a=b", X_Internal="1", Server="stub",
    )  # fmt: skip
    response = client.post(VIEW, json=call)
    assert (response.status_code, response.data, response.content_type) == (status, body, "application/fhir+json")
    assert response.headers["Server-Timing"].startswith("rules;dur=1.5, auth;dur=")
    assert response.headers["Retry-After"] == "7"
    assert "Set-Cookie" not in response.headers
    assert "X-Internal" not in response.headers


@pytest.mark.parametrize(
    ("status", "body", "content_type"),
    [
        (500, b"Traceback: Sentinel-1", "text/plain"), (500, b'{"Sentinel-1": 1}', "application/json"),
        (502, b"<html>Sentinel-1</html>", "text/html"), (503, b"", "application/json"),
        (500, b"[1]", "application/json"),
        (200, b"<html>Sentinel-1</html>", "text/html"), (200, b"Sentinel-1", "application/json"),
        (200, b"", "application/json"), (200, b'["Sentinel-1"]', "application/json"), (200, b"{}", "text/html"),
        (302, b"{}", "application/json"), (404, b"<html>", "text/html"), (304, b"", "application/json"),
    ],
)  # fmt: skip
def test_what_is_not_fit_to_pass_on_is_502(
    client: Any, stub: Any, call: Any, words: Any, status: int, body: bytes, content_type: str
) -> None:
    stub.reply = lambda handler: stub.send(handler, status, body, Content_Type=content_type, Location="/x")
    response = client.post(VIEW, json=call)
    assert response.status_code == 502
    assert "Sentinel" not in response.text
    assert "did not answer properly" in words(response)


def test_a_service_that_does_not_know_us_is_our_failure_and_not_the_callers(
    client: Any, stub: Any, call: Any, words: Any
) -> None:
    """Internal keys or clocks that differ: an EHR must not take that for a fault of its token."""
    stub.reply = lambda handler: stub.send(handler, 401, OUTCOME, Content_Type="application/fhir+json")
    stream = io.StringIO()
    logs.configure("gateway", stream=stream)
    for response in (
        client.post(VIEW, json=call),
        client.post(VIEW + "/feedback", json={"feedback": []}),
        client.get("/thresholds"),
    ):
        assert response.status_code == 502
        assert "did not answer properly" in words(response)
    said = [line for line in map(json.loads, stream.getvalue().splitlines()) if line["level"] == "error"]
    assert [line["upstream"] for line in said] == ["screening"] * 3
    assert "internal key" in said[0]["event"]
    logs.configure("gateway")


def late_headers(handler: Any) -> None:
    time.sleep(1.5)


def late_body(handler: Any) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 20\r\n\r\n{")
    handler.wfile.flush()
    time.sleep(1.5)


def drip(handler: Any) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 999\r\n\r\n")
    for _ in range(30):
        handler.wfile.write(b"{")
        handler.wfile.flush()
        time.sleep(0.1)


def drip_chunks(handler: Any) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(30):
        handler.wfile.write(b"1\r\n{\r\n")
        handler.wfile.flush()
        time.sleep(0.1)


@pytest.mark.parametrize("hang", [late_headers, late_body, drip, drip_chunks])
def test_the_deadline_is_hard(hurried: Any, stub: Any, call: Any, words: Any, hang: Any) -> None:
    stub.reply = hang
    response = hurried.post(VIEW, json=call)
    assert response.status_code == 504
    assert "within 1 seconds" in words(response)


def test_an_upstream_that_does_not_read_is_late(gateway: Callable[..., Any], stub: Any, call: Any) -> None:
    client = gateway(max_body=60_000_000, call_deadline=0.4)
    stub.server.shutdown()  # connections are taken by the kernel, and nobody reads
    call["prefetch"] = {"x": "y" * 40_000_000}
    assert client.post(VIEW, json=call).status_code == 504


def broken_off(handler: Any) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{")
    handler.close_connection = True


def nonsense(handler: Any) -> None:
    handler.wfile.write(b"Sentinel-1 is not HTTP\r\n\r\n")
    handler.close_connection = True


def drop(handler: Any) -> None:
    handler.close_connection = True


@pytest.mark.parametrize(("reply", "sent"), [(broken_off, 1), (nonsense, 1), (drop, 2)])
def test_an_answer_that_breaks_off_is_502(client: Any, stub: Any, call: Any, words: Any, reply: Any, sent: int) -> None:
    stub.reply = reply
    response = client.post(VIEW, json=call)
    assert response.status_code == 502
    assert "Sentinel" not in response.text
    assert words(response)
    assert len(stub.calls) == sent  # again only where nothing of the answer came, and only once


def test_a_call_whose_worker_ends_before_it_answers_is_sent_again(client: Any, stub: Any, call: Any) -> None:
    right = stub.reply

    def drop_once(handler: Any) -> None:
        stub.reply = right
        handler.close_connection = True

    stub.reply = drop_once
    assert client.post(VIEW, json=call).status_code == 200
    assert len(stub.calls) == 2


def test_an_upstream_that_is_down_is_503(client: Any, stub: Any, call: Any, words: Any) -> None:
    stub.close()
    response = client.post(VIEW, json=call)
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "5"
    assert "cannot be reached" in words(response)


def test_one_connection_serves_many_calls(client: Any, stub: Any, call: Any) -> None:
    before = stub.connections
    for _ in range(5):
        assert client.post(VIEW, json=call).status_code == 200
    assert stub.connections == before + 1


def test_connections_that_closed_meanwhile_are_not_used(app: Any, stub: Any, call: Any, wait: Any) -> None:
    def drop_after(handler: Any) -> None:
        stub.send(handler, 200, b'{"cards": []}')
        handler.close_connection = True

    stub.reply = drop_after
    for _ in range(3):
        assert app.test_client().post(VIEW, json=call).status_code == 200
        time.sleep(0.05)
    assert len(stub.calls) == 3  # none was sent twice


def test_a_connection_is_not_used_for_ever(client: Any, stub: Any, call: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routing, "_USED_FOR_S", 0.0)
    assert [client.post(VIEW, json=call).status_code for _ in range(3)] == [200] * 3
    assert stub.connections == 1 + 3, "discovery, and each call"


def test_all_addresses_of_a_name_are_tried_and_none_is_preferred(
    client: Any, stub: Any, call: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[str] = []
    connect = http.client.HTTPConnection.connect

    def noted(connection: http.client.HTTPConnection) -> None:
        tried.append(connection.host)
        connect(connection)

    replicas = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0)) for address in ("127.0.0.1", "127.0.0.2")]
    monkeypatch.setattr(routing, "getaddrinfo", lambda *_given, **_named: replicas)
    monkeypatch.setattr(routing, "_USED_FOR_S", 0.0)
    monkeypatch.setattr(http.client.HTTPConnection, "connect", noted)
    assert {client.post(VIEW, json=call).status_code for _ in range(40)} == {200}, "nobody listens on the second"
    assert tried.count("127.0.0.1") >= 40
    assert 5 < tried.count("127.0.0.2") < 36


def test_a_stale_connection_gets_another_try(client: Any, stub: Any, call: Any) -> None:
    assert client.post(VIEW, json=call).status_code == 200
    right = stub.reply

    def drop_once(handler: Any) -> None:
        stub.reply = right
        handler.close_connection = True

    stub.reply = drop_once
    assert client.post(VIEW, json=call).status_code == 200
    assert len(stub.calls) == 3
    stub.reply = drop
    assert client.post(VIEW, json=call).status_code == 502
    assert len(stub.calls) == 6  # the kept connection, and two fresh ones


def test_after_a_late_call_the_next_is_not_given_its_answer(hurried: Any, stub: Any, call: Any) -> None:
    right = stub.reply

    def late(handler: Any) -> None:
        stub.reply = right
        time.sleep(1.4)
        stub.send(handler, 200, b'{"cards": "late"}')

    stub.reply = late
    assert hurried.post(VIEW, json=call).status_code == 504
    time.sleep(0.6)
    assert hurried.post(VIEW, json=call).data == b'{ "cards" : [] }'


def test_threads_get_their_own_answers(app: Any, stub: Any, call: Any) -> None:
    stub.reply = lambda handler: stub.send(
        handler, 200, json.dumps({"cards": [], "id": handler.headers["X-Request-Id"]}).encode()
    )

    def one(number: int) -> bool:
        own = f"{number:032x}"
        return bool(
            app.test_client().post(VIEW, json=call, headers={"X-Request-Id": own}).json == {"cards": [], "id": own}
        )

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(one, range(100)))


@pytest.mark.parametrize("body", [b'{"nocards":1}', b'{"cards":[', b'{"cards": [{}]', b"{}"])
def test_an_answer_without_cards_or_cut_off_is_not_passed_on(client: Any, stub: Any, call: Any, body: bytes) -> None:
    stub.reply = lambda handler: stub.send(handler, 200, body)
    assert client.post(VIEW, json=call).status_code == 502


def test_feedback_takes_the_same_way(client: Any, stub: Any, words: Any) -> None:
    stub.reply = lambda handler: stub.send(handler, 501, OUTCOME, Content_Type="application/fhir+json")
    body = b'{"feedback": [ {"card": "c", "outcome": "accepted"} ]}'
    response = client.post(VIEW + "/feedback", data=body, content_type="application/json")
    assert (response.status_code, response.data) == (501, OUTCOME)
    ((_, path, _, sent),) = stub.calls
    assert (path, sent) == (VIEW + "/feedback", body)
    assert client.post(VIEW + "/feedback", data=b"[]", content_type="application/json").status_code == 400
    assert client.post(VIEW + "/feedback", data=b"{}", content_type="text/plain").status_code == 415
    assert client.post("/cds-services/none/feedback", json={}).status_code == 404
    stub.reply = lambda handler: stub.send(handler, 200, b"")
    assert client.post(VIEW + "/feedback", json={"feedback": []}).status_code == 200


def test_calls_are_routed_by_service_id(gateway: Callable[..., Any], stub: Any, order: Any) -> None:
    other = type(stub)()
    try:
        stub.services = stub.services[:1]
        other.services = other.services[1:]
        client = gateway(upstreams={"one": stub.url + "/", "two": other.url})
        assert client.post("/cds-services/dystonia-order-select", json=order).status_code == 200
        assert (len(stub.calls), len(other.calls)) == (0, 1)
    finally:
        other.close()
