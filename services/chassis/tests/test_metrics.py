"""Metrics: bounded, never negative, there from the start; and what becomes of the counts of workers that ended."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY
from prometheus_client.mmap_dict import MmapedDict, mmap_key
from prometheus_client.multiprocess import MultiProcessCollector

from chassis import metrics, shell
from chassis.metrics import Count, Level, Times
from chassis.serving.counted import memory_limit, put_together
from chassis.start import worker_began, worker_ended

DEAD = 2**22 + 1  # above the largest process id of Linux
MMAPED: Any = MmapedDict


def value(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(name, labels)


def test_a_count_is_there_before_it_happens_and_never_falls() -> None:
    count = Count("cds_tried_total", "Tried.", "reason")
    count.expect("late")
    assert value("cds_tried_total", reason="late") == 0
    count.add("late")
    count.add("late", by=2.5)
    count.add("late", by=-7)
    assert value("cds_tried_total", reason="late") == 3.5


def test_what_comes_after_the_bound_is_counted_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "MOST_SERIES", 3)
    count = Count("cds_bounded_total", "Bounded.", "who", "what")
    for number in range(50):
        count.add(str(number), "x")
    count.add("0", "x")
    assert value("cds_bounded_total", who="0", what="x") == 2
    assert value("cds_bounded_total", who="3", what="x") is None
    assert value("cds_bounded_total", who=metrics.OTHER, what=metrics.OTHER) == 47


def test_times_fall_into_buckets_that_hold_the_promise_of_half_a_second() -> None:
    times = Times("cds_tried_seconds", "Tried.", "who")
    for seconds in (-1.0, 0.5, 0.51):
        times.took(seconds, "x")
    assert value("cds_tried_seconds_bucket", who="x", le="0.5") == 2
    assert value("cds_tried_seconds_bucket", who="x", le="0.75") == 3
    assert value("cds_tried_seconds_sum", who="x") == pytest.approx(1.01)


def test_a_level_rises_and_falls() -> None:
    level = Level("cds_tried_now", "Tried.", mode="livesum")
    level.change(2)
    level.change(-1)
    assert value("cds_tried_now") == 1
    level.set(7)
    assert value("cds_tried_now") == 7


def test_a_request_is_counted_by_its_route_and_health_is_not() -> None:
    app = shell.build("measured", version="1", max_body=10, not_ready=lambda: ())
    app.get("/measured/<name>")(lambda name: name)
    client = app.test_client()
    before = value("cds_http_requests_total", route="", status="404") or 0
    for path in ("/measured/patient-1", "/measured/patient-2", "/patient-3", "/healthz", "/readyz"):
        client.get(path)
    assert value("cds_http_requests_total", route="/measured/<name>", status="200") == 2
    assert value("cds_http_request_seconds_count", route="/measured/<name>", service="") == 2
    assert value("cds_http_requests_total", route="", status="404") == before + 1
    assert value("cds_http_requests_total", route="/healthz", status="200") is None


def comes(name: str, wanted: float) -> bool:
    end = time.monotonic() + 10
    while value(name) != wanted and time.monotonic() < end:
        time.sleep(0.002)
    return value(name) == wanted


def looking(monkeypatch: pytest.MonkeyPatch, not_ready: Callable[[], Sequence[str]]) -> Any:
    monkeypatch.setattr(metrics, "READ", True)
    monkeypatch.setattr(shell, "LOOK_EVERY_S", 0.002)
    return shell.build("ready", version="1", max_body=10, not_ready=not_ready)


def test_each_worker_looks_whether_it_is_ready_though_nobody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = ["something"]
    app = looking(monkeypatch, lambda: tuple(waiting))
    metrics.READY.set(7)
    worker_began(app)
    try:
        assert comes("cds_ready", 0)
        waiting.clear()
        assert comes("cds_ready", 1)
        waiting.append("something else")
        assert comes("cds_ready", 0)
    finally:
        worker_ended(app)


def test_a_worker_that_cannot_tell_is_not_ready_and_looks_again(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = [True]

    def not_ready() -> Sequence[str]:
        if broken:
            raise RuntimeError
        return ()

    app = looking(monkeypatch, not_ready)
    metrics.READY.set(7)
    worker_began(app)
    try:
        assert comes("cds_ready", 0)
        broken.clear()
        assert comes("cds_ready", 1)
    finally:
        worker_ended(app)


def test_nobody_looks_where_nobody_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "READ", False)
    app = shell.build("unread", version="1", max_body=10, not_ready=lambda: ())
    metrics.READY.set(7)
    worker_began(app)
    time.sleep(0.05)
    assert value("cds_ready") == 7


@pytest.mark.parametrize(
    ("said", "limit"), [("402653184\n", 402653184), ("max\n", 0), ("9223372036854771712\n", 0), ("", 0)]
)
def test_the_limit_of_memory_is_that_of_the_control_group(tmp_path: Path, said: str, limit: int) -> None:
    file = tmp_path / "memory.max"
    file.write_text(said)
    assert memory_limit([str(tmp_path / "none"), str(file)]) == limit


def file_of(where: Path, kind: str, process: int, count: float) -> Path:
    path = where / f"{kind}_{process}.db"
    written = MMAPED(str(path))
    written.write_value(mmap_key(f"cds_{kind}", f"cds_{kind}", ["a"], ["b"], "Text."), count, 0.0)
    written.close()
    return path


def told(where: Path) -> dict[str, float]:
    merge: Any = MultiProcessCollector.merge
    return {
        one.name: one.value for metric in merge([str(file) for file in where.glob("*.db")]) for one in metric.samples
    }


def test_counts_of_workers_that_ended_go_on_in_one_file(tmp_path: Path) -> None:
    alive = file_of(tmp_path, "counter", os.getpid(), 100)
    for number in range(3):
        file_of(tmp_path, "counter", DEAD + number, 1 + number)
        file_of(tmp_path, "gauge_livemax", DEAD + number, 9)
        assert told(tmp_path)["cds_counter"] == 100 + sum(range(2 + number))
        put_together(str(tmp_path))
        assert {file.name for file in tmp_path.iterdir()} == {alive.name, "counter_ended.db"}
        assert told(tmp_path) == {"cds_counter": 100 + sum(range(2 + number))}


_ENDS_EARLY = """
import os, sys
from chassis.serving.metrics_port import directory
made = directory()
worker = os.fork()
if not worker:
    sys.exit()
os.waitpid(worker, 0)
print(made, os.path.isdir(made), flush=True)
sys.exit(3)
"""


def test_nothing_of_a_service_that_could_not_start_stays_in_memory() -> None:
    """It is started again and again by whatever looks after it, and each start made a directory."""
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", _ENDS_EARLY], capture_output=True, text=True, check=False, timeout=30
    )
    made, after_the_worker = done.stdout.split()
    assert (done.returncode, after_the_worker) == (3, "True")
    assert not Path(made).exists()
