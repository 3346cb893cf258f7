"""The database of the store as one process knows it: opened when it is first needed, left alone while it is down.

Each lane is opened by itself: one that is too slow for calls takes nothing away from feedback. Opening (connecting,
looking at the version of the tables, bringing them to ours) is done in a thread of its own, and nobody else connects,
so that a call waits for it no longer than its patience allows, whatever hangs. Nothing may be open when a process
forks; what a child finds open it does not touch.
"""

import os
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager, suppress
from typing import Final, Protocol, TypeVar

from sqlalchemy import Connection, Engine, QueuePool
from sqlalchemy.exc import DataError, DBAPIError, SQLAlchemyError

from chassis.logs import Log
from chassis.serving import turns
from screening import metrics
from screening.store import lanes, schema
from screening.store.breaker import Breaker
from screening.store.lanes import Lane

_T = TypeVar("_T")
_LOG: Final = Log("store")

FIRST_S: Final = 2.0
"""How long a process waits for the first opening of a lane, which it begins before it is called."""
_FOR_CALLS: Final = (lanes.READING, lanes.WRITING)
_DOWN: Final = (SQLAlchemyError, OSError, schema.SchemaIsNewer)


class StoreDown(Exception):
    """Nothing can be read or written now: unreachable, locked, full, broken, or of a version that we do not know."""


class _Moved(OSError):
    """The tables are no longer where they were, or the connections to them are gone."""


class Place(Protocol):
    """Where the tables are."""

    @property
    def name(self) -> str:
        """What operators read in the log."""

    def identity(self) -> object:
        """Something else as soon as the tables are elsewhere, though the connections still work."""

    def engine(self, lane: Lane, may_connect: Callable[[], None]) -> Engine:
        """Connections for a lane, none of them made yet; `may_connect` raises where none is to be made."""

    def lock(self, connection: Connection) -> None:
        """Have nobody else migrate until the transaction of `connection` ends."""


