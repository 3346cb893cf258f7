"""Load on one address, bounded in time: a closed loop by wrk (or by ourselves where it is missing), or at a set rate.

`closed` drives as fast as the answers come. `paced` sends at fixed moments, whatever the answers do, and counts an
answer's time from the moment at which its call was due: a server that stalls cannot hide the calls that it delayed.
"""

import json
import shutil
import socket
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

HOST: Final = "127.0.0.1"
CONNECTIONS: Final = 8
_ANSWER_WITHIN: Final = 60.0

_WRK_SCRIPT: Final = """
local source = io.open("BODY", "rb")
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = source:read("*all")
source:close()
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format('\\nRESULT {"answered": %d, "us": %d, "bad": %d, "failed": %d, "p50": %f, "p99": %f}\\n',
    summary.requests, summary.duration, e.status, e.connect + e.read + e.write + e.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
"""


class LoadError(Exception):
    """An answer was not 200, or there was none."""


@dataclass(frozen=True)
class Target:
    """What is called on this machine. Where there are `tokens`, each is good for one call: no more calls than that.

    Only an answer with 200 counts, unless `expected` names others (our own generator only).
    """

    port: int
    path: str
    body: bytes = field(repr=False)
    tokens: Sequence[str] = field(repr=False, default=())
    expected: frozenset[int] = frozenset({200})

    def request(self, number: int = 0) -> bytes:
        """The whole request number `number` as bytes."""
        lines = [
            f"POST {self.path} HTTP/1.1",
            f"Host: {HOST}:{self.port}",
            "Content-Type: application/json",
            f"Content-Length: {len(self.body)}",
        ]
        if self.tokens:
            lines.append(f"Authorization: Bearer {self.tokens[number]}")
        return "\r\n".join([*lines, "", ""]).encode("ascii") + self.body


@dataclass(frozen=True)
class Load:
    """What came of it: calls answered, seconds, and milliseconds at the median and the 99th percentile."""

    calls: int
    seconds: float
    p50: float
    p99: float

    @property
    def rate(self) -> float:
        """Calls per second."""
        return self.calls / self.seconds


def has_wrk() -> bool:
    """Whether wrk is installed."""
    return shutil.which("wrk") is not None


def closed(target: Target, seconds: float, connections: int = CONNECTIONS) -> Load:
    """As fast as the answers come, over `connections` connections: by wrk where it is installed and a call is quick.

    Raises:
        LoadError: any answer was not 200, or any call failed.
    """
    return _by_wrk(target, seconds, connections) if has_wrk() else _driven(target, seconds, connections, None)


def finished(target: Target, seconds: float, connections: int = CONNECTIONS) -> Load:
    """As `closed`, but every call that was begun is waited for, so that all that was worked for is counted.

    Raises:
        LoadError: any answer was not 200, or any call failed.
    """
    return _driven(target, seconds, connections, None)


def paced(target: Target, seconds: float, rate: float, connections: int = CONNECTIONS) -> Load:
    """At `rate` calls per second; times count from the moment at which a call was due.

    Raises:
        LoadError: any answer was not 200, or any call failed.
    """
    return _driven(target, seconds, connections, rate)


def counted(target: Target, calls: int, connections: int = CONNECTIONS) -> Load:
    """Just so many calls, as fast as the answers come.

    Raises:
        LoadError: any answer was not 200, or any call failed.
    """
    return _driven(target, 3600, connections, None, calls)


def once(target: Target) -> bytes:
    """One call; the body of its answer.

    Raises:
        LoadError: it was not answered with 200.
    """
    line = _Line(target)
    try:
        return line.exchange()
    finally:
        line.close()


