"""Much at once, and for long: slow clients beside fast ones, and memory after many calls."""

import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from contract.deployed import LOOPBACK
from crash.load import SERVICE
from crash.stack import GATEWAY, SCREENING

from faults.calling import DISCOVERY, Caller, loaded
from faults.ground import Ground, empty
from faults.holding import must, until

CALLS: Final = "FAULT_CALLS"
"""After how many calls memory is looked at for the last time: a setting of the suite."""

_SLOW: Final = 200
_DRIP_S: Final = 0.5
_WARM_S: Final = 1.0
_ALONE_S: Final = 4.0
_BESIDE_S: Final = 6.0
"""Shorter than the time that a slow client has for its headers: all of them are there."""
_CALLERS: Final = 4
_SLOWEST_S: Final = 5.0
_SHARE: Final = 0.5
"""Of the calls per second without slow clients."""
_REFUSED: Final = b"HTTP/1.1 408 "
_REFUSED_WITHIN_S: Final = 20.0

_FEEDBACK_EVERY: Final = 11
_DISCOVERY_EVERY: Final = 50
_DEFAULT_CALLS: Final = 50_000
_FULL_AFTER: Final = 12_000
"""By then what is kept on purpose has reached its limits, which are low here: `faults.bounded`."""
_WARM: Final = 0.5
"""This share of fewer calls comes before memory is looked at for the first time."""
_WARM_CALLERS: Final = 16
"""So many that each thread is begun which fewer callers could ever need: a thread has memory of its own."""
_MAY_GROW_KIB: Final = 5 * 1024
"""After that, of all processes together: in 38,000 calls an eighth of a kilobyte each."""


@dataclass
class _Slow:
    """Clients that send a request byte by byte.

    Attributes:
        there: connections that are open; none of them is waited for.
        refused: how many were ended with 408.
        broken: what came instead, of those that were ended otherwise.
    """

    there: list[socket.socket]
    refused: int = 0
    broken: list[bytes] = field(default_factory=list)

    def send(self, piece: bytes) -> None:
        """A piece on each connection that is still open."""
        left = []
        for one in self.there:
            try:
                came = one.recv(64)
            except BlockingIOError:
                with contextlib.suppress(OSError):  # looked at again before the next piece
                    one.sendall(piece)
                left.append(one)
                continue
            except OSError as error:
                came = type(error).__name__.encode()
            if came.startswith(_REFUSED):
                self.refused += 1
            else:
                self.broken.append(came)
            one.close()
        self.there = left


def slow_clients(ground: Ground) -> str:
    """200 clients send their calls byte by byte; others are answered as ever, and the slow ones are ended with 408."""
    with loaded(ground.callers(_CALLERS)):
        time.sleep(_WARM_S)
    with loaded(ground.callers(_CALLERS)) as alone:
        time.sleep(_ALONE_S)
        before = alone.count / _ALONE_S
    with _dripping(ground.gateway.port) as slow:
        with loaded(ground.callers(_CALLERS)) as load:
            time.sleep(_BESIDE_S)
            beside, still = load.count / _BESIDE_S, len(slow.there)
        must(still == _SLOW, f"{still} of {_SLOW} slow clients were there after {_BESIDE_S:g} s: {slow.broken[:3]}")
        ended = until(lambda: not slow.there, _REFUSED_WITHIN_S, "slow clients are not ended")
    must(slow.refused == _SLOW, f"{slow.refused} of {_SLOW} slow clients were told 408; others: {slow.broken[:3]}")
    must(not load.failed, load.what_failed())
    must(load.slowest < _SLOWEST_S, f"a call took {load.slowest:.1f} s")
    said = f"{beside:.0f} calls/s beside {still} slow clients, {before:.0f} without"
    must(beside >= _SHARE * before, said)
    return f"{said}, {load.in_short()}, the slowest in {load.slowest:.1f} s; all slow ones 408 {ended:.0f} s later"


@contextmanager
def _dripping(port: int) -> Iterator[_Slow]:
    """Many connections on which a request arrives byte by byte, until the end of the block."""
    head = f"POST {SERVICE} HTTP/1.1\r\nHost: cds.example\r\nContent-Length: 100000\r\n".encode()
    over = threading.Event()
    slow = _Slow([socket.create_connection((LOOPBACK, port), 10) for _ in range(_SLOW)])
    for one in slow.there:
        one.setblocking(False)

    def drip() -> None:
        for at in range(len(head)):
            slow.send(head[at : at + 1])
            if over.wait(_DRIP_S):
                return

    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    try:
        yield slow
    finally:
        over.set()
        thread.join(10)
        for one in slow.there:
            one.close()


@contextmanager
def with_little_kept() -> Iterator[Ground]:
    """Everything runs; gateway and screening keep little, so that they soon keep as much as they ever will."""
    with empty(apps=dict.fromkeys((SCREENING, GATEWAY), "faults.bounded:app")) as ground:
        ground.start()
        yield ground


def memory(ground: Ground) -> str:
    """The memory of all processes after many calls is what it was when all that they keep had reached its limits."""
    most = int(os.environ.get(CALLS) or _DEFAULT_CALLS)
    warm = min(_FULL_AFTER, int(most * _WARM))
    begun = time.monotonic()
    failed = _called(ground, warm, _WARM_CALLERS)
    before = _memory_kib(ground)
    failed += _called(ground, most - warm, _CALLERS)
    after = _memory_kib(ground)
    rate = most / (time.monotonic() - begun)
    must(not failed, f"{len(failed)} of {most} calls failed, first: {failed[0] if failed else ''}")
    said = f"{before / 1024:.1f} MB after {warm:,} calls, {after / 1024:.1f} MB after {most:,}"
    must(after <= before + _MAY_GROW_KIB, f"{said}, which is more than {_MAY_GROW_KIB // 1024} MB")
    return f"{said}, {rate:.0f} calls/s"


def _called(ground: Ground, count: int, callers: int) -> list[str]:
    """Make so many calls, some of them feedback and discovery; what failed, in short."""
    failed: list[str] = []

    def work(caller: Caller, numbers: Iterable[int]) -> None:
        cards: Sequence[Mapping[str, Any]] = ()
        for number in numbers:
            if number % _FEEDBACK_EVERY == 0 and cards:
                answer = caller.tell(cards)
            elif number % _DISCOVERY_EVERY == 1:
                answer = caller.send("GET", DISCOVERY)
            else:
                answer = caller.ask()
                cards = answer.cards
            if not answer.good:
                failed.append(answer.in_short())

    threads = [
        threading.Thread(target=work, args=(one, range(first, count, callers)), daemon=True)
        for first, one in enumerate(ground.callers(callers))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failed


def _memory_kib(ground: Ground) -> int:
    """The memory that is the stack's own: what it has in common is counted once, and files are left out.

    How much of a library's file counts for a process depends on who else runs on the machine.
    """
    return sum(_share_kib(pid) for pid in ground.stack.all_pids())


def _share_kib(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss_Anon:"))
