"""What was sent, what was acknowledged, and what the database must therefore hold. Pure, but for a lock.

Each answer has a time of its own, to the microsecond, by which it is found again in the database, whatever became of
its card. It counts as acknowledged only when the whole of the HTTP answer was read.
"""

import threading
import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

KEPT: Final = "kept"
REPEATED: Final = "repeated"
UNKNOWN: Final = "unknown-card"
GOOD: Final = frozenset({KEPT, REPEATED, UNKNOWN})

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_AGO: Final = timedelta(days=2)
_STEP: Final = timedelta(milliseconds=1)
_MOST_SAID: Final = 20


@dataclass(frozen=True)
class Item:
    """One answer to a card, as an EHR sends it.

    Attributes:
        client: who sends it.
        card: id of the card.
        at: its `outcomeTimestamp`; no other item has the same.
        reason: one of our override codes; empty: none.
        suggestion: the suggestion that was accepted; empty: the card was overridden.
    """

    client: str
    card: str
    at: datetime
    reason: str = ""
    suggestion: str = ""

    @property
    def outcome(self) -> str:
        """`accepted` or `overridden`."""
        return "accepted" if self.suggestion else "overridden"

    def as_json(self, system: str) -> dict[str, Any]:
        """As it goes over the wire; `system` is that of the reasons."""
        sent: dict[str, Any] = {"card": self.card, "outcome": self.outcome, "outcomeTimestamp": self.at.isoformat()}
        if self.suggestion:
            sent["acceptedSuggestions"] = [{"id": self.suggestion}]
        elif self.reason:
            sent["overrideReason"] = {"reason": {"code": self.reason, "system": system}}
        return sent


@dataclass(frozen=True)
class Row:
    """One answer as it stands in the database."""

    client: str
    card: str
    outcome: str
    reason: str
    at: int
    """Microseconds since 1970."""


@dataclass(frozen=True)
class Count:
    """What the comparison of book and database gave.

    Attributes:
        acknowledged: so many answers were acknowledged, each counted once.
        found: so many of them are in the database exactly once, as they were sent.
        faults: what is wrong, in words.
    """

    acknowledged: int
    found: int
    faults: Sequence[str]


@dataclass
class Book:
    """Kept by the side of the EHR. Threads share it.

    Attributes:
        sent: how often each item was sent.
        told: the statuses with which an item was acknowledged, in order.
        outcomes: what came of requests, by kind.
    """

    begun: datetime = field(default_factory=lambda: datetime.now(UTC) - _AGO)
    sent: Counter[Item] = field(default_factory=Counter)
    told: defaultdict[Item, list[str]] = field(default_factory=lambda: defaultdict(list))
    outcomes: Counter[str] = field(default_factory=Counter)
    _faults: Counter[str] = field(default_factory=Counter)
    _moments: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def moment(self) -> datetime:
        """A time about two days ago that no other item has."""
        with self._lock:
            self._moments += 1
            return self.begun + self._moments * _STEP

    def sending(self, items: Iterable[Item]) -> None:
        """Note, before it is sent, that items are sent."""
        with self._lock:
            self.sent.update(items)

    def acknowledged(self, items: Sequence[Item], statuses: Sequence[str]) -> None:
        """Note the statuses of an answer that was read; what cannot be right is a fault."""
        with self._lock:
            if len(statuses) != len(items):
                self._faults[f"{len(statuses)} statuses for {len(items)} items"] += 1
            for item, status in zip(items, statuses, strict=False):
                before = self.told[item]
                if status not in GOOD:
                    self._faults[f"an item was told: {status}"] += 1
                    continue
                if before and status == KEPT:
                    self._faults["an item that was acknowledged before is kept anew"] += 1
                before.append(status)

    def came(self, kind: str) -> None:
        """Count what came of a request."""
        with self._lock:
            self.outcomes[kind] += 1

    def fault(self, words: str) -> None:
        """Note something that must not be."""
        with self._lock:
            self._faults[words] += 1

    @property
    def acknowledgments(self) -> int:
        """How many items are acknowledged by now, each counted once."""
        with self._lock:
            return sum(bool(statuses) for statuses in self.told.values())

    def unacknowledged(self) -> list[Item]:
        """What was sent and never acknowledged."""
        with self._lock:
            return [item for item in self.sent if not self.told.get(item)]

    def compared(self, rows: Iterable[Row]) -> Count:
        """What the database holds against what was acknowledged, and against what was sent."""
        stored: defaultdict[tuple[str, int], list[Row]] = defaultdict(list)
        for row in rows:
            stored[row.client, row.at].append(row)
        faults = Counter(self._faults)
        acknowledged = found = 0
        for item in self.sent:
            there = stored.pop((item.client, (item.at - _EPOCH) // timedelta(microseconds=1)), [])
            told = self.told.get(item)
            acknowledged += bool(told)
            if len(there) > 1:
                faults["an item is there more than once"] += 1
            elif there and not _same(item, there[0]):
                faults["an item is there, but not as it was sent"] += 1
            elif there:
                found += bool(told)
            elif told:
                faults["an item was acknowledged and is not there"] += 1
        if stored:
            faults["an answer is there that nobody sent"] += len(stored)
        said = [f"{words} ({times} times)" for words, times in faults.most_common(_MOST_SAID)]
        return Count(acknowledged, found, said)


def _same(item: Item, row: Row) -> bool:
    """An id that is no UUID is kept as a mark, which nobody outside can make."""
    card = item.card.lower() if _is_uuid(item.card) else "x-"
    return row.card.startswith(card) and (row.outcome, row.reason) == (item.outcome, item.reason)


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False
