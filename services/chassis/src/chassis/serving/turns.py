"""Turns: few requests are computed at a time, first come, first served; who waits for another server makes room.

Threads that compute side by side only take the interpreter's lock from each other: together they are no faster, and
which of them comes last is chance. Threads that wait for another server take nothing from anybody. So a process has
many threads, and few turns.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final

LONGEST_S: Final = 0.1
"""A turn that lasts longer is shared: what waits without having said so must not stop the others."""

_Job = Callable[[], None]
_here = threading.local()


class _Turn:
    """One job's turn; held or not is known to `Turns`."""

    __slots__ = ("since",)

    def __init__(self) -> None:
        self.since = time.monotonic()


class Turns:
    """Hands out turns; threads share it.

    Args:
        at_once: how many turns there are.
        begin: starts a job in a thread.
    """

    def __init__(self, at_once: int, begin: Callable[[_Job], object]) -> None:
        self._free = at_once
        self._begin = begin
        self._waiting: deque[_Job] = deque()
        self._held: dict[_Turn, None] = {}
        self._lock = threading.Lock()

    @property
    def crowded(self) -> bool:
        """Whether jobs wait for their turn."""
        return bool(self._waiting)

    def put(self, job: _Job) -> None:
        """Have `job` begin when it is its turn."""
        with self._lock:
            self._waiting.append(job)
            self._next()

    def share(self) -> None:
        """Where jobs wait, let one begin for each turn that has lasted too long. To be called now and then."""
        with self._lock:
            late = time.monotonic() - LONGEST_S
            while self._waiting and self._held and (turn := next(iter(self._held))).since <= late:
                self._give(turn)

    def leave(self, turn: _Turn) -> None:
        """Give a turn back, if it is still held."""
        with self._lock:
            if turn in self._held:
                self._give(turn)

    def take_again(self, turn: _Turn) -> None:
        """Go on at once, whether there is a turn left or not."""
        with self._lock:
            self._free -= 1
            turn.since = time.monotonic()
            self._held[turn] = None

    def _give(self, turn: _Turn) -> None:
        del self._held[turn]
        self._free += 1
        self._next()

    def _next(self) -> None:
        while self._free > 0 and self._waiting:
            self._free -= 1
            turn = _Turn()
            self._held[turn] = None
            self._begin(partial(self._run, turn, self._waiting.popleft()))

    def _run(self, turn: _Turn, job: _Job) -> None:
        _here.turn = self, turn
        try:
            job()
        finally:
            _here.turn = None
            self.leave(turn)


@contextmanager
def aside() -> Iterator[None]:
    """Around waiting for another server: somebody else has our turn meanwhile.

    Whoever comes back goes on at once, so for a moment more may compute than there are turns; to queue again would
    only make an answer late that others have waited for. Outside a worker with turns nothing happens.
    """
    if (mine := getattr(_here, "turn", None)) is None:
        yield
        return
    turns, turn = mine
    turns.leave(turn)
    try:
        yield
    finally:
        turns.take_again(turn)
