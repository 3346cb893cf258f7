"""What is done in the background: counts written down, what is too old removed, patients forgotten."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Delete, Table, and_, delete, exists, or_, select, tuple_

from screening.store.lanes import BACKGROUND, Lane
from screening.store.marks import Marks
from screening.store.rows import Scope
from screening.store.settings import StoreSettings
from screening.store.statements import insert
from screening.store.tables import CARD, CHORE, FEEDBACK, SCOPE, TRACE

EXPIRE_EVERY: Final = timedelta(hours=1)
TRIM_EVERY: Final = timedelta(minutes=5)
_BATCH: Final = 500
"""Rows that are removed at once: nobody waits long for the right to write."""

Run = Callable[[Lane, Callable[[Connection], int]], int]
"""`Store.run`, for what counts rows."""

_CARD_KEY: Final = (CARD.c.uuid, CARD.c.client, CARD.c.tenant)
_FEEDBACK_KEY: Final = (FEEDBACK.c.card, FEEDBACK.c.client, FEEDBACK.c.tenant)
_SAME_CARD: Final = and_(*(ours == theirs for ours, theirs in zip(_CARD_KEY, _FEEDBACK_KEY, strict=True)))


@dataclass(frozen=True, slots=True)
class Removed:
    """How many rows were removed."""

    cards: int = 0
    answers: int = 0
    traces: int = 0


def claim(connection: Connection, name: str, now: datetime, every: timedelta) -> bool:
    """Whether it is for us to do what one process does for all, `every` so often; from then on it counts as done."""
    made = insert(connection.dialect.name, CHORE).values(name=name, done_at=now)
    due = or_(CHORE.c.done_at <= now - every, CHORE.c.done_at > now + every)  # the latter by a clock that was wrong
    statement = made.on_conflict_do_update(index_elements=[CHORE.c.name], set_={"done_at": now}, where=due)
    return bool(connection.execute(statement.execution_options(preserve_rowcount=True)).rowcount == 1)


def expire(run: Run, settings: StoreSettings, now: datetime) -> Removed:
    """Remove what has been kept long enough.

    Raises:
        StoreDown: it cannot be done now; part of it may have been.
    """
    answered = now - timedelta(days=settings.answered_days)
    unanswered = now - timedelta(days=settings.unanswered_days)
    return _remove_before(run, answered, unanswered)


def remove_before(run: Run, moment: datetime) -> Removed:
    """Remove what was not shown, answered or traced at `moment` or later.

    Raises:
        StoreDown: it cannot be done now; part of it may have been.
    """
    removed = _remove_before(run, moment, moment)
    return Removed(removed.cards, removed.answers, _in_batches(run, TRACE, (TRACE.c.id,), TRACE.c.at < moment))


def _remove_before(run: Run, answered: datetime, unanswered: datetime) -> Removed:
    answers = _in_batches(run, FEEDBACK, (*_FEEDBACK_KEY, FEEDBACK.c.digest), FEEDBACK.c.received_at < answered)
    has_card = exists().where(_SAME_CARD).correlate(FEEDBACK)
    stray = and_(FEEDBACK.c.received_at < unanswered, ~has_card)
    answers += _in_batches(run, FEEDBACK, (*_FEEDBACK_KEY, FEEDBACK.c.digest), stray)
    has_answer = exists().where(_SAME_CARD).correlate(CARD)
    cards = _in_batches(run, CARD, _CARD_KEY, and_(CARD.c.last_at < unanswered, ~has_answer))
    return Removed(cards, answers)


def trim_traces(run: Run, settings: StoreSettings, now: datetime) -> int:
    """Remove traces that are too old or too many; how many.

    Raises:
        StoreDown: it cannot be done now; part of it may have been.
    """
    removed = _in_batches(run, TRACE, (TRACE.c.id,), TRACE.c.at < now - timedelta(hours=settings.trace_hours))
    newest_too_many = select(TRACE.c.id).order_by(TRACE.c.id.desc()).offset(settings.trace_most).limit(1)
    return removed + _in_batches(run, TRACE, (TRACE.c.id,), TRACE.c.id <= newest_too_many.scalar_subquery())


def forget(run: Run, patients: Sequence[str]) -> Removed:
    """Remove everything about the patients with these keys.

    Raises:
        StoreDown: it cannot be done now; part of it may have been.
    """
    removed = Removed()
    for patient in patients:
        theirs = select(CARD.c.uuid, CARD.c.client, CARD.c.tenant).where(CARD.c.patient == patient)
        answers = _count(run, delete(FEEDBACK).where(tuple_(*_FEEDBACK_KEY).in_(theirs)))
        cards = _count(run, delete(CARD).where(CARD.c.patient == patient))
        traces = _count(run, delete(TRACE).where(TRACE.c.patient == patient))
        removed = Removed(removed.cards + cards, removed.answers + answers, removed.traces + traces)
    return removed


def keys(connection: Connection, marks: Marks, patient_id: str, wanted: Scope) -> list[str]:
    """The keys that a patient may have: one for each place that patients came from, of those that `wanted` names.

    What is empty in `wanted` stands for any; a place that is named whole need not be known.
    """
    statement = select(SCOPE.c.client, SCOPE.c.tenant, SCOPE.c.fhir_server)
    for column, name in zip(SCOPE.c, (wanted.client, wanted.tenant, wanted.fhir_server), strict=True):
        if name:
            statement = statement.where(column == name)
    scopes = {Scope(*row) for row in connection.execute(statement)}
    if wanted.client and wanted.fhir_server:
        scopes.add(wanted)
    return [marks.patient(one.client, one.tenant, one.fhir_server, patient_id) for one in scopes]


def _in_batches(run: Run, table: Table, key: Iterable[ColumnElement[Any]], where: ColumnElement[bool]) -> int:
    columns = tuple(key)
    some = select(*columns).where(where).limit(_BATCH)
    statement = delete(table).where(tuple_(*columns).in_(some))
    total = 0
    while removed := _count(run, statement):
        total += removed
    return total


def _count(run: Run, statement: Delete) -> int:
    return run(BACKGROUND, lambda connection: connection.execute(statement).rowcount)
