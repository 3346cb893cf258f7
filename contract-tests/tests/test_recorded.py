"""What the CDS Hooks Sandbox really sent, replayed: no failure, no word about dystonia for patients without it, and the
right cards for the same calls about a patient who has it.

The recordings stand beside the project and not with users.
"""

import copy
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from contract import judge
from contract.client import Client
from contract.exchanges import load, resource_type
from scenarios.expected import Expected, shown

FOLDER = Path(__file__).parents[3] / "shared" / "examples" / "sandbox"


def recorded() -> list[Any]:
    found = []
    for path in sorted(FOLDER.glob("*.json")) if FOLDER.is_dir() else ():
        lines = json.loads(path.read_text("utf-8"))
        for line in lines if isinstance(lines, list) else ():
            if line.get("side") == "cds" and line["method"] == "POST" and isinstance(line["body"], dict):
                found.append(pytest.param(line, id=f"{path.stem}: {line['url'].removeprefix('/cds-services/')}"))
    return found


RECORDED = recorded()
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"


def test_the_recordings_are_there() -> None:
    if not FOLDER.is_dir():
        pytest.skip("shared/examples/sandbox is not beside this checkout")
    hooks = [each.values[0]["body"].get("hook") for each in RECORDED]
    assert {hook: hooks.count(hook) for hook in set(hooks)} == {
        "patient-view": 1, "order-select": 4, "order-sign": 3, None: 3,
    }  # fmt: skip


@pytest.mark.promise("R20")
@pytest.mark.parametrize("line", RECORDED)
def test_a_recorded_call_is_answered(door: Client, services: dict[str, Any], line: dict[str, Any]) -> None:
    body = line["body"]
    if "feedback" in body:
        answer = door.post("/cds-services/dystonia-patient-view/feedback", body)
        assert answer.json() == {"feedback": [{"card": "card-lab-patient-view-1", "status": "unknown-card"}]}
        return
    answer = door.post(f"/cds-services/dystonia-{body['hook']}", body)
    asked = services[body["hook"]]["prefetch"]
    keys = {key for key, query in asked.items() if resource_type(query) in {"Patient", "Condition"}}
    if body["hook"] == "patient-view" and not keys <= body["prefetch"].keys():
        assert answer.status_code == 412, "what was not asked for by this name proves no absence"
        assert judge.refusal_faults(answer) == []
        return
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"cards": []}


@pytest.mark.promise("R33", "T61")
@pytest.mark.parametrize("line", [each for each in RECORDED if each.values[0]["body"].get("hook") == "patient-view"])
def test_without_patient_and_conditions_a_recorded_call_is_412(door: Client, line: dict[str, Any]) -> None:
    for prefetch in ({}, {"user": line["body"]["prefetch"]["user"]}):
        answer = door.post("/cds-services/dystonia-patient-view", {**line["body"], "prefetch": prefetch})
        assert answer.status_code == 412
        assert judge.refusal_faults(answer) == []


def with_dystonia(body: dict[str, Any], templates: dict[str, str], today: date) -> dict[str, Any]:
    """A recorded call with the prefetch of a patient who has dystonia and a low vitamin B12, under the recorded id."""
    exchange = next(each for each in load("order-select-athena") if each.name.endswith("folic acid, B12 low"))
    prefetch = exchange.request(templates, today)["prefetch"]
    text = json.dumps(prefetch).replace(exchange.shared["call"]["context"]["patientId"], body["context"]["patientId"])
    return {**copy.deepcopy(body), "prefetch": json.loads(text)}


B12_LOW = Expected("B12", "ABNORMAL", "warning", ())
SCREEN = Expected("SCREEN", "INCOMPLETE", "info", ("CA", "CU"))
FOLATE = Expected("ORD_FOLATE", "", "warning", ())


@pytest.mark.promise("R20")
@pytest.mark.parametrize("line", [each for each in RECORDED if "feedback" not in each.values[0]["body"]])
def test_a_recorded_call_about_a_patient_with_dystonia(
    door: Client, services: dict[str, Any], line: dict[str, Any], today: date
) -> None:
    hook = line["body"]["hook"]
    body = with_dystonia(line["body"], services[hook]["prefetch"], today)
    path = f"/cds-services/{services[hook]['id']}"
    answer = door.post(path, body)
    assert answer.status_code == 200, answer.text
    assert judge.faults(answer.json()) == []
    assert shown(answer.json()) == ([B12_LOW, SCREEN] if hook == "patient-view" else [])
    drafts = body["context"].get("draftOrders")
    if drafts is None or drafts["entry"][0]["resource"]["resourceType"] != "MedicationRequest":
        return
    concept = {"text": "Folic Acid 1 MG Oral Tablet", "coding": [{"system": RXNORM, "code": "4511"}]}
    drafts["entry"][0]["resource"]["medicationCodeableConcept"] = concept
    assert shown(door.post(path, body).json()) == [FOLATE]
