"""Slots and breaker of a host, by a clock of our own."""

import pytest

from screening.fhir import gate as gate_module
from screening.fhir.gate import FAILURES, LONGEST_PAUSE_S, PAUSE_S, Gate
from screening.fhir.outcomes import BUSY, PAUSED

HOST, OTHER = "https://a.example:443", "https://b.example:443"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def gate(clock: Clock) -> Gate:
    return Gate(2, clock)


def attempt(gate: Gate, *, answered: bool | None, quiet_s: float = 0.0) -> str:
    refused = gate.enter(HOST)
    if not refused:
        gate.leave(HOST, answered=answered, quiet_s=quiet_s)
    return refused


def test_slots_are_per_host_and_given_back(gate: Gate) -> None:
    assert [gate.enter(HOST) for _ in range(3)] == ["", "", BUSY]
    assert gate.enter(OTHER) == ""
    gate.leave(HOST, answered=True)
    assert gate.enter(HOST) == ""


def test_failures_in_a_row_open_the_breaker_and_one_probe_closes_it(gate: Gate, clock: Clock) -> None:
    assert [attempt(gate, answered=False) for _ in range(FAILURES + 1)] == [""] * FAILURES + [PAUSED]
    clock.now = PAUSE_S + 1
    assert gate.enter(HOST) == ""
    assert gate.enter(HOST) == PAUSED  # one probe at a time
    gate.leave(HOST, answered=True)
    assert [gate.enter(HOST) for _ in "ab"] == ["", ""]


def test_a_failed_probe_opens_it_again(gate: Gate, clock: Clock) -> None:
    for _ in range(FAILURES):
        attempt(gate, answered=False)
    clock.now = PAUSE_S + 1
    assert attempt(gate, answered=False) == ""
    assert attempt(gate, answered=True) == PAUSED
    clock.now += PAUSE_S + 1
    assert attempt(gate, answered=True) == ""


def test_an_answer_begins_the_count_anew_and_no_chance_counts_for_nothing(gate: Gate) -> None:
    for _ in range(3):
        for _ in range(FAILURES - 1):
            assert attempt(gate, answered=False) == ""
        assert attempt(gate, answered=True) == ""
    for _ in range(FAILURES + 1):
        assert attempt(gate, answered=None) == ""


def test_a_host_is_left_alone_for_as_long_as_it_asks_within_bounds(gate: Gate, clock: Clock) -> None:
    attempt(gate, answered=True, quiet_s=20)
    clock.now = 19
    assert attempt(gate, answered=True) == PAUSED
    clock.now = 21
    assert attempt(gate, answered=True, quiet_s=86_400) == ""
    clock.now += LONGEST_PAUSE_S + 1
    assert attempt(gate, answered=True) == ""


def test_a_client_that_asks_too_much_is_held_back_alone_and_for_its_own_time(gate: Gate, clock: Clock) -> None:
    for client, seconds in (("a", 20.0), ("b", 86_400.0)):
        assert gate.enter(HOST, client) == ""
        gate.leave(HOST, client, answered=True, throttled_s=seconds)
    assert [gate.enter(HOST, client) for client in ("a", "b", "c")] == [PAUSED, PAUSED, ""]
    gate.leave(HOST, "c", answered=True)
    clock.now = 21
    assert [gate.enter(HOST, client) for client in ("a", "b")] == ["", PAUSED]
    gate.leave(HOST, "a", answered=True, throttled_s=1)
    clock.now = LONGEST_PAUSE_S + 1
    assert gate.enter(HOST, "b") == ""


def test_how_a_host_is_searched_is_forgotten_in_time(gate: Gate, clock: Clock) -> None:
    assert gate.search_by(HOST) == ""
    gate.searched_by(HOST, "GET")
    assert gate.search_by(HOST) == "GET"
    clock.now = gate_module.REMEMBERED_S + 1
    assert gate.search_by(HOST) == ""


def test_not_every_host_is_remembered_but_those_in_use_are(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate_module, "MOST_HOSTS", 3)
    gate.enter(HOST)
    gate.enter(HOST)
    for number in range(10):
        gate.searched_by(f"https://{number}.example:443", "GET")
    assert gate.enter(HOST) == BUSY
    assert len(gate._hosts) == 3
