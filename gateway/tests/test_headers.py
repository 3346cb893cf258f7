"""Headers of every answer: refusals, pages of ours, pages of others, preflights."""

from collections.abc import Callable
from typing import Any

import pytest

from gateway.settings import PRODUCTION

VIEW = "/cds-services/dystonia-patient-view"
STRICT = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"), ("GET", "/cds-services"), ("GET", "/none"), ("GET", VIEW), ("POST", VIEW), ("OPTIONS", VIEW),
        ("GET", "/version"), ("GET", "/healthz"), ("GET", "/openapi.json"), ("GET", "/thresholds"), ("GET", "/fhir"),
    ],
)  # fmt: skip
def test_every_answer_may_load_nothing_and_be_framed_by_nobody(client: Any, method: str, path: str) -> None:
    headers = client.open(path, method=method).headers
    assert headers["Content-Security-Policy"] == STRICT
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]
    assert "Strict-Transport-Security" not in headers
    assert "Server" not in headers


def test_a_page_of_another_service_keeps_its_own(client: Any, stub: Any) -> None:
    own = "default-src 'none'; style-src 'self'"
    stub.reply = lambda handler: stub.send(
        handler, 200, b"<p>", Content_Type="text/html", Content_Security_Policy=own, Cache_Control="max-age=300",
        Referrer_Policy="origin", X_Content_Type_Options="sniff", Strict_Transport_Security="max-age=0",
    )  # fmt: skip
    headers = client.get("/explanations").headers
    assert headers.getlist("Content-Security-Policy") == [own]
    assert headers.getlist("Cache-Control") == ["max-age=300"]
    assert headers.getlist("Referrer-Policy") == ["origin"]
    assert headers.getlist("X-Content-Type-Options") == ["nosniff"]
    assert "Strict-Transport-Security" not in headers


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"deployment": PRODUCTION, "public_url": "https://cds.example"}, True),
        ({"deployment": PRODUCTION, "public_url": "http://localhost:8080"}, False),
        ({"public_url": "https://localhost:8443"}, False),
    ],
)
def test_browsers_are_told_to_use_https_where_it_is(
    gateway: Callable[..., Any], changes: dict[str, Any], told: bool
) -> None:
    client = gateway(**changes)
    for path in ("/version", "/none", VIEW):
        said = client.get(path).headers.get("Strict-Transport-Security", "")
        assert said == ("max-age=31536000" if told else "")
