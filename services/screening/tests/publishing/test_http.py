"""GET /fhir: reading, searching, and what is refused."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from chassis.testing import KEYS, signed
from screening.app import create_app
from screening.settings import Settings

BASE = "https://dystonia-cds.example/fhir"
HERE = "http://localhost:8080"
FHIR = "application/fhir+json"


@pytest.fixture(scope="module")
def client() -> FlaskClient:
    return signed(create_app(Settings(identity_key=b"k" * 32, internal_keys=KEYS))).test_client()


def ids(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [e["resource"]["id"] for e in answer.json.get("entry", ()) if e["search"]["mode"] == "match"]


def words(answer: Any, status: int) -> str:
    assert answer.status_code == status, answer.text
    assert answer.mimetype == FHIR
    (issue,) = answer.json["issue"]
    assert (answer.json["resourceType"], issue["severity"]) == ("OperationOutcome", "error")
    told: str = issue["details"]["text"]
    return told


@pytest.mark.parametrize("kind", ["ValueSet", "CodeSystem", "PlanDefinition", "Library", "StructureDefinition"])
def test_all_of_a_kind_and_each_by_itself(client: FlaskClient, kind: str) -> None:
    answer = client.get(f"/fhir/{kind}")
    assert (answer.content_type, answer.json["resourceType"], answer.json["type"]) == (FHIR, "Bundle", "searchset")
    assert answer.json["link"] == [{"relation": "self", "url": f"{HERE}/fhir/{kind}"}]
    assert answer.json["total"] == len(answer.json["entry"]) == len(ids(answer)) > 2
    for entry in answer.json["entry"]:
        assert entry["fullUrl"] == f"{HERE}/fhir/{kind}/{entry['resource']['id']}"
        assert client.get(f"/fhir/{kind}/{entry['resource']['id']}").json == entry["resource"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        (f"url={BASE}/ValueSet/d-gen", ["d-gen"]),
        (f"url={BASE}/ValueSet/d-gen,{BASE}/ValueSet/d-drug", ["d-drug", "d-gen"]),
        (f"url={BASE}/ValueSet/d", []),
        ("_id=d-gen", ["d-gen"]),
        ("_id=d-gen&_id=d-drug", []),
        ("name=d_gen", ["d-gen", "d-gen-specified"]),
        ("name:exact=D_GEN", ["d-gen"]),
        ("name:exact=d_gen", []),
        ("name:contains=WEAK_ACID", ["b12-weak-acid"]),
        ("_id=d-gen&status=draft", ["d-gen"]),
        ("_id=d-gen&status=http://hl7.org/fhir/publication-status|draft", ["d-gen"]),
        ("_id=d-gen&status=active", []),
        ("_id=d-gen&version=0", []),
        ("_id=d-gen&_format=json", ["d-gen"]),
        ("title=nitrous", ["b12-n2o"]),
        ("_id=", None),
    ],
)
def test_search(client: FlaskClient, query: str, found: list[str] | None) -> None:
    answer = client.get(f"/fhir/ValueSet?{query}")
    assert answer.json["total"] == len(ids(answer))
    if found is None:
        assert answer.json["total"] > 100
    else:
        assert set(found) <= set(ids(answer))
        assert found or not ids(answer)
        if "title" not in query and not query.startswith("name=") and ":contains" not in query:
            assert ids(answer) == found


def test_the_self_link_says_what_was_used(client: FlaskClient) -> None:
    answer = client.get("/fhir/ValueSet?name:contains=GEN&_count=5&_id=d-gen,x&_format=json")
    assert answer.json["link"][0]["url"] == f"{HERE}/fhir/ValueSet?name:contains=GEN&_id=d-gen,x&_count=5"


def test_pages_lead_from_one_to_the_next(client: FlaskClient) -> None:
    everything = ids(client.get("/fhir/ValueSet?status=draft"))
    told, address = [], f"{HERE}/fhir/ValueSet?status=draft&_count=50"
    while address:
        answer = client.get(address.removeprefix(HERE))
        page = ids(answer)
        assert len(page) == min(50, len(everything) - len(told))
        assert answer.json["total"] == len(everything)
        told += page
        links = {link["relation"]: link["url"] for link in answer.json["link"]}
        assert links.pop("self") == address
        address = links.pop("next", "")
        assert not links
    assert told == everything
    assert len(told) > 100


@pytest.mark.parametrize(
    ("query", "count", "relations"),
    [
        ("_count=1000", None, ["self"]),
        ("_count=", None, ["self"]),
        ("_count=1", 1, ["self", "next"]),
        ("_count=1&_offset=999999", 0, ["self"]),
        ("_count=0", 0, ["self"]),
        ("_count=0&jurisdiction=de", 0, ["self"]),
    ],
)
def test_the_edges_of_pages(client: FlaskClient, query: str, count: int | None, relations: list[str]) -> None:
    answer = client.get(f"/fhir/ValueSet?{query}", headers={"Prefer": "handling=lenient"})
    assert answer.json["total"] > 100
    assert len(ids(answer)) == (answer.json["total"] if count is None else count)
    assert [link["relation"] for link in answer.json["link"]] == relations
    if "_count=0" in query:
        assert "entry" not in answer.json


@pytest.mark.parametrize(
    "query", ["_count=-1", "_count=x", "_count=1.5", "_offset=-1", "_count=9999999", "_count=%D9%A1"]
)
def test_a_page_that_is_no_number_is_refused(client: FlaskClient, query: str) -> None:
    assert "whole number" in words(client.get(f"/fhir/ValueSet?{query}"), 400)


def test_a_canonical_with_its_version_finds_that_version(client: FlaskClient) -> None:
    version = client.get("/fhir/ValueSet/d-gen").json["version"]
    for url, found in ((f"{BASE}/ValueSet/d-gen|{version}", ["d-gen"]), (f"{BASE}/ValueSet/d-gen|0", [])):
        answer = client.get("/fhir/ValueSet", query_string={"url": url})
        assert ids(answer) == found
        assert ids(client.get(answer.json["link"][0]["url"].removeprefix(HERE))) == found


@pytest.mark.parametrize("path", ["/fhir", "/fhir/"])
def test_the_base_address_says_what_there_is(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer.json) == (200, client.get("/fhir/metadata").json)
    words(client.post(path, json={}), 405)


def test_unknown_parameters_are_left_aside_and_named(client: FlaskClient) -> None:
    answer = client.get("/fhir/ValueSet", query_string={"_id": "d-gen", "jurisdiction": "de", "<b>": "1"})
    assert ids(answer) == ["d-gen"]
    assert answer.json["total"] == 1
    outcome = answer.json["entry"][-1]
    assert outcome["search"]["mode"] == "outcome"
    told = outcome["resource"]["issue"][0]
    assert told["severity"] == "warning"
    assert "jurisdiction" in told["details"]["text"]
    assert "<b>" not in answer.text


def test_a_strict_client_is_told_of_unknown_parameters(client: FlaskClient) -> None:
    strict = {"Prefer": "handling=strict"}
    assert "jurisdiction" in words(client.get("/fhir/ValueSet?jurisdiction=de", headers=strict), 400)
    assert ids(client.get("/fhir/ValueSet?_id=d-gen", headers=strict)) == ["d-gen"]


@pytest.mark.parametrize("query", ["url:below=x", "_id:not=x", "name:missing=true", "status:in=x"])
def test_modifiers_that_are_not_supported_are_refused(client: FlaskClient, query: str) -> None:
    words(client.get(f"/fhir/ValueSet?{query}"), 400)


def test_what_is_known_is_not_sent_again(client: FlaskClient) -> None:
    for path in ("/fhir/metadata", "/fhir/ValueSet", "/fhir/ValueSet/d-gen"):
        first = client.get(path)
        assert first.headers["Cache-Control"] == "public, max-age=300"
        again = client.get(path, headers={"If-None-Match": first.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b"")
        assert client.get(path, headers={"If-None-Match": '"other"'}).status_code == 200
        head = client.head(path)
        assert (head.status_code, head.data, head.headers["ETag"]) == (200, b"", first.headers["ETag"])
        assert head.content_length == len(first.data)


@pytest.mark.parametrize(
    "accept",
    [
        "application/fhir+json", "application/json", "*/*", "text/html,application/xhtml+xml,*/*;q=0.8",
        "application/fhir+json; fhirVersion=4.0", "application/fhir+json; fhirVersion=4.0.1",
        "application/fhir+xml, application/fhir+json;q=0.5", "application/*",
    ],
)  # fmt: skip
def test_json_is_what_there_is(client: FlaskClient, accept: str) -> None:
    assert client.get("/fhir/ValueSet/d-gen", headers={"Accept": accept}).status_code == 200


@pytest.mark.parametrize(
    "accept",
    ["application/fhir+xml", "text/html", "application/fhir+json; fhirVersion=5.0", "application/fhir+json;q=0"],
)
def test_other_formats_are_refused(client: FlaskClient, accept: str) -> None:
    for path in ("/fhir/metadata", "/fhir/ValueSet", "/fhir/ValueSet/d-gen"):
        assert "4.0.1" in words(client.get(path, headers={"Accept": accept}), 406)


def test_the_format_parameter_outranks_the_header(client: FlaskClient) -> None:
    xml = {"Accept": "application/fhir+xml"}
    assert client.get("/fhir/ValueSet?_id=d-gen&_format=application/fhir%2Bjson", headers=xml).status_code == 200
    assert client.get("/fhir/ValueSet?_id=d-gen&_format=application/fhir+json", headers=xml).status_code == 200
    words(client.get("/fhir/ValueSet?_format=xml"), 406)


@pytest.mark.parametrize(
    "path", ["/fhir/Patient", "/fhir/ValueSet/none", "/fhir/Patient/1", "/fhir/ValueSet/d-gen/more"]
)
def test_what_is_not_published_is_not_found(client: FlaskClient, path: str) -> None:
    words(client.get(path), 404)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", ["/fhir/ValueSet", "/fhir/ValueSet/d-gen", "/fhir/metadata"])
def test_it_is_for_reading_only(client: FlaskClient, method: str, path: str) -> None:
    answer = client.open(path, method=method, json={"resourceType": "ValueSet"})
    words(answer, 405)
    assert "GET" in answer.headers["Allow"]


def test_the_capability_statement_says_what_can_be_done(client: FlaskClient) -> None:
    told = client.get("/fhir/metadata").json
    assert (told["resourceType"], told["fhirVersion"], told["kind"]) == ("CapabilityStatement", "4.0.1", "instance")
    (rest,) = told["rest"]
    for resource in rest["resource"]:
        assert {one["code"] for one in resource["interaction"]} == {"read", "search-type"}
        for parameter in resource["searchParam"]:
            answer = client.get(f"/fhir/{resource['type']}", query_string={parameter["name"]: "zzz"})
            assert ids(answer) == []
            assert "entry" not in answer.json
