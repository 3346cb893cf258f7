"""The published resources: complete, connected, honest about their status, and what the rules say."""

import base64
import json
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from fhirclient.models.codesystem import CodeSystem
from fhirclient.models.conceptmap import ConceptMap
from fhirclient.models.library import Library
from fhirclient.models.plandefinition import PlanDefinition
from fhirclient.models.structuredefinition import StructureDefinition
from fhirclient.models.valueset import ValueSet

from screening import services
from screening.domain import RULES_VERSION, citations
from screening.domain.orders.registry import ORDER_RULES
from screening.domain.thresholds import DEFAULTS, SiteValue
from screening.domain.units import limit
from screening.domain.workups.registry import WORKUPS
from screening.domain.workups.vitamin_b12 import TOTAL_B12
from screening.knowledge import naming, sources
from screening.publishing import shelf

BASE = "https://dystonia-cds.example/fhir"
HERE = "https://cds.site.example"
REFERENCES = Path(__file__).parents[4] / "services" / "content" / "src" / "content" / "references.yaml"
MODELS = {
    "CodeSystem": CodeSystem, "ConceptMap": ConceptMap, "Library": Library, "PlanDefinition": PlanDefinition,
    "StructureDefinition": StructureDefinition, "ValueSet": ValueSet,
}  # fmt: skip
IDS = [*(workup.id for workup in WORKUPS), *(naming.resource_id(rule.name) for rule in ORDER_RULES)]


def resources(**changes: Any) -> dict[str, dict[str, Any]]:
    made = shelf.build(
        **{"canonical_base": BASE, "public_url": HERE, "include_v2": False, "site_values": DEFAULTS} | changes
    )
    return {kind: {one.id: json.loads(one.body) for one in made.all(kind)} for kind in made.resources}


PUBLISHED = resources()
EVERY = [one for found in PUBLISHED.values() for one in found.values()]


