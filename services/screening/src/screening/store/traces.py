"""Traces of calls, for as long as somebody may ask why."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

from sqlalchemy import Connection, Select, insert, select

from screening.store import lanes
from screening.store.lanes import Lane
from screening.store.rows import Scope, TraceRow
from screening.store.statements import write_scope
from screening.store.tables import TRACE

_T = TypeVar("_T")
_COLUMNS = (
    TRACE.c.hook_instance, TRACE.c.client, TRACE.c.tenant, TRACE.c.service, TRACE.c.hook, TRACE.c.at,
    TRACE.c.outcome, TRACE.c.patient, TRACE.c.body,
)  # fmt: skip


class Run(Protocol):
    """`Store.run`."""

    def __call__(self, lane: Lane, work: Callable[[Connection], _T]) -> _T: ...


class Traces:
    """The traces in the store. All of it may raise `StoreDown`."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def put(self, batch: Sequence[TraceRow]) -> None:
        """Write down traces, and where their patients are from. Not for a thread that a call waits for."""
        rows = [
            {column.name: getattr(row, column.name) for column in _COLUMNS}
            | {"hook_instance": row.hook_instance.lower()}
            for row in batch
        ]
        scopes = {Scope(row.client, row.tenant, row.fhir_server) for row in batch if row.patient}

        def work(connection: Connection) -> None:
            for scope in scopes:
                write_scope(connection, scope)
            connection.execute(insert(TRACE), rows)

        if rows:
            self._run(lanes.BACKGROUND, work)

    def find(self, hook_instance: str, most: int = 20) -> list[TraceRow]:
        """The traces of a hook instance, newest first."""
        statement = select(*_COLUMNS).where(TRACE.c.hook_instance == hook_instance.lower())
        return self._listed(statement.order_by(TRACE.c.at.desc(), TRACE.c.id.desc()).limit(most))

    def latest(self, client: str = "", outcome: str = "", most: int = 50) -> list[TraceRow]:
        """The latest traces, newest first, of one client or outcome if one is named."""
        statement = select(*_COLUMNS)
        if client:
            statement = statement.where(TRACE.c.client == client)
        if outcome:
            statement = statement.where(TRACE.c.outcome == outcome)
        return self._listed(statement.order_by(TRACE.c.at.desc(), TRACE.c.id.desc()).limit(most))

    def _listed(self, statement: Select[Any]) -> list[TraceRow]:
        return self._run(lanes.PAGES, lambda connection: [TraceRow(*row) for row in connection.execute(statement)])
