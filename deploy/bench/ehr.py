"""`make bench-ehr`: what it costs one client when another client's FHIR server hangs.

Two clients call the default stack at once. One brings all of its data (the medium call). The other brings none, so
that screening asks its FHIR server: first one that is well, then one that never answers, then one that answers half
of the questions, which no circuit breaker can hold against it. Everything in turn, several rounds, in one run: the
ratios hold where the figures of a shared machine move. Bounded in time; nothing is left running.

BENCH_SECONDS   how long to measure, besides the start (default 60)
"""

import json
import os
import signal
import statistics
import sys
import tempfile
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import contenders
import load
import payloads
import tables
from console import interrupted, say
from contenders import CannotMeasure, Starter
from fhir_server import PATIENT
from load import HOST, Load, LoadError, Target
from tables import ALONE, HALF, STUCK, WELL, Neighbor

ROUNDS: Final = 3
DEFAULT_SECONDS: Final = 60.0
ASKING_RATE: Final = 30.0
"""Calls per second of the client that brings no data."""
ASKING_CONNECTIONS: Final = 24
BRINGING_SHARE: Final = 0.3
"""The pace of the other client, as a share of what it can do alone."""

MOODS: Final = {
    ALONE: "nobody else calls",
    WELL: "the other's FHIR server is well",
    STUCK: "the other's FHIR server never answers",
    HALF: "the other's FHIR server answers half",
}


@dataclass
class Seen:
    """What came of one mood over the rounds: calls as fast as they go and at a set pace, and those of the other."""

    fast: list[Load] = field(default_factory=list)
    paced: list[Load] = field(default_factory=list)
    asking_beside_fast: list[Load] = field(default_factory=list)
    asking_beside_paced: list[Load] = field(default_factory=list)

    def summed_up(self, state: str) -> Neighbor:
        """The medians of the rounds."""

        def middle(loads: list[Load], name: str) -> float:
            return statistics.median(getattr(one, name) for one in loads)

        calm, busy = self.asking_beside_paced, self.asking_beside_fast
        asking = (middle(calm, "p50"), middle(calm, "p99"), middle(busy, "p99")) if calm else None
        return Neighbor(state, middle(self.fast, "rate"), middle(self.paced, "p50"), middle(self.paced, "p99"), asking)


def main() -> int:
    """Measure and print; 0 when it could be measured, 1 when not, 130 when interrupted."""
    seconds = float(os.environ.get("BENCH_SECONDS") or DEFAULT_SECONDS)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupted)
    try:
        with tempfile.TemporaryDirectory(prefix="dystonia-bench-") as directory:
            starter = Starter(Path(directory))
            try:
                seen = measure(starter, max(1.0, seconds / (ROUNDS * len(MOODS) * 2)))
            finally:
                starter.stop()
    except KeyboardInterrupt:
        say("Interrupted; nothing is left running.")
        return 130
    except (CannotMeasure, LoadError) as error:
        say(f"FAILED: {error}")
        return 1
    say("\n" + tables.hanging(seen))
    return 0


def measure(starter: Starter, unit: float) -> dict[str, Neighbor]:
    """Start everything and drive it in alternation, `unit` seconds at a time. Mood -> what came of it.

    Raises:
        CannotMeasure: something did not start, or the FHIR server that is well was not asked.
        LoadError: a call failed.
    """
    stack = starter.stack()
    servers = starter.fhir_servers([mood for mood in MOODS if mood != ALONE])
    call = payloads.load(stack.templates())["medium"]
    bringing = Target(stack.contender.port, stack.contender.path, call.ours)
    asking = {mood: _asking(stack.contender, port) for mood, port in servers.items()}
    if not json.loads(load.once(asking[WELL]))["cards"]:
        raise CannotMeasure("a call without data got no card: the FHIR server that is well was not asked")
    load.counted(bringing, 50)
    seen = {mood: Seen() for mood in MOODS}
    for number in range(ROUNDS):
        say(f"round {number + 1} of {ROUNDS}")
        for mood, what in MOODS.items():
            beside, one = asking.get(mood), seen[mood]
            with _Beside(beside, unit, one.asking_beside_fast):
                one.fast.append(load.closed(bringing, unit))
            pace = statistics.median(came.rate for came in seen[ALONE].fast) * BRINGING_SHARE
            with _Beside(beside, unit, one.asking_beside_paced):
                one.paced.append(load.paced(bringing, unit, pace))
            say(f"  {what:40} {one.fast[-1].rate:5.0f} calls/s, at a set pace p99 {one.paced[-1].p99:6.1f} ms")
    return {mood: seen[mood].summed_up(what) for mood, what in MOODS.items()}


def _asking(contender: contenders.Contender, port: int) -> Target:
    body: dict[str, Any] = {
        "hook": "patient-view",
        "hookInstance": "00000000-0000-4000-8000-000000000002",
        "fhirServer": f"http://{HOST}:{port}/fhir",
        "context": {"userId": "Practitioner/bench", "patientId": PATIENT},
    }
    return Target(contender.port, contender.path, json.dumps(body).encode(), expected=frozenset({200, 412}))


class _Beside:
    """Has the client that brings no data call at its own pace while the block runs."""

    def __init__(self, target: Target | None, seconds: float, came: list[Load]) -> None:
        self._target, self._seconds, self._came = target, seconds, came
        self._failed: LoadError | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._thread.join()
        if kind is None and self._failed is not None:
            raise self._failed

    def _run(self) -> None:
        if self._target is None:
            return
        try:
            self._came.append(load.paced(self._target, self._seconds, ASKING_RATE, ASKING_CONNECTIONS))
        except LoadError as error:
            self._failed = error


if __name__ == "__main__":
    sys.exit(main())
