"""`make mutate`: change the rules in every way that bears on a decision, one at a time, and see whether a test notices.

Tries the mutants of the files that have changed since they were last tried, keeps what came of them in results.json and
writes docs/mutation.md. Nothing is changed on disk: each mutant lives in a process of its own (see trial.py).

FULL           1: all files, changed or not: what a file lets survive may depend on a file that it imports
SURVIVORS      1: beside the changed files, all survivors again (after a test has been added)
MUTATE_JOBS    how many trials at once (default: the processors of this machine)
MUTATE_ONLY    files below the domain, e.g. "labs.py workups/manganese.py": prints the outcome, leaves the page alone

Exit codes: 0 measured, 1 the tests fail without a mutant, or the domain changed meanwhile, 130 interrupted (the files
that were finished are kept).
"""

import os
import platform
import resource
import signal
import sys
import time
from collections import Counter, deque
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import mutants
import reach
import report
import results
import trial
from mutants import Mutant
from results import Entry, FileResult, Results, WholeRun
from trial import Outcome


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def main(environ: dict[str, str]) -> int:
    """Try what has to be tried and write the page; the exit code."""
    jobs = int(environ.get("MUTATE_JOBS") or os.cpu_count() or 1)
    only, full = tuple(environ.get("MUTATE_ONLY", "").split()), bool(environ.get("FULL"))
    known, hashes = Results() if full or only else results.load(), results.hashes()
    by_file = {file: list(mutants.of(mutants.DOMAIN / file)) for file in only or hashes}
    todo = {file: found for file, found in by_file.items() if _is_new(known, file, hashes[file], found)}
    again = {e.file: e for e in known.survivors if e.file not in todo} if environ.get("SURVIVORS") else {}
    now = replace(known, files={file: one for file, one in known.files.items() if file in hashes})
    began = time.monotonic()
    if any(todo.values()) or again:
        trial.prepare()
        _, status = os.waitpid(trial.start(None), 0)
        if trial.outcome(status) is not Outcome.SURVIVED:
            _say(f"The tests fail without any mutant ({trial.outcome(status).name}): repair them first.")
            return 1
        _say(f"{sum(map(len, todo.values()))} mutants of {len(todo)} files, {jobs} at a time")
    for file, found in todo.items():
        outcomes = _try(found, jobs)
        now.files[file] = _result(hashes[file], found, outcomes)
        alive = len(now.files[file].survivors)
        _say(f"{file}: {len(found)}, {alive} survived, {time.monotonic() - began:.0f} s since the start")
        if not _kept(now, hashes, keep=not only):
            return 1
    for file in sorted(again):
        now.files[file] = _without_noticed(now.files[file], by_file[file], jobs)
        if not _kept(now, hashes, keep=True):
            return 1
    if full:
        now = replace(now, whole=_measured(now, time.monotonic() - began, jobs))
    elif not only:
        now = replace(now, again=sorted({*known.again, *todo}))
    _say(report.in_short(now))
    if not only:
        now.save()
        report.write(now)
    return 0


def _is_new(known: Results, file: str, sha256: str, found: list[Mutant]) -> bool:
    before = known.files.get(file)
    return before is None or (before.sha256, before.mutants) != (sha256, _fingerprint(found))


def _fingerprint(found: list[Mutant]) -> str:
    return results.fingerprint([f"{m.operator} {m.occurrence} {m.line} {m.definition}" for m in found])


def _kept(now: Results, hashes: dict[str, str], *, keep: bool) -> bool:
    if results.hashes() != hashes:
        _say("The domain was changed while it was tried: run again.")
        return False
    if keep:
        now.save()
    return True


def _result(sha256: str, found: list[Mutant], outcomes: dict[Mutant, Outcome]) -> FileResult:
    counts: dict[str, Counter[str]] = {}
    for mutant, outcome in outcomes.items():
        if outcome is not Outcome.NO_MUTANT:
            counts.setdefault(mutant.operator, Counter())[outcome.name] += 1
    survivors = [_entry(mutant) for mutant in found if outcomes[mutant] is Outcome.SURVIVED]
    return FileResult(sha256, _fingerprint(found), {name: dict(ends) for name, ends in counts.items()}, survivors)


def _without_noticed(before: FileResult, found: list[Mutant], jobs: int) -> FileResult:
    """The same with its survivors tried again."""
    places = {(entry.operator, entry.occurrence): entry for entry in before.survivors}
    outcomes = _try([mutant for mutant in found if (mutant.operator, mutant.occurrence) in places], jobs)
    counts = {name: Counter(ends) for name, ends in before.outcomes.items()}
    for mutant, outcome in outcomes.items():
        counts[mutant.operator][results.SURVIVED] -= 1
        counts[mutant.operator][outcome.name] += 1
    alive = {(mutant.operator, mutant.occurrence) for mutant, end in outcomes.items() if end is Outcome.SURVIVED}
    return replace(
        before,
        outcomes={name: dict(+ends) for name, ends in counts.items()},
        survivors=[entry for place, entry in places.items() if place in alive],
    )


def _entry(mutant: Mutant) -> Entry:
    return Entry(mutant.file, mutant.line, mutant.definition, mutant.operator, mutant.occurrence, *mutant.lines())


def _measured(now: Results, seconds: float, jobs: int) -> WholeRun:
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return WholeRun(
        mutants=sum(one.count() for one in now.files.values()),
        seconds=round(seconds),
        cpu_seconds=round(spent.ru_utime + spent.ru_stime),
        jobs=jobs,
        python=platform.python_version(),
        tool=f"cosmic-ray {version('cosmic-ray')}",
    )


def _try(todo: list[Mutant], jobs: int) -> dict[Mutant, Outcome]:
    reached = reach.load()
    waiting, running, done = deque(todo), dict[int, Mutant](), dict[Mutant, Outcome]()
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
    finally:
        for process in running:
            os.kill(process, signal.SIGKILL)
    return done


if __name__ == "__main__":
    os.chdir(Path(__file__).resolve().parents[2])
    try:
        sys.exit(main(dict(os.environ)))
    except KeyboardInterrupt:
        sys.exit(130)
