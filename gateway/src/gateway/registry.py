"""The clients in force, which follow their file while calls go on.

A changed file is noticed within a second, by its stamps, and read in a thread of its own while calls go on with what
was in force. It takes the place of the former one whole, or, if anything in it is wrong, not at all; that is logged,
line by line, once per change. A file that changed less than a second ago is left alone: it may still be being written.

No thread waits in the background, so a process may fork at any time; nobody calls `current` for the first time in a
process, or after a pause, without a look at the file first. A client that was struck out in a quiet hour is gone for
the first call after it.
"""

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from chassis.logs import Log
from gateway import clients
from gateway.clients import Client, ClientsFile, Stamp
from gateway.positions import Fault

EVERY_S: Final = 1.0
"""How often the file is looked at, and for how long it must have been left alone before it is read."""

_MOST_LOGGED: Final = 20
_PAUSE: Final = 5
_log = Log("clients")


@dataclass(frozen=True)
class Snapshot:
    """The clients that are in force at one moment. Immutable: whoever holds it judges a whole call by it.

    Attributes:
        clients: all of them.
        origins: browser origins of any of them.
    """

    clients: tuple[Client, ...]
    origins: frozenset[str]
    _issuers: Mapping[str, tuple[Client, ...]] = field(repr=False)

    def by_issuer(self, issuer: str) -> tuple[Client, ...]:
        """The clients whose tokens have this `iss`; if there are several, no two of them share a tenant."""
        return self._issuers.get(issuer, ())


def snapshot(listed: Sequence[Client]) -> Snapshot:
    """These clients, ready to be asked for."""
    issuers: dict[str, tuple[Client, ...]] = {}
    for client in listed:
        issuers[client.issuer] = (*issuers.get(client.issuer, ()), client)
    origins = frozenset[str]().union(*(client.origins for client in listed))
    return Snapshot(tuple(listed), origins, issuers)


class Registry:
    """The clients in force. One per process; threads may share it."""

    def __init__(
        self, listed: Sequence[Client] = (), file: ClientsFile | None = None, *, every: float = EVERY_S
    ) -> None:
        """With a file the clients are those of the file, and follow it; `every` is in seconds."""
        self._snapshot = snapshot(file.clients if file else listed)
        self._path = file.path if file else ""
        self._stamps = dict(file.stamps) if file else {}
        self._seen_changed: dict[str, Stamp | None] = {}
        self._faults: tuple[Fault, ...] = ()
        self._every = every
        self._looked = float("-inf")
        self._looking = threading.Lock()

    def current(self) -> Snapshot:
        """The clients in force now."""
        if self._path and time.monotonic() - self._looked >= self._every:
            self._look()
        return self._snapshot

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What is wrong with the file as it is now, because of which a former version of it is in force."""
        return self._faults

    def _look(self) -> None:
        if time.monotonic() - self._looked >= self._every * _PAUSE:
            if not self._looking.acquire(timeout=self._every):  # somebody is reading, and the disk does not answer
                self._looked = time.monotonic()
                return
            try:
                if time.monotonic() - self._looked >= self._every and self._has_changed():
                    self._renew()
            finally:
                self._looking.release()
        elif self._looking.acquire(blocking=False):
            reading = False
            try:
                if self._has_changed():
                    threading.Thread(target=self._renew_in_background, name="clients", daemon=True).start()
                    reading = True
            finally:
                if not reading:
                    self._looking.release()

    def _has_changed(self) -> bool:
        """Whether there is a version to read: another one than the last that was read, and no longer being written."""
        stamps = {path: clients.stamp(path) for path in self._stamps}
        self._looked = time.monotonic()
        if stamps == self._stamps:
            self._seen_changed = {}
            return False
        seen_before, self._seen_changed = self._seen_changed == stamps, stamps
        return seen_before or all(self._is_settled(stamp) for stamp in stamps.values())

    def _is_settled(self, stamp: Stamp | None) -> bool:
        return stamp is not None and time.time_ns() - stamp[0] >= self._every * 1e9

    def _renew_in_background(self) -> None:
        """Runs in a thread of its own, which takes over the lock."""
        try:
            self._renew()
        finally:
            self._looking.release()

    def _renew(self) -> None:
        try:
            self._read()
        except Exception as error:  # noqa: BLE001  whatever it is, calls go on, the next look comes, the log tells
            _log.error("the clients file could not be read", error)

    def _read(self) -> None:
        file = clients.read(self._path)
        self._stamps = dict(file.stamps)
        self._seen_changed = {}
        self._faults = file.faults
        if not file.faults:
            self._snapshot = snapshot(file.clients)
            _log.info("the clients file has changed and is in force", count=len(file.clients))
            return
        _log.error("the changed clients file is at fault: the former one stays in force", count=len(file.faults))
        for fault in file.faults[:_MOST_LOGGED]:
            _log.error("clients file at fault", line=fault.line, reason=fault.words)
