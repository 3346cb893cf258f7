"""Which CDS services there are, and who answers them: the discovery documents of all upstreams, merged.

A copy of each upstream's document is kept. It is read at start, and again in the background once it is older than
the time to live; no call of a service that we know ever waits for that. An upstream that fails keeps its last copy.
The entries are passed on byte for byte.
"""

import re
import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec
import requests

from chassis import outgoing, peers
from chassis.logs import Log
from gateway import metrics
from gateway.problems import discovery_unknown, unknown_service
from gateway.refusals import not_agreed

RETRY_AFTER_S: Final = 1
_RETRY_WITHOUT_COPY_S: Final = 1.0
_RETRY_WITH_COPY_S: Final = 5.0
_WAIT_S: Final = 1.0
_MAX_DOCUMENT: Final = 1_000_000
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_log = Log("discovery")


class DuplicateService(Exception):
    """Two services have one id; the text names the id and the upstreams."""


class UnreadableDocument(Exception):
    """An upstream's discovery could not be had, or is not what CDS Hooks says."""


class DocumentTooLarge(UnreadableDocument):
    """An upstream's discovery document is larger than we read; `size` in bytes."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size


@dataclass(frozen=True)
class Service:
    """A CDS service: its id, its hook, and the name of the upstream that answers it."""

    id: str
    hook: str
    upstream: str


@dataclass(frozen=True)
class Copy:
    """What one upstream announced: its services by id, and their entries as they came."""

    services: Mapping[str, Service]
    entries: tuple[bytes, ...]


@dataclass(frozen=True)
class Catalog:
    """All that is announced at one moment.

    Attributes:
        services: id -> service.
        entries: id -> its entry in the discovery document, as it came.
        document: the merged discovery document.
        waiting: names of upstreams that never announced anything; those left out for a duplicate are not among them.
    """

    services: Mapping[str, Service] = field(default_factory=dict)
    entries: Mapping[str, bytes] = field(default_factory=dict)
    document: bytes = b'{"services":[]}'
    waiting: tuple[str, ...] = ()

    def find(self, service_id: str, agreed: Collection[str] = ()) -> Service:
        """The service with this id; `agreed` are the only ones that the caller may have, all if it is empty.

        Raises:
            Problem: 404 if there is none, 403 if it is not agreed, 503 if we cannot know yet.
        """
        service = self.services.get(service_id)
        seen = [known for known in self.services if not agreed or known in agreed]
        if service is not None and service_id in seen:
            return service
        if service is not None:
            raise not_agreed(seen)
        if self.waiting:
            raise discovery_unknown(RETRY_AFTER_S)
        raise unknown_service(seen)

    def document_of(self, agreed: Collection[str]) -> bytes:
        """The discovery document for a caller who may have these services only, all if `agreed` is empty."""
        if not agreed:
            return self.document
        return _document_of(entry for service_id, entry in self.entries.items() if service_id in agreed)


def _document_of(entries: Iterable[bytes]) -> bytes:
    return b'{"services":[' + b",".join(entries) + b"]}"


class _Entry(msgspec.Struct):
    id: str
    hook: str
    description: str


class _Document(msgspec.Struct):
    services: list[msgspec.Raw]


_document: Final = msgspec.json.Decoder(_Document)
_entry: Final = msgspec.json.Decoder(_Entry)

Fetch = Callable[[str], bytes]


def fetch(base_url: str, keys: peers.Keys) -> bytes:
    """The discovery document at `base_url`, over a connection of its own: workers fork, and must not share one.

    Raises:
        UnreadableDocument: there is none to be had, or (DocumentTooLarge) more than `_MAX_DOCUMENT` bytes of it.
    """
    headers = {"Accept": "application/json", peers.HEADER: peers.sign(keys, "gateway", "GET", "/cds-services")}
    with outgoing.session(connect=1.0, read=2.0, headers=headers) as session:
        try:
            answer = session.get(f"{base_url}/cds-services", allow_redirects=False)
        except requests.RequestException as error:
            raise UnreadableDocument from error
    if answer.status_code != requests.codes.ok:
        raise UnreadableDocument
    if len(answer.content) > _MAX_DOCUMENT:
        raise DocumentTooLarge(len(answer.content))
    return answer.content


def read(upstream: str, document: bytes) -> Copy:
    """The services that an upstream's discovery document announces.

    Raises:
        UnreadableDocument: it is not a discovery document.
        DuplicateService: it announces one id twice.
    """
    services: dict[str, Service] = {}
    try:
        entries = tuple(bytes(entry) for entry in _document.decode(document).services)
        for raw in entries:
            entry = _entry.decode(raw)
            if not _ID.fullmatch(entry.id):
                raise UnreadableDocument
            if entry.id in services:
                raise DuplicateService(f"upstream {upstream} announces the service id {entry.id} twice")
            services[entry.id] = Service(entry.id, entry.hook, upstream)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableDocument from error
    return Copy(services, entries)


class Directory:
    """The catalog of the moment, kept fresh. One per process; threads may share it."""

    def __init__(self, upstreams: Mapping[str, str], ttl: float, fetcher: Fetch) -> None:
        """`upstreams` maps names to base URLs, `ttl` is in seconds."""
        self._upstreams = upstreams
        self._ttl = ttl
        self._fetch = fetcher
        self._copies: dict[str, Copy] = {}
        self._left_out: set[str] = set()
        self._catalog = Catalog(waiting=tuple(upstreams))
        self._due = 0.0
        self._reading = threading.Lock()

    def start(self) -> None:
        """Read all upstreams for the first time. Those that do not answer yet are read later.

        Raises:
            DuplicateService: two services share an id; the gateway must not start.
        """
        with self._reading:
            self._read_all(starting=True)

    def current(self) -> Catalog:
        """The catalog of the moment, without waiting for anything; an old one is renewed in the background."""
        if time.monotonic() >= self._due and self._reading.acquire(blocking=False):
            try:
                threading.Thread(target=self._read_in_background, name="discovery", daemon=True).start()
            except RuntimeError:
                self._reading.release()
                raise
        return self._catalog

    def announced(self) -> Catalog:
        """The catalog for whoever asks what there is.

        Raises:
            Problem: 503 if there is no copy of any upstream's document, not even after a last look.
        """
        catalog = self.current()
        if not self._copies:
            catalog = self._last_look()
        if not self._copies:
            raise discovery_unknown(RETRY_AFTER_S)
        return catalog

    def find(self, service_id: str, agreed: Collection[str] = ()) -> Service:
        """The service with this id, as `Catalog.find`. Only a call that would be refused otherwise waits, for a look.

        Each process has its own copies. Without the last look, one process could tell that it is ready and another
        refuse the call that follows.

        Raises:
            Problem: 404 if there is none, 403 if it is not agreed, 503 if we cannot know yet.
        """
        catalog = self.current()
        if catalog.waiting and service_id not in catalog.services:
            catalog = self._last_look()
        return catalog.find(service_id, agreed)

    def _last_look(self) -> Catalog:
        """The catalog after a look at the upstreams now, or after a short while if somebody else is looking."""
        if self._reading.acquire(timeout=_WAIT_S):
            try:
                if self._catalog.waiting:
                    self._read_all(starting=False)
            finally:
                self._reading.release()
        return self._catalog

    def _read_in_background(self) -> None:
        """Runs in a thread of its own, which takes over the lock."""
        try:
            self._read_all(starting=False)
        except Exception as error:  # noqa: BLE001  whatever it is, the next round must come and the log must tell
            _log.error("discovery failed unexpectedly", error)
            self._due = time.monotonic() + _RETRY_WITH_COPY_S
        finally:
            self._reading.release()

    def _read_all(self, *, starting: bool) -> None:
        failed = False
        for name, base_url in self._upstreams.items():
            try:
                copy = read(name, self._fetch(base_url))
                self._refuse_duplicates(name, copy)
            except UnreadableDocument as error:
                failed = True
                self._tell_failure(name, error)
            except DuplicateService as error:
                if starting:
                    raise
                failed = True
                self._left_out.add(name)
                metrics.DISCOVERY_READINGS.add(name, "failed")
                _log.error("upstream left out: it announces a service id that is taken", error, upstream=name)
            else:
                metrics.DISCOVERY_READINGS.add(name, "read")
                if self._copies.get(name) != copy:
                    _log.info("discovery read", upstream=name, count=len(copy.services))
                self._copies[name] = copy
                self._left_out.discard(name)
        self._catalog = self._merge()
        retry = _RETRY_WITHOUT_COPY_S if self._catalog.waiting else _RETRY_WITH_COPY_S
        self._due = time.monotonic() + (min(retry, self._ttl) if failed else self._ttl)

    def _refuse_duplicates(self, name: str, copy: Copy) -> None:
        for other, held in self._copies.items():
            taken = copy.services.keys() & held.services.keys()
            if other != name and taken:
                raise DuplicateService(f"upstreams {other} and {name} both announce the service id {min(taken)}")

    def _tell_failure(self, name: str, error: UnreadableDocument) -> None:
        metrics.DISCOVERY_READINGS.add(name, "failed")
        if isinstance(error, DocumentTooLarge):
            _log.error("document too large", upstream=name, bytes_in=error.size)
        reason = type(error.__cause__ or error).__name__
        if name in self._copies:
            _log.warning("discovery failed, serving a stale copy", upstream=name, reason=reason)
        else:
            _log.warning("discovery failed, no copy yet", upstream=name, reason=reason)

    def _merge(self) -> Catalog:
        held = [self._copies[name] for name in self._upstreams if name in self._copies]
        entries = {
            service_id: entry for copy in held for service_id, entry in zip(copy.services, copy.entries, strict=True)
        }
        return Catalog(
            services={service_id: service for copy in held for service_id, service in copy.services.items()},
            entries=entries,
            document=_document_of(entries.values()),
            waiting=tuple(name for name in self._upstreams if name not in self._copies and name not in self._left_out),
        )
