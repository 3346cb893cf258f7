"""The store in PostgreSQL, for replicas; loaded where such a database is configured."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import TransactionStatus
from sqlalchemy import Connection, Engine, QueuePool, create_engine, text

from screening.store.lanes import Lane

_MIGRATION_LOCK: Final = 7_316_220_458_931
"""An arbitrary number, not the gateway's."""
_CONNECT_S: Final = 2
"""The least that libpq knows."""
_SETTINGS: Final = (
    "SELECT set_config('statement_timeout', %(limit)s, false), set_config('lock_timeout', %(limit)s, false),"
    " set_config('idle_in_transaction_session_timeout', '60s', false),"
    " set_config('synchronous_commit', %(commit)s, false)"
)


@dataclass(frozen=True, slots=True)
class PostgresqlDatabase:
    """The database at `url`, which need not be reachable yet."""

    url: str = field(repr=False)
    name: str = "postgresql"

    def identity(self) -> None:
        """Always the same: connections break when the server goes."""

    def engine(self, lane: Lane, may_connect: Callable[[], None]) -> Engine:
        """Connections for a lane."""

        def connect() -> psycopg.Connection[Any]:
            may_connect()
            return self._connect(lane)

        return create_engine(
            "postgresql+psycopg://",
            creator=connect,
            poolclass=QueuePool,
            pool_size=lane.connections,
            max_overflow=0,
            pool_timeout=lane.patience_s,
            pool_reset_on_return="rollback" if lane.begin else None,
            isolation_level="REPEATABLE READ" if lane.begin == "BEGIN" else None if lane.begin else "AUTOCOMMIT",
            use_native_hstore=False,
            hide_parameters=True,
        )

    def lock(self, connection: Connection) -> None:
        """Have nobody else migrate until the transaction ends."""
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})

    def _connect(self, lane: Lane) -> psycopg.Connection[Any]:
        connection = _Impatient.connect(
            self.url, autocommit=True, connect_timeout=_CONNECT_S, application_name="dystonia-cds screening"
        )
        try:
            limit = f"{int(1000 * lane.patience_s)}ms"
            connection.execute(_SETTINGS, {"limit": limit, "commit": "on" if lane.durable else "off"})
            connection.patience_s = lane.patience_s
            connection.autocommit = False
        except psycopg.Error:
            connection.close()
            raise
        return connection


class _Impatient(psycopg.Connection[Any]):
    """A connection on which no answer is awaited for longer than `patience_s`, whatever became of the server."""

    patience_s: float = _CONNECT_S

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        try:
            return super().wait(gen, interval, self.patience_s if timeout is None else timeout)
        except psycopg.OperationalError:
            if self.pgconn.transaction_status == TransactionStatus.ACTIVE:
                self.pgconn.finish()  # an answer may come that nobody waits for any more
            raise


def is_url(url: str) -> bool:
    """Whether `url` is one of libpq's."""
    try:
        conninfo_to_dict(url)
    except psycopg.Error:
        return False
    return True
