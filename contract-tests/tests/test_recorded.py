"""What the CDS Hooks Sandbox really sent, replayed: no failure, and no word about dystonia for patients without it.

The recordings stand beside the project and not with users.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from contract import judge
from contract.client import Client
from contract.exchanges import resource_type

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
        assert answer.status_code == 501
        assert judge.refusal_faults(answer) == []
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