class Database:
    """Runs pieces of work on connections. Threads share it."""

    def __init__(self, place: Place, lost: Callable[[], None] = lambda: None) -> None:
        """`lost` is called each time that the tables may be others than before."""
        self._place = place
        self._was_lost = lost
        self._lock = threading.Lock()
        self._engines: dict[Lane, Engine] = {}
        self._breakers = {lane: Breaker() for lane in lanes.ALL}
        self._openings: dict[Lane, Future[object]] = {}
        self._inherited: list[Engine] = []
        self._identity: object = None
        self._new = set(lanes.ALL)
        self._here = threading.local()
        forked = weakref.WeakMethod(self._forked)
        os.register_at_fork(after_in_child=lambda: (method := forked()) and method())

    def run(self, lane: Lane, work: Callable[[Connection], _T]) -> _T:
        """What `work` gives, in one transaction if the lane has such; it may be run twice, should a connection break.

        Raises:
            StoreDown: it could not be done within the patience of the lane. What was begun may have been done.
        """
        breaker = self._breakers[lane]
        if not breaker.lets_through():
            metrics.STORE_ERRORS.add(lane.name, "resting")
            raise StoreDown
        began = time.monotonic()
        ends = began + lane.patience_s
        with turns.aside():
            try:
                done = self._run(lane, work, ends)
            except DataError as error:  # it answers, but does not take this: the next piece of work may do well
                _LOG.error(f"store refuses what is not to be written for {lane.name}", error)
                metrics.STORE_ERRORS.add(lane.name, "refused")
                breaker.succeeded()
                raise StoreDown from error
            except _DOWN as error:
                metrics.STORE_ERRORS.add(lane.name, _why(error))
                metrics.STORE_DOWN.set(1, lane.name)
                if breaker.failed():
                    _LOG.error(f"store is down for {lane.name}", error, reason=_why(error))
                if isinstance(error, schema.SchemaIsNewer):
                    self.close()  # the other lanes have not looked since
                raise StoreDown from error
            finally:
                metrics.STORE_SECONDS.took(time.monotonic() - began, lane.name)
        if breaker.succeeded():
            metrics.STORE_DOWN.set(0, lane.name)
            _LOG.warning(f"store is back for {lane.name}")
        return done

    def prepare(self) -> bool:
        """Bring the tables to our version, before a process forks; whether that went well. Nothing stays open."""
        try:
            self._bring_to_our_version()
        except _DOWN as error:
            _LOG.error("store cannot be opened; cards go out, feedback is refused", error, reason=_why(error))
            return False
        finally:
            self.close()
        return True

    def begin(self) -> None:
        """Open it, in a process that has just begun, before somebody waits for it."""
        begun = [(lane, self._begun(lane)) for lane in _FOR_CALLS]
        for lane, opening in begun:
            with suppress(*_DOWN):
                self._wait(lane, opening, time.monotonic() + FIRST_S)

    def close(self) -> None:
        """Give up all connections; the next piece of work makes new ones."""
        with self._lock:
            engines, self._engines, self._openings = self._engines, {}, {}
        for engine in engines.values():
            engine.dispose()

    def _run(self, lane: Lane, work: Callable[[Connection], _T], ends: float) -> _T:
        while True:
            opening = self._begun(lane)
            try:
                self._see_that_it_is_still(self._wait(lane, opening, ends))
                with self._engine(lane).begin() as connection:
                    return work(connection)
            except (DBAPIError, _Moved) as error:
                if isinstance(error, DBAPIError) and not error.connection_invalidated:
                    raise
                self._give_up(lane, opening)
                if time.monotonic() >= ends:
                    raise

    def _see_that_it_is_still(self, identity: object) -> None:
        if identity != self._place.identity():
            raise _Moved

    def _begun(self, lane: Lane) -> Future[object]:
        """The opening of a lane: with its result it is open, and that is the identity of the database."""
        with self._lock:
            opening = self._openings.get(lane)
            if opening is None or (opening.done() and opening.exception() is not None):
                opening = self._openings[lane] = Future()
                threading.Thread(target=self._open_into, args=(lane, opening), name="store", daemon=True).start()
            return opening

    def _wait(self, lane: Lane, opening: Future[object], ends: float) -> object:
        """The identity of the database, once the lane is open."""
        if lane in self._new:
            ends = max(ends, time.monotonic() + FIRST_S)
            self._new.discard(lane)
        return opening.result(max(0.0, ends - time.monotonic()))

    def _open_into(self, lane: Lane, opening: Future[object]) -> None:
        try:
            opening.set_result(self._open(lane))
        except BaseException as error:  # noqa: BLE001 - raised in who waits; unseen, it would leave them waiting
            opening.set_exception(error)

    def _open(self, lane: Lane) -> object:
        self._bring_to_our_version(lane)
        with self._connecting():
            _connect_all(self._engine(lane))
        identity = self._place.identity()
        if self._identity not in (None, identity):
            self._was_lost()
        self._identity = identity
        return identity

    def _bring_to_our_version(self, lane: Lane = lanes.PAGES) -> None:
        """Look at the tables through `lane`, and bring them to our version if they are not of it."""
        with self._connecting():
            with self._engine(lane).begin() as connection:
                if schema.is_current(connection):
                    return
            with self._engine(lanes.BACKGROUND).begin() as connection:
                self._place.lock(connection)
                if not schema.is_current(connection):
                    schema.migrate(connection)

    @contextmanager
    def _connecting(self) -> Iterator[None]:
        """Within, this thread may connect."""
        self._here.connects = True
        try:
            yield
        finally:
            self._here.connects = False

    def _may_connect(self) -> None:
        """Raises _Moved in a thread for which somebody else connects."""
        if not getattr(self._here, "connects", False):
            raise _Moved

    def _engine(self, lane: Lane) -> Engine:
        with self._lock:
            if lane not in self._engines:
                self._engines[lane] = self._place.engine(lane, self._may_connect)
            return self._engines[lane]

    def _give_up(self, lane: Lane, opening: Future[object]) -> None:
        """Close what is idle of a lane, unless somebody else has done so and opened it anew."""
        with self._lock:
            if self._openings.get(lane) is not opening:
                return
            del self._openings[lane]
            engine = self._engines.pop(lane, None)
        self._was_lost()
        if engine is not None:
            engine.dispose()

    def _forked(self) -> None:
        """In a child: what is open is the parent's, and is not even closed here."""
        self._inherited.extend(self._engines.values())
        self._lock = threading.Lock()
        self._engines, self._openings, self._new = {}, {}, set(lanes.ALL)


def _connect_all(engine: Engine) -> None:
    """Fill the pool, so that nobody has to wait for a connection to be made."""
    pool = engine.pool
    with ExitStack() as block:
        for _ in range(pool.size() if isinstance(pool, QueuePool) else 1):
            block.enter_context(engine.connect())


def _why(error: BaseException) -> str:
    return "newer-schema" if isinstance(error, schema.SchemaIsNewer) else "unreachable"
