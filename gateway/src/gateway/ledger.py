"""The ledger: which tokens were used already, and how often each client calls. All workers and replicas share it.

A call is admitted in one transaction: its token is written down as used, and its client's rate is charged. If either
is refused, neither is written. So a call that came too soon may come again with its token, and a token that somebody
replays costs its client nothing. What cannot be written down is not admitted: see docs/adr/0011.

The two statements are the same for SQLite and PostgreSQL. All moments are in whole microseconds since 1970, so that
the rate is exact. It is the generic cell rate algorithm: a client's `due` is when it would have paid for its calls at
its steady rate; it may run ahead of the clock by what its burst allows.
"""

import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final, Protocol

from chassis.logs import Log
from gateway import metrics

WAIT_S: Final = 1.0
"""How long a call waits for the store, each time: for its turn, for a lock, for an answer."""

_REST_S: Final = 1.0
_SKEW_US: Final = 60_000_000
_PURGE_EVERY: Final = 100
_PURGE_AT_MOST: Final = 500
_PURGE_MARGIN_US: Final = 600_000_000
_log = Log("ledger")

SCHEMA: Final = (
    "CREATE TABLE IF NOT EXISTS gateway_used_token (token TEXT PRIMARY KEY, expires BIGINT NOT NULL)",
    "CREATE INDEX IF NOT EXISTS gateway_used_token_expires ON gateway_used_token (expires)",
    "CREATE TABLE IF NOT EXISTS gateway_call_rate (client TEXT PRIMARY KEY, due BIGINT NOT NULL)",
)

USE: Final = """
INSERT INTO gateway_used_token (token, expires) VALUES (:token, :expires)
ON CONFLICT (token) DO UPDATE SET expires = excluded.expires WHERE gateway_used_token.expires < :now
"""
"""Changes one row if the token is new, and none if it was used and could still be valid."""

CHARGE: Final = """
INSERT INTO gateway_call_rate (client, due) VALUES (:client, :now + :interval)
ON CONFLICT (client) DO UPDATE
SET due = :interval + CASE WHEN gateway_call_rate.due BETWEEN :now AND :most THEN gateway_call_rate.due ELSE :now END
WHERE gateway_call_rate.due <= :now + :ahead OR gateway_call_rate.due > :most
"""
"""Changes one row if the client may call now. A `due` that no rate allows is from a clock or a limit since changed."""

DUE: Final = "SELECT due FROM gateway_call_rate WHERE client = :client"

PURGE: Final = """
DELETE FROM gateway_used_token WHERE token IN
(SELECT token FROM gateway_used_token WHERE expires < :before ORDER BY expires, token LIMIT :most)
"""


class LedgerDown(Exception):
    """The store cannot be reached, is full, locked or broken: nothing can be admitted."""


class Cursor(Protocol):
    """The part of a database cursor that is used here."""

    @property
    def rowcount(self) -> int:
        """How many rows the statement changed."""

    def fetchone(self) -> tuple[Any, ...] | None:
        """The next row of the answer."""


class Connection(Protocol):
    """One connection, in no transaction but those that are begun here."""

    def begin(self) -> None:
        """Begin a transaction in which nobody else can write down the same."""

    def execute(self, statement: str, values: Mapping[str, Any]) -> Cursor:
        """Run a statement with values named `:like_this`."""

    def is_broken(self) -> bool:
        """Whether only another connection can help."""

    def close(self) -> None:
        """Give it up."""


@dataclass(frozen=True)
class Store:
    """Where the ledger is kept.

    Attributes:
        name: what operators read in the log.
        connect: makes a connection, tables in place.
        errors: what connections and statements may raise.
    """

    name: str
    connect: Callable[[], Connection]
    errors: tuple[type[Exception], ...]


@dataclass(frozen=True)
class Limit:
    """A rate to charge: `client` may make `per_minute` calls a minute, and `burst` of them at once after a pause."""

    client: str
    per_minute: int
    burst: int


@dataclass(frozen=True)
class Use:
    """A token to write down: its issuer, its `jti`, and from when on it is refused anyway, in seconds since 1970."""

    issuer: str
    jti: str
    expires: float

    @property
    def token(self) -> str:
        """One digest for both: they are long, and they are nobody's business."""
        issuer, jti = self.issuer.encode("utf-8", "surrogatepass"), self.jti.encode("utf-8", "surrogatepass")
        return hashlib.sha256(b"%d:%b%b" % (len(issuer), issuer, jti)).hexdigest()


@dataclass(frozen=True)
class Verdict:
    """What becomes of a call.

    Attributes:
        replayed: its token was used before.
        wait_s: in how many seconds its client may call again; 0: now.
    """

    replayed: bool = False
    wait_s: float = 0.0

    @property
    def let_in(self) -> bool:
        """Whether the call may go on."""
        return not self.replayed and not self.wait_s


