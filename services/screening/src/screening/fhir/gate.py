"""How many calls may ask one EHR at a time, and when it is left alone: slots and a circuit breaker per host.

That a host has too many requests (429) is said of one client; others go on asking.

Our own eighty lines: the breaker libraries at hand count single requests and let everybody wait or fail; here a call
with a dozen parallel searches is one attempt, one call at a time probes, and Retry-After says how long to be quiet.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from screening.fhir.outcomes import BUSY, PAUSED

FAILURES: Final = 5
"""So many calls in a row to which a host gave no proper answer open the breaker."""
PAUSE_S: Final = 10.0
LONGEST_PAUSE_S: Final = 60.0
REMEMBERED_S: Final = 600.0
"""How long it is remembered by which method a host can be searched."""
MOST_HOSTS: Final = 1_000


@dataclass(slots=True)
class _Host:
    in_use: int = 0
    failures: int = 0
    closed_until: float = 0.0
    throttled_until: dict[str, float] = field(default_factory=dict)
    probing: bool = False
    search_by: str = ""
    search_until: float = 0.0


class Gate:
    """The slots and breakers of all hosts of a process; threads share it."""

    def __init__(self, slots_per_host: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._slots = slots_per_host
        self._clock = clock
        self._lock = threading.Lock()
        self._hosts: OrderedDict[str, _Host] = OrderedDict()

    def enter(self, host: str, client: str = "") -> str:
        """Take a slot, never waiting for one: empty when it is ours, else why not (`BUSY` or `PAUSED`)."""
        with self._lock:
            state, now = self._state(host), self._clock()
            if state.closed_until > now or (state.failures >= FAILURES and state.probing):
                return PAUSED
            if state.throttled_until.get(client, 0.0) > now:
                return PAUSED
            if state.in_use >= self._slots:
                return BUSY
            state.in_use += 1
            state.probing = state.failures >= FAILURES
            return ""

    def leave(
        self, host: str, client: str = "", *, answered: bool | None, quiet_s: float = 0.0, throttled_s: float = 0.0
    ) -> None:
        """Give the slot back.

        Args:
            host: as for `enter`.
            client: as for `enter`.
            answered: whether the host gave a proper answer to anything; None: it had no chance to.
            quiet_s: for how long the host asked to be left alone.
            throttled_s: for how long it asked this client to leave it alone.
        """
        with self._lock:
            state = self._state(host)
            state.in_use -= 1
            state.probing = False
            if answered is not None:
                state.failures = 0 if answered else min(state.failures + 1, FAILURES)
            if answered is False and state.failures >= FAILURES:
                quiet_s = max(quiet_s, PAUSE_S)
            now = self._clock()
            if quiet_s > 0:
                state.closed_until = max(state.closed_until, now + min(quiet_s, LONGEST_PAUSE_S))
            if throttled_s > 0:
                running = {name: until for name, until in state.throttled_until.items() if until > now}
                until = max(running.get(client, 0.0), now + min(throttled_s, LONGEST_PAUSE_S))
                state.throttled_until = {**running, client: until}

    def has_opened(self, host: str) -> bool:
        """Whether the breaker of this host is open: it gave no proper answer so often that one call at a time tries."""
        with self._lock:
            return self._state(host).failures >= FAILURES

    def search_by(self, host: str) -> str:
        """The method by which this host was searched lately with success; empty: not known."""
        with self._lock:
            state = self._state(host)
            return state.search_by if state.search_until > self._clock() else ""

    def searched_by(self, host: str, method: str) -> None:
        """Remember that a search by this method succeeded."""
        with self._lock:
            state = self._state(host)
            state.search_by, state.search_until = method, self._clock() + REMEMBERED_S

    def _state(self, host: str) -> _Host:
        state = self._hosts.get(host)
        if state is None:
            state = self._hosts[host] = _Host()
            idle = (name for name, one in self._hosts.items() if not one.in_use and name != host)
            if len(self._hosts) > MOST_HOSTS and (oldest := next(idle, None)) is not None:
                del self._hosts[oldest]
        self._hosts.move_to_end(host)
        return state
