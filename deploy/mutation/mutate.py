"""`make mutate`: change the rules in every way that bears on a decision, one at a time, and see whether a test notices.

Writes docs/mutation.md. Nothing is changed on disk: each mutant lives in a process of its own (see trial.py).

MUTATE_JOBS    how many trials at once (default: the processors of this machine)
MUTATE_ONLY    files below the domain, e.g. "labs.py workups/manganese.py": prints the outcome, leaves the page alone

Exit codes: 0 measured, 1 the tests fail without a mutant, or the domain changed meanwhile, 130 interrupted.
"""

import os
import platform
import resource
import signal
import sys
import time
from collections import deque
from importlib.metadata import version
from pathlib import Path

import mutants
import reach
import report
import trial
from mutants import Mutant
from report import Entry, Run
from trial import Outcome


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main(environ: dict[str, str]) -> int:
    """Try all mutants and write the page; the exit code."""
    jobs = int(environ.get("MUTATE_JOBS") or os.cpu_count() or 1)
    only = tuple(environ.get("MUTATE_ONLY", "").split())
    began, digest = time.monotonic(), report.digest()
    todo = mutants.everything(only)
    trial.prepare()
    _, status = os.waitpid(trial.start(None), 0)
    if trial.outcome(status) is not Outcome.SURVIVED:
        _say(f"The tests fail without any mutant ({trial.outcome(status).name}): repair them first.")
        return 1
    _say(f"{len(todo)} mutants, {jobs} at a time")
    outcomes = _try(todo, jobs)
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    if report.digest() != digest:
        _say("The domain was changed while it was tried: run again.")
        return 1
    run = Run(
        digest=digest,
        seconds=round(time.monotonic() - began),
        cpu_seconds=round(spent.ru_utime + spent.ru_stime),
        jobs=jobs,
        python=platform.python_version(),
        tool=f"cosmic-ray {version('cosmic-ray')}",
        entries=[_entry(mutant, outcomes[mutant]) for mutant in todo if outcomes[mutant] is not Outcome.NO_MUTANT],
    )
    _say(report.in_short(run))
    if not only:
        run.save()
        report.write(run)
    return 0


def _try(todo: list[Mutant], jobs: int) -> dict[Mutant, Outcome]:
    reached = reach.load()
    waiting, running, done = deque(todo), dict[int, Mutant](), dict[Mutant, Outcome]()
    began = time.monotonic()
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                mutant = waiting.popleft()
                running[trial.start(mutant, reached.of(mutant))] = mutant
            process, status = os.wait()
            mutant = running.pop(process)
            done[mutant] = trial.outcome(status)
            if done[mutant] is Outcome.BROKEN:
                raise RuntimeError(f"the trial itself failed: {mutant}")
            if len(done) % 100 == 0:
                survived = sum(outcome is Outcome.SURVIVED for outcome in done.values())
                _say(f"{len(done)} of {len(todo)}, {survived} survived, {time.monotonic() - began:.0f} s")
    finally:
        for process in running:
            os.kill(process, signal.SIGKILL)
    return done


def _entry(mutant: Mutant, outcome: Outcome) -> Entry:
    before, after = mutant.lines() if outcome is Outcome.SURVIVED else ("", "")
    return Entry(mutant.file, mutant.line, mutant.definition, mutant.operator, outcome.name, before, after)


if __name__ == "__main__":
    os.chdir(Path(__file__).resolve().parents[2])
    try:
        sys.exit(main(dict(os.environ)))
    except KeyboardInterrupt:
        sys.exit(130)
