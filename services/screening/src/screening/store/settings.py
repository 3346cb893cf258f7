"""Where the store is, and for how long it keeps what."""

from dataclasses import dataclass, field
from pathlib import Path
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
        directory: where the SQLite file is, unless `url` is set; None: nothing can be kept.
        url: the PostgreSQL database of all replicas, a libpq URL; empty: a file does.
        keep_comments: whether what users write beside an override is kept.
        accepted_days: for how many days a card whose suggestion was accepted counts as acted on.
        answered_days: how long answered cards are kept, counted from the latest answer.
        unanswered_days: how long other cards, and answers to unknown cards, are kept.
    """

    directory: Path | None = None
    url: str = field(default="", repr=False)
    keep_comments: bool = False
    accepted_days: int = 14
    answered_days: int = 2_200
    unanswered_days: int = 400


def read(env: Environment, directory: Path | None) -> StoreSettings:
    """Read these settings; faults are noted in `env`. `directory` is STATE_DIR."""
    url = env.str(_URL, "") or ""
    if url and not url.startswith(_SCHEMES):
        env.fault(_URL, "must be a URL such as postgresql://user@host/database")
    return StoreSettings(
        directory=directory,
        url=url,
        keep_comments=env.bool("KEEP_COMMENTS", False),
        accepted_days=env.int("ACCEPTED_DAYS", 14, validate=Range(0, 365)),
        answered_days=env.int("ANSWERED_RETENTION_DAYS", 2_200, validate=Range(1, 36_500)),
        unanswered_days=env.int("UNANSWERED_RETENTION_DAYS", 400, validate=Range(1, 36_500)),
    )
