"""For tests: a PostgreSQL server in a directory of its own, on a Unix socket, as a user who is not root."""

import glob
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

NOT_HERE: Final = "no PostgreSQL server is installed on this machine (Debian: apt-get install postgresql)"
_OTHERS: Final = ("postgres", "nobody")


def tools() -> Path | None:
    """The directory with `initdb` and `postgres`, as Debian or the PATH has it."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"), key=lambda path: int(path.split("/")[4]))
    path = found[-1] if found else shutil.which("initdb")
    return Path(path).parent if path and (Path(path).parent / "postgres").exists() else None


def unprivileged() -> str | None:
    """Whom to run the server as: None means ourselves, since PostgreSQL refuses root."""
    if os.getuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in _OTHERS if name in known)


class Server:
    """One server; `start` and `stop` as often as a test likes, `remove` at the end.

    `durable`: it waits for the disk, as in production.
    """

    def __init__(self, binaries: Path, *, durable: bool = False) -> None:
        self._binaries = binaries
        self._durable = durable
        self._user = unprivileged()
        self.folder = Path(tempfile.mkdtemp(prefix="cds-pg-"))
        if self._user:
            shutil.chown(self.folder, self._user)
        self.url = f"postgresql://cds@/postgres?host={self.folder}"
        command: list[str | Path] = [
            binaries / "initdb",
            "-D",
            self.folder / "data",
            "-U",
            "cds",
            "-A",
            "trust",
            "--no-sync",
        ]
        subprocess.run(command, user=self._user, cwd=self.folder, check=True, capture_output=True, timeout=60)  # noqa: S603
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        fsync = "on" if self._durable else "off"
        options = ["-c", "listen_addresses=", "-c", f"fsync={fsync}", "-c", "max_connections=40"]
        command: list[str | Path] = [
            self._binaries / "postgres",
            "-D",
            self.folder / "data",
            "-k",
            self.folder,
            *options,
        ]
        log = (self.folder / "log").open("ab")
        self._process = subprocess.Popen(command, user=self._user, cwd=self.folder, stdout=log, stderr=log)  # noqa: S603
        log.close()
        ready: list[str | Path] = [self._binaries / "pg_isready", "-q", "-h", self.folder]
        for _ in range(200):
            if subprocess.run(ready, check=False, timeout=10).returncode == 0:  # noqa: S603
                return
            if self._process.poll() is not None:
                break
            time.sleep(0.05)
        raise OSError(f"PostgreSQL does not start: {(self.folder / 'log').read_text()}")

    def stop(self) -> None:
        """Stop it, the connections that are open included."""
        if self._process:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(30)
            self._process = None

    @property
    def pid(self) -> int:
        """The first process of the server; 0: it does not run."""
        return self._process.pid if self._process else 0

    def kill(self) -> None:
        """Kill its first process with SIGKILL; the others see that they are alone, and end a little later."""
        if self._process:
            self._process.kill()
            self._process.wait(30)
            self._process = None

    def pause(self, *, on: bool) -> None:
        """Let the server and what it has begun stand still, or go on."""
        if self._process is None:
            raise ValueError("it does not run")
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        for pid in [self._process.pid, *map(int, children)]:
            os.kill(pid, signal.SIGSTOP if on else signal.SIGCONT)

    def remove(self) -> None:
        """Stop it, and remove what it has written."""
        self.stop()
        shutil.rmtree(self.folder)


@contextmanager
def running(binaries: Path) -> Iterator[Server]:
    """A server that runs, and is removed afterwards."""
    made = Server(binaries)
    try:
        made.start()
        yield made
    finally:
        made.remove()
