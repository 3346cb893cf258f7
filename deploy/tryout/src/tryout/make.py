"""GNU make as a parent: noticing that make itself was told to stop.

On SIGTERM make passes the signal on and all is well. On SIGINT it takes for granted that the terminal has sent
the signal to everybody, passes nothing on and waits for its children, for ever if need be. What can be seen
from outside is that make, once it has taken a SIGINT, no longer catches this signal; so we look at that.
"""

import os
import signal
from pathlib import Path
from typing import Final

_INTERRUPT: Final = 1 << (signal.SIGINT - 1)


class Watch:
    """Looks at the make that started us, where there is one and the system has /proc."""

    def __init__(self) -> None:
        self._status = Path("/proc") / str(os.getppid()) / "status"
        name, caught = self._read()
        self._watching = name in ("make", "gmake") and caught

    def interrupted(self) -> bool:
        """Whether make has been interrupted since."""
        if not self._watching:
            return False
        name, caught = self._read()
        return name in ("make", "gmake") and not caught

    def _read(self) -> tuple[str, bool]:
        """(name of the parent, whether it catches SIGINT); ("", False) where that cannot be read."""
        try:
            text = self._status.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return "", False
        fields = dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)
        return fields.get("Name", ""), bool(int(fields.get("SigCgt", "0"), 16) & _INTERRUPT)
