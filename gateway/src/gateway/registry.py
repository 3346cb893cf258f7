"""The clients in force, which follow their file while calls go on.

`chassis.following` says when a change is noticed. A changed file takes the place of the former one whole, or, if
anything in it is wrong, not at all; that is logged, line by line, once per change. A client that was struck out in a
quiet hour is gone for the first call after it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from chassis.following import EVERY_S, Following, Stamps
from chassis.logs import Log
from chassis.positions import Fault
from gateway import clients, metrics
from gateway.clients import Client, ClientsFile

_MOST_LOGGED: Final = 20
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
        self._faults: tuple[Fault, ...] = ()
        self._following = Following(file.stamps, self._renew, name="clients", every=every) if file else None

    def current(self) -> Snapshot:
        """The clients in force now."""
        if self._following is not None:
            self._following.look()
        return self._snapshot

    @property
    def faults(self) -> tuple[Fault, ...]:
        """What is wrong with the file as it is now, because of which a former version of it is in force."""
        return self._faults

    def _renew(self) -> Stamps:
        file = clients.read(self._path)
        self._faults = file.faults
        metrics.CLIENTS_FILE_FAULTS.set(len(file.faults))
        if not file.faults:
            self._snapshot = snapshot(file.clients)
            _log.info("the clients file has changed and is in force", count=len(file.clients))
            return file.stamps
        _log.error("the changed clients file is at fault: the former one stays in force", count=len(file.faults))
        for fault in file.faults[:_MOST_LOGGED]:
            _log.error("clients file at fault", line=fault.line, reason=fault.words)
        return file.stamps
