"""Pages under the public base URL: content passed on for reading, and the gateway's own."""

from collections.abc import Callable
from typing import Any

import pytest

from gateway import __version__
from gateway.settings import PRODUCTION

PAGE = "<p>Käse</p>".encode()


@pytest.fixture(autouse=True)
def content(stub: Any) -> Any:
    """The stub plays content: a page with the headers that matter and some that must not pass."""
    stub.reply = lambda handler: stub.send(
        handler, 200, PAGE, Content_Type="text/html; charset=utf-8", ETag='"v1"', Cache_Control="max-age=300",
        Vary="Accept", Content_Security_Policy="default-src 'self'", Content_Language="en", Set_Cookie="a=b",
        X_Internal="1",
    )  # fmt: skip
    return stub


@pytest.mark.parametrize(
    "path",
    [
        "/explanations", "/explanations/vitamin-b12", "/bibliography", "/explanations-assets/page.css",
        "/explanations/vitamin-b12?audience=patient", "/explanations-assets/a/b_c.1.css", "/thresholds",
        "/pages-assets/vendored/x.js?v=1",
    ],
)  # fmt: skip
def test_pages_of_content_are_passed_on(client: Any, content: Any, path: str) -> None:
    asked = {"Accept": "text/markdown", "Accept-Language": "de", "If-None-Match": '"v0"', "Authorization": "Bearer x",
             "Cookie": "a=b"}  # fmt: skip
    response = client.get(path, headers=asked)
    assert (response.status_code, response.data) == (200, PAGE)
    assert response.content_type == "text/html; charset=utf-8"
    assert response.headers["ETag"] == '"v1"'
    assert response.headers["Cache-Control"] == "max-age=300"
    assert response.headers["Content-Security-Policy"] == "default-src 'self'"
    assert response.headers["Content-Language"] == "en"
    assert set(response.vary) == {"Accept", "Origin"} | ({"Cookie"} if path == "/thresholds" else set())
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "Set-Cookie" not in response.headers
    assert "X-Internal" not in response.headers
    ((method, sent_path, headers, _),) = content.calls
    assert (method, sent_path) == ("GET", path)
    assert (headers["Accept"], headers["Accept-Language"], headers["If-None-Match"]) == ("text/markdown", "de", '"v0"')
    assert not {"Authorization", "Cookie"} & headers.keys()


def test_a_refusal_from_inside_names_the_request_by_the_id_of_the_answer(client: Any, content: Any) -> None:
    response = client.get("/explanations/vitamin-b12")
    ((_, _, headers, _),) = content.calls
    assert headers["X-Request-Id"] == response.headers["X-Request-Id"]


def test_head_is_a_page_without_its_body(client: Any) -> None:
    response = client.head("/explanations/vitamin-b12")
    assert (response.status_code, response.data, response.content_length) == (200, b"", len(PAGE))


def test_not_modified_and_not_found_are_passed_on(client: Any, content: Any) -> None:
    content.reply = lambda handler: content.send(handler, 304, b"", ETag='"v1"')
    response = client.get("/explanations", headers={"If-None-Match": '"v1"'})
    assert (response.status_code, response.data, response.headers["ETag"]) == (304, b"", '"v1"')
    content.reply = lambda handler: content.send(handler, 404, b"no such page", Content_Type="text/plain")
    assert client.get("/explanations/none").data == b"no such page"


@pytest.mark.parametrize(
    "path", ["/explanations", "/bibliography", "/explanations-assets/x.css", "/thresholds", "/pages-assets/x"]
)
@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_pages_are_for_reading_only(client: Any, content: Any, method: str, path: str) -> None:
    assert client.open(path, method=method, data=b"x").status_code == 405
    assert content.calls == []


@pytest.mark.parametrize(
    "path",
    [
        "/explanations/../snapshot", "/explanations/..", "/explanations/.", "/explanations/%2e%2e/snapshot",
        "/explanations-assets/a/../../snapshot", "/explanations/a//b", "/explanations/a%00", "/explanations/a%20b",
        "/explanations/a%3Fb", "/explanations/a%0d%0aX:1", "/explanations/", "/snapshot", "/explanations/http://x.example",
        "/explanations/a%5Cb", "/explanations/\u00e4", "/pages-assets/../snapshot", "/pages-assets/a//b",
        "/pages-assets/",
    ],
)  # fmt: skip
def test_nothing_else_of_content_can_be_reached(client: Any, content: Any, path: str) -> None:
    assert client.get(path).status_code == 404
    assert content.calls == []


@pytest.mark.parametrize("query", ["a=" + "b" * 300, "a=<b>", "a=b c", "a='", "a=\u00e4#"])
def test_odd_queries_are_refused(client: Any, content: Any, query: str) -> None:
    response = client.get("/explanations", environ_overrides={"QUERY_STRING": query.encode().decode("latin-1")})
    assert response.status_code == 400
    assert content.calls == []


def test_a_failing_content_service_is_told_and_calls_go_on(client: Any, content: Any, words: Any, call: Any) -> None:
    content.reply = lambda handler: content.send(handler, 500, b"Sentinel-1", Content_Type="text/html")
    response = client.get("/explanations")
    assert response.status_code == 502
    assert "Sentinel" not in response.text
    assert words(response)
    content.reply = lambda handler: content.send(handler, 200, b'{"cards": []}')
    assert client.post("/cds-services/dystonia-patient-view", json=call).status_code == 200


def test_content_that_is_down_does_not_make_the_gateway_unready(
    gateway: Callable[..., Any], call: Any, content: Any
) -> None:
    client = gateway(content_url="http://127.0.0.1:1")
    assert client.get("/explanations").status_code == 503
    assert client.get("/readyz").status_code == 200
    content.reply = lambda handler: content.send(handler, 200, b'{"cards": []}')
    assert client.post("/cds-services/dystonia-patient-view", json=call).status_code == 200


def test_without_screening_there_is_none_of_its_pages(gateway: Callable[..., Any]) -> None:
    for upstreams in ({"screening": "http://127.0.0.1:1"}, {"other": "http://127.0.0.1:1"}):
        client = gateway(upstreams=upstreams)
        for path in ("/thresholds", "/pages-assets/cards.css", "/studio", "/workbench/b12-low"):
            assert client.get(path).status_code == (503 if "screening" in upstreams else 404)


def test_production_has_no_front_page_but_public_reading(gateway: Callable[..., Any]) -> None:
    client = gateway(deployment=PRODUCTION, clients=())
    assert client.get("/").status_code == 404
    for path in ("/explanations", "/bibliography", "/thresholds", "/version", "/healthz", "/readyz"):
        assert client.get(path, environ_overrides={"REMOTE_ADDR": "192.0.2.1"}).status_code == 200


def test_version(client: Any) -> None:
    assert client.get("/version").json == {"component": "gateway", "version": __version__, "deployment": "try-out"}
