"""The store in a SQLite file, which the workers of one machine share."""

import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, QueuePool, create_engine, event

from chassis import database_file
from screening.store.lanes import Lane
from screening.store.settings import FILE_NAME

_POLL_S: Final = 0.001


@dataclass(frozen=True, slots=True)
class SqliteFile:
    """The file in `directory`, which is made if it is not there (mode 0700, the file 0600)."""

    directory: Path
    name: str = "sqlite"

    @property
    def path(self) -> Path:
        """The file."""
        return self.directory / FILE_NAME

    def identity(self) -> tuple[int, int] | None:
        """Which file stands there now: what is written to one that was removed or replaced, nobody else sees."""
        return database_file.identity(self.path)

    def engine(self, lane: Lane, may_connect: Callable[[], None]) -> Engine:
        """Connections for a lane. One at a time: who waits for its turn in the process need not poll a lock."""

        def connect() -> sqlite3.Connection:
            may_connect()
            return self._connect(lane)

        engine = create_engine(
            "sqlite://",
            creator=connect,
            poolclass=QueuePool,
            pool_size=1,
            max_overflow=0,
            pool_timeout=lane.patience_s,
            pool_reset_on_return="rollback" if lane.begin else None,
            hide_parameters=True,
        )
        if lane.begin:
            event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(lane.begin))
        return engine

    def lock(self, connection: Connection) -> None:
        """Have nobody else migrate until the transaction ends; here it had the lock from its beginning."""

    def _connect(self, lane: Lane) -> sqlite3.Connection:
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        database_file.make(self.path)
        connection = sqlite3.connect(
            self.path, timeout=lane.patience_s, isolation_level=None, check_same_thread=False, cached_statements=32
        )
        try:
            _write_ahead(connection, lane.patience_s)
            connection.execute("PRAGMA secure_delete = ON")  # what is forgotten is overwritten
            connection.execute(f"PRAGMA synchronous = {'FULL' if lane.durable else 'NORMAL'}")
        except sqlite3.Error:
            connection.close()
            raise
        return connection


def _write_ahead(connection: sqlite3.Connection, patience_s: float) -> None:
    """Switch to write-ahead logging, for which SQLite itself does not wait while another process does it."""
    ends = time.monotonic() + patience_s
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError:
            if time.monotonic() > ends:
                raise
            time.sleep(_POLL_S)
        else:
            return
