"""A breaker: what has just failed is left alone for a short time, and then tried by one at a time."""

import threading
import time
from typing import Final

REST_S: Final = 2.0


class Breaker:
    """Says whether to try. Threads share it."""

    def __init__(self, rest_s: float = REST_S) -> None:
        self._rest_s = rest_s
        self._rests_until = 0.0
        self._lock = threading.Lock()

    def lets_through(self) -> bool:
        """Whether to try now. After a failure one caller may, whenever a rest is over; no other waits."""
        if not self._rests_until:
            return True
        with self._lock:
            now = time.monotonic()
            if now < self._rests_until:
                return False
            self._rests_until = now + self._rest_s
            return True

    def failed(self) -> bool:
        """Note a failure; whether it is the first one since all was well."""
        with self._lock:
            first = not self._rests_until
            self._rests_until = time.monotonic() + self._rest_s
            return first

    def succeeded(self) -> bool:
        """Note that all is well; whether it was not before."""
        if not self._rests_until:
            return False
        with self._lock:
            self._rests_until = 0.0
            return True
