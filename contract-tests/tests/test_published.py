"""The rules as FHIR resources, read through the public door, and the codes on cards found among them."""

from typing import Any

import pytest
from contract.client import ORIGIN, Client

FHIR = "application/fhir+json"
KINDS = ("ValueSet", "CodeSystem", "PlanDefinition", "Library")


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_can_be_searched_and_read(door: Client, kind: str) -> None:
    answer = door.get(f"/fhir/{kind}", headers={"Accept": FHIR, "Origin": ORIGIN})
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, FHIR)
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    bundle = answer.json()
    assert (bundle["resourceType"], bundle["type"]) == ("Bundle", "searchset")
    assert bundle["link"][0]["relation"] == "self"
    assert bundle["total"] == len(bundle["entry"]) > 0
    first = bundle["entry"][0]["resource"]
    assert first["status"] == "draft"
    assert door.get(f"/fhir/{kind}/{first['id']}").json() == first
    found = door.get(f"/fhir/{kind}", params={"url": first["url"]}).json()
    assert [entry["resource"] for entry in found["entry"]] == [first]
    named = door.get(f"/fhir/{kind}?url={first['url']}").json()
    assert named["total"] == 1


def test_what_is_known_is_not_sent_again(door: Client) -> None:
    first = door.get("/fhir/metadata")
    assert first.json()["resourceType"] == "CapabilityStatement"
    again = door.get("/fhir/metadata", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    head = door.send("HEAD", "/fhir/metadata")
    assert (head.status_code, head.content, head.headers["ETag"]) == (200, b"", first.headers["ETag"])


@pytest.mark.parametrize(
    ("method", "path", "accept", "status"),
    [
        ("GET", "/fhir/Patient", FHIR, 404),
        ("GET", "/fhir/ValueSet/none", FHIR, 404),
        ("POST", "/fhir/ValueSet", FHIR, 405),
        ("DELETE", "/fhir/ValueSet/d-gen", FHIR, 405),
        ("GET", "/fhir/ValueSet", "application/fhir+xml", 406),
        ("GET", "/fhir/ValueSet?url:below=a", FHIR, 400),
    ],
)
def test_refusals_are_operation_outcomes(door: Client, method: str, path: str, accept: str, status: int) -> None:
    answer = door.send(method, path, headers={"Accept": accept})
    assert answer.status_code == status
    assert answer.json()["resourceType"] == "OperationOutcome"


def test_each_service_hook_triggers_a_published_rule(door: Client, services: dict[str, Any]) -> None:
    plans = [entry["resource"] for entry in door.get("/fhir/PlanDefinition").json()["entry"]]
    triggers = {trigger["name"] for plan in plans for action in plan["action"] for trigger in action["trigger"]}
    assert triggers == set(services)
    for plan in plans:
        (canonical,) = plan["library"]
        url, _, version = canonical.partition("|")
        found = door.get("/fhir/Library", params={"url": url, "version": version}).json()
        assert found["total"] == 1, canonical