def strings(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        node = list(node.values())
    if isinstance(node, list):
        for each in node:
            yield from strings(each)
    elif isinstance(node, str):
        yield node


def attachment(library: dict[str, Any], title: str) -> bytes:
    (found,) = [one for one in library["content"] if one["title"] == title]
    return base64.b64decode(found["data"])


def test_every_workup_and_order_rule_is_published() -> None:
    assert sorted(PUBLISHED["PlanDefinition"]) == sorted(PUBLISHED["Library"]) == sorted(IDS)
    assert set(PUBLISHED["CodeSystem"]) == {"override-reasons", "site-facts", "topics"}
    assert set(PUBLISHED["ConceptMap"]) == {"non-adherence-reasons"}


@pytest.mark.parametrize("kind", MODELS)
def test_all_are_strictly_valid_and_survive_the_round_trip(kind: str) -> None:
    for resource in PUBLISHED[kind].values():
        assert MODELS[kind](resource, strict=True).as_json() == resource


def test_all_say_what_and_whose_they_are() -> None:
    assert len({one["url"] for one in EVERY}) == len(EVERY)
    for one in EVERY:
        assert one["url"] == f"{BASE}/{one['resourceType']}/{one['id']}"
        assert re.fullmatch(r"[A-Z][A-Za-z0-9_]{0,254}", one["name"]), one["id"]
        assert one["status"] == "draft"
        assert one["experimental"] is False
        assert one["publisher"] == "dystonia-cds project"
        assert {"version", "date", "title", "description"} <= one.keys()
        assert not {"approvalDate", "lastReviewDate", "reviewer", "endorser"} & one.keys()
        if one["resourceType"] != "StructureDefinition":
            told = {mark["url"]: mark for mark in one["extension"]}
            assert told[naming.CHECKER]["valueString"] == "awaiting clinical sign-off"


def test_extensions_are_defined_and_canonicals_lead_somewhere() -> None:
    known = {one["url"]: one["version"] for one in EVERY}
    named = {text for one in EVERY for text in strings(one) if text.startswith(f"{BASE}/")}
    assert len(named) > 150
    for text in named:
        url, _, version = text.partition("|")
        assert url in known, text
        assert version in ("", known[url]), text


@pytest.mark.parametrize("id", IDS)
def test_a_plan_definition_is_the_rule(id: str) -> None:
    plan = PUBLISHED["PlanDefinition"][id]
    rules: list[Any] = [*WORKUPS, *ORDER_RULES]
    described = rules[IDS.index(id)].described
    assert plan["type"]["coding"][0]["code"] == "eca-rule"
    assert plan["version"] == RULES_VERSION
    assert (plan["title"], plan["purpose"]) == (described.title, described.purpose)
    assert plan["library"] == [f"{BASE}/Library/{id}|{RULES_VERSION}"]
    cited = [one["citation"] for one in plan["relatedArtifact"] if one["type"] == "citation"]
    assert cited == [source.text for source in described.sources]
    (action,) = plan["action"]
    hooks = {trigger["name"] for trigger in action["trigger"]}
    assert hooks <= {service.hook for service in services.SERVICES}
    assert (hooks == {"patient-view"}) == (id in [workup.id for workup in WORKUPS])
    assert len(action["action"]) == len(described.cases)
    topics = {concept["code"] for concept in PUBLISHED["CodeSystem"]["topics"]["concept"]}
    for made, case in zip(action["action"], described.cases, strict=True):
        (condition,) = made["condition"]
        assert condition["kind"] == "applicability"
        assert condition["expression"]["description"] == case.when
        assert case.outcome in condition["expression"]["expression"]
        assert made["description"] == case.then
        assert case.when in made["textEquivalent"]
        assert {code["coding"][0]["code"] for code in made.get("code", ())} <= topics


def test_an_order_rule_is_looked_at_when_signing_unless_it_only_informs() -> None:
    def hooks(id: str) -> list[list[str]]:
        (action,) = PUBLISHED["PlanDefinition"][id]["action"]
        return [[t["name"] for t in one.get("trigger", ())] for one in (action, *action["action"])]

    assert hooks("ord-n2o") == [["order-select", "order-sign"], [], []]
    assert hooks("ord-folate") == [["order-select", "order-sign"], [], ["order-select"]]
    assert hooks("ord-metformin") == [["order-select"], []]
    assert hooks("vitamin-b12")[0] == ["patient-view"]


def test_every_rule_leads_to_pages_that_exist() -> None:
    def pages(plan: dict[str, Any]) -> list[str]:
        (action,) = plan["action"]
        return [one["url"].removeprefix(f"{HERE}/explanations/") for one in action["documentation"]]

    named = {id: pages(plan) for id, plan in PUBLISHED["PlanDefinition"].items()}
    assert named["ord-drba"] == named["ord-edta"] == named["ord-chelator"] == ["safety"]
    assert named["ord-contrast-metal"] == ["manganese"]
    assert named["ord-n2o"] == ["vitamin-b12"]
    written = {path.stem.partition(".")[0] for path in REFERENCES.parent.rglob("*.md")}
    assert {slug for found in named.values() for slug in found} <= written


def test_a_library_holds_the_numbers_and_the_code_that_decide() -> None:
    library = PUBLISHED["Library"]["vitamin-b12"]
    told = json.loads(attachment(library, "Thresholds"))
    numbers = {one["id"]: one for one in told["thresholds"]}
    assert told["rulesVersion"] == RULES_VERSION
    assert numbers["vitamin-b12.total.deficient"]["value"] == {"ng/L": 180, "pmol/L": 133}
    assert numbers["vitamin-b12.look-back"]["value"] == 365
    assert numbers["vitamin-b12.look-back"]["unit"] == "days"
    assert "siteValue" not in numbers["vitamin-b12.total.deficient"]
    assert b"def assess(" in attachment(library, "screening.domain.workups.vitamin_b12")
    read = {one["codeFilter"][0]["valueSet"] for one in library["dataRequirement"]}
    version = PUBLISHED["ValueSet"]["l-b12"]["version"]
    assert {f"{BASE}/ValueSet/l-b12|{version}", f"{BASE}/ValueSet/l-mma|{version}"} <= read
    needed = {one["resource"] for one in library["relatedArtifact"] if one["type"] == "depends-on"}
    assert f"{BASE}/ValueSet/b12-rx|{version}" in needed


def test_a_library_names_the_workups_that_an_order_rule_asks() -> None:
    needed = [one.get("resource") for one in PUBLISHED["Library"]["ord-n2o"]["relatedArtifact"]]
    assert f"{BASE}/Library/vitamin-b12|{RULES_VERSION}" in needed


def test_what_the_site_has_set_stands_beside_the_rules_own_number() -> None:
    threshold = TOTAL_B12.thresholds()[0]
    own = SiteValue(threshold, limit("200 ng/L", "148 pmol/L"), "Example Approver", date(2026, 11, 1), "assay", "3")
    library = resources(site_values={threshold.id: own})["Library"]["vitamin-b12"]
    told = json.loads(attachment(library, "Thresholds"))["thresholds"]
    (found,) = [one for one in told if one["id"] == threshold.id]
    assert found["value"] == {"ng/L": 180, "pmol/L": 133}
    assert found["siteValue"] == {
        "value": {"ng/L": 200, "pmol/L": 148}, "approver": "Example Approver", "approved": "2026-11-01",
        "reason": "assay", "version": "3",
    }  # fmt: skip


def codes(resource: dict[str, Any]) -> set[str]:
    return {c["code"] for include in resource.get("compose", {}).get("include", ()) for c in include["concept"]}


def test_only_codes_that_are_loaded_are_published() -> None:
    everything = resources(include_v2=True)["ValueSet"]
    assert "230318005" in codes(everything["d-gen"])
    assert "230318005" not in codes(PUBLISHED["ValueSet"]["d-gen"])
    assert everything.keys() == PUBLISHED["ValueSet"].keys()
    marks = [mark["url"] for one in PUBLISHED["ValueSet"].values() for mark in _marks(one)]
    assert naming.CODE_PREFIX in marks
    assert naming.VERIFICATION_LEVEL not in marks


def _marks(resource: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for include in resource.get("compose", {}).get("include", ()):
        for concept in include["concept"]:
            yield from concept.get("extension", ())


def test_no_include_means_a_whole_code_system() -> None:
    for one in PUBLISHED["ValueSet"].values():
        if "compose" in one:
            assert all(include["concept"] for include in one["compose"]["include"])
        else:
            assert one["expansion"]["total"] == 0


def test_a_set_without_a_loaded_code_is_an_empty_expansion(monkeypatch: pytest.MonkeyPatch) -> None:
    (d_gen,) = [one for one in shelf.loading.value_sets() if one["name"] == "D_GEN"]
    for include in d_gen["compose"]["include"]:
        for concept in include["concept"]:
            concept["extension"] = [{"url": naming.VERIFICATION_LEVEL, "valueCode": "V2"}]
    made = shelf._value_set(d_gen, include_v2=False)
    assert "compose" not in made
    assert made["expansion"] == {"timestamp": d_gen["date"], "total": 0}
    assert ValueSet(made, strict=True)


def test_a_set_with_prefixes_says_what_they_mean() -> None:
    for one in PUBLISHED["ValueSet"].values():
        prefixes = any(mark["url"] == naming.CODE_PREFIX for mark in _marks(one))
        assert prefixes == ("code-prefix" in one["description"]), one["id"]


def test_a_site_has_its_own_base() -> None:
    own = resources(canonical_base="https://fhir.site.example/r4")
    assert own["CodeSystem"]["topics"]["url"] == "https://fhir.site.example/r4/CodeSystem/topics"
    assert not any(BASE in text for found in own.values() for one in found.values() for text in strings(one))


def test_sources_are_entries_of_the_bibliography() -> None:
    entries = {one["key"]: one for one in yaml.safe_load(REFERENCES.read_text("utf-8"))}
    for citation, told in sources.ENTRIES.items():
        entry = entries[told.key]
        assert told.doi == entry.get("doi", ""), citation.text
        assert told.doi or told.url == entry.get("url", ""), citation.text


def test_a_source_without_an_address_leads_to_the_bibliography() -> None:
    assert sources.related(citations.THURNHAM, HERE)["url"] == f"{HERE}/bibliography#ref-thurnham-1986"
    assert sources.related(citations.BSH_2014, HERE)["url"] == "https://doi.org/10.1111/bjh.12959"
    assert "url" not in sources.related(citations.RULES, HERE)
