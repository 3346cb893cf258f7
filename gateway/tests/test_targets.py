"""Addresses: one spelling each, and in try-out only for a browser that knows whom it talks to."""

from collections.abc import Callable
from typing import Any

import pytest

from gateway import listening
from gateway.settings import PRODUCTION

VIEW = "/cds-services/dystonia-patient-view"
EVIL = "evil.example"


@pytest.mark.parametrize(
    "path",
    [
        "/cds-services%2Fdystonia-patient-view", VIEW + "%2Ffeedback", VIEW + "%2ffeedback", "/cds%2Dservices/x",
        "/cds-services/dystonia%2Dpatient-view", VIEW + "%00", VIEW + "%20", "/cds-services/%2e%2e/cds-services",
        VIEW + "/", "/cds-services/", "/cds-services//dystonia-patient-view", VIEW + "//feedback",
        VIEW + "/feedback/", VIEW + "/feedback/x", "/cds-services/../cds-services", "/CDS-Services",
        "/cds-service",
        "/cds-services;x=1", "/cds-services\\x",
    ],
)  # fmt: skip
def test_an_address_has_one_spelling(client: Any, call: Any, words: Any, stub: Any, path: str) -> None:
    origin = "https://sandbox.cds-hooks.org"
    for response in (
        client.get(path, headers={"Origin": origin}),
        client.post(path, json=call, headers={"Origin": origin}),
    ):
        assert response.status_code == 404
        assert words(response)
        assert response.headers["Access-Control-Allow-Origin"] == origin
    assert stub.calls == []


@pytest.mark.parametrize(("path", "said"), [(VIEW + "/", "slash"), (VIEW + "%2Ffeedback", "percent")])
def test_what_is_wrong_with_an_address_is_said(client: Any, call: Any, words: Any, path: str, said: str) -> None:
    assert said in words(client.post(path, json=call))


def test_slashes_at_the_beginning_are_seen_as_well(client: Any, call: Any, words: Any, stub: Any) -> None:
    for path in ("//cds-services", "/" + VIEW, "//", "//evil.example/cds-services"):
        environ = {"RAW_URI": path, "PATH_INFO": path}
        for response in (client.get("/x", environ_overrides=environ), client.post("/x", environ_overrides=environ)):
            assert response.status_code == 404
            assert "slash" in words(response)
    assert stub.calls == []


def test_a_query_changes_nothing_and_goes_nowhere(client: Any, call: Any, stub: Any) -> None:
    for query in ("?", "?a=b", "?access_token=x%2F..", "?" + "x" * 3_000):
        assert client.post(VIEW + query, json=call).status_code == 200
        assert client.get("/cds-services" + query).status_code == 200
    assert {path for _, path, _, _ in stub.calls} == {VIEW}


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", VIEW, {"POST", "OPTIONS"}), ("PUT", VIEW, {"POST", "OPTIONS"}), ("DELETE", VIEW, {"POST", "OPTIONS"}),
        ("PATCH", VIEW, {"POST", "OPTIONS"}), ("TRACE", VIEW, {"POST", "OPTIONS"}), ("HEAD", VIEW, {"POST", "OPTIONS"}),
        ("POST", "/cds-services", {"GET", "HEAD", "OPTIONS"}), ("DELETE", "/cds-services", {"GET", "HEAD", "OPTIONS"}),
        ("GET", VIEW + "/feedback", {"POST", "OPTIONS"}), ("FOO", VIEW, {"POST", "OPTIONS"}),
    ],
)  # fmt: skip
def test_other_methods_are_told_which_are_allowed(
    client: Any, words: Any, stub: Any, method: str, path: str, allowed: set[str]
) -> None:
    response = client.open(path, method=method, data=b"{}", content_type="application/json")
    assert response.status_code == 405
    assert set(response.headers["Allow"].split(", ")) == allowed
    if method != "HEAD":
        assert words(response)
    assert stub.calls == []


