"""Processes end: killed in a call, told to end under load, or replaced one after the other.

Who calls keeps its connections open, as EHRs and edges do. Where no call may fail, none of them is sent twice here.
"""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import Final

from contract.deployed import LOOPBACK
from crash import processes
from crash.stack import CONTENT, GATEWAY, SCREENING, Service

from faults.calling import NOT_TAKEN, Answer, Load, loaded
from faults.ground import Ground, empty
from faults.holding import must, until

REPLICAS: Final = "REPLICAS"
NAME: Final = "screening.example"
"""Stands for all addresses in `REPLICAS`, as in a cluster."""

_CALLERS: Final = 4
_AROUND_S: Final = 1.5
_KILLED: Final = 6
_CALLS: Final = 20
_IN_FLIGHT: Final = 4
_EHR_PIECE_S: Final = 0.12
_NOT_TAKEN: Final = {GATEWAY: NOT_TAKEN, SCREENING: "cannot be reached"}
"""What is said of a call that came when nobody was there any more."""
_REPLACED_WITHIN_S: Final = 40.0
_ENDED_WITHIN_S: Final = 25.0
_AGAIN_WITHIN_S: Final = 10.0


def worker_killed(ground: Ground) -> str:
    """Workers of screening are killed with calls in them; each call is answered, and the workers are replaced."""
    killed = 0
    with loaded(ground.callers(_CALLERS)) as load:
        time.sleep(_AROUND_S)
        for _ in range(_KILLED):
            pids = ground.screening.workers()
            if len(pids) > 1:
                os.kill(pids[0], signal.SIGKILL)
                killed += 1
            time.sleep(_AROUND_S / 2)
        until(lambda: len(ground.screening.workers()) > 1, _AGAIN_WITHIN_S, "workers are not replaced")
        time.sleep(_AROUND_S)
    must(killed >= _KILLED / 2, f"only {killed} workers were killed")
    must(not load.failed, load.what_failed())
    return f"{killed} workers killed, {load.in_short()}, the slowest in {load.slowest:.1f} s"


def gateway_worker_killed(ground: Ground) -> str:
    """A worker of the gateway is killed: its connections break, nobody gets half an answer, others go on."""
    with loaded(ground.callers(_CALLERS)) as load:
        time.sleep(_AROUND_S)
        os.kill(ground.gateway.workers()[0], signal.SIGKILL)
        again = until(lambda: len(ground.gateway.workers()) > 1, _AGAIN_WITHIN_S, "the worker is not replaced")
        time.sleep(_AROUND_S)
    broken = [one for one in load.failed if not one.status]
    must(len(broken) == len(load.failed), load.what_failed())
    must(len(broken) <= _CALLERS, f"{len(broken)} connections of {_CALLERS} callers broke")
    return f"{load.in_short()}, {len(broken)} connections broke, the worker was replaced after {again:.1f} s"


def reloaded(ground: Ground, name: str) -> str:
    """SIGHUP: no call fails while all workers of the service of this name are replaced, twice."""
    service = ground.stack.services[name]
    begun = time.monotonic()
    with loaded(ground.callers(_CALLERS)) as load:
        time.sleep(_AROUND_S)
        for _ in range(2):
            replaced = partial(_replaced, service, set(service.workers()))
            os.kill(service.master, signal.SIGHUP)
            until(replaced, _REPLACED_WITHIN_S, f"workers of {name} are not replaced")
        time.sleep(_AROUND_S)
    must(not load.failed, load.what_failed())
    return f"workers replaced twice, {load.in_short()}, in {time.monotonic() - begun:.0f} s"


def _replaced(service: Service, before: set[int]) -> bool:
    now = set(service.workers())
    return bool(now) and len(now) >= len(before) and not now & before


def drained(ground: Ground, name: str) -> str:
    """SIGTERM: each call that a service has taken is answered, also those that wait for a slow EHR; then it ends."""
    service = ground.stack.services[name]
    assert service.child is not None
    body = ground.body_for_ehr()
    waiting = [ground.caller() for _ in range(_IN_FLIGHT)]
    for one in waiting:
        must((warm := one.ask(body=body)).good, f"a call is answered {warm.in_short()} while all is well")
    pids = [service.master, *service.workers()]
    with loaded(ground.callers(_CALLERS)) as load, ThreadPoolExecutor(_IN_FLIGHT) as pool:
        time.sleep(_AROUND_S)
        ground.lines.ehr.slow(_EHR_PIECE_S)
        calls = [pool.submit(one.ask, "", body) for one in waiting]
        time.sleep(_EHR_PIECE_S)
        os.kill(service.master, signal.SIGTERM)
        ended = until(lambda: not any(map(processes.runs, pids)), _ENDED_WITHIN_S, f"{name} does not end")
        answers = [one.result() for one in calls]
    status = service.child.process.wait(1)
    ground.lines.mend()
    service.start_again()
    ground.stack.wait_until_ready(name)
    must(status == 0, f"{name} ended with status {status}")
    must(all(one.status in {200, 412} for one in answers), f"calls in it: {'; '.join(map(Answer.in_short, answers))}")
    failed = load.failed
    lost = [one for one in failed if _NOT_TAKEN[name] not in one.text]
    must(not lost, f"calls that were taken are lost: {'; '.join(sorted({one.in_short() for one in lost}))}")
    caller = ground.caller()
    again = until(lambda: caller.ask().good, _AGAIN_WITHIN_S, "calls are not answered once it runs again")
    return (
        f"{len(answers)} of {_IN_FLIGHT} calls in it and {load.count - len(failed)} others answered, none lost,"
        f" ended after {ended:.1f} s, answers again after {again:.1f} s"
    )


def replicas_replaced(ground: Ground) -> str:
    """Two replicas of screening under one name: each ends and comes back while calls go on, twice, and none fails."""
    first, second = ground.screening, ground.stack.services[f"{SCREENING}-2"]
    with loaded(ground.callers(_CALLERS)) as load:
        time.sleep(_AROUND_S)
        for service in (first, second, first, second):
            before = load.count
            service.end()
            _goes_on(load, before)
            service.start_again()
            ground.stack.wait_until_ready(service.name)
            time.sleep(_AROUND_S)
    must(not load.failed, load.what_failed())
    return f"4 replacements, {load.in_short()}, the slowest in {load.slowest:.1f} s"


def _goes_on(load: Load, before: int) -> None:
    until(lambda: load.count > before + _CALLS, _REPLACED_WITHIN_S, "calls stand still")


@contextlib.contextmanager
def with_two_screenings() -> Iterator[Ground]:
    """Everything runs, screening twice, under a name that stands for both."""
    with empty(apps={GATEWAY: "faults.named:app"}) as ground:
        second = ground.add_replica(SCREENING)
        both = {"UPSTREAMS": f"screening=http://{NAME}:{second.port}", REPLICAS: f"{LOOPBACK},{second.host}"}
        ground.stack.services[GATEWAY] = replace(ground.gateway, environ={**ground.gateway.environ, **both})
        ground.start(CONTENT, SCREENING, second.name, GATEWAY)
        yield ground
