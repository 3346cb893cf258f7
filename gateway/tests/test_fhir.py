"""The published rules, passed on for reading."""

from collections.abc import Callable
from typing import Any

import pytest

from gateway.settings import PRODUCTION

BODY = b'{"resourceType":"Bundle"}'
FHIR = "application/fhir+json"


@pytest.fixture(autouse=True)
def screening(stub: Any) -> Any:
    """The stub plays screening: a Bundle with the headers that matter."""
    stub.reply = lambda handler: stub.send(
        handler, 200, BODY, Content_Type=FHIR, ETag='"v1"', Cache_Control="public, max-age=300", Vary="Accept, Prefer"
    )
    return stub


@pytest.mark.parametrize(
    "path",
    [
        "/fhir", "/fhir/", "/fhir/metadata", "/fhir/ValueSet", "/fhir/PlanDefinition/ord-n2o",
        "/fhir/ValueSet?url=https://dystonia-cds.example/fhir/ValueSet/d-gen|1.1&_count=5&_offset=10",
        "/fhir/ValueSet?url=https://dystonia-cds.example/fhir/ValueSet/d-gen&status=draft,active",
        "/fhir/ValueSet?url=https%3A%2F%2Fdystonia-cds.example%2Ffhir%2FValueSet%2Fd-gen",
        "/fhir/CodeSystem?status=http://hl7.org/fhir/publication-status|draft&name:contains=top",
        "/fhir/ValueSet?_id=" + ",".join(["d-gen"] * 100),
    ],
)  # fmt: skip
def test_reading_and_searching_are_passed_on(client: Any, screening: Any, path: str) -> None:
    asked = {"Accept": FHIR, "Prefer": "handling=strict", "If-None-Match": '"v0"', "Authorization": "Bearer x"}
    response = client.get(path, headers=asked)
    assert (response.status_code, response.data, response.content_type) == (200, BODY, FHIR)
    assert (response.headers["ETag"], response.headers["Cache-Control"]) == ('"v1"', "public, max-age=300")
    assert set(response.vary) == {"Accept", "Prefer", "Origin"}
    ((method, sent_path, headers, _),) = screening.calls
    assert method == "GET"
    assert sent_path.replace("%7C", "|") == path
    assert (headers["Accept"], headers["Prefer"], headers["If-None-Match"]) == (FHIR, "handling=strict", '"v0"')
    assert "Authorization" not in headers


def test_head_is_the_answer_without_its_body(client: Any) -> None:
    response = client.head("/fhir/metadata")
    assert (response.status_code, response.data, response.content_length) == (200, b"", len(BODY))


@pytest.mark.parametrize("status", [304, 400, 404, 406])
def test_refusals_are_passed_on(client: Any, screening: Any, status: int) -> None:
    screening.reply = lambda handler: screening.send(handler, status, b"" if status == 304 else BODY, Content_Type=FHIR)
    response = client.get("/fhir/ValueSet")
    assert response.status_code == status
    assert status == 304 or response.data == BODY


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_it_is_for_reading_only(client: Any, screening: Any, words: Any, method: str) -> None:
    response = client.open("/fhir/ValueSet/d-gen", method=method, data=b"{}")
    assert response.status_code == 405
    assert words(response)
    assert screening.calls == []


@pytest.mark.parametrize(
    "path",
    ["/fhir//", "/fhirs", "/fhir/../cds-services", "/fhir/%2e%2e/cds-services", "/fhir/ValueSet//d-gen", "/fhir/a%20b"],
)
def test_nothing_else_of_screening_can_be_reached(client: Any, screening: Any, path: str) -> None:
    assert client.get(path).status_code == 404
    assert screening.calls == []


@pytest.mark.parametrize("query", ["url=<b>", "name=a b", "url=" + "a" * 1000, "name='"])
def test_odd_searches_are_refused(client: Any, screening: Any, query: str) -> None:
    response = client.get("/fhir/ValueSet", environ_overrides={"QUERY_STRING": query})
    assert response.status_code == 400
    assert screening.calls == []


def test_it_is_public_and_other_origins_may_read_it(gateway: Callable[..., Any]) -> None:
    client = gateway(deployment=PRODUCTION, clients=(), origins=("https://site.example",))
    response = client.get(
        "/fhir/metadata", headers={"Origin": "https://site.example"}, environ_overrides={"REMOTE_ADDR": "192.0.2.1"}
    )
    assert response.status_code == 200
    assert response.headers["Access-Control-Allow-Origin"] == "https://site.example"


def test_without_a_screening_service_there_is_nothing(gateway: Callable[..., Any], stub: Any) -> None:
    client = gateway(upstreams={"other": stub.url})
    assert client.get("/fhir/metadata").status_code == 404