class Ledger:
    """The ledger as one process keeps it: one connection, which threads take in turns and no other process inherits."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._turn = threading.Lock()
        self._connection: Connection | None = None
        self._owner = 0
        self._inherited: list[Connection] = []
        self._rests_until = 0.0
        self._admitted = 0
        self._was_reached = False

    def admit(self, use: Use, limit: Limit | None, now: float) -> Verdict:
        """Write down that a token was used and that its client has called, or say why not.

        Args:
            use: the token.
            limit: the client's rate; None: it has none.
            now: the moment, in seconds since 1970.

        Raises:
            LedgerDown: it cannot be written down.
        """
        moment = int(now * 1_000_000)
        with metrics.writing_down(), self._in_turn():
            connection = self._begun()
            verdict = _decided(connection, use, limit, moment)
            self._admitted += verdict.let_in
            if verdict.let_in and self._admitted % _PURGE_EVERY == 0:
                connection.execute(PURGE, {"before": moment - _PURGE_MARGIN_US, "most": _PURGE_AT_MOST})
            connection.execute("COMMIT" if verdict.let_in else "ROLLBACK", {})
        return verdict

    def charge(self, limit: Limit, now: float) -> Verdict:
        """Count an attempt that needs no token, or say when the next one may be made.

        Args:
            limit: the rate, under a name that no client has.
            now: the moment, in seconds since 1970.

        Raises:
            LedgerDown: it cannot be written down.
        """
        with self._in_turn():
            connection = self._begun()
            verdict = _charged(connection, limit, int(now * 1_000_000))
            connection.execute("COMMIT" if verdict.let_in else "ROLLBACK", {})
        return verdict

    def was_reached(self) -> bool:
        """Whether the store could be reached at some time since the start; if it was not, it is tried now."""
        if not self._was_reached:
            with suppress(LedgerDown), self._in_turn():
                self._begun().execute("ROLLBACK", {})
        return self._was_reached

    def close(self) -> None:
        """Give up the connection; the next call makes another one. Nothing may be open when a process forks."""
        with self._turn:
            self._drop()

    @contextmanager
    def _in_turn(self) -> Iterator[None]:
        """This thread's turn on the connection; what fails meanwhile ends the connection and costs a short rest."""
        if not self._turn.acquire(timeout=WAIT_S):
            metrics.REPLAY_STORE_ERRORS.add("busy")
            raise LedgerDown
        try:
            if time.monotonic() < self._rests_until:
                metrics.REPLAY_STORE_ERRORS.add("resting")
                raise LedgerDown
            yield
        except self._store.errors as error:
            self._drop()
            self._rests_until = time.monotonic() + _REST_S
            metrics.REPLAY_STORE_ERRORS.add("broken")
            _log.error("ledger cannot be written", error, reason=self._store.name)
            raise LedgerDown from error
        finally:
            self._turn.release()

    def _begun(self) -> Connection:
        """The connection, with a transaction begun on it. One that broke while it lay idle is replaced, once."""
        if self._owner != os.getpid() and self._connection is not None:
            self._inherited.append(self._connection)  # not even to be closed here: it is the parent's
            self._connection = None
        if self._connection is not None:
            try:
                if not self._connection.is_broken():
                    self._connection.begin()
                    return self._connection
            except self._store.errors:
                if not self._connection.is_broken():
                    raise
            self._drop()
        self._connection, self._owner = self._store.connect(), os.getpid()
        self._connection.begin()
        self._was_reached = True
        return self._connection

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(*self._store.errors):
                connection.close()


def _decided(connection: Connection, use: Use, limit: Limit | None, now: int) -> Verdict:
    expires = int(use.expires * 1_000_000) + 1
    if connection.execute(USE, {"token": use.token, "expires": expires, "now": now}).rowcount != 1:
        return Verdict(replayed=True)
    return Verdict() if limit is None else _charged(connection, limit, now)


def _charged(connection: Connection, limit: Limit, now: int) -> Verdict:
    interval = max(1, 60_000_000 // limit.per_minute)
    ahead = (limit.burst - 1) * interval
    most = now + ahead + interval + _SKEW_US
    charge = {"client": limit.client, "now": now, "interval": interval, "ahead": ahead, "most": most}
    if connection.execute(CHARGE, charge).rowcount == 1:
        return Verdict()
    row = connection.execute(DUE, {"client": limit.client}).fetchone()
    return Verdict(wait_s=max(row[0] - ahead - now, 1) / 1_000_000 if row else 1.0)
