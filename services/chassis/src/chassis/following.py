"""Files that are followed while calls go on: looked at now and then, and read anew when they have changed.

A changed file is noticed within about a second, by its stamp, and read in a thread of its own while calls go on with
what was in force. A file that changed less than a second ago is left alone: it may still be being written. What is
read, and whether it takes the place of the former version, is the business of whoever follows it.

No thread waits in the background, so a process may fork at any time. Who looks for the first time in a process, or
after a pause, sees the file as it is: what was struck out in a quiet hour is gone for the first call after it.
"""

import os
import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

from chassis.logs import Log

EVERY_S: Final = 1.0
"""How often files are looked at, and for how long one must have been left alone before it is read."""

_PAUSE: Final = 5

Stamp = tuple[int, int, int, int]
"""What tells one version of a file from the next without reading it: time of change in ns, size, inode, device."""

Stamps = Mapping[str, Stamp | None]
"""Path -> stamp, None for a file that is not to be seen."""


def stamp(path: str) -> Stamp | None:
    """The stamp of the file that `path` leads to, None if there is none to be seen."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino, found.st_dev


class Following:
    """Follows files. One per process for each set of them; threads may share it."""

    def __init__(self, stamps: Stamps, renew: Callable[[], Stamps], *, name: str, every: float = EVERY_S) -> None:
        """`stamps` are those of the version in force; `renew` reads the files anew and returns the stamps from just
        before it did. `name` is what log and thread call it; `every` is in seconds.
        """
        self._stamps = dict(stamps)
        self._renew = renew
        self._name = name
        self._log = Log(name)
        self._every = every
        self._seen_changed: dict[str, Stamp | None] = {}
        self._looked = float("-inf")
        self._looking = threading.Lock()

    def look(self) -> None:
        """Look at the files if that is due. It costs nothing to call this for every call that comes."""
        if time.monotonic() - self._looked < self._every:
            return
        if time.monotonic() - self._looked >= self._every * _PAUSE:
            if not self._looking.acquire(timeout=self._every):  # somebody is reading, and the disk does not answer
                self._looked = time.monotonic()
                return
            try:
                if time.monotonic() - self._looked >= self._every and self._has_changed():
                    self._read()
            finally:
                self._looking.release()
        elif self._looking.acquire(blocking=False):
            reading = False
            try:
                if self._has_changed():
                    threading.Thread(target=self._read_in_background, name=self._name, daemon=True).start()
                    reading = True
            finally:
                if not reading:
                    self._looking.release()

    def _has_changed(self) -> bool:
        """Whether there is a version to read: another one than the last that was read, and no longer being written."""
        stamps = {path: stamp(path) for path in self._stamps}
        self._looked = time.monotonic()
        if stamps == self._stamps:
            self._seen_changed = {}
            return False
        seen_before, self._seen_changed = self._seen_changed == stamps, stamps
        return seen_before or all(self._is_settled(one) for one in stamps.values())

    def _is_settled(self, one: Stamp | None) -> bool:
        return one is not None and time.time_ns() - one[0] >= self._every * 1e9

    def _read_in_background(self) -> None:
        """Runs in a thread of its own, which takes over the lock."""
        try:
            self._read()
        finally:
            self._looking.release()

    def _read(self) -> None:
        try:
            self._stamps = dict(self._renew())
            self._seen_changed = {}
        except Exception as error:  # noqa: BLE001  whatever it is, calls go on, the next look comes, the log tells
            self._log.error("a changed file could not be read", error)
