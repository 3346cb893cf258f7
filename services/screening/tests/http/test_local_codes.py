"""A site's own codes by HTTP: with a ConceptMap they are read, asked for and shown; without one they are not."""

import json
import sys
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import edge_samples as s
import pytest

from screening.services import LONGEST_TEMPLATE
from screening.synthetic import charts as wire
from tryout.ehr import answer_prefetch

sys.path.insert(0, str(Path(__file__).parents[1] / "routes"))

SHARED = Path(__file__).parents[4].parent / "shared" / "clinical" / "scenarios.json"
LAB = wire.SYSTEMS["local"]
TRAP = "11038-7"  # B-Gamma Tocopherol SerPl-mCnc
DRUGS = "https://hospital.example/drugs"


def element(code: str, target: str, equivalence: str = "equivalent") -> dict[str, Any]:
    return {"code": code, "target": [{"code": target, "equivalence": equivalence}]}


def concept_map(*groups: tuple[str, str, list[dict[str, Any]]]) -> dict[str, Any]:
    return {
        "resourceType": "ConceptMap",
        "status": "active",
        "group": [{"source": source, "target": target, "element": told} for source, target, told in groups],
    }


@pytest.fixture
def file(tmp_path: Path) -> Path:
    told = concept_map(
        (LAB, s.LOINC, [element("VB12", "2132-9")]),
        (DRUGS, s.RXNORM, [element("HYDROXO", "5514"), element("FOLATE", "4511"), element("MULTI", "11248", "wider")]),
        ("https://hospital.example/problems", s.SNOMED, [element("DYST", "15802004")]),
        ("https://hospital.example/tests", s.LOINC, [element("B12-ORDER", "2132-9")]),
    )
    path = tmp_path / "site.json"
    path.write_text(json.dumps(told), encoding="utf-8")
    return path


def answered(scenario: dict[str, Any], *files: Path) -> list[dict[str, Any]]:
    """The cards of a scenario, from an EHR that searches as discovery asks."""
    client = s.application(local_code_maps=files).test_client()
    told = client.get("/cds-services").get_json()["services"]
    service = next(one for one in told if one["hook"] == scenario["hook"])
    body = wire.call(scenario, service["prefetch"], s.NOW.date(), answer_prefetch)
    answer = client.post(f"/cds-services/{service['id']}", json=body)
    assert answer.status_code == 200
    cards: list[dict[str, Any]] = answer.get_json()["cards"]
    return cards


def v28() -> dict[str, Any]:
    if not SHARED.is_file():
        pytest.skip("the clinical scenarios stand beside the project only where it is developed")
    told = json.loads(SHARED.read_text(encoding="utf-8"))["scenarios"]
    found: dict[str, Any] = next(one for one in told if one["id"] == "V28")
    return found


def test_v28_with_a_map_is_a_low_b12(file: Path) -> None:
    cards = answered(v28(), file)
    assert "B12 ABNORMAL" in s.modules(cards)
    card = next(card for card in cards if "B12 ABNORMAL" in s.modules([card]))
    (fact,) = [e for e in card["extension"]["example.dystonia-cds.decision"]["evidence"] if e.get("value") == 90]
    assert fact["code"] == "VB12"
    assert fact["display"] == "vitamin B12 (local code VB12, read as 2132-9)"
    assert "local code VB12, read as 2132-9" in card["detail"]


def test_v28_without_a_map_has_no_b12() -> None:
    cards = answered(v28())
    assert s.modules(cards) == ["SCREEN INCOMPLETE"]
    assert "B12" in cards[0]["extension"]["example.dystonia-cds.decision"]["includes"]


def test_discovery_asks_for_the_sites_own_codes(file: Path) -> None:
    for service in s.application(local_code_maps=(file,)).test_client().get("/cds-services").get_json()["services"]:
        assert f",{LAB}|VB12&" in service["prefetch"]["labs_vitamin_b12"]
        assert "VB12" not in service["prefetch"]["labs_manganese"]
        assert "HYDROXO" not in json.dumps(service["prefetch"])


