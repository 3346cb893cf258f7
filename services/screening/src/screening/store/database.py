"""The database of the store as one process knows it: opened when it is first needed, left alone while it is down.

Opening (connecting, looking at the version of the tables, bringing them to ours) is done in a thread of its own, so
that a call waits for it no longer than its patience allows, whatever hangs. Nothing may be open when a process forks;
what a child finds open it does not touch.
"""

import os
import threading
import time
import weakref
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Final, Protocol, TypeVar

from sqlalchemy import Connection, Engine, QueuePool
from sqlalchemy.exc import DataError, DBAPIError, SQLAlchemyError

from chassis.logs import Log
from chassis.serving import turns
from screening.store import lanes, schema
from screening.store.breaker import Breaker
from screening.store.lanes import Lane

_T = TypeVar("_T")
_LOG: Final = Log("store")

FIRST_S: Final = 2.0
"""How long a process waits for its first opening, which it begins before it is called."""
_DOWN: Final = (SQLAlchemyError, OSError, schema.SchemaIsNewer)


class StoreDown(Exception):
    """Nothing can be read or written now: unreachable, locked, full, broken, or of a version that we do not know."""


class _Moved(OSError):
    """The tables are no longer where they were."""


class Place(Protocol):
    """Where the tables are."""

    @property
    def name(self) -> str:
        """What operators read in the log."""

    def identity(self) -> object:
        """Something else as soon as the tables are elsewhere, though the connections still work."""

    def engine(self, lane: Lane) -> Engine:
        """Connections for a lane, none of them made yet."""

    def lock(self, connection: Connection) -> None:
        """Have nobody else migrate until the transaction of `connection` ends."""


class Database:
    """Runs pieces of work on connections. Threads share it."""

    def __init__(self, place: Place, opened: Callable[[], None] = lambda: None) -> None:
        """`opened` is called each time that the tables may be others than before."""
        self._place = place
        self._was_opened = opened
        self._lock = threading.Lock()
        self._engines: dict[Lane, Engine] = {}
        self._breakers = {lane: Breaker() for lane in lanes.ALL}
        self._opening: Future[object] | None = None
        self._inherited: list[Engine] = []
        self._is_new = True
        forked = weakref.WeakMethod(self._forked)
        os.register_at_fork(after_in_child=lambda: (method := forked()) and method())

    def run(self, lane: Lane, work: Callable[[Connection], _T]) -> _T:
        """What `work` gives, in one transaction if the lane has such; it may be run twice, should a connection break.

        Raises:
            StoreDown: it could not be done within the patience of the lane. What was begun may have been done.
        """
        breaker = self._breakers[lane]
        if not breaker.lets_through():
            raise StoreDown
        ends = time.monotonic() + lane.patience_s
        with turns.aside():
            try:
                done = self._run(lane, work, ends)
            except DataError as error:  # it answers, but does not take this: the next piece of work may do well
                _LOG.error(f"store refuses what is not to be written for {lane.name}", error)
                breaker.succeeded()
                raise StoreDown from error
            except _DOWN as error:
                if breaker.failed():
                    _LOG.error(f"store is down for {lane.name}", error, reason=_why(error))
                raise StoreDown from error
        if breaker.succeeded():
            _LOG.warning(f"store is back for {lane.name}")
        return done

    def prepare(self) -> bool:
        """Bring the tables to our version, before a process forks; whether that went well. Nothing stays open."""
        try:
            self._open()
        except _DOWN as error:
            _LOG.error("store cannot be opened; cards go out, feedback is refused", error, reason=_why(error))
            return False
        finally:
            self.close()
        return True

    def begin(self) -> None:
        """Open it, in a process that has just begun, before somebody waits for it."""
        with suppress(*_DOWN):
            self._wait(self._begun(), time.monotonic() + FIRST_S)

    def close(self) -> None:
        """Give up all connections; the next piece of work makes new ones."""
        with self._lock:
            opening = self._opening
        self._give_up(opening)

    def _run(self, lane: Lane, work: Callable[[Connection], _T], ends: float) -> _T:
        while True:
            opening = self._begun()
            identity = self._wait(opening, ends)
            try:
                self._see_that_it_is_still(identity)
                with self._engine(lane).begin() as connection:
                    return work(connection)
            except (DBAPIError, _Moved) as error:
                if isinstance(error, DBAPIError) and not error.connection_invalidated:
                    raise
                self._give_up(opening)
                if time.monotonic() >= ends:
                    raise

    def _see_that_it_is_still(self, identity: object) -> None:
        if identity != self._place.identity():
            raise _Moved

    def _begun(self) -> Future[object]:
        """The opening of the database: with its result it is open, and that is the identity it had."""
        with self._lock:
            if self._opening is None or (self._opening.done() and self._opening.exception() is not None):
                self._opening = Future()
                threading.Thread(target=self._open_into, args=(self._opening,), name="store", daemon=True).start()
            return self._opening

    def _wait(self, opening: Future[object], ends: float) -> object:
        """The identity of the database, once it is open."""
        if self._is_new:
            ends = max(ends, time.monotonic() + FIRST_S)
            self._is_new = False
        return opening.result(max(0.0, ends - time.monotonic()))

    def _open_into(self, opening: Future[object]) -> None:
        try:
            opening.set_result(self._open())
        except BaseException as error:  # noqa: BLE001 - it is raised where the result is asked for
            opening.set_exception(error)

    def _open(self) -> object:
        with self._engine(lanes.PAGES).begin() as connection:
            current = schema.is_current(connection)
        if not current:
            with self._engine(lanes.BACKGROUND).begin() as connection:
                self._place.lock(connection)
                if not schema.is_current(connection):
                    schema.migrate(connection)
        for lane in (lanes.READING, lanes.WRITING):
            _connect_all(self._engine(lane))
        self._was_opened()
        return self._place.identity()

    def _engine(self, lane: Lane) -> Engine:
        with self._lock:
            if lane not in self._engines:
                self._engines[lane] = self._place.engine(lane)
            return self._engines[lane]

    def _give_up(self, opening: Future[object] | None) -> None:
        """Close what is idle, unless somebody else has done so and opened the database anew."""
        with self._lock:
            if self._opening is not opening:
                return
            engines, self._engines, self._opening = self._engines, {}, None
        for engine in engines.values():
            engine.dispose()

    def _forked(self) -> None:
        """In a child: what is open is the parent's, and is not even closed here."""
        self._inherited.extend(self._engines.values())
        self._lock = threading.Lock()
        self._engines, self._opening, self._is_new = {}, None, True


def _connect_all(engine: Engine) -> None:
    """Fill the pool, so that no call has to wait for a connection to be made."""
    pool = engine.pool
    made = [engine.connect() for _ in range(pool.size() if isinstance(pool, QueuePool) else 1)]
    for connection in made:
        connection.close()


def _why(error: BaseException) -> str:
    return "newer-schema" if isinstance(error, schema.SchemaIsNewer) else "unreachable"
