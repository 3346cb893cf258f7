"""The OpenAPI document: valid, complete, and true to the routes and to the contract's schemas."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from gateway import openapi
from gateway.discovery import Catalog, Directory
from gateway.limits import Limits
from gateway.settings import PRODUCTION

ROOT = Path(__file__).parents[2]
HERE = ROOT / "gateway" / "src" / "gateway" / "schemas"
CONTRACT = ROOT / "contract-tests" / "schemas"
VIEW = "/cds-services/dystonia-patient-view"
SELECT = "/cds-services/dystonia-order-select"


@pytest.fixture
def document(client: Any) -> Any:
    response = client.get("/openapi.json")
    assert (response.status_code, response.content_type) == (200, "application/json")
    return response.json


def validator(document: Any, schema: Any) -> Draft202012Validator:
    return Draft202012Validator({**schema, "components": document["components"]})


def body_of(document: Any, path: str) -> Draft202012Validator:
    return validator(document, document["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"])


def test_the_document_is_valid_openapi(document: Any, gateway: Callable[..., Any]) -> None:
    OpenAPIV31SpecValidator(document).validate()
    OpenAPIV31SpecValidator(gateway(deployment=PRODUCTION, clients=()).get("/openapi.json").json).validate()
    for schema in document["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


def test_every_reference_leads_somewhere_and_every_component_is_used(document: Any) -> None:
    text = json.dumps(document)
    used = set(re.findall(r'"#/components/([^"]+)"', text))
    there = {f"{kind}/{name}" for kind in ("schemas", "responses", "headers") for name in document["components"][kind]}
    assert used == there


@pytest.mark.parametrize("deployment", ["try-out", PRODUCTION])
def test_each_public_route_is_in_the_document_and_the_other_way_round(
    gateway: Callable[..., Any], deployment: str
) -> None:
    client = gateway(deployment=deployment)
    app: Flask = client.application
    described = gateway().get("/openapi.json").json if deployment == "try-out" else client.get("/openapi.json").json
    routes = {
        (method.lower(), re.sub(r"<(?:path:)?(\w+)>", r"{\1}", rule.rule))
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    paths = {
        (method, re.sub(r"^/cds-services/[^/]+", "/cds-services/{service_id}", path))
        for path, item in described["paths"].items()
        for method in item
    }
    assert paths == routes


def test_each_service_has_its_own_path_with_its_hook_and_prefetch(document: Any) -> None:
    view = document["paths"][VIEW]["post"]
    properties = view["requestBody"]["content"]["application/json"]["schema"]["properties"]
    assert properties["hook"] == {"const": "patient-view"}
    assert properties["prefetch"]["properties"] == {"patient": {"description": "Patient/{{context.patientId}}"}}
    assert (view["summary"], view["description"]) == ("Dystonia", "Screens")
    assert document["paths"][SELECT]["post"]["summary"] == "dystonia-order-select"
    names = [operation["operationId"] for item in document["paths"].values() for operation in item.values()]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("changes", "right"),
    [
        ({}, True), ({"prefetch": None}, True), ({"fhirServer": None, "fhirAuthorization": None}, True),
        ({"x": 1}, True), ({"extension": {"a": 1}}, True),
        ({"fhirServer": "https://ehr.example/fhir", "fhirAuthorization": {}}, True), ({"prefetch": []}, False),
        ({"hook": "order-sign"}, False), ({"hookInstance": "1"}, False), ({"context": {}}, False),
        ({"fhirAuthorization": {}}, False), ({"fhirServer": "ftp://x"}, False),
        ({"context": {"patientId": ".."}}, False),
        ({"context": {"patientId": "a/b"}}, False), ({"context": {"patientId": "a", "userId": "x"}}, False),
        ({"context": {"patientId": "a" * 201}}, False), ({"fhirAuthorization": {}, "fhirServer": None}, False),
    ],
)  # fmt: skip
def test_the_document_takes_what_the_gateway_takes(
    document: Any, client: Any, call: Any, order: Any, changes: dict[str, Any], right: bool
) -> None:
    assert body_of(document, VIEW).is_valid(call | changes) == right
    assert (client.post(VIEW, json=call | changes).status_code == 200) == right
    context = order["context"] | changes.get("context", order["context"])
    if changes.get("context") == {}:
        context = {}
    changed = order | changes | {"context": context}
    assert body_of(document, SELECT).is_valid(changed) == right
    assert (client.post(SELECT, json=changed).status_code == 200) == right


@pytest.mark.parametrize(
    ("context", "right"),
    [
        ({"draftOrders": None, "selections": None}, True), ({"draftOrders": {"resourceType": "Bundle"}}, True),
        ({"draftOrders": {}}, False), ({"draftOrders": []}, False), ({"selections": [1]}, False),
        ({"selections": "a"}, False),
        ({"selections": ["a"] * 3}, False),
    ],
)  # fmt: skip
def test_the_document_takes_the_orders_that_the_gateway_takes(
    gateway: Any, order: Any, context: dict[str, Any], right: bool
) -> None:
    client = gateway(limits=Limits(selections=2))
    document = client.get("/openapi.json").json
    changed = order | {"context": order["context"] | context}
    assert body_of(document, SELECT).is_valid(changed) == right
    assert (client.post(SELECT, json=changed).status_code == 200) == right


def test_refusals_and_discovery_keep_their_schema(document: Any, client: Any, stub: Any, call: Any) -> None:
    schemas = document["components"]["schemas"]
    for response in (
        client.get("/none"), client.post(VIEW, json={}), client.post("/cds-services", json=call), client.get(VIEW),
        client.post(VIEW, data=b"x"), client.post(VIEW, json=call, headers={"Authorization": "Bearer x"}),
    ):  # fmt: skip
        assert f"Refused{response.status_code}" in document["components"]["responses"]
        validator(document, schemas["OperationOutcome"]).validate(response.json)
    validator(document, schemas["Discovery"]).validate(client.get("/cds-services").json)
    validator(document, schemas["Cards"]).validate(client.post(VIEW, json=call).json)
    assert not validator(document, schemas["Cards"]).is_valid({"cards": [{"summary": "x" * 140}]})
    assert not validator(document, schemas["Feedback"]).is_valid({"feedback": [{}]})


def test_who_must_be_known_is_said(document: Any, gateway: Callable[..., Any]) -> None:
    strict = gateway(deployment=PRODUCTION).get("/openapi.json").json
    assert document["paths"][VIEW]["post"]["security"] == [{"clientToken": []}, {}]
    assert strict["paths"][VIEW]["post"]["security"] == [{"clientToken": []}]
    assert strict["paths"]["/prefetch-doctor"]["get"]["security"] == [{"operatorToken": []}, {"operatorSession": []}]
    assert strict["paths"]["/explanations"]["get"]["security"] == []
    assert "/" not in strict["paths"]
    assert strict["servers"] == [{"url": "http://localhost:8080"}]


def test_the_document_follows_what_is_announced(settings: Any) -> None:
    entry = {"id": "one", "hook": "patient-view", "description": "The first."}
    announced = [json.dumps({"services": [{**entry, "id": name}]}).encode() for name in ("one", "one", "two")]
    directory = Directory({"screening": ""}, 0.0, lambda _: announced.pop(0))
    app = Flask(__name__)
    app.register_blueprint(openapi.blueprint(settings, directory))
    for name in ("one", "one", "two"):
        directory.start()
        directory._due = float("inf")
        paths = app.test_client().get("/openapi.json").json["paths"]
        assert [path for path in paths if path.startswith("/cds-services/")] == [
            f"/cds-services/{name}",
            f"/cds-services/{name}/feedback",
        ]


def test_without_a_service_there_is_none_in_the_document(settings: Any) -> None:
    paths = openapi.document(settings, Catalog())["paths"]
    assert [path for path in paths if path.startswith("/cds-services")] == ["/cds-services"]


@pytest.mark.parametrize("name", ["feedback.json", "feedback-answer.json", "operation-outcome.json"])
def test_a_copied_schema_is_that_of_the_contract(name: str) -> None:
    assert (HERE / name).read_bytes() == (CONTRACT / name).read_bytes(), f"copy contract-tests/schemas/{name} to {HERE}"
