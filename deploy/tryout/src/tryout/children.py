"""Child processes that cannot outlive us: started in a group of their own, ended in bounded time."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PR_SET_PDEATHSIG: Final = 1
"""prctl(2): the signal that the kernel sends to a process when its parent dies."""

_GRACE: Final = 4.0
"""Seconds that a child may take to end by itself."""


@dataclass(frozen=True)
class Child:
    """A service that runs as a child.

    Attributes:
        name: of the service.
        process: its gunicorn arbiter, leader of a process group with the workers in it.
        log: file with what it says.
    """

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def last_lines(self, count: int = 30) -> list[str]:
        """The last lines of the log."""
        with self.log.open(encoding="utf-8", errors="replace") as lines:
            return [line.rstrip("\n") for line in deque(lines, maxlen=count)]

    def refusal(self) -> str:
        """What the service said, wherever in its log, about why it cannot start; empty when it said nothing."""
        head = f"{self.name} cannot start: "
        with self.log.open(encoding="utf-8", errors="replace") as lines:
            return next((line.removeprefix(head).strip() for line in lines if line.startswith(head)), "")


def start(name: str, command: Sequence[str], environ: Mapping[str, str], log: Path) -> Child:
    """Start a child with standard input closed off and all its output in `log`."""
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - the command is ours, no shell
            command,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=end_with_parent(signal.SIGTERM),  # noqa: PLW1509 - we have one thread
        )
    return Child(name, process, log)


def end_with_parent(how: signal.Signals) -> Callable[[], None]:
    """What a child has to run to get signal `how` when its parent ends, however it ends (Linux only)."""
    parent = os.getpid()
    libc = _libc()

    def ask() -> None:
        if libc is not None:
            libc.prctl(PR_SET_PDEATHSIG, int(how))
            if os.getppid() != parent:
                os.kill(os.getpid(), how)

    return ask


def end_when_parent_ends(how: signal.Signals) -> None:
    """Have the kernel send `how` to this process when its own parent ends (Linux only)."""
    if (libc := _libc()) is not None:
        libc.prctl(PR_SET_PDEATHSIG, int(how))


def _libc() -> ctypes.CDLL | None:
    return ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def stop(children: Iterable[Child]) -> None:
    """End all children: SIGTERM, then SIGKILL to what is left of their groups after `_GRACE` seconds."""
    running = list(children)
    for child in running:
        child.process.terminate()
    deadline = time.monotonic() + _GRACE
    for child in running:
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.process.wait(max(0.05, deadline - time.monotonic()))
    for child in running:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.process.pid, signal.SIGKILL)
        child.process.wait()
