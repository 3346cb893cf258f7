"""The ledger in PostgreSQL, for replicas; `stores` loads this where such a database is configured."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final, cast

import psycopg
from psycopg.conninfo import conninfo_to_dict

from gateway.ledger import SCHEMA, WAIT_S, Cursor, Store
from gateway.stores import StoreError

_SCHEMA_LOCK: Final = 5_021_764_903_117
"""An arbitrary number: PostgreSQL's `CREATE TABLE IF NOT EXISTS` fails when two do it at once."""

_CONNECT_S: Final = 2


def store(url: str) -> Store:
    """The store in the database at `url`, which need not be reachable yet.

    Raises:
        StoreError: `url` is not a libpq URL.
    """
    try:
        conninfo_to_dict(url)
    except psycopg.Error as error:
        raise StoreError("must be a URL such as postgresql://user@host/database") from error
    return Store("postgresql", lambda: _PostgresqlConnection(url), (psycopg.Error, OSError))


class _Impatient(psycopg.Connection[tuple[Any, ...]]):
    """A connection on which no answer is awaited for longer than `WAIT_S`, whatever became of the server."""

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        return super().wait(gen, interval, WAIT_S if timeout is None else timeout)


class _PostgresqlConnection:
    def __init__(self, url: str) -> None:
        self._connection = _Impatient.connect(
            url, autocommit=True, connect_timeout=_CONNECT_S, application_name="dystonia-cds gateway"
        )
        try:
            self._prepare()
        except psycopg.Error:
            self._connection.close()
            raise

    def _prepare(self) -> None:
        limit = f"{WAIT_S:g}s"
        for setting, value in (
            ("statement_timeout", limit), ("lock_timeout", limit), ("idle_in_transaction_session_timeout", "5s"),
            ("synchronous_commit", "off"),
        ):  # fmt: skip
            self._connection.execute("SELECT set_config(%s, %s, false)", (setting, value))
        there = self._connection.execute("SELECT to_regclass('gateway_call_rate')").fetchone()
        if there == (None,):
            with self._connection.transaction():
                self._connection.execute("SELECT pg_advisory_xact_lock(%s)", (_SCHEMA_LOCK,))
                for statement in SCHEMA:
                    self._connection.execute(statement.encode())

    def begin(self) -> None:
        self._connection.execute("BEGIN")

    def execute(self, statement: str, values: Mapping[str, Any]) -> Cursor:
        return cast(Cursor, self._connection.execute(_for_postgresql(statement), values or None))

    def is_broken(self) -> bool:
        return self._connection.closed

    def close(self) -> None:
        self._connection.close()


@cache
def _for_postgresql(statement: str) -> bytes:
    """A statement with its values named as psycopg wants them."""
    return re.sub(r":([a-z]+)", r"%(\1)s", statement).encode()
