"""CORS: on every answer, refusals and preflights included, for the origins that we allow and for no other."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from gateway.settings import PRODUCTION

SANDBOX = "https://sandbox.cds-hooks.org"
VIEW = "/cds-services/dystonia-patient-view"
ASK = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}


@pytest.mark.parametrize("path", ["/cds-services", VIEW, VIEW + "/feedback", "/explanations/x", "/nowhere", "/", "//x"])
def test_a_preflight_is_answered_everywhere_without_a_token(gateway: Callable[..., Any], path: str) -> None:
    client = gateway(deployment=PRODUCTION, clients=())
    response = client.options(path, headers={"Origin": SANDBOX, **ASK})
    assert response.status_code == 204
    assert response.data == b""
    assert response.headers["Access-Control-Allow-Origin"] == SANDBOX
    assert response.headers["Access-Control-Allow-Methods"] == "GET, POST, OPTIONS"
    assert response.headers["Access-Control-Allow-Headers"] == "authorization, content-type"
    assert int(response.headers["Access-Control-Max-Age"]) >= 300
    assert {"Origin", "Access-Control-Request-Headers"} <= set(response.vary.as_set(preserve_casing=True))


def test_a_preflight_grants_more_headers_only_from_a_fixed_list(client: Any) -> None:
    asked = "If-None-Match, X-Request-Id, x-evil, authorization"
    response = client.options(VIEW, headers={"Origin": SANDBOX, "Access-Control-Request-Headers": asked})
    allowed = response.headers["Access-Control-Allow-Headers"]
    assert allowed == "authorization, content-type, if-none-match, x-request-id"


def test_a_foreign_origin_gets_no_cors_header_and_no_error(client: Any, call: Any) -> None:
    for response in (
        client.options(VIEW, headers={"Origin": "https://evil.example", **ASK}),
        client.post(VIEW, json=call, headers={"Origin": "https://evil.example"}),
        client.post(VIEW, json=call),
    ):
        assert response.status_code in (200, 204)
        assert not any(name.startswith("Access-Control") for name, _ in response.headers)
        assert "Origin" in response.vary


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        (SANDBOX, True), ("http://localhost:9001", True), ("http://127.0.0.1:9001", True), ("http://[::1]:9001", True),
        ("http://localhost", True), ("https://localhost:1", True), ("null", False), ("http://localhost:x", False),
        ("http://localhost.evil.example", False), ("http://localhost:1/", False), ("http://a@localhost", False),
        ("http://evil.example#localhost", False), ("ftp://localhost", False), ("http://192.0.2.1", False),
        ("http://sandbox.cds-hooks.org", False), (SANDBOX + ".evil.example", False), ("http://[::1", False),
    ],
)  # fmt: skip
def test_origins_of_a_try_out(client: Any, origin: str, allowed: bool) -> None:
    response = client.get("/cds-services", headers={"Origin": origin})
    assert response.headers.get("Access-Control-Allow-Origin") == (origin if allowed else None)


def test_production_allows_only_the_origins_of_its_settings(gateway: Callable[..., Any]) -> None:
    client = gateway(deployment=PRODUCTION, clients=(), origins=frozenset({"https://ehr.example"}))
    for origin, granted in (
        ("https://ehr.example", "https://ehr.example"),
        ("http://localhost:1", None),
        (SANDBOX, None),
    ):
        assert client.get("/version", headers={"Origin": origin}).headers.get("Access-Control-Allow-Origin") == granted


def drop(handler: Any) -> None:
    handler.close_connection = True


@pytest.mark.parametrize(
    ("status", "request_of", "reply"),
    [
        (400, {"data": b"{}"}, None),
        (401, {"headers": {"Authorization": "Bearer x"}}, None),
        (403, {"environ_overrides": {"REMOTE_ADDR": "192.0.2.1"}}, None),
        (404, {"path": "/nowhere"}, None),
        (404, {"path": "/cds-services/none"}, None),
        (404, {"path": "/cds-services/"}, None),
        (405, {"method": "GET"}, None),
        (405, {"path": "/cds-services"}, None),
        (405, {"method": "DELETE"}, None),
        (413, {"data": b" " * 300_000}, None),
        (415, {"content_type": "text/plain"}, None),
        (502, {}, drop),
        (504, {}, lambda handler: time.sleep(1.5)),
    ],
)
def test_every_refusal_carries_cors_and_an_outcome(
    hurried: Any, call: Any, stub: Any, words: Any, status: int, request_of: dict[str, Any], reply: Any
) -> None:
    stub.reply = reply or stub.reply
    right: dict[str, Any] = {
        "path": VIEW,
        "method": "POST",
        "data": json.dumps(call),
        "content_type": "application/json",
    }
    asked = right | request_of
    asked["headers"] = {"Origin": SANDBOX, **asked.get("headers", {})}
    response = hurried.open(**asked)
    assert response.status_code == status
    assert response.headers["Access-Control-Allow-Origin"] == SANDBOX
    assert "WWW-Authenticate" in response.headers["Access-Control-Expose-Headers"]
    assert response.headers["Cache-Control"] == "no-store"
    assert words(response)
    assert ("Allow" in response.headers) == (status == 405)


def test_an_unforeseen_failure_carries_them_too(
    app: Any, call: Any, words: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any) -> None:
        raise ZeroDivisionError("Sentinel-1")

    monkeypatch.setattr("gateway.messages.check_call", fail)
    response = app.test_client().post(VIEW, json=call, headers={"Origin": SANDBOX})
    assert response.status_code == 500
    assert response.headers["Access-Control-Allow-Origin"] == SANDBOX
    assert "Sentinel" not in response.text
    assert "failed on this request" in words(response)


def test_a_gateway_without_discovery_carries_them_too(gateway: Callable[..., Any], call: Any, words: Any) -> None:
    client = gateway(upstreams={"screening": "http://127.0.0.1:1"})
    for response in (
        client.get("/cds-services", headers={"Origin": SANDBOX}),
        client.post(VIEW, json=call, headers={"Origin": SANDBOX}),
    ):
        assert response.status_code == 503
        assert response.headers["Access-Control-Allow-Origin"] == SANDBOX
        assert words(response)
