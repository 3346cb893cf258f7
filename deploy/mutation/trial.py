"""One trial: the tests of the domain against one mutant, in a process forked for it.

The mutant stands in memory only: the import system hands out the changed source, no file is touched. What does not
depend on the domain (test libraries, the scenario files) is loaded once, before the first fork. First come the tests
that are named after the mutant's file, then the written scenarios through the rules alone, those of the mutant's own
workup first, then all other tests of `tests/domain`; of all these only what reaches the changed function.
"""

import gc
import importlib.abc
import importlib.machinery
import importlib.util
import os
import resource
import sys
from collections.abc import Callable, Sequence
from enum import IntEnum
from functools import lru_cache
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, Final

import hypothesis
import jsonschema  # noqa: F401  loaded once, before the first fork
import pytest
import reach
from mutants import ROOT, SOURCE, Mutant

TESTS: Final = ROOT / "services" / "screening" / "tests"
CPU_SECONDS: Final = 60
MEMORY_BYTES: Final = 2 << 30
LAST: Final = ("test_limits.py", "test_order_reads.py", "test_reasons.py")
"""They take longest: they run when all others have let a mutant pass."""
LEFT_OUT: Final = (
    "test_names.py",
    "test_properties.py",
    "test_thresholds.py",
    "test_orders_signing.py",
    "test_words.py",
)
"""Tests of how files are called, and tests that go through all scenarios again: seconds for each mutant."""
BESIDE: Final = ("test_knowledge_code_book.py",)
"""Tests of the domain outside of its folder."""


class Outcome(IntEnum):
    """How a trial ends; the exit status of its process. A process ended by a signal has run out of time."""

    SURVIVED = 0
    KILLED_BY_SCENARIO = 1
    KILLED_BY_TEST = 2
    NO_MUTANT = 3
    BROKEN = 4
    OUT_OF_TIME = 5


class _Changed(importlib.machinery.SourceFileLoader):
    """Loads one module from a source in memory."""

    source = ""

    def get_code(self, fullname: str) -> CodeType:
        return compile(self.source, self.get_filename(fullname), "exec", dont_inherit=True)


class _Finder(importlib.abc.MetaPathFinder):
    """Finds the mutant in place of its module."""

    def __init__(self, mutant: Mutant, source: str) -> None:
        self.mutant, self.source = mutant, source

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002  the import system passes it
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self.mutant.module:
            return None
        loader = _Changed(fullname, str(self.mutant.path))
        loader.source = self.source
        return importlib.util.spec_from_file_location(fullname, self.mutant.path, loader=loader)


def prepare() -> None:
    """Load once what every trial needs and no mutant changes. The domain itself must not be among it."""
    sys.path[:0] = [str(SOURCE), str(TESTS / "routes")]
    hypothesis.settings.register_profile("mutation", derandomize=True, database=None)
    hypothesis.settings.load_profile("mutation")
    files: Any = importlib.import_module("scenario_files")
    files.read = lru_cache(files.read)
    files.shared = list  # the shared scenarios stand beside this project only: without them the outcome is the same
    files.written()
    loaded = [name for name in sys.modules if name.startswith("screening.domain")]
    if loaded:
        raise RuntimeError(f"loaded before the mutant: {loaded}")
    gc.collect()
    gc.freeze()


def start(mutant: Mutant | None, reached_by: frozenset[str] | None = None) -> int:
    """Fork a trial; its process id.

    Args:
        mutant: None for the domain as it is; then it is also recorded what reaches what.
        reached_by: names of the scenarios and test files that can notice the mutant; None for all.
    """
    process = os.fork()
    if process:
        return process
    status = Outcome.BROKEN
    try:
        status = _trial(mutant, reached_by) if mutant is not None else _rehearsal()
    finally:
        os._exit(status)


def outcome(wait_status: int) -> Outcome:
    """What a trial came to, from the status that `os.wait` tells."""
    return Outcome.OUT_OF_TIME if os.WIFSIGNALED(wait_status) else Outcome(os.waitstatus_to_exitcode(wait_status))


