"""Threads that do what they are given: started when they are needed, never more than allowed, ended with the process.

The standard library's pool makes a Future with a condition variable for every job; nobody waits for ours, and handing
a job over is a good part of what a small request costs.
"""

import threading
from collections.abc import Callable
from queue import SimpleQueue

Job = Callable[[], object]


class Crew:
    """At most `most` threads. Jobs begin in the order in which they were put, and see to their own errors."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._started = 0
        self._spare = 0  # threads that wait for a job, less the jobs that wait for them

    def put(self, job: Job) -> None:
        """Have a thread do `job`, a new one if all have something to do."""
        with self._lock:
            self._spare -= 1
            needed = self._spare < 0 and self._started < self._most
            self._started += needed
        self._jobs.put(job)
        if needed:
            threading.Thread(target=self._work, name="crew", daemon=True).start()

    def shutdown(self, wait: bool = False) -> None:
        """Let every thread end after what it does now. `wait` is for callers of a pool; nobody is waited for."""
        del wait
        for _ in range(self._started):
            self._jobs.put(None)

    def _work(self) -> None:
        while True:
            with self._lock:
                self._spare += 1
            job = self._jobs.get()
            if job is None:
                return
            job()
