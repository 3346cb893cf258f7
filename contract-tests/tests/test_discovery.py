"""Discovery: what an EHR's analyst, or the Sandbox, reads before the first call."""

import re
from typing import Any

import pytest
from contract import schemas
from contract.client import Client
from contract.exchanges import resource_type

SEARCH_PARAMETERS = {
    "patient", "code", "category", "status", "clinical-status", "verification-status",
    "date", "authoredon", "_sort", "_include",
}  # fmt: skip
WITH_CODES = {"Observation"}
TOKEN = re.compile(r"context\.(patientId|userId)|today\(\)( [+-] \d+ days)?")


@pytest.fixture(scope="module")
def document(door: Client) -> dict[str, Any]:
    answer = door.get("/cds-services", headers={"Accept": "application/json"})
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def templates(document: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(each["id"], key, query) for each in document["services"] for key, query in each["prefetch"].items()]


@pytest.mark.promise("R8", "R19", "T2", "T3")
def test_discovery_is_json_at_its_address(door: Client) -> None:
    answer = door.get("/cds-services", headers={"Accept": "application/json"})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("application/json")
    assert isinstance(answer.json(), dict)


@pytest.mark.promise("R9", "R11", "R12", "R13", "R14", "R15", "R16", "T5", "T6", "T43")
def test_discovery_keeps_its_schema(document: dict[str, Any]) -> None:
    assert schemas.faults("discovery", document) == []
    assert list(schemas.nothings(document)) == []


@pytest.mark.promise("R11", "R14", "R78", "T7")
def test_one_service_for_each_hook_under_an_id_of_its_own(document: dict[str, Any]) -> None:
    published = {service["id"]: service["hook"] for service in document["services"]}
    assert len(published) == len(document["services"])
    assert published["dystonia-patient-view"] == "patient-view"
    assert published["dystonia-order-select"] == "order-select"
    assert published["dystonia-order-sign"] == "order-sign"
    assert len(set(published.values())) == len(published)


@pytest.mark.promise("R17", "R18")
def test_versions_of_the_specification_and_of_the_hooks(document: dict[str, Any]) -> None:
    for service in document["services"]:
        assert re.fullmatch(r"\d+\.\d+\.\d+", service["version"]), service["id"]
        assert service["hookVersion"] == "1.0", service["id"]


@pytest.mark.promise("R22", "R35")
def test_templates_use_only_parameters_that_every_ehr_searches_by(document: dict[str, Any]) -> None:
    searches = [(key, query) for _, key, query in templates(document) if "?" in query]
    assert searches
    for key, query in searches:
        parameters = [part.partition("=") for part in query.partition("?")[2].split("&")]
        names = [name for name, _, _ in parameters]
        assert set(names) <= SEARCH_PARAMETERS, key
        assert len(set(names)) == len(names), f"{key} repeats a parameter"
        assert all(value for _, _, value in parameters), f"{key} has a parameter without a value"
        assert "patient" in names, f"{key} is not limited to the patient"
        assert "code" not in names or resource_type(query) in WITH_CODES, key
        assert not re.search(r"[+\s](?!days)", re.sub(r"\{\{.*?\}\}", "", query)), key


def test_every_service_says_what_it_must_be_allowed_to_read(document: dict[str, Any]) -> None:
    for service in document["services"]:
        access = service["extension"]["example.dystonia-cds.access"]
        asked = {resource_type(query) for query in service["prefetch"].values()}
        allowed = {scope.removeprefix("patient/").partition(".")[0] for scope in access["scopes"]}
        assert asked | {"Medication"} == allowed
        assert [scope.replace(".read", ".rs") for scope in access["scopesV1"]] == access["scopes"]
        assert all(scope in service["usageRequirements"] for scope in access["scopes"])


@pytest.mark.promise("R32", "R36", "R26", "R34")
def test_templates_hold_only_tokens_that_every_ehr_resolves(document: dict[str, Any]) -> None:
    for _, key, query in templates(document):
        tokens = re.findall(r"\{\{(.*?)\}\}", query)
        assert tokens, key
        assert all(TOKEN.fullmatch(token) for token in tokens), key
        assert re.sub(r"\{\{.*?\}\}", "", query).count("{") == 0, key


@pytest.mark.promise("R22")
def test_templates_fit_where_a_site_analyst_pastes_them(document: dict[str, Any]) -> None:
    for _, key, query in templates(document):
        assert len(query) <= 2000, key
        assert not query.startswith("/"), key


@pytest.mark.promise("R22", "R27")
def test_every_hook_asks_for_what_decides_and_for_the_facts_of_the_site(document: dict[str, Any]) -> None:
    for service in document["services"]:
        asked = {resource_type(query) for query in service["prefetch"].values()}
        wanted = {"Patient", "Condition", "Observation", "MedicationRequest", "MedicationStatement", "Procedure"}
        assert wanted | {"ServiceRequest", "FamilyMemberHistory"} <= asked, service["id"]
        every = " ".join(service["prefetch"].values())
        for fact in ("t1-pallidal", "ephedrone-use", "n2o-recreational"):
            assert fact in every, f"{service['id']} does not ask for {fact}"


@pytest.mark.promise("R3")
def test_discovery_has_no_comment_or_trailing_comma(door: Client, document: dict[str, Any]) -> None:
    assert door.get("/cds-services").content.decode("utf-8").strip().endswith("}")
    assert document["services"]


@pytest.mark.promise("T60", "T94")
@pytest.mark.parametrize("path", ["/cds-services/", "/cds-services/no-such-service", "/nowhere"])
def test_there_is_nothing_at_other_addresses(door: Client, path: str) -> None:
    answer = door.get(path)
    assert answer.status_code in {404, 405}
    assert schemas.faults("operation-outcome", answer.json()) == []


def test_screening_and_the_gateway_publish_the_same_services(screening: Client, document: dict[str, Any]) -> None:
    alone = {each["id"]: each for each in screening.get("/cds-services").json()["services"]}
    assert alone == {each["id"]: each for each in document["services"]}
