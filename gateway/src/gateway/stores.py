"""Where the ledger can be kept: a SQLite file that the workers of one machine share, or PostgreSQL for replicas.

Both commit without waiting for the disk: what is lost when the machine (not the process) goes down is the memory of
the last tokens. docs/adr/0011 weighs that, with figures.
"""

import os
import sqlite3
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from chassis import database_file
from gateway.ledger import SCHEMA, WAIT_S, Cursor, Store

FILE_NAME: Final = "gateway-ledger.sqlite"
_POLL_S: Final = 0.001


class StoreError(Exception):
    """The store that was configured can never work; the text says why, without what is secret in it."""


def sqlite(directory: Path) -> Store:
    """A file in `directory`, which is made if it is not there (mode 0700, the file 0600).

    Raises:
        StoreError: there can be no such file.
    """
    path = directory / FILE_NAME
    try:
        directory.mkdir(mode=0o700, exist_ok=True)
        _SqliteConnection(path).close()
    except (OSError, sqlite3.Error) as error:
        why = os.strerror(error.errno or 0).lower() if isinstance(error, OSError) else str(error)
        raise StoreError(f"the ledger of used tokens cannot be kept in STATE_DIR: {why}") from error
    return Store("sqlite", lambda: _SqliteConnection(path), (sqlite3.Error, OSError))


def postgresql(url: str) -> Store:
    """A PostgreSQL database. It need not be reachable yet.

    Raises:
        StoreError: `url` is not a libpq URL.
    """
    from gateway import postgresql as database  # noqa: PLC0415 - a gateway with a file starts without 10 MB of psycopg

    return database.store(url)


class _SqliteConnection:
    def __init__(self, path: Path) -> None:
        self._path = path
        database_file.make(path)
        self._connection = sqlite3.connect(
            path, timeout=0, isolation_level=None, check_same_thread=False, cached_statements=16
        )
        self._file = database_file.identity(path)
        try:
            self._prepare()
        except sqlite3.Error:
            self._connection.close()
            raise

    def _prepare(self) -> None:
        for statement in ("PRAGMA journal_mode = WAL", "PRAGMA synchronous = NORMAL", *SCHEMA):
            self._patiently(statement)

    def _patiently(self, statement: str) -> None:
        """Run a statement when others let us, within `WAIT_S`.

        SQLite's own waiting sleeps for up to 100 ms at a time, which starves who waits, and is not done at all for a
        switch to write-ahead logging.
        """
        ends = time.monotonic() + WAIT_S
        while True:
            try:
                self._connection.execute(statement)
            except sqlite3.OperationalError:
                if time.monotonic() > ends:
                    raise
                time.sleep(_POLL_S)
            else:
                return

    def begin(self) -> None:
        self._patiently("BEGIN IMMEDIATE")

    def execute(self, statement: str, values: Mapping[str, Any]) -> Cursor:
        return self._connection.execute(statement, values)

    def is_broken(self) -> bool:
        """Whether the file was removed or replaced: what is written to the old one, nobody else sees."""
        return database_file.identity(self._path) != self._file

    def close(self) -> None:
        self._connection.close()
