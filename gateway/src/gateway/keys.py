"""The keys of clients that publish them: fetched, kept for a while, renewed when they are old or a new one turns up.

A set is read again in the background once it is an hour old. A `kid` that is not in it is looked for once, and then
not again for a minute: that is what a rotated key needs, and all that somebody with an invented `kid` can cause. While
the address fails, the last good set holds for a day by default; then nobody is believed until it can be read again.
An issuer that publishes an empty set has withdrawn its keys, and is taken at its word.

Every reading runs in a thread of its own that ends with it, so that a process which has read everything at its start
may fork. Callers wait for a reading that is likely to help them, and never for an address that failed last time: one
issuer's outage must not hold the threads that others need.
"""

import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from chassis.logs import Log
from chassis.serving.turns import aside
from gateway import entries, jwks, metrics
from gateway.clients import Client
from gateway.jwks import Key
from gateway.refusals import keys_unavailable

RENEW_S: Final = 3600.0
COOL_DOWN_S: Final = 60.0
KEPT_S: Final = 86_400.0
_RETRY_S: Final = 5.0
_WAIT_S: Final = 2.5
_STUCK_S: Final = 30.0
_log = Log("keys")

Fetch = Callable[[str], Any]
"""URL -> the JSON document there; raises `jwks_fetch.Unfetchable`."""


class Unfetchable(Exception):
    """A JWK Set could not be had; the text says why, in words of ours."""


@dataclass(frozen=True)
class Ages:
    """How old a set of keys may become, in seconds.

    Attributes:
        renew: when it is read again.
        kept: when it is no longer believed.
        cool_down: for how long a `kid` that is not in it is not looked for again.
        retry: for how long nothing is tried after a failure.
    """

    renew: float = RENEW_S
    kept: float = KEPT_S
    cool_down: float = COOL_DOWN_S
    retry: float = _RETRY_S


class KeyRing:
    """The keys at one address. Threads may share it."""

    def __init__(self, client: Client, fetch: Fetch, ages: Ages) -> None:
        self._name, self._url, self._algorithms = client.name, client.jwks_url, client.algorithms
        self._fetch = fetch
        self._ages = ages
        self._lock = threading.Lock()
        self._keys: Mapping[str, tuple[Key, ...]] = {}
        self._read_at = -math.inf
        self._tried_at = -math.inf
        self._asked_at = -math.inf
        self._failing = False
        self._reading: _Reading | None = None

    def find(self, kid: str) -> tuple[Key, ...]:
        """The keys with this id, none if the issuer has none.

        Raises:
            Problem: 503 if the issuer's keys cannot be had.
        """
        reading = self.renew()
        if self._age() > self._ages.kept:
            self._wait_for(reading)
        if self._age() > self._ages.kept:
            raise keys_unavailable(self._ages.retry)
        found = self._keys.get(kid)
        return found if found is not None else self._looked_for(kid)

    def renew(self) -> "_Reading | None":
        """Begin to read the set if it is old, unless that was tried a moment ago; gives the reading under way."""
        age = self._age()
        if age <= self._ages.renew:
            return None
        return self._begin(pause=self._ages.retry if age > self._ages.kept else self._ages.cool_down)

    @property
    def is_failing(self) -> bool:
        """Whether the last reading failed."""
        return self._failing

    def _age(self) -> float:
        return time.monotonic() - self._read_at

    def _wait_for(self, reading: "_Reading | None") -> None:
        if reading is None or not reading.is_hopeful:
            return
        with aside():
            came = reading.done.wait(_WAIT_S)
        if not came:
            reading.is_hopeful, self._failing = False, True

    def _looked_for(self, kid: str) -> tuple[Key, ...]:
        """The keys with an id that was not in the set, after one more look at it."""
        with self._lock:
            now = time.monotonic()
            rested = now - self._asked_at >= self._ages.cool_down
            if rested:
                self._asked_at = now
        self._wait_for(self._begin(pause=0.0) if rested else self._under_way())
        found = self._keys.get(kid)
        if found is None and self._failing:
            raise keys_unavailable(self._ages.cool_down - (time.monotonic() - self._asked_at))
        return found or ()

    def _under_way(self) -> "_Reading | None":
        reading = self._reading
        return reading if reading is not None and not reading.is_over() else None

    def _begin(self, pause: float) -> "_Reading | None":
        """The reading under way; one begins if there is none and none was tried within `pause` seconds."""
        with self._lock:
            reading = self._under_way()
            if reading is None and time.monotonic() - self._tried_at >= pause:
                self._tried_at = time.monotonic()
                reading = self._reading = _Reading(is_hopeful=not self._failing)
                threading.Thread(target=self._read, args=(reading,), name="keys", daemon=True).start()
            return reading

    def _read(self, reading: "_Reading") -> None:
        """Runs in a thread of its own."""
        outcome = "failed"
        try:
            keys = self._usable(self._fetch(self._url))
            if keys.keys() != self._keys.keys():
                _log.info("the keys of a client were read", client=self._name, count=len(keys))
            self._keys, self._read_at, self._failing = keys, time.monotonic(), False
            outcome = "read"
        except Unfetchable as error:
            self._failing = True
            _log.warning("the keys of a client cannot be read", client=self._name, reason=str(error))
        except Exception as error:  # noqa: BLE001  whatever it is, the next reading must come and the log must tell
            self._failing = True
            _log.error("reading the keys of a client failed unexpectedly", error, client=self._name)
        finally:
            metrics.KEY_READINGS.add(self._name, outcome)
            reading.done.set()

    def _usable(self, document: Any) -> Mapping[str, tuple[Key, ...]]:
        found = jwks.read(document, self._algorithms)
        for place, words in found.faults:
            reason = f"{entries.place(place)}: {words}" if place else words
            _log.warning("a client publishes keys that are not used", client=self._name, reason=reason)
        if not found.keys and document != {"keys": []}:
            raise Unfetchable("it holds no usable key")
        return found.keys


