"""Two replicas with one memory, under load: one is killed, one ends by itself, and each is made anew."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final

from e2e.ehr import Ehr, NotAnswered
from e2e.engine import REPLICAS, Compose

_EHRS: Final = 3
_LOADED_S: Final = 4.0
_REPEATED_MOST: Final = 0.05
"""Of the calls while a container is killed: those that were in it."""
_METRICS: Final = (
    "import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:9100/metrics').read().decode())"
)
_COUNTED: Final = 'cds_http_requests_total{route="/cds-services/<service_id>"'
_END_ITSELF: Final = "import os, signal; os.kill(1, signal.SIGQUIT)"
ANSWERED: Final[Mapping[str, Any]] = {
    "id": "e2e-memory", "hook": "patient-view", "age": 57, "sex": "male",
    "conditions": [{"code": "G24.9", "onsetAge": 56}],
    "labs": [{"code": "2132-9", "v": 90, "u": "pg/mL", "ago": 15}],
    "overrides": [{"module": "B12", "reason": "not-indicated", "ago": 1}],
}  # fmt: skip


@dataclass
class Load:
    """Calls without pause.

    Attributes:
        done: how many were answered with 200.
        repeated: how many had to be sent a second time.
        lost: what came of those that failed, and of their second try if they had one.
    """

    done: int = 0
    repeated: int = 0
    lost: list[str] = field(default_factory=list)


@contextmanager
def loaded(ehr: Ehr, today: date, tries: int = 2) -> Iterator[Load]:
    """Some EHRs that call until the end of the block; each call is sent `tries` times at most, with new tokens."""
    load, over, lock, before = Load(), threading.Event(), threading.Lock(), ehr.repeated

    def call() -> None:
        while not over.is_set():
            scenario = {**ANSWERED, "id": f"load-{uuid.uuid4().hex[:8]}"}
            try:
                ehr.cards(scenario, today, tries=tries)
            except NotAnswered as error:
                with lock:
                    load.lost.append(str(error))
                continue
            with lock:
                load.done += 1

    callers = [threading.Thread(target=call, daemon=True) for _ in range(_EHRS)]
    for one in callers:
        one.start()
    try:
        yield load
    finally:
        over.set()
        for one in callers:
            one.join(timeout=60)
        load.repeated = ehr.repeated - before


def faults(ehr: Ehr, compose: Compose, today: date, say: Callable[[str], None]) -> Iterator[str]:
    """Yield what went wrong."""
    answered = {**ANSWERED, "id": f"e2e-{uuid.uuid4().hex[:8]}"}
    ehr.override(answered, today)

    def forgotten(when: str) -> Iterator[str]:
        if ehr.still_shown("B12", answered, today):
            yield f"{when}: a card comes again that was answered"

    yield from forgotten("both replicas")
    yield from _shared(compose, say)
    for gone, stays in (REPLICAS, REPLICAS[::-1]):
        with loaded(ehr, today) as load:
            time.sleep(_LOADED_S)
            compose.engine("kill", compose.container(gone))
            time.sleep(_LOADED_S)
            yield from forgotten(f"{gone} killed")
        yield from _told(f"{gone} killed, {stays} stays", load, say)
        compose.run("start", gone)
        compose.wait_until_healthy([gone])
    with loaded(ehr, today) as load:
        before = compose.state("screening-1")["RestartCount"]
        compose.run("exec", "-T", "screening-1", "python", "-c", _END_ITSELF)
        ends = time.monotonic() + 30
        while compose.state("screening-1")["RestartCount"] == before and time.monotonic() < ends:
            time.sleep(0.2)
        if compose.state("screening-1")["RestartCount"] == before:
            yield "a service that has ended is not started again"
        compose.wait_until_healthy(["screening-1"])
    yield from _told("a replica ended by itself, and was started again by the engine", load, say)
    with loaded(ehr, today, tries=1) as load:  # as docs/deploy.md says of an upgrade: no call is lost
        for one in (*REPLICAS, "content"):
            compose.run("up", "-d", "--no-deps", "--force-recreate", one)
            compose.wait_until_healthy([one])
    yield from _told("both replicas and content made anew, one after the other", load, say)
    yield from forgotten("both made anew")


def _told(what: str, load: Load, say: Callable[[str], None]) -> Iterator[str]:
    say(f"{what}: {load.done} calls answered, {load.repeated} sent a second time, {len(load.lost)} lost")
    for one in load.lost[:3]:
        yield f"{what}: {one}"
    if not load.done:
        yield f"{what}: no call was answered"
    if load.repeated > _REPEATED_MOST * load.done:
        yield f"{what}: {load.repeated} calls had to be sent a second time beside {load.done} that were answered"


def _shared(compose: Compose, say: Callable[[str], None]) -> Iterator[str]:
    """Yield when a replica has been given less than a tenth of the calls; asks each for its metrics."""
    counted = {one: _calls(compose.inside(one, _METRICS)) for one in REPLICAS}
    say(", ".join(f"{name} was asked {count} times" for name, count in counted.items()))
    for name, count in counted.items():
        if count < sum(counted.values()) / 10:
            yield f"{name} was asked {count} of {sum(counted.values())} times"


def _calls(metrics: str) -> int:
    """How many calls there were, in the text form of Prometheus."""
    lines = [line for line in metrics.splitlines() if line.startswith(_COUNTED)]
    return sum(int(float(line.rpartition(" ")[2])) for line in lines)
