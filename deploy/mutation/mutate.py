"""`make mutate`: change the rules in every way that bears on a decision, one at a time, and see whether a test notices.

Tries the mutants in the functions and statements that have changed since they were last tried, keeps what came of them
in results.json and writes docs/mutation.md. Nothing is changed on disk: each mutant lives in a process of its own (see
trial.py).

FULL           1: everything, changed or not: what survives may depend on other functions and files too
SURVIVORS      1: beside what has changed, all survivors again (after a test has been added)
MUTATE_MINUTES how long (default: as long as it takes); what is left is for the next run, and the page says how much
MUTATE_JOBS    how many trials at once (default: the processors of this machine)
MUTATE_ONLY    files below the domain, e.g. "labs.py workups/manganese.py", whole: prints the outcome, keeps nothing

Exit codes: 0 measured, 1 the tests fail without a mutant, or the domain changed meanwhile, 130 interrupted (the files
that were finished are kept).
"""

import hashlib
import os
import platform
import resource
import signal
import sys
import time
from collections import deque
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Final

import mutants
import reach
import report
import results
import trial
from mutants import Mutant
from results import Entry, FileResult, Results
from trial import Outcome

LETTERS: Final = {
    Outcome.SURVIVED: results.SURVIVED,
    Outcome.KILLED_BY_SCENARIO: results.BY_SCENARIO,
    Outcome.KILLED_BY_TEST: results.BY_TEST,
    Outcome.OUT_OF_TIME: results.OUT_OF_TIME,
    Outcome.NO_MUTANT: results.NO_MUTANT,
}


def main(environ: dict[str, str]) -> int:
    """Try what has to be tried and write the page; the exit code."""
    jobs = int(environ.get("MUTATE_JOBS") or os.cpu_count() or 1)
    only, again = environ.get("MUTATE_ONLY", "").split(), bool(environ.get("SURVIVORS"))
    known = _known(from_the_start=bool(only or environ.get("FULL")))
    until = time.monotonic() + 60 * float(environ.get("MUTATE_MINUTES") or "inf")
    hashes = results.hashes()
    now = replace(known, jobs=jobs, files={file: one for file, one in known.files.items() if file in hashes})
    todo = [file for file in only or hashes if _is_to_be_tried(now, file, hashes[file], again=again)]
    trial.prepare()
    _, status = os.waitpid(trial.start(None), 0)
    if trial.outcome(status) is not Outcome.SURVIVED:
        _say(f"The tests fail without any mutant ({trial.outcome(status).name}): repair them first.")
        return 1
    for file in todo:
        began, spent = time.monotonic(), _spent()
        now.files[file] = _of_file(file, hashes[file], now.files.get(file), jobs, until, again=again)
        took, cost = round(time.monotonic() - began), round(_spent() - spent)
        now = replace(now, seconds=now.seconds + took, cpu_seconds=now.cpu_seconds + cost)
        _say(f"{file}: {len(now.files[file].survivors)} survive, {took} s")
        if results.hashes() != hashes:
            _say("The domain was changed while it was tried: run again.")
            return 1
        if not only:
            now.save()
    _say(report.in_short(now))
    if not only:
        now.save()
        report.write(now)
    return 0


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _known(*, from_the_start: bool) -> Results:
    """What need not be tried again: nothing when the operators are others."""
    tool = f"cosmic-ray {version('cosmic-ray')}"
    code = (Path(__file__).parent / "operators.py").read_text("utf-8")
    operators = hashlib.sha256(f"{tool}\n{code}".encode()).hexdigest()[:12]
    before = results.load()
    if from_the_start or before.operators != operators:
        return Results(operators, tool, platform.python_version())
    return before


def _is_to_be_tried(now: Results, file: str, sha256: str, *, again: bool) -> bool:
    before = now.files.get(file)
    return before is None or before.sha256 != sha256 or before.not_tried > 0 or (again and bool(before.survivors))


def _of_file(file: str, sha256: str, before: FileResult | None, jobs: int, until: float, *, again: bool) -> FileResult:
    """What comes of all mutants of a file, trying those that are not known; `until`, as `time.monotonic` has it."""
    found = list(mutants.of(mutants.DOMAIN / file))
    letters = {mutant: letter for mutant in found if (letter := _letter(before, mutant, again=again))}
    outcomes = _try([mutant for mutant in found if mutant not in letters], jobs, until)
    letters |= {mutant: LETTERS[outcome] for mutant, outcome in outcomes.items()}
    letters = {
        mutant: letters.get(mutant, _letter(before, mutant, again=False) or results.NOT_TRIED) for mutant in found
    }
    return assembled(sha256, found, letters)


def _letter(before: FileResult | None, mutant: Mutant, *, again: bool) -> str:
    """What came of a mutant in a passage that has not changed; empty when it is to be tried."""
    letters = before.outcomes.get(mutant.passage, {}).get(mutant.operator, "") if before is not None else ""
    letter = letters[mutant.index : mutant.index + 1]
    return "" if letter == results.NOT_TRIED or (again and letter == results.SURVIVED) else letter


def assembled(sha256: str, found: list[Mutant], letters: dict[Mutant, str]) -> FileResult:
    """What is kept of a file, from its mutants and a letter for each."""
    outcomes: dict[str, dict[str, str]] = {}
    for mutant in sorted(found, key=lambda one: one.index):
        by_operator = outcomes.setdefault(mutant.passage, {})
        by_operator[mutant.operator] = by_operator.get(mutant.operator, "") + letters[mutant]
    alive = sorted((m for m in found if letters[m] == results.SURVIVED), key=lambda m: (m.line, m.operator))
    entries = [Entry(m.file, m.line, m.definition, m.operator, *m.lines()) for m in alive]
    return FileResult(sha256, outcomes, entries)


def _spent() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return children.ru_utime + children.ru_stime


def _try(todo: list[Mutant], jobs: int, until: float) -> dict[Mutant, Outcome]:
    reached = reach.load()
    waiting, running, done = deque(todo), dict[int, Mutant](), dict[Mutant, Outcome]()
    try:
        while waiting or running:
            while waiting and len(running) < jobs and time.monotonic() < until:
                mutant = waiting.popleft()
                running[trial.start(mutant, reached.of(mutant))] = mutant
            if not running:
                break
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
