"""A database file that is for us alone, and which one stands there now. SQLite itself does neither."""

import os
import stat
from pathlib import Path
from typing import Final

_OURS: Final = 0o600


def make(path: Path) -> None:
    """Make the file, if need be, readable for us alone.

    One that is there is not opened: whoever closes a file gives up all locks that the process has on it, those of its
    other connections too (sqlite.org/howtocorrupt.html, 2.2). Another process would then remove the log that we write
    to.

    Raises:
        OSError: there can be no such file, or what is there is none.
    """
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _OURS))
    except FileExistsError:
        mode = os.lstat(path).st_mode
        if not stat.S_ISREG(mode):
            raise
        if stat.S_IMODE(mode) != _OURS:
            path.chmod(_OURS)


def identity(path: Path) -> tuple[int, int] | None:
    """Which file stands there now: what is written to one that was removed or replaced, nobody else sees."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino
