"""`make bench`: the stack side by side with what bounds it, and the ratios against the targets.

Every contender is driven in turn, several rounds, in one run: absolute figures of a shared machine move, ratios
hold. Bounded in time, on free loopback ports; nothing is left running.

BENCH_SECONDS          how long to measure, besides starts, the memory run and hanging EHRs (default 210)
BENCH_LONG=1           the memory run with 50,000 calls instead of 5,000
BENCH_REQUIRE_PEER=1   exit with 2 when the Python peer cannot be had

Exit codes: 0 measured (targets reached or not), 1 a call or a start failed, 2 no peer though one is required,
130 interrupted.
"""

import importlib.metadata
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

import capacity
import contenders
import ehr
import load
import payloads
import processes
import tables
from console import interrupted, say
from contenders import CannotMeasure, Contender, Stack, Starter
from load import Load, LoadError, Target
from payloads import Payload
from tables import ADAPTER, RAW, STACK, Figures, Memory, Sample

from tryout import children

ROUNDS: Final = 3
DEFAULT_SECONDS: Final = 210.0
_TOKENS_KEPT: Final = 4000
_CALM_SIZES: Final = ("medium", "large")
_BESIDE_EHRS: Final = 2.0
"""Seconds of a run beside another client's EHR, of which there are two for each state of it and round."""


@dataclass(frozen=True)
class Plan:
    """How long to measure: `unit` is the length of one run in seconds, `calls` those of the memory run."""

    unit: float
    calls: int
    whole: bool
    need_peer: bool


def plan(environ: dict[str, str]) -> Plan:
    """Read what the environment says about this run."""
    seconds = float(environ.get("BENCH_SECONDS") or DEFAULT_SECONDS)
    slots = ROUNDS * (len(payloads.SIZES) * 4 + 1 + len(_CALM_SIZES) * 2)
    long = environ.get("BENCH_LONG") == "1"
    whole = seconds >= DEFAULT_SECONDS
    return Plan(max(1.0, seconds / slots), 50_000 if long else 5_000 if whole else 500, whole, _needs_peer(environ))


def _needs_peer(environ: dict[str, str]) -> bool:
    return environ.get("BENCH_REQUIRE_PEER") == "1"


def main() -> int:
    """Measure, print, and write the page; the exit code."""
    how = plan(dict(os.environ))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupted)
    if os.environ.get("MAKELEVEL"):
        children.end_when_parent_ends(signal.SIGTERM)
    if not Path("/proc/self/smaps_rollup").exists():
        say("The benchmark reads CPU time and memory from /proc, which this system lacks.")
        return 1
    try:
        no_peer = contenders.install_peer()
        with tempfile.TemporaryDirectory(prefix="dystonia-bench-") as directory:
            starter = Starter(Path(directory))
            try:
                figures = measure(starter, how, Path(directory), no_peer)
                figures.hanging = ehr.measure(starter, min(how.unit, _BESIDE_EHRS))
            finally:
                starter.stop()
    except KeyboardInterrupt:
        say("Interrupted; nothing is left running.")
        return 130
    except (CannotMeasure, LoadError) as error:
        say(f"FAILED: {error}")
        return 1
    notes = _notes(no_peer)
    text = tables.page(figures, notes)
    say("\n" + text)
    if how.whole and not no_peer:
        tables.write(text)
        capacity.main([])
        say(f"Written to {tables.PAGE.relative_to(contenders.ROOT)}, and docs/capacity.md computed from it.")
    else:
        say("docs/performance.md is left as it is: it takes whole runs only, with the peer.")
    return 2 if no_peer and how.need_peer else 0


def measure(starter: Starter, how: Plan, scratch: Path, no_peer: str) -> Figures:
    """Start everything, drive it in alternation, and take what it cost.

    Raises:
        CannotMeasure: a contender did not start, or answered without a card.
        LoadError: any answer was not 200, or any call failed.
    """
    figures = Figures(facts=_facts())
    figures.starts = _starts(starter)
    stack = starter.stack()
    figures.first_answer = stack.seconds
    say(f"make run to its first answer: {stack.seconds:.1f} s")
    calls = payloads.load(stack.templates())
    figures.resources = {size: (call.count, len(call.ours)) for size, call in calls.items()}
    tokens, sign = starter.stack_with_tokens(stack)
    there = [stack.contender, starter.floor()]
    if no_peer:
        say(f"SKIPPED: the Python peer: {no_peer}.")
    else:
        there += [starter.peer(ADAPTER), starter.peer(RAW)]
    figures.names = {one.key: one.name for one in [*there, tokens]}
    for one in [*there, tokens]:
        _warm_up(one, calls, sign if one is tokens else _unsigned)
    figures.memory = {one.key: processes.pss_mb(one.processes()) for one in there}
    for number in range(ROUNDS):
        say(f"round {number + 1} of {ROUNDS}")
        for size, call in calls.items():
            for one in there:
                _run(figures, one, call, how.unit)
            if size == "medium":
                expected = (figures.rate(STACK, size) or 0) * how.unit
                _run(figures, tokens, call, how.unit, sign(min(_TOKENS_KEPT, int(expected) + 50)))
        for size in _CALM_SIZES:
            rate = (figures.rate(STACK, size) or 0) / 2
            figures.calm.setdefault(size, []).append(_calm(stack.contender, calls[size], how.unit * 2, rate))
    _memory(figures, stack, calls["medium"], how.calls)
    figures.services = _by_service(stack)
    starter.stop()
    for size in ("medium", "large"):
        figures.inside[size] = _inside(calls[size], scratch)
    return figures