@pytest.mark.parametrize(
    "host", ["localhost", "LocalHost:8080", "127.0.0.1", "127.0.0.1:1", "[::1]:8080", "[::1]", "my.example"]
)
def test_a_try_out_answers_to_its_own_names(gateway: Callable[..., Any], call: Any, host: str) -> None:
    client = gateway(public_url="http://my.example:8080")
    assert client.post(VIEW, json=call, headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host", [EVIL, f"{EVIL}:8080", f"localhost.{EVIL}", "localhost.", "127.0.0.1.nip.example", "", "[::2]", "0",
             f"localhost@{EVIL}", "127.0.0.2"]
)  # fmt: skip
def test_a_try_out_answers_to_no_other_name(client: Any, call: Any, words: Any, stub: Any, host: str) -> None:
    for response in (
        client.post(VIEW, json=call, environ_overrides={"HTTP_HOST": host}),
        client.get("/cds-services", environ_overrides={"HTTP_HOST": host}),
        client.get("/", environ_overrides={"HTTP_HOST": host}),
        client.get("/healthz", headers={"X-Forwarded-Host": "localhost"}, environ_overrides={"HTTP_HOST": host}),
        client.options(VIEW, headers={"Origin": f"http://{EVIL}"}, environ_overrides={"HTTP_HOST": host}),
    ):
        assert response.status_code == 403
        said = words(response)
        assert "Host" in said
        assert EVIL not in said
    assert stub.calls == []


def test_in_production_the_name_is_the_edges_matter(gateway: Callable[..., Any]) -> None:
    client = gateway(deployment=PRODUCTION, clients=())
    for target, host, status in (
        ("/version", "cds.example", 200), ("http://p/version", "p", 200), ("http:///version", "", 400),
        ("http://p", "p", 200), ("http://p//version", "p", 404), ("http://p/version?a=/%2F//", "p", 200),
    ):  # fmt: skip
        environ = {"RAW_URI": target, "HTTP_HOST": host}
        assert client.get("/version", environ_overrides=environ).status_code == status


def test_an_absolute_address_must_name_the_same_host(client: Any, words: Any) -> None:
    for target, host, status in (
        ("http://localhost:1/version", "localhost:1", 200), ("http://LOCALHOST/version", "localhost", 200),
        (f"http://{EVIL}/version", "localhost", 400), (f"http://{EVIL}/version", EVIL, 403),
        ("http://localhost/cds-services%2Fx", "localhost", 404), ("*", "localhost", 400),
    ):  # fmt: skip
        environ = {"RAW_URI": target, "HTTP_HOST": host}
        response = client.get("/version", environ_overrides=environ)
        assert response.status_code == status
        assert status == 200 or words(response)


@pytest.mark.parametrize(
    ("bind", "here"),
    [
        ("127.0.0.1:8080", True), ("127.0.0.1", True), ("127.0.0.1:8080,[::1]:8080", True),
        (" localhost:1 , [::1] ", True),
        ("unix:/run/cds.sock", True), ("tcp://127.0.0.1:1", True), ("127.9.9.9:1", True), ("", True),
        ("0.0.0.0:8080", False), ("[::]:8080", False), (":8080", False), ("192.0.2.1:8080", False), ("8080", False),
        ("127.0.0.1:8080,0.0.0.0:8081", False), ("127.0.0.1:8080,", False), ("fd://3", False), ("cds.example:1", False),
        ("localhost.example:1", False), ("::", False), ("::1", False),
        ("[::ffff:0.0.0.0]:1", False), ("127.1:1", False),
    ],
)  # fmt: skip
def test_where_a_try_out_listens(bind: str, here: bool) -> None:
    assert (listening.fault(bind, "") == "") == here


@pytest.mark.parametrize(
    ("arguments", "fits"),
    [
        ("", True),
        ("--workers 2", True),
        ("-b 0.0.0.0:1", False),
        ("--threads 2 --bind=0.0.0.0", False),
        ("-b0:1", False),
    ],
)
def test_gunicorns_own_arguments_cannot_move_a_try_out(arguments: str, fits: bool) -> None:
    assert (listening.fault("127.0.0.1:1", arguments) == "") == fits
