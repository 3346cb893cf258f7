"""The two databases that a store can be in: how they are read past our own code, and what can be done to them."""

import contextlib
import os
import random
import resource
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final

import psycopg

from chassis import testing_postgresql
from crash import processes
from crash.book import Row
from crash.stack import SCREENING, Stack

Blow = Callable[[], int]
"""Kills something; how many processes that were."""
Outage = Callable[[Stack], AbstractContextManager[None]]
"""As long as the block lasts, nothing can be written."""

_ROWS: Final = "SELECT client, card, outcome, reason, at FROM screening_feedback"
_ALMOST_NOTHING: Final = 4_096
_AGAIN_WITHIN_S: Final = 20.0


class SqlitePlace:
    """A file in STATE_DIR."""

    name = "sqlite"

    def __init__(self) -> None:
        self.environ: Mapping[str, str] = {}
        self.outages: Mapping[str, Outage] = {"locked": _locked, "full": _full}

    def blows(self, _dice: random.Random) -> Mapping[str, tuple[int, Blow]]:
        """There is no process to kill."""
        return {}

    def rows(self, stack: Stack) -> list[Row]:
        """All feedback that is there."""
        with contextlib.closing(_opened(stack)) as connection:
            return [Row(*row) for row in connection.execute(_ROWS)]

    def damage(self, stack: Stack) -> list[str]:
        """What SQLite finds wrong with the file."""
        with contextlib.closing(_opened(stack)) as connection:
            return [str(row[0]) for row in connection.execute("PRAGMA integrity_check") if row[0] != "ok"]

    def left(self) -> list[str]:
        """Nothing of it runs."""
        return []

    def close(self) -> None:
        """There is nothing to stop."""


def _opened(stack: Stack) -> sqlite3.Connection:
    return sqlite3.connect(stack.state / "screening.sqlite", timeout=5, isolation_level=None)


@contextlib.contextmanager
def _locked(stack: Stack) -> Iterator[None]:
    """Somebody else writes, and does not come to an end."""
    with contextlib.closing(_opened(stack)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


@contextlib.contextmanager
def _full(stack: Stack) -> Iterator[None]:
    """No file may grow, as if the disk were full."""
    with not_growing(stack.services[SCREENING].workers()):
        yield


@contextlib.contextmanager
def not_growing(pids: Sequence[int]) -> Iterator[None]:
    """None of the files that these processes write may grow, until the end of the block."""
    before = {pid: resource.prlimit(pid, resource.RLIMIT_FSIZE) for pid in pids}
    for pid, (_, hard) in before.items():
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (_ALMOST_NOTHING, hard))
    try:
        yield
    finally:
        for pid, limits in before.items():
            with contextlib.suppress(ProcessLookupError):
                resource.prlimit(pid, resource.RLIMIT_FSIZE, limits)


class PostgresqlPlace:
    """A server of our own, which waits for the disk as in production."""

    name = "postgresql"

    def __init__(self, binaries: Path) -> None:
        self._binaries = binaries
        self._server = testing_postgresql.Server(binaries, durable=True)
        self._server.start()
        self.environ: Mapping[str, str] = {"STORE_URL": self._server.url}
        self.outages: Mapping[str, Outage] = {"stopped": self._stopped, "standing still": self._still}

    def blows(self, dice: random.Random) -> Mapping[str, tuple[int, Blow]]:
        """One of the server's processes that serve a connection, and the first of all."""
        return {"postgresql backend": (5, lambda: self._kill_backend(dice)), "postmaster": (2, self._kill)}

    def rows(self, _stack: Stack) -> list[Row]:
        """All feedback that is there."""
        with psycopg.connect(self._server.url) as connection:
            return [Row(*row) for row in connection.execute(_ROWS)]

    def damage(self, _stack: Stack) -> list[str]:
        """What PostgreSQL's own tool finds wrong with tables and indexes."""
        tool = self._binaries / "pg_amcheck"
        if not tool.exists():
            return []
        command: list[Any] = [tool, "--install-missing", "--heapallindexed", "-h", self._server.folder, "-U", "cds"]
        done = subprocess.run([*command, "postgres"], capture_output=True, text=True, timeout=60, check=False)  # noqa: S603
        return [] if done.returncode == 0 else [*done.stdout.splitlines(), *done.stderr.splitlines()]

    def left(self) -> list[str]:
        """What still runs of the server."""
        return [f"{pid} {processes.words_of(pid)}" for pid in processes.marked("", self._server.folder)]

    def close(self) -> None:
        """Stop it and remove it."""
        self._server.remove()

    def _kill_backend(self, dice: random.Random) -> int:
        serving = [pid for pid in processes.children_of(self._server.pid) if "postgres: cds" in processes.words_of(pid)]
        if not serving:
            return 0
        with contextlib.suppress(ProcessLookupError):
            os.kill(dice.choice(serving), signal.SIGKILL)
            return 1
        return 0

    def _kill(self) -> int:
        self._server.kill()
        self._start()
        return 1

    def _start(self) -> None:
        """Start it, once those that a killed server has left behind have given its memory back."""
        ends = time.monotonic() + _AGAIN_WITHIN_S
        while True:
            try:
                self._server.start()
            except OSError:
                if time.monotonic() > ends:
                    raise
                time.sleep(0.1)
            else:
                return

    @contextlib.contextmanager
    def _stopped(self, _stack: Stack) -> Iterator[None]:
        self._server.stop()
        try:
            yield
        finally:
            self._start()

    @contextlib.contextmanager
    def _still(self, _stack: Stack) -> Iterator[None]:
        self._server.pause(on=True)
        try:
            yield
        finally:
            self._server.pause(on=False)


Place = SqlitePlace | PostgresqlPlace
