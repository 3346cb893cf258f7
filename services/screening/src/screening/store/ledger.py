"""The store: which cards were shown, how they were answered, how calls were decided.

What serves a call never makes it wait for more than about 0.1 s, and not at all for two seconds after that. What was
answered is on the disk before `keep` returns.
"""

import atexit
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeVar

from sqlalchemy import Connection

from chassis.logs import Log
from screening.store import lanes, schema, statements, upkeep
from screening.store.database import Database, Place, StoreDown
from screening.store.marks import Marks
from screening.store.recent import Recent
from screening.store.rows import AnsweredRow, CardRow, FeedbackRow, Kept, Scope
from screening.store.settings import StoreSettings
from screening.store.sqlite import SqliteFile
from screening.store.traces import Traces
from screening.store.upkeep import Removed

_T = TypeVar("_T")
_LOG: Final = Log("store")
_MOST_SCOPES: Final = 10_000
_KEEP_UP_EVERY_S: Final = 60.0


def place_of(settings: StoreSettings, directory: Path | None) -> Place | None:
    """Where the tables are: in the database that is set, else in a file; None without a directory for it."""
    if settings.url:
        from screening.store.postgresql import PostgresqlDatabase  # noqa: PLC0415 - who has a file needs no psycopg

        return PostgresqlDatabase(settings.url)
    return SqliteFile(directory) if directory is not None else None


class Store:
    """The store as one process uses it. Threads share it; a forked child may go on with it."""

    def __init__(self, settings: StoreSettings, directory: Path | None, marks: Marks) -> None:
        """`directory` is STATE_DIR."""
        self._settings = settings
        self._marks = marks
        self._recent = Recent()
        self._scopes: set[Scope] = set()
        place = place_of(settings, directory)
        self._database = Database(place, self._forget_what_was_written) if place is not None else None
        self.traces = Traces(self.run)

    @property
    def exists(self) -> bool:
        """Whether there is a place for it at all."""
        return self._database is not None

    def prepare(self) -> bool:
        """Make the tables, or bring them to our version; whether that went well. Before workers are forked."""
        if self._database is None:
            _LOG.warning("no store: nothing is remembered and feedback is refused; set STATE_DIR or STORE_URL")
            return False
        return self._database.prepare()

    def record(self, cards: Sequence[CardRow]) -> bool:
        """Write down that cards are shown. One that this process has written within the hour is only counted.

        Returns:
            Whether one that was written down now has been answered before it was ever written down.

        Raises:
            StoreDown: it cannot be written down now.
        """
        due = self._recent.unwritten(cards)
        scopes = {Scope(card.client, card.tenant, card.fhir_server) for card in due} - self._scopes
        if not due:
            return False

        def work(connection: Connection) -> bool:
            for scope in scopes:
                statements.write_scope(connection, scope)
            statements.write_cards(connection, due)
            return statements.answered_early(connection, due)

        early = self.run(lanes.WRITING, work)
        self._recent.written(due)
        if len(self._scopes) < _MOST_SCOPES:
            self._scopes |= scopes
        return early

    def answers(self, patient: str) -> list[AnsweredRow]:
        """Everything that was answered for a patient key, oldest first, to whichever card.

        Raises:
            StoreDown: it cannot be read now.
        """
        return self.run(lanes.READING, lambda connection: statements.answered(connection, patient))

    def keep(self, items: Sequence[FeedbackRow], client: str, tenant: str) -> list[Kept]:
        """Write down answers; all that are not refused are on the disk when this returns. In the order of `items`.

        Raises:
            StoreDown: they cannot be written down now; nothing was, or if it was, it may come again.
        """
        sender = statements.Sender(client, tenant, self._marks.content, self._settings.keep_comments)
        return self.run(lanes.FEEDBACK, lambda connection: statements.keep(connection, items, sender))

    def expire(self, now: datetime) -> Removed:
        """Remove what has been kept long enough.

        Raises:
            StoreDown: it cannot be done now; part of it may have been.
        """
        return upkeep.expire(self.run, self._settings, now)

    def forget(self, patients: Sequence[str]) -> Removed:
        """Remove everything about the patients with these keys.

        Raises:
            StoreDown: it cannot be done now; part of it may have been.
        """
        return upkeep.forget(self.run, patients)

    def keep_up(self, now: datetime) -> None:
        """What has to be done now and then: count what was shown again, and, for all processes, remove what is too old.

        Tables that a later version of this program has changed meanwhile are left alone from here on.

        Raises:
            StoreDown: it cannot be done now.
        """
        if not self.run(lanes.BACKGROUND, schema.is_current):
            self.close()  # whoever opens it makes the tables again
        self.count_repeats()
        if self.run(lanes.BACKGROUND, lambda connection: upkeep.claim(connection, "traces", now, upkeep.TRIM_EVERY)):
            upkeep.trim_traces(self.run, self._settings, now)
        if self.run(lanes.BACKGROUND, lambda connection: upkeep.claim(connection, "expiry", now, upkeep.EXPIRE_EVERY)):
            self.expire(now)

    def begin(self) -> None:
        """Begin, in a worker process, what is done in the background."""
        if self._database is None:
            return
        self._database.begin()
        threading.Thread(target=self._keep_up, name="store-upkeep", daemon=True).start()
        atexit.register(self._count_at_last)

    def _keep_up(self) -> None:
        while True:
            time.sleep(_KEEP_UP_EVERY_S)
            with suppress(StoreDown):
                self.keep_up(datetime.now(UTC))

    def _count_at_last(self) -> None:
        with suppress(StoreDown):
            self.count_repeats()

    def count_repeats(self) -> None:
        """Write down how often cards were shown again. For the background.

        A card that is no longer there was removed at somebody's command: then no card counts as written any more.

        Raises:
            StoreDown: it cannot be written down now; the count is lost.
        """
        repeats = self._recent.repeats()
        if not repeats:
            return
        counted = self.run(lanes.BACKGROUND, lambda connection: statements.count_repeats(connection, repeats))
        if counted < len(repeats):
            self._forget_what_was_written()

    def run(self, lane: lanes.Lane, work: Callable[[Connection], _T]) -> _T:
        """What `work` gives, on a connection of `lane`; for what reads and writes these tables elsewhere.

        Raises:
            StoreDown: it cannot be done now.
        """
        if self._database is None:
            raise StoreDown
        return self._database.run(lane, work)

    def close(self) -> None:
        """Give up all connections; the next use makes new ones."""
        if self._database is not None:
            self._database.close()

    def _forget_what_was_written(self) -> None:
        """The tables may be others than before."""
        self._recent.clear()
        self._scopes = set()
