"""Writes the traces of calls in the background, in batches: never while a call waits.

A process has one queue and one thread, begun after the fork. What the queue cannot hold and what the store does not
take is dropped and counted: a trace is worth less than an answer. What still waits can be found as well.
"""

import atexit
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from chassis.logs import Log
from screening import metrics
from screening.store import StoreDown, TraceRow
from screening.store.traces import Traces
from screening.trace import Trace

INTERVAL: Final = 0.1
"""Seconds for which traces are collected before they are written together."""
MOST_WAITING: Final = 2_000
"""Traces that wait to be written; further ones are dropped."""
MOST_FOUND: Final = 20
"""Calls of one hookInstance that are shown."""
_BATCH: Final = 200
_SAID_EVERY: Final = 60.0
_LOG: Final = Log("trace")


class Recorder:
    """Takes what is known of calls, makes rows of it and writes them; finds them again.

    Args:
        made: makes the row of a call; it runs in the background.
        traces: the store's.
        interval: seconds between two batches.
        most: how many calls may wait.
    """

    def __init__(
        self,
        made: Callable[[Trace], TraceRow],
        traces: Traces,
        interval: float = INTERVAL,
        most: int = MOST_WAITING,
    ) -> None:
        self._made = made
        self._traces = traces
        self._interval = interval
        self._most = most
        self._queue: deque[Trace] = deque()
        self._in_hand: list[Trace] = []
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._some = threading.Event()
        self._begun_by = 0
        self._dropped = 0
        self._unsaid = 0
        self._said_at = -_SAID_EVERY

    @property
    def dropped(self) -> int:
        """How many calls of this process have no trace, because there was no room or the store was down."""
        return self._dropped

    def keep(self, trace: Trace) -> None:
        """Take a call; costs microseconds and never waits."""
        with self._lock:
            if len(self._queue) >= self._most:
                self._lost(1)
                return
            self._queue.append(trace)
        self.begin()
        self._some.set()

    def begin(self) -> None:
        """Write from now on in a thread of this process."""
        with self._lock:
            if self._begun_by == os.getpid():
                return
            self._begun_by = os.getpid()
        atexit.register(self.flush)
        threading.Thread(target=self._run, name="traces", daemon=True).start()

    def find(self, hook_instance: str) -> list[TraceRow]:
        """The traces of a hookInstance that are written, or still wait in this process; newest first.

        Raises:
            StoreDown: the store cannot be read now.
        """
        wanted = hook_instance.lower()
        waiting = self._waiting(lambda trace: trace.hook_instance.lower() == wanted)
        return _newest([*waiting, *self._traces.find(wanted, MOST_FOUND)], MOST_FOUND)

    def latest(self, client: str, outcome: str, most: int) -> list[TraceRow]:
        """The latest traces, of one client or outcome where one is named.

        Raises:
            StoreDown: the store cannot be read now.
        """
        waiting = self._waiting(lambda trace: client in ("", trace.client) and outcome in ("", trace.outcome))
        return _newest([*waiting, *self._traces.latest(client, outcome, most)], most)

    def _waiting(self, wanted: Callable[[Trace], bool]) -> list[TraceRow]:
        with self._lock:
            waiting = [*self._in_hand, *self._queue]
        return [self._made(trace) for trace in waiting if wanted(trace)]

    def flush(self) -> None:
        """Write everything that waits."""
        with self._writing:
            while self._take():
                rows = [row for trace in self._in_hand if (row := self._row(trace)) is not None]
                try:
                    self._traces.put(rows)
                except StoreDown as error:
                    self._give_up(len(rows), error)
                self._in_hand = []

    def _run(self) -> None:
        while True:
            self._some.wait()
            time.sleep(self._interval)
            self._some.clear()
            self.flush()

    def _take(self) -> bool:
        with self._lock:
            self._in_hand = [self._queue.popleft() for _ in range(min(_BATCH, len(self._queue)))]
            return bool(self._in_hand)

    def _row(self, trace: Trace) -> TraceRow | None:
        try:
            return self._made(trace)
        except Exception as error:  # noqa: BLE001 - a fault of ours must not end the traces of all other calls
            self._give_up(1, error)
            return None

    def _give_up(self, number: int, error: Exception) -> None:
        """So many calls in hand have no trace; said at most once a minute."""
        with self._lock:
            self._lost(number)
            count, now = self._unsaid, time.monotonic()
            if now - self._said_at < _SAID_EVERY:
                return
            self._said_at, self._unsaid = now, 0
        _LOG.warning("traces are lost", reason=type(error).__name__, count=count)

    def _lost(self, number: int) -> None:
        metrics.TRACES_LOST.add(by=number)
        self._dropped += number
        self._unsaid += number


def _newest(rows: Sequence[TraceRow], most: int) -> list[TraceRow]:
    """The newest ones; what is just being written may be there twice."""
    return sorted(dict.fromkeys(rows), key=lambda row: row.at, reverse=True)[:most]