def _by_wrk(target: Target, seconds: float, connections: int) -> Load:
    with tempfile.TemporaryDirectory() as directory:
        body, script = (Path(directory, name) for name in ("body", "call.lua"))
        body.write_bytes(target.body)
        script.write_text(_WRK_SCRIPT.replace("BODY", str(body)), encoding="utf-8")
        address = f"http://{HOST}:{target.port}{target.path}"
        how = ["-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", f"--timeout={_ANSWER_WITHIN:.0f}s"]
        command = ["wrk", *how, "-s", str(script), address]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds + 60)  # noqa: S603
    line = next((text for text in done.stdout.splitlines() if text.startswith("RESULT ")), None)
    if done.returncode != 0 or line is None:
        raise LoadError(f"wrk failed: {(done.stderr or done.stdout)[-300:]}")
    told = json.loads(line.removeprefix("RESULT "))
    if told["bad"] or told["failed"] or not told["answered"]:
        raise LoadError(f"{told['answered']} answers, {told['bad']} of them refusals; {told['failed']} calls failed")
    return Load(told["answered"], told["us"] / 1e6, told["p50"], told["p99"])


class _Line:
    """One connection, opened when it is needed and kept as long as the server keeps it."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._plain = b"" if target.tokens else target.request()
        self._socket: socket.socket | None = None

    def exchange(self, number: int = 0) -> bytes:
        """Send call number `number` and read the whole answer."""
        request = self._plain or self._target.request(number)
        try:
            if self._socket is None:
                self._socket = socket.create_connection((HOST, self._target.port), _ANSWER_WITHIN)
                self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._socket.sendall(request)
            head, body = self._read(self._socket)
        except OSError as error:
            raise LoadError(f"a call failed: {type(error).__name__}") from error
        if int(head[9:12]) not in self._target.expected:
            raise LoadError(
                f"an answer was not one that counts: {head[:40].decode('ascii', 'replace').splitlines()[0]}"
            )
        if b"\r\nconnection: close" in head.lower():
            self.close()
        return body

    @staticmethod
    def _read(connection: socket.socket) -> tuple[bytes, bytes]:
        data = b""
        while b"\r\n\r\n" not in data:
            data += _some(connection)
        head, _, body = data.partition(b"\r\n\r\n")
        length = head.lower().partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0]
        if not length.strip().isdigit():
            raise LoadError("an answer did not say its length")
        while len(body) < int(length):
            body += _some(connection)
        return head, body

    def close(self) -> None:
        """Close the connection."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _some(connection: socket.socket) -> bytes:
    data = connection.recv(262_144)
    if not data:
        raise LoadError("an answer broke off")
    return data


class _Turns:
    """Hands out the moments at which calls are due to all connections, until time or calls run out."""

    def __init__(self, seconds: float, rate: float | None, calls: int | None) -> None:
        self._lock = threading.Lock()
        self.start = time.perf_counter()
        self._end = self.start + seconds
        self._step = 1 / rate if rate else 0.0
        self._left = calls
        self._next = self.start
        self._number = -1
        self.failed: LoadError | None = None

    def take(self) -> tuple[int, float] | None:
        """Number and due moment of the next call; None when there is none."""
        with self._lock:
            if self.failed is not None or self._left == 0:
                return None
            due = self._next if self._step else time.perf_counter()
            if due >= self._end:
                return None
            self._next += self._step
            if self._left is not None:
                self._left -= 1
            self._number += 1
            return self._number, due


def _driven(target: Target, seconds: float, connections: int, rate: float | None, calls: int | None = None) -> Load:
    turns = _Turns(seconds, rate, calls)
    times: list[float] = []
    threads = [threading.Thread(target=_work(target, turns, times), daemon=True) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if turns.failed is not None:
        raise turns.failed
    if len(times) < 2:
        raise LoadError("fewer than two calls were answered in the time there was")
    cuts = statistics.quantiles(times, n=100, method="inclusive")
    return Load(len(times), time.perf_counter() - turns.start, cuts[49] * 1000, cuts[98] * 1000)


def _work(target: Target, turns: _Turns, times: list[float]) -> Callable[[], None]:
    def work() -> None:
        line = _Line(target)
        try:
            while (turn := turns.take()) is not None:
                number, due = turn
                wait = due - time.perf_counter()
                if wait > 0:
                    time.sleep(wait)
                line.exchange(number)
                times.append(time.perf_counter() - due)
        except LoadError as error:
            turns.failed = error
        finally:
            line.close()

    return work
