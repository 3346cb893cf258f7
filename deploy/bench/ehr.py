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
from bench import interrupted, say
from contenders import CannotMeasure, Starter
from fhir_server import PATIENT
from load import HOST, Load, LoadError, Target

ROUNDS: Final = 3
DEFAULT_SECONDS: Final = 60.0
ASKING_RATE: Final = 30.0
"""Calls per second of the client that brings no data."""
ASKING_CONNECTIONS: Final = 24
BRINGING_SHARE: Final = 0.3
"""The pace of the other client, as a share of what it can do alone."""

MOODS: Final = {
    "alone": "nobody else calls",
    "well": "the other's FHIR server is well",
    "stuck": "the other's FHIR server never answers",
    "half": "the other's FHIR server answers half",
}


@dataclass
class Seen:
    """What came of one mood: calls per second as fast as they go, and percentiles at a set pace, over the rounds."""

    rate: list[float] = field(default_factory=list)
    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)
    asking: list[Load] = field(default_factory=list)


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
    say("\n" + table(seen))
    return 0


def measure(starter: Starter, unit: float) -> dict[str, Seen]:
    """Start everything and drive it in alternation.

    Raises:
        CannotMeasure: something did not start, or the FHIR server that is well was not asked.
        LoadError: a call failed.
    """
    stack = starter.stack()
    servers = starter.fhir_servers([mood for mood in MOODS if mood != "alone"])
    call = payloads.load(stack.templates())["medium"]
    bringing = Target(stack.contender.port, stack.contender.path, call.ours)
    asking = {mood: _asking(stack.contender, port) for mood, port in servers.items()}
    if not json.loads(load.once(asking["well"]))["cards"]:
        raise CannotMeasure("a call without data got no card: the FHIR server that is well was not asked")
    load.counted(bringing, 50)
    seen = {mood: Seen() for mood in MOODS}
    for number in range(ROUNDS):
        say(f"round {number + 1} of {ROUNDS}")
        for mood, what in MOODS.items():
            with _Beside(asking.get(mood), unit * 2, seen[mood]):
                seen[mood].rate.append(load.closed(bringing, unit).rate)
                paced = load.paced(bringing, unit, statistics.median(seen["alone"].rate) * BRINGING_SHARE)
            seen[mood].p50.append(paced.p50)
            seen[mood].p99.append(paced.p99)
            say(f"  {what:40} {seen[mood].rate[-1]:5.0f} calls/s, at a set pace p99 {paced.p99:6.1f} ms")
    return seen


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

    def __init__(self, target: Target | None, seconds: float, seen: Seen) -> None:
        self._target, self._seconds, self._seen = target, seconds, seen
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
            self._seen.asking.append(load.paced(self._target, self._seconds, ASKING_RATE, ASKING_CONNECTIONS))
        except LoadError as error:
            self._failed = error


def table(seen: dict[str, Seen]) -> str:
    """The medians as a Markdown table; ratios are to the run in which the other's FHIR server is well."""
    lines = [
        "| while | calls/s | ratio | p50 ms | p99 ms | ratio of p99 | the other's p50 ms | the other's p99 ms |",
        "|---|---|---|---|---|---|---|---|",
    ]
    well_rate, well_p99 = statistics.median(seen["well"].rate), statistics.median(seen["well"].p99)
    for mood, what in MOODS.items():
        one = seen[mood]
        rate, p50, p99 = (statistics.median(values) for values in (one.rate, one.p50, one.p99))
        other = (
            [f"{statistics.median(getattr(came, name) for came in one.asking):.0f}" for name in ("p50", "p99")]
            if one.asking
            else ["", ""]
        )
        figures = [
            f"{rate:.0f}",
            f"{rate / well_rate:.2f}",
            f"{p50:.1f}",
            f"{p99:.1f}",
            f"{p99 / well_p99:.2f}",
            *other,
        ]
        lines.append(f"| {what} | {' | '.join(figures)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
