"""What `make bench` says about memory and starts: read from this machine, and put into tables."""

import importlib
import os
import subprocess
import sys
from typing import Any

import pytest

processes: Any = importlib.import_module("processes")
tables: Any = importlib.import_module("tables")

HAS_PROC = os.path.exists("/proc/self/smaps_rollup")
LARGE_MB = 60
CHILD = f"import sys; held = bytearray({LARGE_MB} << 20); del held; print('ready', flush=True); sys.stdin.read()"


@pytest.mark.skipif(not HAS_PROC, reason="no /proc with smaps_rollup on this system")
def test_the_peak_is_what_was_once_used_and_not_what_is_in_use() -> None:
    command = [sys.executable, "-c", CHILD]
    environ = {**os.environ, "PACKAGE": "gateway"}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ) as child:  # noqa: S603
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == b"ready\n"
            assert processes.peak_mb(child.pid) > LARGE_MB
            assert 0 < processes.pss_mb([child.pid]) < LARGE_MB
            assert processes.workers([os.getpid(), child.pid]) == [child.pid]
            assert processes.workers([child.pid]) == []
            assert processes.by_package([child.pid])["gateway"] == [child.pid]
        finally:
            child.kill()
    assert processes.peak_mb(child.pid) == 0
    assert processes.by_package([child.pid]) == {}


def test_memory_of_each_service_and_cold_starts_are_on_the_page() -> None:
    figures = tables.Figures(
        services={"gateway": tables.Memory(workers=2, peak=101.4, worker=40.2, whole=99.6)},
        first_answer=2.04,
        starts={"content": 0.5, "gateway": 0.756},
    )
    page = tables.page(figures, [])
    assert "| gateway | 2 | 101 | 40 | 100 |" in page
    assert "| `make run` to its first answer | 2.04 |" in page
    assert "| gateway, from its start to the first good `/readyz` | 0.76 |" in page
    assert "cold start" not in tables.page(tables.Figures(), [])
