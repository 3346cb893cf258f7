"""HTTP to an EHR's FHIR server: many searches at once, none of them longer than the call can wait.

One asyncio loop in a thread of its own does all of it; the thread that answers the call waits for it, and only so
many of them per host (`gate`). Requests go to the base that was agreed and nowhere else: no redirect, no proxy, no
cookie, no next link off the base. The token is in the Authorization header of this call's requests and nowhere else.
Nothing is tried twice but what is said here: a search by POST that the server does not do goes on by GET, an old
connection that was closed is replaced once, and a next link of the prefetch that has expired is asked for anew.
"""

import asyncio
import dataclasses
import os
import threading
import time
import zlib
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, TypeVar

import aiohttp
from yarl import URL

from chassis import tracing
from chassis.logs import Log
from chassis.serving.turns import aside
from screening import metrics
from screening.fhir import answers, outcomes
from screening.fhir.addresses import may_be_asked, next_page, origin, trust
from screening.fhir.answers import Answer
from screening.fhir.gate import Gate
from screening.fhir.names import Names, PublicNames

_Result = TypeVar("_Result")
_LOG: Final = Log("ehr")

CONNECT_S: Final = 1.0
MOST_ENTRIES: Final = 2_000
"""Resources of one key. Whoever has more of them is not assessed in half a second."""

MOST_BYTES: Final = 20_000_000
MOST_ALL_ENTRIES: Final = 20_000
"""All answers to one call together: as many resources as a prefetch may hold."""

_SHORTEST_S: Final = 0.02
"""With less time than this left nothing is asked."""
_FAIR_S: Final = 0.1
"""With less time than this left a host that does not answer is not held to be failing."""
_GRACE_S: Final = 0.03
"""How much longer than its time the waiting thread gives the loop to end; what has come by then is taken as it is."""
_PER_HOST: Final = 24
_POST_REFUSED: Final = frozenset({400, 403, 404, 405, 406, 411, 415, 422, 501})
_METHOD_REFUSED: Final = frozenset({405, 415, 501})
"""The part of that which can mean nothing but the method, so that it is believed of a host that does others by POST."""
_EXPIRED: Final = (outcomes.NOT_FOUND, outcomes.GONE, outcomes.REFUSED)
_HEADERS: Final = {
    "Accept": "application/fhir+json",
    "Accept-Encoding": "gzip",
    "Prefer": "handling=lenient",  # a parameter that a server does not know, such as _include, is not to end the search
    "User-Agent": "dystonia-cds",
}


@dataclass(frozen=True, slots=True)
class Server:
    """A FHIR server that may be asked.

    Attributes:
        base: without a slash at its end.
        token: sent with every request of this call; empty: none is sent.
        public_only: whether its name must resolve to public addresses.
        types: the resource types that the token's scopes cover; None: that is not known.
        client: on whose behalf it is asked.
    """

    base: str
    token: str = field(default="", repr=False)
    public_only: bool = False
    types: frozenset[str] | None = None
    client: str = ""

    def may_give(self, kind: str) -> bool:
        """Whether the scopes cover this type. What they do not cover some servers answer with an empty list."""
        return self.types is None or not self.types.isdisjoint((kind, "*"))


