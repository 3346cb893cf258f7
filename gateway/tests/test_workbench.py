"""The workbench through the gateway: in a try-out, for this machine, and with something in its place."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from gateway.limits import Limits
from gateway.settings import PRODUCTION

PAGE = "<p>Käse</p>".encode()
CASE = "/workbench/b12-low"
TIMELINE = "/workbench/timeline"
RUNS = "default-src 'none'; script-src 'self'"
ELSEWHERE = {"REMOTE_ADDR": "192.0.2.7"}
JSON = {"Content-Type": "application/json"}


@pytest.fixture(autouse=True)
def screening(stub: Any) -> Any:
    """The stub plays screening."""
    stub.reply = lambda handler: stub.send(
        handler, 200, PAGE, Content_Type="text/html; charset=utf-8", Content_Security_Policy=RUNS
    )
    return stub


@pytest.mark.parametrize("path", ["/", CASE, CASE + "?hook=order-select", "/workbench/cases.json", CASE + "/x.json"])
def test_this_machine_sees_it_and_nobody_else(client: Any, screening: Any, path: str) -> None:
    refused = client.get(path, environ_base=ELSEWHERE)
    assert (refused.status_code, screening.calls) == (403, [])
    answer = client.get(path, headers={"Cookie": "a=b"})
    assert (answer.status_code, answer.data, answer.headers["Content-Security-Policy"]) == (200, PAGE, RUNS)
    ((method, asked, headers, _),) = screening.calls
    assert (method, asked) == ("GET", path)
    assert "Cookie" not in headers


def test_in_production_there_is_none(gateway: Callable[..., Any], screening: Any) -> None:
    client = gateway(deployment=PRODUCTION, clients=())
    assert [client.get(path).status_code for path in ("/", CASE)] == [404, 404]
    assert client.post(TIMELINE, json={}).status_code == 404
    assert screening.calls == []


@pytest.mark.parametrize("path", ["/workbench/", "/workbench/..", "/workbench/a//b", "/workbench/a%2fb", "/workbench"])
def test_nothing_else_is_reached(client: Any, screening: Any, path: str) -> None:
    assert client.get(path).status_code == 404
    assert screening.calls == []


@pytest.mark.parametrize("status", [404, 500, 503])
def test_a_plain_page_stands_in_while_there_is_no_workbench(client: Any, screening: Any, status: int) -> None:
    screening.reply = lambda handler: screening.send(handler, status, b"Sentinel-1", Content_Type="text/html")
    answer = client.get("/")
    assert answer.status_code == 200
    assert "synthetic patients" in answer.text
    assert 'href="cds-services"' in answer.text
    assert "Sentinel" not in answer.text
    assert client.get("/", environ_base=ELSEWHERE).status_code == 403
    assert client.get(CASE).status_code == (404 if status == 404 else 502)


def test_the_plain_page_quotes_nothing_unescaped(gateway: Callable[..., Any]) -> None:
    client = gateway(upstreams={"screening": "http://127.0.0.1:1"}, public_url="http://localhost:1234/<b>")
    assert "http://localhost:1234/&lt;b&gt;/cds-services" in client.get("/").text


def test_a_call_to_be_drawn_is_passed_on_as_it_is(client: Any, screening: Any, call: Any) -> None:
    body = json.dumps(call, indent=1).encode()
    assert client.post(TIMELINE, data=body, headers=JSON).data == PAGE
    ((method, path, headers, sent),) = screening.calls
    assert (method, path, sent, headers["Content-Type"]) == ("POST", TIMELINE, body, "application/json")


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{}", "text/plain", 415), (b"", "application/json", 400), (b"[]", "application/json", 400),
        (b'{"a":1,"a":2}', "application/json", 400), (b"\xff", "application/json", 400),
        (b'{"a":"' + b"x" * 200_000 + b'"}', "application/json", 413),
        (b'{"a":[' + b"{}," * 60 + b"{}]}", "application/json", 413),
        (b'{"prefetch":{"a":1,"b":2,"c":3,"d":4}}', "application/json", 413),
        (b'{"prefetch":{"a":{"entry":[{},{},{},{},{},{}]}}}', "application/json", 413),
    ],
)  # fmt: skip
def test_a_body_that_is_none_goes_no_further(
    gateway: Callable[..., Any], screening: Any, body: bytes, kind: str, status: int
) -> None:
    client = gateway(limits=Limits(containers=50, prefetch_keys=3, bundle_entries=5))
    assert client.post(TIMELINE, data=body, headers={"Content-Type": kind}).status_code == status
    assert client.post(TIMELINE, json={}, environ_base=ELSEWHERE).status_code == 403
    assert screening.calls == []
