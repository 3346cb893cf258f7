"""The statements of ledger and feedback, the same for SQLite and PostgreSQL."""

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, cast

from sqlalchemy import Connection, Table, bindparam, func, select, tuple_, update
from sqlalchemy.dialects import postgresql, sqlite

from screening.store import rows
from screening.store.recent import Repeats
from screening.store.rows import AnsweredRow, CardRow, FeedbackRow, Kept, Scope
from screening.store.tables import CARD, FEEDBACK, SCOPE

MOST_SERVERS: Final = 500
"""FHIR servers that are kept for one client and tenant. More than that is no hospital."""

_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_LONGEST_SERVER: Final = cast(int, SCOPE.c.fhir_server.type.length)  # type: ignore[attr-defined]
_LONGEST_SCOPE: Final = 2_400
"""Bytes that PostgreSQL can have in an index."""

Mark = Callable[[str], str]


def insert(dialect: str, table: Table) -> Any:
    """An INSERT that knows ON CONFLICT, for the dialect of that name."""
    return (postgresql if dialect == "postgresql" else sqlite).insert(table)


# Statements are made once: making one costs more than running it.


@cache
def _upsert_card(dialect: str) -> Any:
    made = insert(dialect, CARD)
    return made.on_conflict_do_update(
        index_elements=[CARD.c.uuid, CARD.c.client, CARD.c.tenant],
        set_={
            "times": CARD.c.times + made.excluded.times,
            "last_at": made.excluded.last_at,
            "shown": made.excluded.shown,
            "mode": made.excluded.mode,
            "rules_version": made.excluded.rules_version,
        },
    )


@cache
def _insert_feedback(dialect: str) -> Any:
    return insert(dialect, FEEDBACK).on_conflict_do_nothing().execution_options(preserve_rowcount=True)


_OWNERS: Final = select(CARD.c.uuid, CARD.c.client, CARD.c.tenant, CARD.c.shown).where(
    CARD.c.uuid.in_(bindparam("uuids", expanding=True)), CARD.c.mode == rows.SHOWN
)
_EARLY: Final = (
    select(FEEDBACK.c.card)
    .where(tuple_(FEEDBACK.c.card, FEEDBACK.c.client, FEEDBACK.c.tenant).in_(bindparam("cards", expanding=True)))
    .where(FEEDBACK.c.shown.is_(None))
    .limit(1)
)
_REPEATS: Final = (
    update(CARD)
    .where(CARD.c.uuid == bindparam("b_uuid"), CARD.c.client == bindparam("b_client"))
    .where(CARD.c.tenant == bindparam("b_tenant"))
    .values(times=CARD.c.times + bindparam("b_times"), last_at=bindparam("b_last", type_=CARD.c.last_at.type))
    .execution_options(preserve_rowcount=True)
)
_ANSWERED: Final = (
    select(
        CARD.c.module,
        CARD.c.state,
        CARD.c.indicator,
        func.coalesce(FEEDBACK.c.shown, CARD.c.shown),
        FEEDBACK.c.outcome,
        FEEDBACK.c.reason,
        FEEDBACK.c.at,
    )
    .join(
        FEEDBACK,
        (FEEDBACK.c.card == CARD.c.uuid) & (FEEDBACK.c.client == CARD.c.client) & (FEEDBACK.c.tenant == CARD.c.tenant),
    )
    .where(CARD.c.patient == bindparam("patient"), CARD.c.mode == rows.SHOWN)
    .order_by(FEEDBACK.c.at, FEEDBACK.c.digest)
)


def card_id(card: str, mark: Mark) -> str:
    """The id of a card or suggestion as it is kept. Ours are UUIDs; for what may be anything else stands a mark."""
    return card.lower() if _UUID.fullmatch(card) else f"x-{mark(card)}"


def write_cards(connection: Connection, cards: Sequence[CardRow]) -> None:
    """Write down cards; one that is there already was shown again."""
    ordered = sorted(cards, key=lambda card: card.uuid)  # as everybody does, so that no two wait for each other
    connection.execute(_upsert_card(connection.dialect.name), [_card_values(card) for card in ordered])


def answered_early(connection: Connection, cards: Sequence[CardRow]) -> bool:
    """Whether any of these cards was answered before it was written down."""
    keys = [(card.uuid.lower(), card.client, card.tenant) for card in cards]
    return connection.execute(_EARLY, {"cards": keys}).first() is not None


