"""HTTP in, HTTP out: what became of cards is kept before it is acknowledged.

Each item is judged for itself, as FHIR does it in a batch: the good ones are kept, the others are refused with words.
Nothing is acknowledged that is not on the disk.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from flask import Blueprint, Response, g

from chassis import shell
from chassis.logs import Log
from chassis.problems import Problem
from screening import account, callers, feedback, metrics, problems, services
from screening.callers import Caller
from screening.feedback import Fault, Item
from screening.override_reasons import Reasons
from screening.store import FeedbackRow, Kept, Store, StoreDown
from screening.store.rows import KEPT, NOT_YOURS, UNKNOWN_CARD

REFUSED: Final = "refused"
NO_REASON: Final = "none"
OTHER_REASON: Final = "other"
_NEW: Final = frozenset({KEPT, UNKNOWN_CARD})
_WRONG_DATA: Final = "wrong-data"
_log = Log("feedback")


@dataclass(frozen=True, slots=True)
class Parts:
    """What these views work with; joined in `app`."""

    store: Store
    reasons: Reasons
    clock: Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Told:
    """What is told of one item.

    Attributes:
        card: the id of the card as it was sent; empty when it has none that is one.
        status: `kept`, `repeated`, `unknown-card` or `refused`.
        reason: of what was newly kept: one of our override codes, `none` or `other`; empty for all else.
        problem: why it is refused.
    """

    card: str
    status: str
    reason: str = ""
    problem: Problem | None = None

    def as_json(self) -> dict[str, str]:
        """As it stands in the answer."""
        told = {"card": self.card, "status": self.status} if self.card else {"status": self.status}
        if self.problem is None:
            return told
        return told | {"diagnostics": self.problem.words, "expression": self.problem.expression}


def blueprint(parts: Parts) -> Blueprint:
    """The address for feedback of each service."""
    views = Blueprint("feedback", __name__)

    @views.post("/cds-services/<service_id>/feedback")
    def keep(service_id: str) -> Response:
        """Keep what became of cards; say of each item what came of it."""
        service = services.BY_ID.get(service_id)
        if service is None:
            raise problems.unknown_service()
        g.access_fields = {"service": service.id, "hook": service.hook}
        if not parts.store.exists:
            raise problems.feedback_not_kept()
        caller = callers.of(g.claims)
        sent = feedback.read(shell.body())
        g.access_fields |= {"count": len(sent)}
        items = [_read(one, parts.reasons, caller) for one in sent]
        kept = iter(_kept(parts, items, service.id, caller))
        told = g.feedback_told = [_told(number, one, sent[number], kept) for number, one in enumerate(items)]
        for one, came in zip(told, items, strict=True):
            done = came.outcome if isinstance(came, Item) and one.status in _NEW else ""
            metrics.FEEDBACK.add(caller.client, one.status, done, one.reason)
        _refuse_if_nothing_is_good(told)
        if wrong := sum(one.reason == _WRONG_DATA for one in told):
            _log.warning("data that a card cites are called wrong", client=caller.client, count=wrong)
        return Response(json.dumps({"feedback": [one.as_json() for one in told]}), content_type="application/json")

    @views.after_request
    def accounted(response: Response) -> Response:
        """Counts for the audit line, with answers and with refusals."""
        told: Sequence[Told] | None = g.get("feedback_told")
        if told is not None:
            statuses = Counter(one.status for one in told)
            reasons = Counter(one.reason for one in told if one.reason)
            counts = {"feedback": dict(statuses), "reasons": dict(reasons)}
            response.headers[account.AUDIT] = json.dumps(counts, separators=(",", ":"))
        return response

    return views


def _read(sent: Any, reasons: Reasons, caller: Caller) -> Item | Fault:
    try:
        return feedback.item(sent, reasons, caller.override_reasons)
    except Fault as fault:
        return fault


def _kept(parts: Parts, items: Sequence[Item | Fault], service_id: str, caller: Caller) -> list[Kept]:
    """What became of the good items, in their order.

    Raises:
        Problem: 503, they cannot be kept now.
    """
    received = parts.clock()
    rows = [
        FeedbackRow(
            card=item.card,
            outcome=item.outcome,
            service=service_id,
            received=received,
            said_at=item.said_at,
            reason=item.reason,
            their_reason=item.their_reason,
            suggestions=item.suggestions,
            comment=item.comment,
        )
        for item in items
        if isinstance(item, Item)
    ]
    try:
        return parts.store.keep(rows, caller.client, caller.tenant) if rows else []
    except StoreDown:
        raise problems.feedback_delayed() from None


def _told(number: int, item: Item | Fault, sent: Any, kept: Iterator[Kept]) -> Told:
    place = f"feedback[{number}]"
    if isinstance(item, Fault):
        expression = f"{place}.{item.place}" if item.place else place
        return Told(feedback.card_of(sent), REFUSED, problem=problems.invalid(expression, item.words))
    status = next(kept).status
    if status == NOT_YOURS:
        return Told(item.sent_card, REFUSED, problem=problems.not_your_card(f"{place}.card"))
    new = status in _NEW and item.outcome == feedback.OVERRIDDEN
    reason = item.reason or (OTHER_REASON if item.their_reason else NO_REASON)
    return Told(item.sent_card, status, reason if new else "")


def _refuse_if_nothing_is_good(told: Sequence[Told]) -> None:
    """An answer of 200 tells an EHR that it need not come again.

    Raises:
        Problem: 403 when all items are about cards of others, 400 when none is good, each with an issue for every item.
    """
    wrong = [one.problem for one in told if one.problem is not None]
    if wrong and len(wrong) == len(told):
        statuses = {one.status for one in wrong}
        raise replace(wrong[0], status=statuses.pop() if len(statuses) == 1 else 400, others=tuple(wrong[1:]))
