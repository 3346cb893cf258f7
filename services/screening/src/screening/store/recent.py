"""What this process has just written down about cards, so that an EHR that asks again and again costs no write."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from screening.store.rows import CardRow

KEPT_S: Final = 3_600.0
MOST: Final = 10_000

Key = tuple[str, str, str]
"""A card's uuid, client and tenant."""


@dataclass(slots=True)
class _Seen:
    shown: str
    written: float
    times: int
    last: datetime


@dataclass(frozen=True, slots=True)
class Repeats:
    """How often a card was shown since it was last written down.

    Attributes:
        key: of the card.
        times: at least once.
        last: when it was shown last.
    """

    key: Key
    times: int
    last: datetime


class Recent:
    """Knows the cards that were written down within `KEPT_S`, at most `MOST`. Threads share it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: OrderedDict[Key, _Seen] = OrderedDict()

    def unwritten(self, rows: Sequence[CardRow]) -> list[CardRow]:
        """Those of `rows` that have to be written down; the others are counted as shown again."""
        due: list[CardRow] = []
        oldest = self._clock() - KEPT_S
        with self._lock:
            for row in rows:
                seen = self._seen.get(_key(row))
                if seen is None or seen.written < oldest or seen.shown != row.shown:
                    due.append(row)
                else:
                    seen.times += 1
                    seen.last = max(seen.last, row.at)
        return due

    def written(self, rows: Sequence[CardRow]) -> None:
        """Note that `rows` are written down now."""
        now = self._clock()
        with self._lock:
            for row in rows:
                key = _key(row)
                before = self._seen.pop(key, None)
                self._seen[key] = _Seen(row.shown, now, before.times if before else 0, row.at)
            while len(self._seen) > MOST:
                self._seen.popitem(last=False)

    def repeats(self) -> list[Repeats]:
        """What was counted since this was asked last."""
        with self._lock:
            found = [Repeats(key, seen.times, seen.last) for key, seen in self._seen.items() if seen.times]
            for seen in self._seen.values():
                seen.times = 0
        return found

    def clear(self) -> None:
        """Know nothing any more."""
        with self._lock:
            self._seen.clear()


def _key(row: CardRow) -> Key:
    return row.uuid, row.client, row.tenant
