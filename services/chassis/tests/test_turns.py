"""Turns: who computes, who waits, and that nobody is forgotten."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from chassis.serving import turns as turns_module
from chassis.serving.turns import Turns, aside

WITHIN = 10.0


class Stage:
    """Jobs that say when they begin and end when they are told to."""

    def __init__(self, at_once: int) -> None:
        self.pool = ThreadPoolExecutor(16)
        self.turns = Turns(at_once, self.pool.submit)
        self.begun: list[str] = []
        self._changed = threading.Condition()
        self._may_end: set[str] = set()

    def put(self, name: str, waits: Callable[[], None] | None = None) -> None:
        def job() -> None:
            self.note(name)
            if waits is not None:
                with aside():
                    waits()
                self.note(f"{name} is back")
            with self._changed:
                assert self._changed.wait_for(lambda: name in self._may_end, WITHIN)

        self.turns.put(job)

    def note(self, word: str) -> None:
        with self._changed:
            self.begun.append(word)
            self._changed.notify_all()

    def end(self, name: str) -> None:
        with self._changed:
            self._may_end.add(name)
            self._changed.notify_all()

    def until(self, *begun: str) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: set(begun) <= set(self.begun), WITHIN), self.begun


def test_so_many_at_once_and_the_others_in_their_order() -> None:
    stage = Stage(2)
    for name in "abcd":
        stage.put(name)
    stage.until("a", "b")
    assert stage.turns.crowded
    stage.end("b")
    stage.until("c")
    assert "d" not in stage.begun
    for name in "acd":
        stage.end(name)
    stage.until("d")
    stage.pool.shutdown()
    assert stage.begun[2:] == ["c", "d"]
    assert not stage.turns.crowded


def test_who_waits_for_another_server_makes_room_and_comes_back_at_once() -> None:
    stage = Stage(1)
    other = threading.Event()
    stage.put("waits", lambda: bool(other.wait(WITHIN)) or None)
    stage.put("b")
    stage.put("c")
    stage.until("waits", "b")
    assert "c" not in stage.begun
    other.set()
    stage.until("waits is back")
    stage.end("b")  # two compute where there is one turn: nobody begins
    stage.end("waits")
    stage.until("c")
    stage.end("c")
    stage.pool.shutdown()


def test_a_job_that_fails_gives_its_turn_back() -> None:
    stage = Stage(1)

    def fails() -> None:
        raise ValueError

    stage.turns.put(fails)
    stage.put("b")
    stage.until("b")
    stage.end("b")
    stage.pool.shutdown()


def test_waiting_that_fails_keeps_the_count() -> None:
    stage = Stage(1)
    for _ in range(5):

        def fails() -> None:
            with aside():
                raise ValueError

        stage.turns.put(fails)
    stage.put("b")
    stage.put("c")
    stage.until("b")
    time.sleep(0.05)
    assert "c" not in stage.begun
    stage.end("b")
    stage.until("c")
    stage.end("c")
    stage.pool.shutdown()
    assert stage.begun == ["b", "c"]


def test_a_turn_that_lasts_too_long_is_shared_but_only_where_somebody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns_module, "LONGEST_S", 0.0)
    stage = Stage(1)
    stage.put("long")
    stage.turns.share()
    stage.put("b")
    stage.put("c")
    stage.until("long")
    assert stage.begun == ["long"]
    stage.turns.share()
    stage.until("b")
    stage.turns.share()
    stage.until("c")
    for name in ("long", "b", "c"):
        stage.end(name)
    stage.pool.shutdown()
    monkeypatch.undo()
    stage = Stage(1)
    stage.put("short")
    stage.put("b")
    stage.turns.share()
    stage.until("short")
    assert "b" not in stage.begun
    stage.end("short")
    stage.until("b")
    stage.end("b")
    stage.pool.shutdown()


def test_outside_a_worker_waiting_is_just_waiting() -> None:
    with aside():
        pass