def _trial(mutant: Mutant, reached_by: frozenset[str] | None) -> Outcome:
    gc.disable()  # a trial is short
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    try:
        source = mutant.source()
    except ValueError:
        return Outcome.NO_MUTANT
    sys.meta_path.insert(0, _Finder(mutant, source))
    about = mutant.path.stem
    files = [path for path in _test_files() if reached_by is None or path.name in reached_by]
    own = [path for path in files if path.stem.startswith((f"test_{about}", f"test_mutants_{about}"))]
    others = sorted((path for path in files if path not in own), key=lambda path: path.name in LAST)
    if own and not _pass(own):
        return Outcome.KILLED_BY_TEST
    cases = [case for case in _cases(about) if reached_by is None or str(case) in reached_by]
    if not _scenarios_pass(cases):
        return Outcome.KILLED_BY_SCENARIO
    return Outcome.KILLED_BY_TEST if others and not _pass(others) else Outcome.SURVIVED


def _rehearsal() -> Outcome:
    """All scenarios and tests on the domain as it is, noting what reaches what."""
    recorder = reach.Recorder()
    with recorder.under(reach.LOADING):
        check = _checker(once=False)
    for case in _cases(""):
        with recorder.under(str(case)):
            if not check(case):
                return Outcome.KILLED_BY_SCENARIO
    for path in _test_files():
        with recorder.under(path.name):
            if not _pass([path]):
                return Outcome.KILLED_BY_TEST
    recorder.save()
    return Outcome.SURVIVED


def _test_files() -> list[Path]:
    domain = [path for path in sorted((TESTS / "domain").glob("test_*.py")) if path.name not in LEFT_OUT]
    return [*domain, *(TESTS / name for name in BESIDE)]


def _cases(about: str) -> list[Any]:
    """The written scenarios that the domain is to pass, those about a workup first."""
    import scenario_files  # noqa: PLC0415  stands in a folder that `prepare` makes importable

    def elsewhere(path: Path) -> bool:
        return not about.startswith(path.stem.replace("-", "_"))

    paths = sorted(scenario_files.HERE.glob("*.yaml"), key=lambda path: (elsewhere(path), path.name))
    return [case for path in paths for case in scenario_files.read(path) if not case.differs]


def _checker(*, once: bool) -> Callable[[Any], bool]:
    """Says whether a scenario comes out as written; `once` keeps charts and screenings for the tests after it."""
    import chart_builder  # noqa: PLC0415  the mutant must be in place before anything of the domain is loaded
    import judging  # noqa: PLC0415

    from screening.knowledge.loading import code_book  # noqa: PLC0415

    if once:
        _once_each(chart_builder, judging)
    book = code_book()

    def comes_out(case: Any) -> bool:
        try:
            judging.check(chart_builder.build(case.scenario, book), case.scenario)
        except Exception:  # noqa: BLE001  whatever a mutant raises, the scenario has failed
            return False
        return True

    return comes_out


def _scenarios_pass(cases: Sequence[Any]) -> bool:
    try:
        check = _checker(once=True)
    except Exception:  # noqa: BLE001  the domain cannot even be loaded
        return False
    return all(map(check, cases))


def _once_each(chart_builder: Any, judging: Any) -> None:
    """Let the tests that look at every scenario have the chart and the screening that the first look came to."""
    build, screened = chart_builder.build, judging.screened
    charts: dict[int, Any] = {}
    screenings: dict[tuple[int, int], Any] = {}

    def build_once(scenario: Any, book: Any, *now: Any) -> Any:
        if now or scenario.get("id") is None:
            return build(scenario, book, *now)
        if id(scenario) not in charts:
            charts[id(scenario)] = scenario, build(scenario, book)
        return charts[id(scenario)][1]

    def screened_once(chart: Any, scenario: Any) -> Any:
        key = id(chart), id(scenario)
        if key not in screenings:
            screenings[key] = chart, scenario, screened(chart, scenario)
        return screenings[key][2]

    chart_builder.build, judging.screened = build_once, screened_once


def _pass(files: Sequence[Path]) -> bool:
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    os.chdir(ROOT)
    options = [f"-pno:{plugin}" for plugin in ("cacheprovider", "xdist", "logging", "warnings", "hypothesispytest")]
    return (
        pytest.main(["-x", "-q", "-s", "-m", "not wide", "--assert=plain", "--tb=no", *options, *map(str, files)])
        == pytest.ExitCode.OK
    )
