"""Where the store is, and for how long it keeps what."""

from dataclasses import dataclass, field
from typing import Final

from marshmallow.validate import Range

from chassis.environment import Environment

FILE_NAME: Final = "screening.sqlite"
_URL: Final = "STORE_URL"
_SCHEMES: Final = ("postgresql://", "postgres://")


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """Settings of the store.

    Attributes:
        url: the PostgreSQL database of all replicas, a libpq URL; empty: a file in STATE_DIR.
        keep_comments: whether what users write beside an override is kept.
        accepted_days: for how many days a card whose suggestion was accepted counts as acted on.
        answered_days: how long answered cards are kept, counted from the latest answer.
        unanswered_days: how long other cards, and answers to unknown cards, are kept.
        trace_hours: how long traces of calls are kept; 0: there are none.
        trace_most: how many traces are kept.
    """

    url: str = field(default="", repr=False)
    keep_comments: bool = False
    accepted_days: int = 14
    answered_days: int = 2_200
    unanswered_days: int = 400
    trace_hours: int = 24
    trace_most: int = 100_000


def read(env: Environment) -> StoreSettings:
    """Read these settings; faults are noted in `env`."""
    url = env.str(_URL, "") or ""
    if url and not _is_postgresql(url):
        env.fault(_URL, "must be a URL such as postgresql://user@host/database")
    return StoreSettings(
        url=url,
        keep_comments=env.bool("KEEP_COMMENTS", False),
        accepted_days=env.int("ACCEPTED_DAYS", 14, validate=Range(0, 365)),
        answered_days=env.int("ANSWERS_KEPT_DAYS", 2_200, validate=Range(1, 36_500)),
        unanswered_days=env.int("CARDS_KEPT_DAYS", 400, validate=Range(1, 36_500)),
        trace_hours=env.int("TRACE_HOURS", 24, validate=Range(0, 8_760)),
        trace_most=env.int("TRACE_MOST", 100_000, validate=Range(1, 10_000_000)),
    )


def _is_postgresql(url: str) -> bool:
    if not url.startswith(_SCHEMES):
        return False
    from screening.store import postgresql  # noqa: PLC0415 - who has a file starts without 10 MB of psycopg

    return postgresql.is_url(url)