class _Reading:
    """One attempt to read a set, worth waiting for if it is hopeful. After a while it is over, even if it hangs."""

    def __init__(self, *, is_hopeful: bool) -> None:
        self.is_hopeful = is_hopeful
        self.done = threading.Event()
        self._began = time.monotonic()

    def is_over(self) -> bool:
        return self.done.is_set() or time.monotonic() - self._began > _STUCK_S


class KeyRings:
    """The key rings of all clients that publish their keys. One per process; threads may share it."""

    def __init__(self, fetch: Fetch, ages: Ages) -> None:
        self._fetch = fetch
        self._ages = ages
        self._rings: dict[tuple[str, frozenset[str]], KeyRing] = {}
        self._followed: tuple[Client, ...] | None = None

    def find(self, client: Client, kid: str) -> tuple[Key, ...]:
        """The keys of a client with this id, none if it has none.

        Raises:
            Problem: 503 if its keys cannot be had.
        """
        if not client.jwks_url:
            return client.keys.get(kid, ())
        ring = self._rings.get(_what(client))
        return (ring or self._ring(client)).find(kid)

    def follow(self, clients: tuple[Client, ...]) -> None:
        """Keep the rings of these clients, which are those in force, and no others."""
        if clients is not self._followed:
            publishing = [client for client in clients if client.jwks_url]
            self._rings = {_what(client): self._ring(client) for client in publishing}
            self._followed = clients

    def look_after(self) -> int:
        """Begin to renew what is old, without waiting; gives the number of addresses that failed last time."""
        rings = list(self._rings.values())
        for ring in rings:
            ring.renew()
        return sum(ring.is_failing for ring in rings)

    def warm(self, clients: tuple[Client, ...], wait_s: float) -> None:
        """Read the keys of all clients, in at most `wait_s` seconds; what comes later is read when it is needed."""
        ends = time.monotonic() + wait_s
        self.follow(clients)
        for reading in [ring.renew() for ring in self._rings.values()]:
            if reading is not None:
                reading.done.wait(max(0.0, ends - time.monotonic()))

    def _ring(self, client: Client) -> KeyRing:
        what = _what(client)
        return self._rings.setdefault(what, KeyRing(client, self._fetch, self._ages))


def _what(client: Client) -> tuple[str, frozenset[str]]:
    return client.jwks_url, client.algorithms
