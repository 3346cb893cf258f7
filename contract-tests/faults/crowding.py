"""Much at once, and for long: slow clients beside fast ones, and memory after many calls."""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from contract.deployed import LOOPBACK
from crash.load import SERVICE

from faults.calling import DISCOVERY, Caller, loaded
from faults.ground import Ground
from faults.holding import must

CALLS: Final = "FAULT_CALLS"
"""After how many calls memory is looked at for the last time: a setting of the suite."""

_SLOW: Final = 200
_DRIP_S: Final = 0.5
_LOADED_S: Final = 6.0
_CALLERS: Final = 4
_SLOWEST_S: Final = 15.0

_FEEDBACK_EVERY: Final = 11
_DISCOVERY_EVERY: Final = 50
_DEFAULT_CALLS: Final = 50_000
_WARM: Final = 5
"""A fifth of the calls come before memory is looked at for the first time."""
_FULL_AFTER: Final = 12_000
"""By then what is kept on purpose has reached its limits: the cards shown last, pages of the store, pools."""
_FILLS_KIB: Final = 2 * 1024
"""Per thousand calls until then."""
_MAY_GROW_KIB: Final = 400
"""Per thousand calls, of all processes together: 16 MB in 40,000 calls."""
_ALWAYS_KIB: Final = 12 * 1024
"""What memory may differ by from one moment to the next."""


def slow_clients(ground: Ground) -> str:
    """200 clients send their calls byte by byte; others are answered as ever."""
    with _dripping(ground.gateway.port) as (alive, over), loaded(ground.callers(_CALLERS)) as load:
        time.sleep(_LOADED_S)
        still = alive()
        over.set()
    must(still >= _SLOW / 2, f"only {still} of {_SLOW} slow clients were still there after {_LOADED_S:g} s")
    must(not load.failed, load.what_failed())
    must(load.slowest < _SLOWEST_S, f"a call took {load.slowest:.1f} s")
    must(load.count >= _CALLERS, "hardly any call was answered")
    return f"{still} slow clients beside, {load.in_short()}, the slowest in {load.slowest:.1f} s"


@contextmanager
def _dripping(port: int) -> Iterator[tuple[Callable[[], int], threading.Event]]:
    """Many connections on which a request arrives byte by byte; gives how many are open, and what ends it."""
    head = f"POST {SERVICE} HTTP/1.1\r\nHost: cds.example\r\nContent-Length: 100000\r\n".encode()
    over = threading.Event()
    open_ones = [socket.create_connection((LOOPBACK, port), 10) for _ in range(_SLOW)]
    closed: set[socket.socket] = set()

    def drip() -> None:
        for at in range(len(head)):
            for one in open_ones:
                if one not in closed:
                    try:
                        one.sendall(head[at : at + 1])
                    except OSError:
                        closed.add(one)
            if over.wait(_DRIP_S):
                return

    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    try:
        yield lambda: len(open_ones) - len(closed), over
    finally:
        over.set()
        thread.join(10)
        for one in open_ones:
            one.close()


def memory(ground: Ground) -> str:
    """The memory of all processes after many calls is what it was after a fifth of them."""
    most = int(os.environ.get(CALLS) or _DEFAULT_CALLS)
    warm = most // _WARM
    begun = time.monotonic()
    failed = _called(ground, warm)
    before = _memory_kib(ground)
    failed += _called(ground, most - warm)
    after = _memory_kib(ground)
    rate = most / (time.monotonic() - begun)
    must(not failed, f"{len(failed)} of {most} calls failed, first: {failed[0] if failed else ''}")
    filling = max(0, min(most, _FULL_AFTER) - warm)
    limit = before + _ALWAYS_KIB + (_MAY_GROW_KIB * (most - warm) + _FILLS_KIB * filling) // 1000
    said = f"{before // 1024} MB after {warm:,} calls, {after // 1024} MB after {most:,}, limit {limit // 1024} MB"
    must(after <= limit, said)
    return f"{said}, {rate:.0f} calls/s"


def _called(ground: Ground, count: int) -> list[str]:
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
        threading.Thread(target=work, args=(one, range(first, count, _CALLERS)), daemon=True)
        for first, one in enumerate(ground.callers(_CALLERS))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failed


def _memory_kib(ground: Ground) -> int:
    """The memory of all processes of the stack; what some have in common is counted once."""
    return sum(_share_kib(pid) for pid in ground.stack.all_pids())


def _share_kib(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
