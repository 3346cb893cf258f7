"""What the ledger of used tokens costs a call, for docs/adr/0011. Run by hand; nothing runs it otherwise.

    python deploy/bench/ledger.py [postgresql://...]

Each line is one way to keep it: microseconds per admitted call (median and 99th of 100) for one process alone, and
calls per second of two processes at once. Beware: in the database that is named, the ledger's tables are dropped.
"""

import multiprocessing
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg

from gateway import stores
from gateway.ledger import Ledger, Limit, Store, Use

CALLS = 3_000
LIMIT = Limit("bench", 600_000, 600_000)


class Tuned:
    """A connection on which one statement was run first."""

    def __init__(self, connection: Any, statement: str) -> None:
        self._connection = connection
        connection.execute(statement, {})

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


def tuned(store: Store, statement: str) -> Store:
    """The same store, but each connection runs `statement` first."""
    return replace(store, connect=lambda: Tuned(store.connect(), statement))


def costs(store: Store, who: str) -> list[float]:
    """Microseconds of each of `CALLS` calls."""
    ledger, taken = Ledger(store), []
    ledger.was_reached()
    for number in range(CALLS):
        use = Use("https://ehr.example", f"{who}-{number}-{time.time_ns()}", time.time() + 360)
        began = time.perf_counter()
        if not ledger.admit(use, LIMIT, time.time()).let_in:
            raise SystemExit("a call was not let in: the figures would be worth nothing")
        taken.append((time.perf_counter() - began) * 1e6)
    ledger.close()
    return taken


def per_second(make: Callable[[], Store]) -> float:
    """Calls per second of two processes at once."""
    context = multiprocessing.get_context("fork")
    running = [context.Process(target=costs, args=(make(), str(who))) for who in range(2)]
    began = time.perf_counter()
    for process in running:
        process.start()
    for process in running:
        process.join()
    if any(process.exitcode for process in running):
        raise SystemExit("a process failed")
    return 2 * CALLS / (time.perf_counter() - began)


def show(name: str, make: Callable[[], Store]) -> None:
    """Measure one way and print its line."""
    taken = sorted(costs(make(), "alone"))
    median, slow = statistics.median(taken), taken[len(taken) * 99 // 100]
    say(f"{name:40} {median:8.0f} {slow:8.0f} {per_second(make):8.0f}")


def say(line: str) -> None:
    """Print a line."""
    sys.stdout.write(line + "\n")


def main() -> None:
    """Measure all ways."""
    say(f"{'':40} {'median':>8} {'99th':>8} {'per s':>8}   (SQLite {sqlite3.sqlite_version})")
    for synchronous in ("OFF", "NORMAL", "FULL"):
        with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
            store, pragma = stores.sqlite(Path(folder)), f"PRAGMA synchronous = {synchronous}"
            show(f"SQLite, synchronous = {synchronous}", lambda s=store, p=pragma: tuned(s, p))
    for url in sys.argv[1:]:
        for commit in ("off", "on"):
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("DROP TABLE IF EXISTS gateway_used_token, gateway_call_rate")
            store, setting = stores.postgresql(url), f"SET synchronous_commit = {commit}"
            show(f"PostgreSQL, synchronous_commit = {commit}", lambda s=store, p=setting: tuned(s, p))


if __name__ == "__main__":
    main()
