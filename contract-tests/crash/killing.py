"""Who is killed, in which order, and when: by dice whose seed is printed."""

import contextlib
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Mapping
from typing import Final

from crash.places import Blow, Place
from crash.stack import CONTENT, GATEWAY, SCREENING, Service, Stack

Plan = Mapping[str, tuple[int, Blow]]
"""By name: how often which blow is dealt."""

_SHORTEST_S: Final = 0.1
_LONGEST_S: Final = 0.9


def all_plans(stack: Stack, place: Place, dice: random.Random) -> Plan:
    """Every process of the stack, and of the database if it has any."""
    content, screening, gateway = (stack.services[name] for name in (CONTENT, SCREENING, GATEWAY))
    return {
        "screening worker": (18, _worker(screening, dice)),
        "all screening workers": (2, _workers(screening)),
        "screening master": (3, _master(screening)),
        "gateway worker": (8, _worker(gateway, dice)),
        "gateway master": (2, _master(gateway)),
        "content worker": (2, _worker(content, dice)),
        "content master": (1, _master(content)),
        **place.blows(dice),
    }


def screening_workers(stack: Stack, dice: random.Random) -> Plan:
    """Only those that keep feedback."""
    return {"screening worker": (12, _worker(stack.services[SCREENING], dice))}


def storm(plan: Plan, dice: random.Random, seconds: float) -> Counter[str]:
    """Deal all blows of a plan in random order at random moments, until time is over.

    Returns:
        How many processes were killed by which blow.
    """
    ends = time.monotonic() + seconds
    deck = [name for name, (times, _) in plan.items() for _ in range(times)]
    dice.shuffle(deck)
    killed: Counter[str] = Counter()
    while deck and time.monotonic() < ends:
        time.sleep(dice.uniform(_SHORTEST_S, _LONGEST_S))
        name = deck.pop()
        _, blow = plan[name]
        fell = blow()
        killed[name] += fell
        if not fell:  # there was nobody: later, after some others
            deck.insert(0, name)
    return killed


def _worker(service: Service, dice: random.Random) -> Blow:
    def blow() -> int:
        workers = service.workers()
        return _killed(dice.choice(workers)) if workers else 0

    return blow


def _workers(service: Service) -> Blow:
    return lambda: sum(_killed(pid) for pid in service.workers())


def _master(service: Service) -> Blow:
    def blow() -> int:
        if not service.master:
            return 0
        service.kill()
        service.start_again()
        return 1

    return blow


def _killed(pid: int) -> int:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
        return 1
    return 0