def _card_values(row: CardRow) -> dict[str, Any]:
    return {
        "uuid": row.uuid.lower(), "client": row.client, "tenant": row.tenant,
        "suggestions": json.dumps(row.suggestions), "service": row.service, "hook": row.hook,
        "module": row.module, "state": row.state,
        "indicator": row.indicator, "mode": row.mode, "rules_version": row.rules_version, "patient": row.patient,
        "shown": row.shown, "first_at": row.at, "last_at": row.at, "times": 1,
    }  # fmt: skip


def count_repeats(connection: Connection, repeats: Sequence[Repeats]) -> int:
    """Count cards that were shown again, where they are still there; how many are."""
    counted = connection.execute(
        _REPEATS,
        [
            {"b_uuid": one.key[0].lower(), "b_client": one.key[1], "b_tenant": one.key[2], "b_times": one.times,
             "b_last": one.last}
            for one in repeats
        ],
    )  # fmt: skip
    return counted.rowcount


def write_scope(connection: Connection, scope: Scope) -> None:
    """Write down where patients come from, unless there are too many places already, or it is none that there is."""
    if not _can_be_kept(scope):
        return
    mine = (SCOPE.c.client == scope.client, SCOPE.c.tenant == scope.tenant)
    known = connection.execute(select(func.count()).select_from(SCOPE).where(*mine)).scalar_one()
    if known < MOST_SERVERS:
        values = {"client": scope.client, "tenant": scope.tenant, "fhir_server": scope.fhir_server}
        connection.execute(insert(connection.dialect.name, SCOPE).on_conflict_do_nothing(), values)


def _can_be_kept(scope: Scope) -> bool:
    """Whether each database takes it: what a client names as its FHIR server may be anything."""
    size = sum(len(part.encode("utf-8", "surrogatepass")) for part in (scope.client, scope.tenant, scope.fhir_server))
    return scope.fhir_server.isprintable() and len(scope.fhir_server) <= _LONGEST_SERVER and size <= _LONGEST_SCOPE


def answered(connection: Connection, patient: str) -> list[AnsweredRow]:
    """All answers to cards of a patient, oldest first."""
    return [AnsweredRow(*row) for row in connection.execute(_ANSWERED, {"patient": patient})]


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends answers, and how they are kept: `mark` stands for ids that are not ours; comments only if wanted."""

    client: str
    tenant: str
    mark: Mark
    comments: bool


def keep(connection: Connection, items: Sequence[FeedbackRow], sender: Sender) -> list[Kept]:
    """Write down answers of a client; what became of each, in their order."""
    cards = [card_id(item.card, sender.mark) for item in items]
    owners: dict[str, dict[tuple[str, str], str]] = {}
    for part in _parts(sorted(set(cards))):
        for uuid, client, tenant, shown in connection.execute(_OWNERS, {"uuids": part}):
            owners.setdefault(uuid, {})[client, tenant] = shown
    return [
        _keep_one(connection, item, card, owners.get(card), sender) for item, card in zip(items, cards, strict=True)
    ]


def _keep_one(
    connection: Connection, item: FeedbackRow, card: str, owners: Mapping[tuple[str, str], str] | None, sender: Sender
) -> Kept:
    """`owners` are those to whom the card was shown, and as what; None: it is not known."""
    me = (sender.client, sender.tenant)
    if owners is not None and me not in owners:
        return Kept(item.card, rows.NOT_YOURS)
    suggestions = sorted({card_id(one, sender.mark) for one in item.suggestions})
    values = {
        "card": card, "client": sender.client, "tenant": sender.tenant, "digest": _digest(item, suggestions),
        "service": item.service, "outcome": item.outcome, "reason": item.reason, "their_reason": item.their_reason,
        "suggestions": json.dumps(suggestions), "shown": owners[me] if owners is not None else None,
        "comment": item.comment if sender.comments and item.comment else None,
        "at": item.at, "received_at": item.received,
    }  # fmt: skip
    written = connection.execute(_insert_feedback(connection.dialect.name), values).rowcount
    if owners is None:
        return Kept(item.card, rows.UNKNOWN_CARD)
    return Kept(item.card, rows.KEPT if written == 1 else rows.REPEATED)


def _digest(item: FeedbackRow, suggestions: Sequence[str]) -> str:
    """Over all that makes an answer the same when it comes again; when it came is not part of that."""
    said = item.said_at.timestamp() if item.said_at is not None else ""
    whole = json.dumps([item.outcome, item.reason, item.their_reason, suggestions, f"{said}"])
    return hashlib.sha256(whole.encode()).hexdigest()


def _parts(values: Sequence[str], size: int = 500) -> list[Sequence[str]]:
    """`values` in pieces that fit into one statement."""
    return [values[start : start + size] for start in range(0, len(values), size)]
