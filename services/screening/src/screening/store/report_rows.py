"""What the report counts, added up by the database: what comes out is as long as there are kinds, not cards."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Integer,
    Select,
    case,
    cast,
    func,
    literal,
    select,
    type_coerce,
)

from screening.store.rows import ACCEPTED, OVERRIDDEN
from screening.store.tables import CARD, FEEDBACK

BOTH: Final = "both"
UNANSWERED: Final = "unanswered"
WAITING: Final = "waiting"
THEIRS: Final = "of-another-system"
"""The reason of an override for which there was one, but none of our codes."""

MOST_KINDS: Final = 300_000
_DAY: Final = 86_400_000_000
_FIRST_MONDAY: Final = date(1969, 12, 29)
_EARLY: Final = timedelta(days=1)
"""An answer may be written down before its card: by how much at most."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which cards are counted: those first shown in a period.

    Attributes:
        begin: of the period.
        end: the first moment after it.
        answered_by: a card without an answer counts as waiting for one if it was first shown after this.
    """

    begin: datetime
    end: datetime
    answered_by: datetime


@dataclass(frozen=True, slots=True)
class Kind:
    """Cards that are alike in all that the report tells apart.

    Attributes:
        client, hook, module, state: as in the ledger.
        mode: `shown`, or why they were not.
        week: the Monday of the week (UTC) in which they were first shown.
        outcome: accepted, overridden, both, unanswered or waiting.
        reason: of the latest override: one of our codes, `of-another-system`, or empty.
        again: whether they were shown more than once.
        cards: how many.
        showings: how often they were shown, all together.
    """

    client: str
    hook: str
    module: str
    state: str
    mode: str
    week: date
    outcome: str
    reason: str
    again: bool
    cards: int
    showings: int


class TooManyKinds(Exception):
    """There is more to tell apart than can be counted at once: a shorter period is needed."""


def kinds(connection: Connection, wanted: Wanted) -> list[Kind]:
    """The cards of a period by kind.

    All are counted, then those that were answered; the others are the difference. That is faster than one statement
    over both tables, since most cards have no answer.

    Raises:
        TooManyKinds: there are more than `MOST_KINDS`.
    """
    named = _named(wanted)
    every = select(*named, func.count(), func.sum(CARD.c.times)).where(*_chosen(wanted)).group_by(*named)
    left = {row[:-2]: [int(row[-2]), int(row[-1])] for row in _rows(connection, every)}
    answers = _answers(wanted).subquery()
    told = (answers.c.accepted, answers.c.overridden, answers.c.reason)
    mine = (answers.c.card == CARD.c.uuid) & (answers.c.client == CARD.c.client) & (answers.c.tenant == CARD.c.tenant)
    answered = (
        select(*named, *told, func.count(), func.sum(CARD.c.times))
        .select_from(answers.join(CARD, mine))
        .where(*_chosen(wanted))
        .group_by(*named, *told)
    )
    found: list[Kind] = []
    for row in _rows(connection, answered):
        names = row[:-5]
        accepted, overridden, reason, cards, showings = row[-5:]
        rest = left[names]
        rest[0] -= int(cards)
        rest[1] -= int(showings)
        outcome = BOTH if accepted and overridden else ACCEPTED if accepted else OVERRIDDEN
        found.append(_kind(names, outcome, reason, int(cards), int(showings)))
    for key, (cards, showings) in left.items():
        if cards:
            found.append(_kind(key, WAITING if key[-1] else UNANSWERED, "", cards, showings))
    return found


def _rows(connection: Connection, statement: Select[Any]) -> list[tuple[Any, ...]]:
    rows = [tuple(row) for row in connection.execute(statement.limit(MOST_KINDS + 1))]
    if len(rows) > MOST_KINDS:
        raise TooManyKinds
    return rows


def _kind(named: Sequence[Any], outcome: str, reason: str, cards: int, showings: int) -> Kind:
    client, hook, module, state, mode, week, again, _ = named
    return Kind(
        client=client,
        hook=hook,
        module=module,
        state=state,
        mode=mode,
        week=_FIRST_MONDAY + timedelta(weeks=week),
        outcome=outcome,
        reason=reason,
        again=bool(again),
        cards=cards,
        showings=showings,
    )


def _named(wanted: Wanted) -> tuple[ColumnElement[Any], ...]:
    """What tells cards apart without their answers; at the end, whether one may still come."""
    days = type_coerce(CARD.c.first_at, BigInteger) // literal(_DAY, BigInteger)
    return (
        CARD.c.client, CARD.c.hook, CARD.c.module, CARD.c.state, CARD.c.mode, ((days + 3) // 7).label("week"),
        case((CARD.c.times > 1, 1), else_=0).label("again"),
        case((CARD.c.first_at > wanted.answered_by, 1), else_=0).label("waiting"),
    )  # fmt: skip


def _chosen(wanted: Wanted) -> list[ColumnElement[bool]]:
    """Which cards are counted."""
    return [
        CARD.c.last_at >= wanted.begin,  # has an index; no card was last shown before it was first
        CARD.c.first_at >= wanted.begin,
        CARD.c.first_at < wanted.end,
    ]


def _answers(wanted: Wanted) -> Select[Any]:
    """The answers to each card in one row: 1 or 0 for accepted and overridden, the reason of the latest override."""
    accepted = case((FEEDBACK.c.outcome == ACCEPTED, 1), else_=0)
    overridden = case((FEEDBACK.c.outcome == OVERRIDDEN, 1), else_=0)
    card = (FEEDBACK.c.card, FEEDBACK.c.client, FEEDBACK.c.tenant)
    latest_override = (overridden.desc(), FEEDBACK.c.at.desc(), FEEDBACK.c.digest)
    reason = case(
        (FEEDBACK.c.outcome != OVERRIDDEN, ""),
        (FEEDBACK.c.reason != "", FEEDBACK.c.reason),
        (FEEDBACK.c.their_reason != "", THEIRS),
        else_="",
    )
    each = select(
        *card,
        func.max(accepted).over(partition_by=card).label("accepted"),
        func.max(overridden).over(partition_by=card).label("overridden"),
        reason.label("reason"),
        func.row_number().over(partition_by=card, order_by=latest_override).label("place"),
    ).where(FEEDBACK.c.received_at >= wanted.begin - _EARLY)
    ranked = each.subquery()
    return select(
        ranked.c.card,
        ranked.c.client,
        ranked.c.tenant,
        cast(ranked.c.accepted, Integer).label("accepted"),
        cast(ranked.c.overridden, Integer).label("overridden"),
        ranked.c.reason,
    ).where(ranked.c.place == 1)


def monday(day: date) -> date:
    """The Monday of a day's week."""
    return day - timedelta(days=day.weekday())


def midnight(day: date) -> datetime:
    """When a day begins, in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
