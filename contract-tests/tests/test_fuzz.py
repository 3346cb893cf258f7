"""The fuzzing's own machinery: what counts as a failure, and that a bound which cut it is said."""

import json
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

sys.path.append(str(Path(__file__).parents[2] / "build" / "fuzz"))
pytest.importorskip("schemathesis", reason="the fuzzing tool is not in build/fuzz: make fuzz installs it")

from fuzz import examples, playing


@dataclass
class Sent:
    """As much of a request as a note of a failure needs."""

    headers: dict[str, str] = field(default_factory=dict)
    query: dict[str, str] = field(default_factory=dict)
    path_parameters: dict[str, str] = field(default_factory=dict)
    body: object = None


@dataclass
class Answered:
    """As much of an answer as is looked at."""

    status_code: int
    content: bytes = b""
    headers: dict[str, list[str]] = field(default_factory=lambda: {"x-request-id": ["0123456789"]})

    @property
    def text(self) -> str:
        return self.content.decode()


def outcome(diagnostics: str = "Request id: 0123456789") -> bytes:
    issue = {"severity": "error", "code": "invalid", "details": {"text": "No."}, "diagnostics": diagnostics}
    return json.dumps({"resourceType": "OperationOutcome", "issue": [issue]}).encode()


def failures(answer: Any) -> list[str]:
    tally = playing.Tally("name", time.monotonic())

    def send(_: Any) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    playing._one(tally, Sent(), send)
    assert tally.count == 1
    return tally.failures


@pytest.mark.parametrize("status", [500, 501, 502, 503, 504])
def test_a_failure_of_ours_is_noted(status: int) -> None:
    (noted,) = failures(Answered(status, outcome()))
    assert noted.startswith(str(status))


def test_no_answer_is_a_failure() -> None:
    (noted,) = failures(requests.ConnectionError())
    assert noted.startswith("no answer (ConnectionError)")


@pytest.mark.parametrize("content", [b"", b"<html>", b"{}", outcome("Request id: 9876543210")])
def test_a_refusal_has_to_be_an_outcome_with_the_id_of_its_header(content: bytes) -> None:
    assert failures(Answered(400, content))
    assert failures(Answered(400, outcome())) == []


def test_a_bound_that_cut_is_said() -> None:
    bounds = playing.Bounds(examples=10, seconds=5, seed=1)
    tally = playing.Tally("name", time.monotonic())
    tally.answers[200] = 9
    assert "CUT by FUZZ_SECONDS=5" in tally.line(bounds)
    tally.answers[200] = 10
    assert "CUT" not in tally.line(bounds)


def test_real_calls_are_bent_in_place_and_stay_whole_themselves() -> None:
    call = {"a": [{"b": 1}, 2]}
    assert list(examples._places(call)) == [(call, "a"), (call["a"], 0), (call["a"][0], "b"), (call["a"], 1)]
    assert examples._bent(call, [(2, "x")]) == {"a": [{"b": "x"}, 2]}
    assert examples._bent(call, [(1, examples._GONE)]) == {"a": [2]}
    assert examples._bent(call, [(0, examples._GONE), (5, 1)]) == {}
    assert call == {"a": [{"b": 1}, 2]}
