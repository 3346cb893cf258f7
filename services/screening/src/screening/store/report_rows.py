"""What the report counts, added up by the database: what comes out is as long as there are kinds, not cards."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from sqlalchemy import BigInteger, Connection, Integer, Select, case, cast, func, literal, select, type_coerce

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
        client: only of this client; empty: of all.
        module: only of this module; empty: of all.
    """

    begin: datetime
    end: datetime
    answered_by: datetime
    client: str = ""
    module: str = ""


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


def kinds(connection: Connection, wanted: Wanted) -> Iterator[Kind]:
    """The cards of a period by kind.

    Raises:
        TooManyKinds: there are more than `MOST_KINDS`.
    """
    for number, row in enumerate(connection.execute(_statement(wanted).limit(MOST_KINDS + 1))):
        if number == MOST_KINDS:
            raise TooManyKinds
        client, hook, module, state, mode, week, outcome, reason, again, cards, showings = row
        yield Kind(
            client=client,
            hook=hook,
            module=module,
            state=state,
            mode=mode,
            week=_FIRST_MONDAY + timedelta(weeks=week),
            outcome=outcome,
            reason=reason,
            again=bool(again),
            cards=int(cards),
            showings=int(showings),
        )


def _statement(wanted: Wanted) -> Select[Any]:
    answers = _answers(wanted).subquery()
    outcome = case(
        (answers.c.accepted + answers.c.overridden == 2, BOTH),
        (answers.c.accepted == 1, ACCEPTED),
        (answers.c.overridden == 1, OVERRIDDEN),
        (CARD.c.first_at <= wanted.answered_by, UNANSWERED),
        else_=WAITING,
    )
    days = type_coerce(CARD.c.first_at, BigInteger) // literal(_DAY, BigInteger)
    columns = (
        CARD.c.client, CARD.c.hook, CARD.c.module, CARD.c.state, CARD.c.mode,
        ((days + 3) // 7).label("week"), outcome.label("outcome"),
        func.coalesce(answers.c.reason, "").label("reason"),
        case((CARD.c.times > 1, 1), else_=0).label("again"),
    )  # fmt: skip
    mine = (answers.c.card == CARD.c.uuid) & (answers.c.client == CARD.c.client) & (answers.c.tenant == CARD.c.tenant)
    statement = (
        select(*columns, func.count(), func.sum(CARD.c.times))
        .select_from(CARD.outerjoin(answers, mine))
        .where(CARD.c.last_at >= wanted.begin)  # has an index; no card was last shown before it was first
        .where(CARD.c.first_at >= wanted.begin, CARD.c.first_at < wanted.end)
        .group_by(*columns)
    )
    if wanted.client:
        statement = statement.where(CARD.c.client == wanted.client)
    if wanted.module:
        statement = statement.where(CARD.c.module == wanted.module)
    return statement


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
    if wanted.client:
        each = each.where(FEEDBACK.c.client == wanted.client)
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
