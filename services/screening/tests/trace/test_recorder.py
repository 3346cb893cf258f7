"""The recorder: in the background, in batches, bounded, and nothing that waits or is just being written is missed."""

import os
import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from screening.recorder import Recorder
from screening.store import StoreDown, TraceRow
from screening.store.traces import Traces
from screening.trace import Trace

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


class Shelf(Traces):
    """Stands in for the store's traces: keeps them in a list, is down or slow when told so."""

    def __init__(self) -> None:
        self.rows: list[TraceRow] = []
        self.batches: list[int] = []
        self.down = False
        self.begun = threading.Event()
        self.may_end = threading.Event()
        self.may_end.set()

    def put(self, batch: Sequence[TraceRow]) -> None:
        self.begun.set()
        assert self.may_end.wait(5)
        if self.down:
            raise StoreDown
        self.batches.append(len(batch))
        self.rows.extend(batch)

    def find(self, hook_instance: str, most: int = 20) -> list[TraceRow]:
        return [row for row in reversed(self.rows) if row.hook_instance == hook_instance][:most]

    def latest(self, client: str = "", outcome: str = "", most: int = 50) -> list[TraceRow]:
        rows = (r for r in reversed(self.rows) if client in ("", r.client) and outcome in ("", r.outcome))
        return list(rows)[:most]


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


def made(trace: Trace) -> TraceRow:
    if trace.refusal == "cannot be told":
        raise ValueError
    return TraceRow(
        trace.hook_instance.lower(), trace.client, "", trace.service, trace.hook, trace.at, trace.outcome, "", "{}"
    )


def trace(hook_instance: str = "a", client: str = "one", after: int = 0, **more: str) -> Trace:
    return Trace("s", "h", NOW + after * SECOND, "1", hook_instance=hook_instance, client=client, **more)


@pytest.fixture
def recorder(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> Recorder:
    """Writes when it is told to: no thread of its own."""
    quiet = Recorder(made, shelf)
    monkeypatch.setattr(quiet, "begin", lambda: None)
    return quiet


def test_calls_are_written_together(recorder: Recorder, shelf: Shelf) -> None:
    for number in range(450):
        recorder.keep(trace(str(number)))
    assert shelf.rows == []
    recorder.flush()
    assert [row.hook_instance for row in shelf.rows] == [str(number) for number in range(450)]
    assert shelf.batches == [200, 200, 50]


def test_what_waits_is_found_as_well(recorder: Recorder, shelf: Shelf) -> None:
    recorder.keep(trace("A", after=1))
    recorder.flush()
    recorder.keep(trace("a", after=2))
    recorder.keep(trace("b", after=3))
    assert [row.at for row in recorder.find("A")] == [NOW + 2 * SECOND, NOW + SECOND]
    assert recorder.find("c") == []


def test_what_is_just_being_written_is_found_once(recorder: Recorder, shelf: Shelf) -> None:
    recorder.keep(trace("a"))
    shelf.may_end.clear()
    writing = threading.Thread(target=recorder.flush)
    writing.start()
    assert shelf.begun.wait(5)
    assert len(recorder.find("a")) == 1
    shelf.may_end.set()
    writing.join(5)
    assert len(recorder.find("a")) == 1


def test_the_newest_twenty_of_a_hook_instance_are_shown(recorder: Recorder) -> None:
    for number in range(30):
        recorder.keep(trace("a", after=number))
    assert [row.at for row in recorder.find("a")] == [NOW + number * SECOND for number in range(29, 9, -1)]


def test_the_latest_are_chosen_by_client_and_outcome(recorder: Recorder) -> None:
    recorder.keep(trace("a", "one", after=1))
    recorder.keep(trace("b", "two", after=2))
    recorder.flush()
    refused = trace("c", "two", after=3)
    refused.status = 412
    recorder.keep(refused)

    def listed(client: str, outcome: str, most: int = 50) -> str:
        return "".join(row.hook_instance for row in recorder.latest(client, outcome, most))

    assert listed("", "") == "cba"
    assert listed("two", "") == "cb"
    assert listed("two", "silent") == "b"
    assert listed("", "refused") == "c"
    assert listed("", "", 2) == "cb"


def test_what_there_is_no_room_for_is_dropped_and_counted(shelf: Shelf) -> None:
    recorder = Recorder(made, shelf, most=3)
    recorder.begin = lambda: None  # type: ignore[method-assign]
    for number in range(5):
        recorder.keep(trace(str(number)))
    recorder.flush()
    assert [row.hook_instance for row in shelf.rows] == ["0", "1", "2"]
    assert recorder.dropped == 2


def test_a_store_that_is_down_costs_traces_and_nothing_else(recorder: Recorder, shelf: Shelf) -> None:
    shelf.down = True
    recorder.keep(trace("a"))
    recorder.keep(trace("b"))
    recorder.flush()
    assert recorder.dropped == 2
    shelf.down = False
    recorder.keep(trace("c"))
    recorder.flush()
    assert [row.hook_instance for row in shelf.rows] == ["c"]


def test_a_call_that_cannot_be_told_costs_its_own_trace_only(recorder: Recorder, shelf: Shelf) -> None:
    for number, refusal in enumerate(("", "cannot be told", "")):
        recorder.keep(trace(str(number), refusal=refusal))
    recorder.flush()
    assert [row.hook_instance for row in shelf.rows] == ["0", "2"]
    assert recorder.dropped == 1


def test_a_thread_of_this_process_writes_by_itself(shelf: Shelf, threads: list[threading.Thread]) -> None:
    recorder = Recorder(made, shelf, interval=0.001)
    recorder.keep(trace("a"))
    assert shelf.begun.wait(5)
    recorder.keep(trace("b"))
    recorder.flush()
    assert [thread.name for thread in threads] == ["traces"]
    assert {row.hook_instance for row in shelf.rows} == {"a", "b"}


def test_a_child_begins_a_thread_of_its_own(shelf: Shelf) -> None:
    """As gunicorn forks its workers; the parent has taken no call and has no thread."""
    recorder = Recorder(made, shelf, interval=0.001)
    child = os.fork()
    if child == 0:
        try:
            recorder.keep(trace("a"))
        finally:
            os._exit(0 if shelf.begun.wait(5) else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