@dataclass(frozen=True, slots=True)
class Query:
    """What to ask for one prefetch key.

    Attributes:
        key: ours.
        path: below the base: `Patient/1` for a read, `Observation` for a search.
        form: the search parameters, encoded; empty for a read.
        link: where a part that is already here goes on; empty to begin at the beginning.
    """

    key: str
    path: str
    form: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What the server gave for one key.

    Attributes:
        outcome: `delivered` when all pages came, else why not.
        pages: those that came, unread.
        went_on: they follow what was already here, instead of replacing it.
        ms: how long it took.
    """

    outcome: str
    pages: tuple[bytes, ...] = ()
    went_on: bool = False
    ms: float = 0.0


@dataclass(slots=True)
class _Volume:
    """How much has come for one call."""

    bytes: int = 0
    entries: int = 0


@dataclass(slots=True)
class _Progress:
    """A query under way; what has come is here when time is up."""

    outcome: str = outcomes.LATE
    pages: list[bytes] = field(default_factory=list)
    entries: int = 0
    went_on: bool = False
    answered: bool = False
    quiet_s: float = 0.0
    throttled_s: float = 0.0
    ended: float | None = None

    def take(self, answer: Answer) -> None:
        """Note what one request came to."""
        self.answered |= answer.proper
        if answer.outcome == outcomes.THROTTLED:  # too much of this client's, whatever others ask for
            self.throttled_s = max(self.throttled_s, answer.quiet_s)
        else:
            self.quiet_s = max(self.quiet_s, answer.quiet_s)
        if answer.body:
            self.pages.append(answer.body)
            self.entries += answer.entries


class Access:
    """All access of this process to EHRs; threads share it."""

    def __init__(self, *, slots_per_host: int, max_pages: int, ca_file: Path | None = None) -> None:
        self._gate = Gate(slots_per_host)
        self._max_pages = max_pages
        self._tls = trust(ca_file)
        self._lock = threading.Lock()
        self._owner = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._sessions: dict[tuple[str, bool], aiohttp.ClientSession] = {}

    @contextmanager
    def turn(self, server: Server) -> Iterator["Turn"]:
        """One call's turn at a server: it takes a slot with its first request and keeps it to the end."""
        turn = Turn(server, self._gate, self._max_pages, self._run, self._session)
        try:
            yield turn
        finally:
            turn.end()

    def close(self) -> None:
        """Close all connections and end the loop. A later `fetch` begins anew."""
        with self._lock:
            loop, owner, sessions = self._loop, self._owner, list(self._sessions.values())
            self._loop, self._sessions = None, {}
        if loop is None or owner != os.getpid():
            return

        async def end() -> None:
            for session in sessions:
                await session.close()
            loop.stop()

        asyncio.run_coroutine_threadsafe(end(), loop)

    def _run(self, coroutine: Coroutine[Any, Any, _Result]) -> Future[_Result]:
        """Start a coroutine in the loop; the loop starts with the first one, since threads do not survive a fork."""
        with self._lock:
            if self._loop is None or self._owner != os.getpid():
                self._loop, self._owner, self._sessions = asyncio.new_event_loop(), os.getpid(), {}
                threading.Thread(target=self._loop.run_forever, name="ehr", daemon=True).start()
            return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    def _session(self, server: Server) -> aiohttp.ClientSession:
        """The session of a client for servers with or without the demand for public addresses.

        None shares a connection, nor a name that hangs, with another.
        """
        key = server.client, server.public_only
        session = self._sessions.get(key)
        if session is None:
            session = self._sessions[key] = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    ssl=self._tls,
                    resolver=PublicNames() if server.public_only else Names(),
                    ttl_dns_cache=30,
                    limit=0,  # hosts that hang must not use up what others need; the slots bound their number
                    limit_per_host=_PER_HOST,
                    keepalive_timeout=45,
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S),
                headers=_HEADERS,
                auto_decompress=False,
                trust_env=False,
            )
        return session


class Turn:
    """What one call asks of one server."""

    def __init__(
        self,
        server: Server,
        gate: Gate,
        max_pages: int,
        run: Callable[[Coroutine[Any, Any, None]], Future[None]],
        session: Callable[[Server], aiohttp.ClientSession],
    ) -> None:
        self._server, self._gate, self._max_pages, self._run, self._session = server, gate, max_pages, run, session
        self._host = "{}://{}:{}".format(*(origin(server.base) or ("", "", "")))
        self._entered = False
        self._answered: bool | None = None
        self._quiet_s = self._throttled_s = 0.0
        self._volume = _Volume()

    def fetch(self, queries: Sequence[Query], seconds: float) -> dict[str, Fetched]:
        """Ask for all queries at once, for at most so many seconds. Key -> what came of it; never raises for an EHR."""
        if refused := self._refused(seconds):
            return {query.key: Fetched(refused) for query in queries}
        under_way = {query.key: _Progress() for query in queries}
        started = time.monotonic()
        with aside():
            waiting = self._run(self._everything(queries, under_way, seconds))
            try:
                waiting.result(seconds + _GRACE_S)
            except TimeoutError:
                waiting.cancel()
        now = time.monotonic()
        self._note(list(under_way.values()), seconds)
        return {
            key: Fetched(one.outcome, tuple(one.pages), one.went_on, round(1000 * ((one.ended or now) - started), 1))
            for key, one in under_way.items()
        }

    def end(self) -> None:
        """Give the slot back."""
        if self._entered:
            self._entered = False
            self._gate.leave(
                self._host,
                self._server.client,
                answered=self._answered,
                quiet_s=self._quiet_s,
                throttled_s=self._throttled_s,
            )
            if not self._server.public_only:  # such hosts are many, and not ours to name
                metrics.EHR_BREAKER.set(self._gate.has_opened(self._host), self._host)

    def _refused(self, seconds: float) -> str:
        """Why nothing can be asked; empty when it can."""
        if not may_be_asked(self._server.base, public_only=self._server.public_only):
            return outcomes.NOT_PUBLIC if self._server.public_only else outcomes.UNREACHABLE
        if seconds < _SHORTEST_S:
            return outcomes.LATE
        refused = "" if self._entered else self._gate.enter(self._host, self._server.client)
        self._entered = not refused
        return refused

    def _note(self, all_of_them: Sequence[_Progress], seconds: float) -> None:
        """What the host's answers say about the host. An answer to anything is an answer."""
        if any(one.answered for one in all_of_them):
            self._answered = True
        elif self._answered is None and seconds >= _FAIR_S:
            self._answered = False
        self._quiet_s = max(self._quiet_s, *(one.quiet_s for one in all_of_them))
        self._throttled_s = max(self._throttled_s, *(one.throttled_s for one in all_of_them))

    async def _everything(self, queries: Sequence[Query], under_way: Mapping[str, _Progress], seconds: float) -> None:
        session = self._session(self._server)
        tasks = []
        for query in queries:
            progress = under_way[query.key]
            errand = _Errand(session, self._gate, self._server, self._max_pages, self._volume, progress)
            tasks.append(asyncio.create_task(errand.run(query)))
        _, late = await asyncio.wait(tasks, timeout=seconds)
        for task in late:
            task.cancel()


