"""The FHIR resources of the knowledge package: current, valid, and honest about who checked them."""

import json
from pathlib import Path
from typing import Any

import pytest
from fhirclient.models.codesystem import CodeSystem
from fhirclient.models.valueset import ValueSet

from screening.knowledge import build, loading, naming

KNOWLEDGE = Path(loading.__file__).parent
REVIEWED: dict[str, Any] = json.loads((KNOWLEDGE / "reviewed" / "codes.json").read_text(encoding="utf-8"))
SYSTEMS = ("override-reasons", "site-facts", "topics")


def test_the_committed_value_sets_are_what_the_generator_writes() -> None:
    assert build.main(["--check"]) == 0


def test_the_generator_is_deterministic() -> None:
    assert build.rendered(REVIEWED) == build.rendered(json.loads(json.dumps(REVIEWED)))


def test_write_and_check_see_changed_missing_and_superfluous_files(tmp_path: Path) -> None:
    wanted = build.rendered(REVIEWED)
    assert build.write(tmp_path, wanted) == sorted(wanted)
    assert build.stale(tmp_path, wanted) == []

    (tmp_path / "d-gen.json").write_text("{}", encoding="utf-8")
    (tmp_path / "d-focal.json").unlink()
    (tmp_path / "left-over.json").write_text("{}", encoding="utf-8")
    assert build.stale(tmp_path, wanted) == ["d-focal.json", "d-gen.json", "left-over.json"]

    build.write(tmp_path, wanted)
    assert build.stale(tmp_path, wanted) == []


def test_check_exits_with_1_and_names_what_is_stale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reviewed = tmp_path / "reviewed"
    reviewed.mkdir()
    (reviewed / "codes.json").write_text(json.dumps(REVIEWED), encoding="utf-8")
    monkeypatch.setattr(build, "KNOWLEDGE", tmp_path)
    assert build.main(["--check"]) == 1
    assert "stale: valuesets/d-gen.json" in capsys.readouterr().out
    assert not (tmp_path / "valuesets").exists()
    assert build.main([]) == 0
    assert build.main(["--check"]) == 0


def test_there_is_one_value_set_for_each_reviewed_set() -> None:
    assert {resource["name"] for resource in loading.value_sets()} == set(REVIEWED["sets"])


def test_value_sets_are_strictly_valid_r4_and_survive_the_round_trip() -> None:
    for resource in loading.value_sets():
        assert ValueSet(resource, strict=True).as_json() == resource


@pytest.mark.parametrize("name", SYSTEMS)
def test_code_systems_are_strictly_valid_r4(name: str) -> None:
    resource = loading.code_system(name)
    assert CodeSystem(resource, strict=True).as_json() == resource
    assert resource["count"] == len(resource["concept"])
    assert all(concept["definition"] for concept in resource["concept"])


def test_every_resource_has_its_own_url_and_shows_its_status() -> None:
    resources = [*loading.value_sets(), *(loading.code_system(name) for name in SYSTEMS)]
    assert len({resource["url"] for resource in resources}) == len(resources)
    for resource in resources:
        told = {mark["url"]: mark for mark in resource["extension"]}
        kind = resource["resourceType"]
        assert resource["url"] == f"{naming.CANONICAL_BASE}/{kind}/{resource['id']}"
        assert resource["status"] == "draft"
        assert resource["publisher"] == told[naming.AUTHOR]["valueString"] == "dystonia-cds project"
        assert told[naming.CHECKER]["valueString"] == "awaiting clinical sign-off"
        assert told[naming.REVIEWED]["valueDate"] == resource["date"]
        assert resource["version"] == REVIEWED["version"]


def test_a_value_set_carries_the_copyright_of_every_system_in_it() -> None:
    owners = {told["url"]: told["copyright"] for told in REVIEWED["systems"].values()}
    for resource in loading.value_sets():
        for include in resource["compose"]["include"]:
            assert owners[include["system"]] in resource["copyright"], resource["id"]


def test_prefix_and_level_are_marked_on_the_concept() -> None:
    generated = {resource["name"]: resource for resource in loading.value_sets()}
    concepts = {c["code"]: c for include in generated["D_GEN"]["compose"]["include"] for c in include["concept"]}
    assert concepts["G24.1"]["extension"] == [{"url": naming.CODE_PREFIX, "valueBoolean": True}]
    assert concepts["230318005"]["extension"] == [{"url": naming.VERIFICATION_LEVEL, "valueCode": "V2"}]
    assert "extension" not in concepts["15802004"]


def test_the_override_reasons_are_the_ten_of_the_clinical_rules() -> None:
    assert loading.override_reasons() == {
        "done-elsewhere": "Already tested; result outside this record",
        "cause-known": "Cause of the movement disorder is established",
        "not-indicated": "Not indicated for this phenotype",
        "patient-declined": "Patient declined",
        "deferred": "Will order later",
        "on-treatment": "Already treated / supplemented outside this record",
        "specialist-managing": "Metabolic or movement specialist is managing",
        "wrong-data": "Coded problem or result is wrong",
        "benefit-outweighs": "Aware; benefit outweighs risk",
        "lab-unavailable": "Test not available here",
    }
    assert loading.code_system_override_reasons()["url"].endswith("/CodeSystem/override-reasons")


def test_an_unknown_code_system_is_an_error() -> None:
    with pytest.raises(FileNotFoundError):
        loading.code_system("topics-of-nobody")


def test_the_topics_are_written_with_the_value_sets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "reviewed").mkdir()
    (tmp_path / "reviewed" / "codes.json").write_text(json.dumps(REVIEWED), encoding="utf-8")
    monkeypatch.setattr(build, "KNOWLEDGE", tmp_path)
    assert build.main([]) == 0
    written = tmp_path / "codesystems" / "topics.json"
    assert json.loads(written.read_text("utf-8")) == loading.code_system("topics")
    written.write_text("{}", encoding="utf-8")
    capsys.readouterr()
    assert build.main(["--check"]) == 1
    assert capsys.readouterr().out == "stale: codesystems/topics.json\n"
    assert written.read_text("utf-8") == "{}"
