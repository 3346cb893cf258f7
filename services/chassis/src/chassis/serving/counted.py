"""What the workers of a service have counted, from their files; and what its processes take.

A worker that has ended leaves its files. Its counts go on in one file for all that have ended, so that however often
workers end, the directory does not grow; levels end with the worker.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator
from glob import glob
from pathlib import Path
from typing import Any, Final

from prometheus_client import CollectorRegistry, Metric, make_wsgi_app
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from chassis.serving.metrics_port import Application

_ENDED: Final = "ended"
_ADDED_UP: Final = ("counter", "histogram")
_KIB: Final = 1024
_LIMITS: Final = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
_NO_LIMIT: Final = 1 << 60

PROCESSES: Final = {
    "cds_workers": ("gauge", "Worker processes that there are."),
    "cds_workers_begun_total": ("counter", "Worker processes begun since the start."),
    "cds_memory_bytes": ("gauge", "Memory of all processes of the service; what they share is counted once."),
    "cds_memory_limit_bytes": ("gauge", "What its container may take of memory; not told where there is no limit."),
    "cds_started_timestamp_seconds": ("gauge", "When the service was started, in seconds since 1970."),
    "cds_cpu_seconds_total": ("counter", "Processor time of all processes of the service, of those that ended too."),
}
"""What is told of the processes themselves: kind and meaning."""


def rendered(where: str, workers: Callable[[], Iterable[int]], begun: Callable[[], int]) -> Application:
    """The application that answers with everything, in the format that is asked for.

    Args:
        where: the directory with the files.
        workers: gives the processes that work now.
        begun: gives how many have begun to work since the start.
    """
    registry = CollectorRegistry()
    registry.register(_AddedUp(where, os.getpid()))
    registry.register(_Processes(workers, begun))
    application: Application = make_wsgi_app(registry)
    return application


def put_together(where: str) -> None:
    """Add the counts of workers that have ended to those of all who have, and remove their files.

    Only one thread may do so at a time, and none may read meanwhile.
    """
    for name in glob(f"{where}/*.db"):
        file = Path(name)
        process = _written_by(file)
        if process is None or _lives(process):
            continue
        kind = file.name.partition("_")[0]
        if kind in _ADDED_UP:
            _add(name, f"{where}/{kind}_{_ENDED}.db")
        file.unlink()


def _add(file: str, together: str) -> None:
    """Add the counts of one file to those of another, which is made if it is not there."""
    open_file: Any = MmapedDict  # the library does not say its types
    sums = open_file(together)
    for key, value, _, _ in list(open_file.read_all_values_from_file(file)):
        sums.write_value(key, sums.read_value(key)[0] + value, 0.0)
    sums.close()


def _written_by(file: Path) -> int | None:
    """The process that has written a file: `counter_123.db`, `gauge_livemax_123.db`; None for what is put together."""
    said = file.stem.rpartition("_")[2]
    return int(said) if said.isdecimal() else None


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


class _AddedUp(Collector):
    """The counts of all workers. Levels of the process that they come from are from before the fork: nobody's."""

    def __init__(self, where: str, first: int) -> None:
        self._where = where
        self._of_the_first = f"_{first}.db"

    def collect(self) -> Iterator[Metric]:
        put_together(self._where)
        files = [Path(name) for name in glob(f"{self._where}/*.db")]
        kept = [f for f in files if not (f.name.startswith("gauge_") and f.name.endswith(self._of_the_first))]
        merge: Any = MultiProcessCollector.merge  # the library does not say its types
        yield from merge([str(file) for file in kept])


class _Processes(Collector):
    """What the processes of the service take. Where the machine does not say, nothing is told."""

    def __init__(self, workers: Callable[[], Iterable[int]], begun: Callable[[], int]) -> None:
        self._workers = workers
        self._begun = begun
        self._started = time.time()

    def collect(self) -> Iterator[Metric]:
        workers = list(self._workers())
        processes = [os.getpid(), *workers]
        yield _gauge("cds_workers", len(workers))
        yield _counter("cds_workers_begun_total", self._begun())
        if memory := sum(map(_memory, processes)):
            yield _gauge("cds_memory_bytes", memory)
        if limit := memory_limit():
            yield _gauge("cds_memory_limit_bytes", limit)
        yield _gauge("cds_started_timestamp_seconds", self._started)
        if cpu := sum(map(_cpu, processes)):
            yield _counter("cds_cpu_seconds_total", cpu)


def _gauge(name: str, value: float) -> Metric:
    return GaugeMetricFamily(name, PROCESSES[name][1], value=value)


def _counter(name: str, value: float) -> Metric:
    return CounterMetricFamily(name, PROCESSES[name][1], value=value)


def _memory(process: int) -> int:
    """Bytes that a process takes: its own, and its share of what it has in common with others; 0: not to be seen."""
    try:
        text = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii")
    except OSError:
        return 0
    return next((int(line.split()[1]) * _KIB for line in text.splitlines() if line.startswith("Pss:")), 0)


def memory_limit(files: Iterable[str] = _LIMITS) -> int:
    """Bytes that the container may take, as its control group says (version 2, or 1); 0: no limit is to be seen."""
    for file in files:
        try:
            said = Path(file).read_text(encoding="ascii").strip()
        except (OSError, ValueError):
            continue
        if said.isdecimal() and int(said) < _NO_LIMIT:
            return int(said)
    return 0


def _cpu(process: int) -> float:
    """Seconds of processor time of a process and of its children that have ended; 0: not to be seen."""
    try:
        text = Path(f"/proc/{process}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0.0
    ticks = text.rpartition(")")[2].split()[11:15]
    return sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")