@dataclass(frozen=True, slots=True)
class _Errand:
    """One query, from its first request to its last page."""

    session: aiohttp.ClientSession
    gate: Gate
    server: Server
    max_pages: int
    volume: _Volume
    progress: _Progress

    async def run(self, query: Query) -> None:
        """Ask, and note in `progress` what came of it."""
        progress = self.progress
        try:
            progress.outcome = await self._run(query)
        except Exception as error:  # noqa: BLE001 - one key must not take the others with it; no detail may get out
            _LOG.error("EHR query failed unexpectedly", error)
            progress.outcome = outcomes.UNREACHABLE
        progress.ended = time.monotonic()

    async def _run(self, query: Query) -> str:
        asked = f"{self.server.base}/{query.path}"
        if query.link:
            self.progress.went_on = True
            outcome = await self._pages(asked, query.link)
            if outcome not in (*_EXPIRED, outcomes.PARTIAL) or self.progress.pages:
                return outcome
            self.progress.went_on = False
        first = await (self._search(asked, query.form) if query.form else self._get(asked))
        if first.outcome != outcomes.DELIVERED:
            return first.outcome
        return await self._pages(asked, first.link)

    async def _pages(self, asked: str, link: str) -> str:
        """Follow next links until there is none."""
        visited = {asked}
        while link:
            url = next_page(self.server.base, asked, link)
            full = len(self.progress.pages) >= self.max_pages or self.progress.entries >= MOST_ENTRIES
            if url is None or url in visited or full:
                return outcomes.PARTIAL
            visited.add(url)
            answer = await self._get(url)
            if answer.outcome != outcomes.DELIVERED:
                return answer.outcome
            link = answer.link
        return outcomes.DELIVERED

    async def _search(self, asked: str, form: str) -> Answer:
        """By POST, so that no URL names the patient; by GET where the server does not do that."""
        known = self.gate.search_by(self.server.base)
        by_get = f"{asked}?{form}"
        if known == "GET":
            return await self._get(by_get)
        answer = await self._send("POST", f"{asked}/_search", form)
        method = "POST"
        if answer.status in (_METHOD_REFUSED if known else _POST_REFUSED):
            answer, method = await self._get(by_get), "GET"
        if answer.outcome == outcomes.DELIVERED and not known:
            self.gate.searched_by(self.server.base, method)
        return answer

    async def _get(self, url: str) -> Answer:
        return await self._send("GET", url)

    async def _send(self, method: str, url: str, form: str = "") -> Answer:
        answer = await self._once(method, url, form)
        if answer.stale:
            answer = await self._once(method, url, form)
        self.volume.bytes += len(answer.body)
        self.volume.entries += answer.entries
        if self.volume.bytes > MOST_BYTES or self.volume.entries > MOST_ALL_ENTRIES:
            answer = dataclasses.replace(answer, outcome=outcomes.TOO_LARGE, body=b"")
        self.progress.take(answer)
        return answer

    async def _once(self, method: str, url: str, form: str) -> Answer:
        headers = tracing.passed_on() | ({"Content-Type": "application/x-www-form-urlencoded"} if form else {})
        if self.server.token:
            headers["Authorization"] = f"Bearer {self.server.token}"
        try:
            async with self.session.request(
                method,
                URL(url, encoded=True),
                data=form.encode() if form else None,
                headers=headers,
                allow_redirects=False,
            ) as response:
                return await answers.judged(response)
        except (aiohttp.ClientError, OSError, ValueError, zlib.error) as error:
            return answers.failed(error)
