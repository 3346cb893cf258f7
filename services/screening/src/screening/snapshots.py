"""The tally of all worker processes as one: each leaves a snapshot of its own in a directory, the page reads all.

A snapshot is written at most once a second, from a timer that a change sets off: never while a call waits. A process
that has died is still counted. A start is known by the process that all workers come from; replicas that share the
directory are told apart by host name, boot and process namespace, and each counts on its own. Cleared is what earlier
starts here have left, and what nobody has written to for a day. Where no directory can be written to, each process
knows its own counts only.
"""

import atexit
import contextlib
import hashlib
import os
import re
import secrets
import socket
import threading
import time
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import msgspec

from chassis.logs import Log
from screening.tally import Counts, Tally, merged

INTERVAL: Final = 1.0
"""Seconds: a snapshot is never older than that."""
_ABANDONED_S: Final = 86_400
"""Another replica whose snapshot was not written to for so long is gone; if not, it writes the whole of it again."""
_MOST_FILES: Final = 256
_LARGEST: Final = 50_000_000
"""Bytes. Nothing that we wrote is larger."""
_SUFFIX: Final = ".counts.json"
_NAME: Final = re.compile(
    r"(?P<replica>[0-9a-f]{12})-(?P<parent>\d{1,9})\.(?P<begun>\d{1,18})-\d{1,9}-[0-9a-f]{8}" + re.escape(_SUFFIX)
)
_DECODER: Final = msgspec.json.Decoder(Counts)
_LOG: Final = Log("doctor")


@dataclass(frozen=True, slots=True)
class Whole:
    """What is known of all processes.

    Attributes:
        counts: of all of them.
        processes: how many are in it.
        alone: whether the counts of other workers cannot be seen from here.
    """

    counts: Counts
    processes: int
    alone: bool


class Snapshots:
    """Keeps the snapshot of this process's tally up to date, and reads those of the others."""

    def __init__(self, tally: Tally, directory: Path | None, interval: float = INTERVAL) -> None:
        """`directory` is made when it is first needed; None: this process is on its own."""
        self._tally = tally
        self._directory = directory
        self._interval = interval
        self._token = secrets.token_hex(4)
        self._lock = threading.Lock()
        self._due = False
        self._begun_by = 0
        self._failed = False
        if directory is not None:
            tally.changed = self._changed

    def whole(self) -> Whole:
        """The counts of this process as they are now, with the latest snapshots of the others."""
        own = _DECODER.decode(self._tally.encoded())
        if self._directory is None or self._failed or not self._writable(self._directory):
            return Whole(own, 1, alone=True)
        others = [one for file in self._files(self._directory) if (one := _read(file)) is not None]
        return Whole(merged([own, *others]), 1 + len(others), alone=False)

    def write(self) -> None:
        """Write the snapshot of this process now, whole or not at all."""
        if self._directory is None:
            return
        with self._lock:
            self._due = False
            own = self._directory / self._name()
            unfinished = own.with_suffix(".unfinished")
            try:
                self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
                descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
                with os.fdopen(descriptor, "wb") as file:
                    file.write(self._tally.encoded())
                unfinished.replace(own)
                self._failed = False
            except OSError as error:
                if not self._failed:
                    _LOG.warning("the doctor's counts cannot be kept for other workers", reason=type(error).__name__)
                self._failed = True

    def _changed(self) -> None:
        if self._due and self._begun_by == os.getpid():
            return
        with self._lock:
            if self._begun_by != os.getpid():
                self._begin()
            elif self._due:
                return
            self._due = True
        timer = threading.Timer(self._interval, self.write)
        timer.daemon = True
        timer.start()

    def _begin(self) -> None:
        """The first change in this process: clear away what is left of starts that are over."""
        self._begun_by = os.getpid()
        atexit.register(self.write)
        if self._directory is None:
            return
        with contextlib.suppress(OSError):
            for file in self._directory.glob(f"*{_SUFFIX}"):
                if _is_over(file):
                    file.unlink(missing_ok=True)

    def _writable(self, directory: Path) -> bool:
        with contextlib.suppress(OSError):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.access(directory, os.W_OK)

    def _name(self) -> str:
        return f"{_start()}-{os.getpid()}-{self._token}{_SUFFIX}"

    def _files(self, directory: Path) -> list[Path]:
        """The snapshots of the other processes of this start."""
        own = self._name()
        try:
            found = sorted(directory.glob(f"{_start()}-*{_SUFFIX}"))
        except OSError:
            return []
        return [file for file in found if file.name != own][:_MOST_FILES]


def _start() -> str:
    """The start of the service that this process belongs to: its replica, its parent, and when that began."""
    parent = os.getppid()
    return f"{_replica()}-{parent}.{_begun(parent) or 0}"


@cache
def _replica() -> str:
    """What tells this machine, or container, from others that write into the same directory."""
    named = [socket.gethostname()]
    with contextlib.suppress(OSError):
        named.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii"))
    with contextlib.suppress(OSError):
        named.append(os.readlink("/proc/self/ns/pid"))
    return hashlib.sha256("\n".join(named).encode()).hexdigest()[:12]


def _begun(process: int) -> int | None:
    """When a process here began, in ticks since the machine was started; None if none is to be seen."""
    try:
        text = Path(f"/proc/{process}/stat").read_text(encoding="ascii", errors="replace")
        return int(text.rpartition(")")[2].split()[19])
    except (OSError, IndexError, ValueError):
        return None


def _is_over(file: Path) -> bool:
    """Whether the start that wrote this file is over: of this replica by its processes, of another one by its age."""
    if file.name.startswith(f"{_start()}-"):
        return False
    name = _NAME.fullmatch(file.name)
    if name is not None and name["replica"] == _replica():
        return _begun(int(name["parent"])) != int(name["begun"])
    return time.time() - file.stat().st_mtime > _ABANDONED_S


def _read(file: Path) -> Counts | None:
    try:
        if file.stat().st_size > _LARGEST:
            return None
        return _DECODER.decode(file.read_bytes())
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None
