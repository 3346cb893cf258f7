"""`python -m browser [pytest's arguments]`: start a try-out, play every page in Chromium, look that nothing is left."""

import os
import secrets
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NoReturn

import pytest
from crash import processes

from browser import SHOTS, stacks, tools

LIMIT_S: Final = 1_500
"""The whole suite ends by itself before that."""

_HERE: Final = Path(__file__).parent
_GONE_WITHIN_S: Final = 10.0


class Tally:
    """Counts what became of the tests, on whichever worker they ran."""

    def __init__(self) -> None:
        self.passed = 0
        self.bad: list[str] = []
        self.skipped: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take note of one part of a test."""
        if report.failed:
            self.bad.append(report.nodeid)
        elif report.skipped:
            self.skipped.append(report.nodeid)
        elif report.when == "call":
            self.passed += 1


def main(arguments: Sequence[str]) -> int:
    """Play the suite.

    Args:
        arguments: for pytest, such as `-k studio`.

    Returns:
        0 when at least one test ran, none failed and no process was left; 2 when something is missing here.
    """
    for number in (signal.SIGALRM, signal.SIGTERM):
        signal.signal(number, _stop)
    signal.alarm(LIMIT_S)
    tally = Tally()
    try:
        os.environ[tools.CHROMIUM] = tools.chromium()
        tools.axe()
        with tempfile.TemporaryDirectory(prefix="browser-") as name:
            status, pages, left = _played(Path(name), arguments, tally)
    except tools.MissingError as error:
        print(f"make browser cannot run: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"stopped: by hand, or because it did not end within {LIMIT_S} s", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"stopped: {error}", file=sys.stderr)
        return 1
    for one in left:
        print(f"FAULT left behind: {one}")
    shots = len(list(SHOTS.glob("*.png")))
    print(f"Screenshots: {SHOTS}")
    if status or left or not tally.passed:
        print(f"FAILED: {tally.passed} passed, {len(tally.bad)} failed, {len(tally.skipped)} skipped, {len(left)} left")
        return 1
    skipped = f" ({len(tally.skipped)} skipped)" if tally.skipped else ""
    print(f"{tally.passed} browser tests passed, {pages} pages, {shots} screenshots{skipped}", flush=True)
    return 0


def _played(folder: Path, arguments: Sequence[str], tally: Tally) -> tuple[int, int, list[str]]:
    """What pytest ended with, how many pages were opened, and the processes that are left."""
    shutil.rmtree(SHOTS, ignore_errors=True)
    SHOTS.mkdir(parents=True)
    mark = os.environ[stacks.MARK] = secrets.token_hex(16)
    visited = folder / "visited"
    visited.mkdir()
    with stacks.tried_out(folder / "try-out", mark) as base:
        os.environ |= {stacks.BASE: base, stacks.VISITED: str(visited)}
        given = ["-c", str(_HERE / "pytest.ini"), "-n", os.environ.get("BROWSER_WORKERS") or "2", *arguments]
        named = any(argument.split("::")[0].endswith(".py") for argument in arguments)
        status = pytest.main([*given, *([] if named else [str(_HERE)])], plugins=[tally])
    pages = {line for file in visited.iterdir() for line in file.read_text("utf-8").splitlines()}
    return int(status), len(pages), _left(mark, folder)


def _left(mark: str, folder: Path) -> list[str]:
    """What still runs of all that was begun, when it has had its time to end."""
    ends = time.monotonic() + _GONE_WITHIN_S
    while found := [pid for pid in processes.marked(mark, folder) if pid != os.getpid()]:
        if time.monotonic() > ends:
            return [f"{pid} {processes.words_of(pid)}" for pid in found]
        time.sleep(0.1)
    return []


def _stop(_number: int, _frame: object) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
