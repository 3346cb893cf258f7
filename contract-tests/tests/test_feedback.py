"""Feedback is not kept yet, and so it is not acknowledged: 501, whatever the form."""

import json
from typing import Any

import pytest
from contract import exchanges, judge
from contract.client import Client

CASES: list[dict[str, Any]] = json.loads((exchanges.FOLDER / "feedback.json").read_text("utf-8"))["cases"]


@pytest.mark.parametrize("service", ["dystonia-patient-view", "dystonia-order-select", "dystonia-order-sign"])
@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_feedback_is_refused_as_not_implemented(door: Client, case: dict[str, Any], service: str) -> None:
    answer = door.post(f"/cds-services/{service}/feedback", case["body"])
    assert answer.status_code == 501
    assert judge.refusal_faults(answer) == []
    assert answer.json()["issue"][0]["code"] == "not-supported"