def _target(contender: Contender, call: Payload, tokens: Sequence[str]) -> Target:
    body = call.ours if contender.ours else call.measured
    if body is None:
        raise CannotMeasure(f"there is no measured payload for {contender.name}")
    return Target(contender.port, contender.path, body, tokens)


def _unsigned(_count: int) -> Sequence[str]:
    return ()


def _warm_up(contender: Contender, calls: dict[str, Payload], sign: Callable[[int], Sequence[str]]) -> None:
    """Some calls in each size, the first of them read: it must hold a card."""
    for call in calls.values():
        if not json.loads(load.once(_target(contender, call, sign(1))))["cards"]:
            raise CannotMeasure(f"{contender.name} answered the {call.size} call without a card")
        load.counted(_target(contender, call, sign(8)), 8)


def _run(figures: Figures, contender: Contender, call: Payload, seconds: float, tokens: Sequence[str] = ()) -> None:
    """One run as fast as the answers come; wrk drives the small and medium call, we drive the large one.

    A large call takes so long that those which wrk leaves behind when its time is up would count in the CPU time. A
    token is good for one call, so calls with tokens are counted out.
    """
    target = _target(contender, call, tokens)
    pids = contender.processes()
    before = processes.cpu_seconds(pids)
    if tokens:
        came = load.counted(target, len(tokens))
    else:
        came = load.finished(target, seconds) if call.size == "large" else load.closed(target, seconds)
    time.sleep(0.1)
    sample = _sample(came, (processes.cpu_seconds(pids) - before) / came.calls)
    figures.add(contender.key, call.size, sample)
    speed = f"{sample.rate:7.0f} calls/s  p99 {sample.p99:7.1f} ms  CPU {sample.cpu:6.2f} ms"
    say(f"  {contender.name:44} {call.size:7} {speed}")


def _sample(came: Load, cpu_seconds: float) -> Sample:
    return Sample(came.rate, came.p50, came.p99, cpu_seconds * 1000)


def _calm(contender: Contender, call: Payload, seconds: float, rate: float) -> Sample:
    came = load.paced(_target(contender, call, []), seconds, rate)
    say(f"  at {rate:.0f} calls/s, {call.size}: p50 {came.p50:.1f} ms, p99 {came.p99:.1f} ms")
    return _sample(came, 0.0)


def _memory(figures: Figures, stack: Stack, call: Payload, calls: int) -> None:
    """Memory of the three services before and after many calls."""
    before = processes.pss_mb(stack.services())
    load.counted(_target(stack.contender, call, []), calls)
    after = processes.pss_mb(stack.services())
    figures.memory[STACK] = after
    figures.growth = (calls, before, after)
    say(f"memory of the three services: {before:.1f} MB, after {calls:,} further calls {after:.1f} MB")


def _by_service(stack: Stack) -> dict[str, Memory]:
    """What each service and its largest worker have in memory, and had at most."""
    found: dict[str, Memory] = {}
    for name, pids in processes.by_package(stack.services()).items():
        workers = processes.workers(pids)
        if not workers:
            raise CannotMeasure(f"{name} has no workers")
        peak, used = max(map(processes.peak_mb, workers)), max(processes.pss_mb([pid]) for pid in workers)
        found[name] = Memory(len(workers), peak, used, processes.pss_mb(pids))
        say(f"{name}: {len(workers)} workers, the largest at most {peak:.0f} MB, {used:.0f} MB in use")
    return found


def _starts(starter: Starter) -> dict[str, float]:
    """Service -> seconds from its start until it is ready; medians."""
    runs = [starter.starts() for _ in range(ROUNDS)]
    middle = {name: median(run[name] for run in runs) for name in runs[0]}
    say("started: " + ", ".join(f"{name} {seconds:.2f} s" for name, seconds in middle.items()))
    return middle


def _inside(call: Payload, scratch: Path) -> dict[str, float]:
    """CPU milliseconds of the steps inside screening, timed in a process of its own."""
    file = scratch / f"{call.size}.json"
    file.write_bytes(call.ours)
    command = [sys.executable, str(contenders.HERE / "inprocess.py"), str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603
    if done.returncode != 0:
        raise CannotMeasure(f"the steps inside screening could not be timed: {done.stderr[-400:]}")
    told: dict[str, float] = json.loads(done.stdout)
    return told


def _facts() -> dict[str, str]:
    versions = (
        f"{name} {importlib.metadata.version(name)}" for name in ("gunicorn", "flask", "msgspec", "marshmallow")
    )
    changed = [f"{name}={os.environ[name]}" for name in _KNOBS if os.environ.get(name)]
    load_before = f"load average {os.getloadavg()[0]:.1f} before the start"
    facts = (
        processes.machine()
        | {"other work on the machine": load_before}
        | {"Python": platform.python_version(), "packages": ", ".join(versions)}
    )
    return facts | ({"settings changed": ", ".join(changed)} if changed else {})


_KNOBS: Final = ("WEB_CONCURRENCY", "WEB_THREADS", "WORKER_CLASS", "LOG_LEVEL")


def _notes(no_peer: str) -> list[str]:
    """How it was measured, as far as it depends on this run."""
    tool = "wrk, closed loop; the large call our own generator" if load.has_wrk() else "our own generator, closed loop"
    notes = [f"load: {tool}; {load.CONNECTIONS} connections, on the same cores; medians of {ROUNDS} rounds"]
    if not payloads.MEASURED.is_dir():
        notes.append("payloads: made by the benchmark, because the measured ones do not lie beside the project")
    if no_peer:
        notes.append(f"the Python peer was skipped: {no_peer}")
    return notes


if __name__ == "__main__":
    sys.exit(main())