def test_problems_medicines_orders_and_drafts_are_read_too(file: Path) -> None:
    client = s.application(local_code_maps=(file,)).test_client()
    problem = s.condition(code=s.concept("https://hospital.example/problems", "DYST", "Dystonia <own>"))
    values = s.prefetch(s.observation(), conditions=s.bundle(problem))
    low = client.post(s.PATIENT_VIEW, json=s.call(values)).get_json()["cards"]
    assert "B12 ABNORMAL" in s.modules(low)

    treated = s.medication_request(
        medicationCodeableConcept=s.concept(DRUGS, "HYDROXO"), authoredOn=s.observation()["effectiveDateTime"][:10]
    )
    values = s.prefetch(s.observation(), medications=s.bundle(treated))
    assert "B12 ABNORMAL" not in s.modules(client.post(s.PATIENT_VIEW, json=s.call(values)).get_json()["cards"])

    folate = {**treated, "id": "draft-1", "status": "draft", "medicationCodeableConcept": s.concept(DRUGS, "FOLATE")}
    (card,) = client.post(s.ORDER_SELECT, json=s.order_call(folate)).get_json()["cards"]
    assert s.modules([card]) == ["ORD_FOLATE"]

    b12_drafted = s.draft(id="draft-2", code=s.concept("https://hospital.example/tests", "B12-ORDER"))
    assert client.post(s.ORDER_SELECT, json=s.order_call(folate, b12_drafted)).get_json()["cards"] == []


def test_a_wider_target_is_not_used(file: Path) -> None:
    client = s.application(local_code_maps=(file,)).test_client()
    multi = s.medication_request(medicationCodeableConcept=s.concept(DRUGS, "MULTI"), authoredOn="2026-11-02")
    values = s.prefetch(s.observation(), medications=s.bundle(multi))
    assert "B12 ABNORMAL" in s.modules(client.post(s.PATIENT_VIEW, json=s.call(values)).get_json()["cards"])


def test_a_local_code_beside_a_look_alike_is_not_taken(tmp_path: Path) -> None:
    path = tmp_path / "site.json"
    path.write_text(json.dumps(concept_map((LAB, s.LOINC, [element("VE", "1823-4")]))), encoding="utf-8")
    client = s.application(local_code_maps=(path,)).test_client()
    coded = {"coding": [{"system": LAB, "code": "VE"}, {"system": s.LOINC, "code": TRAP}]}
    for code, taken in ((coded, False), (s.concept(LAB, "VE"), True)):
        low = s.observation(id="observation-2", code=code, valueQuantity=s.quantity(2, "mg/L"))
        cards = client.post(s.PATIENT_VIEW, json=s.call(s.prefetch(low))).get_json()["cards"]
        assert ("VITE ABNORMAL" in s.modules(cards)) is taken


def test_many_local_codes_go_on_under_further_keys(tmp_path: Path) -> None:
    path = tmp_path / "site.json"
    system = "https://laboratory.hospital.example/a-rather-long-name-of-a-catalog-of-tests"
    codes = [f"B12/{number:03d}, serum" for number in range(60)]
    told = concept_map((system, s.LOINC, [element(code, "2132-9") for code in codes]))
    path.write_text(json.dumps(told), encoding="utf-8")
    client = s.application(local_code_maps=(path,)).test_client()
    templates = client.get("/cds-services").get_json()["services"][0]["prefetch"]
    keys = sorted(key for key in templates if key.startswith("labs_vitamin_b12"))
    assert keys[:2] == ["labs_vitamin_b12", "labs_vitamin_b12_2"]
    assert all(len(templates[key]) <= LONGEST_TEMPLATE for key in templates)
    asked = unquote("".join(templates[key] for key in keys))
    assert all(rf"{system}|B12/{number:03d}\, serum" in asked for number in range(60))

    # A further key that does not arrive leaves the workup unassessed, as its first key does.
    own = s.prefetch(**dict.fromkeys(keys, s.bundle()))
    assert "DATA NOT_ASSESSED" not in s.modules(client.post(s.PATIENT_VIEW, json=s.call(own)).get_json()["cards"])
    del own[keys[1]]
    (card,) = client.post(s.PATIENT_VIEW, json=s.call(own)).get_json()["cards"]
    assert "B12" not in card["extension"]["example.dystonia-cds.decision"]["includes"]
    assert "B12" in card["detail"]


def test_a_local_code_with_every_separator_is_found_by_the_search_that_asks_for_it(tmp_path: Path) -> None:
    system, code = r"https://hospital.example/a,b$c\d", r"B12\,$|serum\\|"
    path = tmp_path / "site.json"
    path.write_text(json.dumps(concept_map((system, s.LOINC, [element(code, "2132-9")]))), encoding="utf-8")
    asked = s.application(local_code_maps=(path,)).test_client().get("/cds-services").get_json()["services"][0]
    template = asked["prefetch"]["labs_vitamin_b12"]
    record = s.bundle(
        {"resourceType": "Patient", "id": "p1"},
        *(
            s.observation(id=name, code=s.concept(system, sent), subject={"reference": "Patient/p1"})
            for name, sent in (("own", code), ("other", "B12"), ("cut", "serum"))
        ),
    )
    answer = answer_prefetch(record, {"labs": template}, {"patientId": "p1"}, s.NOW.date())["labs"]
    assert [one["resource"]["id"] for one in answer["entry"]] == ["own"]
