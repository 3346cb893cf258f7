"""A screening service that is broken on purpose: it acknowledges feedback first and keeps it a moment later.

`make crash` plays a round with it, and fails unless it finds out.
"""

import threading
from collections.abc import Sequence
from typing import Final

from screening.store import FeedbackRow, Kept, Store
from screening.store.rows import KEPT

LATE_S: Final = 0.5

_keep = Store.keep


def _keep_later(store: Store, items: Sequence[FeedbackRow], client: str, tenant: str) -> list[Kept]:
    timer = threading.Timer(LATE_S, _keep, (store, items, client, tenant))
    timer.daemon = True
    timer.start()
    return [Kept(item.card, KEPT) for item in items]


Store.keep = _keep_later  # type: ignore[assignment,method-assign]

from screening.wsgi import app  # noqa: E402 - what it is made of had to be broken first

__all__ = ["app"]
