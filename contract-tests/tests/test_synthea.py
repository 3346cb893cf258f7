"""Twelve whole synthetic records that have nothing to do with dystonia: silence, and with dystonia one card each."""

import json
import uuid
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from contract import judge
from contract.client import Client
from scenarios.expected import shown

from screening.synthetic.charts import SYSTEMS
from tryout import ehr

SHARED = Path(__file__).parents[3] / "shared"
FILES = sorted((SHARED / "data" / "synthea-r4").glob("*.json")) if SHARED.is_dir() else []
RECORDED_DAYS_AGO = 30
YEAR = 365
HALF_A_YEAR = 183


@pytest.fixture(scope="module")
def code_sets() -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads((SHARED / "clinical" / "codes.json").read_text("utf-8"))["groups"]
    return found


def call(bundle: Mapping[str, Any], service: Mapping[str, Any], today: date) -> dict[str, Any]:
    return ehr.build_call(
        bundle, service, patient_id=ehr.patient_of(bundle), today=today, hook_instance=str(uuid.uuid4())
    )


def with_dystonia(bundle: Mapping[str, Any], today: date) -> dict[str, Any]:
    return ehr.add_condition(
        bundle,
        patient_id=ehr.patient_of(bundle),
        system=SYSTEMS["icd10cm"],
        code="G24.9",
        recorded=today - timedelta(days=RECORDED_DAYS_AGO),
    )


def of_type(bundle: Mapping[str, Any], resource_type: str) -> Iterator[Mapping[str, Any]]:
    for entry in bundle["entry"]:
        if entry["resource"]["resourceType"] == resource_type:
            yield entry["resource"]


def in_set(concept: Mapping[str, Any], code_set: Mapping[str, Any]) -> bool:
    for coding in concept.get("coding", ()):
        for listed in code_set["codes"]:
            if coding.get("system") == SYSTEMS[listed["sys"]]:
                code = str(coding.get("code", ""))
                if code == listed["code"] or (listed.get("match") == "prefix" and code.startswith(listed["code"])):
                    return True
    return False


def has_result(bundle: Mapping[str, Any], sets: list[Mapping[str, Any]], today: date, days: int) -> bool:
    oldest = (today - timedelta(days=days)).isoformat()
    return any(
        any(in_set(each["code"], code_set) for code_set in sets) and each.get("effectiveDateTime", "") >= oldest
        for each in of_type(bundle, "Observation")
    )


def is_active(condition: Mapping[str, Any]) -> bool:
    codings = condition.get("clinicalStatus", {}).get("coding", [{"code": "active"}])
    return codings[0]["code"] in {"active", "recurrence", "relapse"}


def at_risk(bundle: Mapping[str, Any], code_set: Mapping[str, Any]) -> bool:
    conditions = (each for each in of_type(bundle, "Condition") if is_active(each))
    return any(in_set(each["code"], code_set) for each in conditions) or any(
        in_set(each["code"], code_set) and each["status"] in {"completed", "in-progress"}
        for each in of_type(bundle, "Procedure")
    )


def hemoglobin_is_high(bundle: Mapping[str, Any], today: date) -> bool:
    """Above the limit within a year: an older polycythemia may have passed, and manganese looks back a year."""
    oldest = (today - timedelta(days=YEAR)).isoformat()
    limit = 16.0 if next(of_type(bundle, "Patient"))["gender"] == "female" else 16.5
    found = [
        each for each in of_type(bundle, "Observation")
        if any(coding["code"] == "718-7" for coding in each["code"]["coding"])
    ]  # fmt: skip
    latest = max(found, key=lambda each: str(each["effectiveDateTime"]), default=None)
    return latest is not None and latest["effectiveDateTime"] >= oldest and latest["valueQuantity"]["value"] > limit


def iron_facts(bundle: Mapping[str, Any], code_sets: Mapping[str, Any]) -> bool:
    """Diabetes together with anemia or retinal degeneration: without them a bare G24.9 does not ask for iron."""
    companions = ("FE_ANAEMIA", "FE_RETINA")
    return at_risk(bundle, code_sets["FE_DIABETES"]) and any(at_risk(bundle, code_sets[name]) for name in companions)


def modules_asked_for(bundle: Mapping[str, Any], code_sets: Mapping[str, Any], today: date) -> set[str]:
    """A short computation of its own: newly recorded G24.9, no other movement disorder; which modules are missing."""
    born = date.fromisoformat(next(of_type(bundle, "Patient"))["birthDate"])
    recorded = today - timedelta(days=RECORDED_DAYS_AGO)
    onset = recorded.year - born.year - ((recorded.month, recorded.day) < (born.month, born.day))
    mn_risk = at_risk(bundle, code_sets["MN_RISK"]) or at_risk(bundle, code_sets["MN_PN"])
    asked = {
        "B12": (True, ("L_B12", "L_HOLOTC"), YEAR),
        "CA": (True, ("L_CA", "L_CAADJ", "L_CAI"), HALF_A_YEAR),
        "CU": (onset <= 55 or at_risk(bundle, code_sets["CU_RISK"]), ("L_CP",), 10 * YEAR),
        "VITE": (onset <= 30 or at_risk(bundle, code_sets["VE_RISK"]), ("L_VE",), 2 * YEAR),
        "MN": (onset <= 18 or mn_risk or hemoglobin_is_high(bundle, today), ("L_MNB",), YEAR),
        "FE": (iron_facts(bundle, code_sets), ("L_FERR",), 2 * YEAR),
    }
    return {
        module
        for module, (eligible, sets, days) in asked.items()
        if eligible and not has_result(bundle, [code_sets[name] for name in sets], today, days)
    }


def is_dead(bundle: Mapping[str, Any]) -> bool:
    patient = next(of_type(bundle, "Patient"))
    return "deceasedDateTime" in patient or patient.get("deceasedBoolean") is True


def test_the_records_are_there() -> None:
    if not FILES:
        pytest.skip("shared/data/synthea-r4 is not beside this checkout")
    assert len(FILES) == 12
    assert sum(is_dead(json.loads(path.read_text("utf-8"))) for path in FILES) == 1


@pytest.mark.parametrize("path", FILES, ids=[path.stem[:20] for path in FILES])
def test_without_dystonia_there_is_no_card(door: Client, services: dict[str, Any], today: date, path: Path) -> None:
    service = services["patient-view"]
    answer = door.post(f"/cds-services/{service['id']}", call(json.loads(path.read_text("utf-8")), service, today))
    assert answer.status_code == 200
    assert answer.json() == {"cards": []}


@pytest.mark.parametrize("path", FILES, ids=[path.stem[:20] for path in FILES])
def test_with_dystonia_the_living_get_one_screen_card(
    door: Client, services: dict[str, Any], code_sets: Mapping[str, Any], today: date, path: Path
) -> None:
    service = services["patient-view"]
    bundle = with_dystonia(json.loads(path.read_text("utf-8")), today)
    answer = door.post(f"/cds-services/{service['id']}", call(bundle, service, today))
    assert answer.status_code == 200
    assert judge.faults(answer.json()) == []
    if is_dead(bundle):
        assert answer.json() == {"cards": []}
        return
    (card,) = shown(answer.json())
    assert (card.module, card.state) == ("SCREEN", "INCOMPLETE")
    assert set(card.includes) == modules_asked_for(bundle, code_sets, today)
