"""The port for metrics, on the real server: what all workers counted, for the inside only, whatever becomes of workers.

One server is started for all of it: that takes most of the time.
"""

import http.client
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tryout import children

ROOT = Path(__file__).resolve().parents[2]
GUNICORN = [sys.executable, "-m", "gunicorn", "-c", str(ROOT / "deploy" / "gunicorn.conf.py")]
WITHIN = 30.0
Answer = tuple[int, str]
Ports = tuple[int, int, children.Child]


def ask(port: int, path: str) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WITHIN)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def until(port: int, wanted: Callable[[str], bool]) -> str:
    end = time.monotonic() + WITHIN
    while not wanted(text := ask(port, "/metrics")[1]):
        assert time.monotonic() < end, text
        time.sleep(0.05)
    return text


def free_ports() -> tuple[int, int]:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        return one.getsockname()[1], other.getsockname()[1]


def environ(port: int, metrics: int) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "PACKAGE": "content",
        "BIND": f"127.0.0.1:{port}",
        "INTERNAL_KEY": secrets.token_hex(),
        "METRICS_PORT": str(metrics),
        "WEB_CONCURRENCY": "2",
    }


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ports]:
    port, metrics = free_ports()
    log = tmp_path_factory.mktemp("metrics") / "content.log"
    child = children.start("content", GUNICORN, environ(port, metrics), log)
    try:
        end = time.monotonic() + WITHIN
        while time.monotonic() < end and child.process.poll() is None:
            try:
                if ask(port, "/readyz")[0] == 200 and "cds_workers 2.0" in ask(metrics, "/metrics")[1]:
                    break
            except OSError:
                time.sleep(0.05)
        yield port, metrics, child
    finally:
        children.stop([child])


def counted(text: str) -> float:
    found = re.search(r'^cds_http_requests_total\{route="/bibliography",status="401"\} (\S+)$', text, re.MULTILINE)
    return float(found[1]) if found else 0.0


def test_the_counts_of_all_workers_outlast_them(served: Ports) -> None:
    port, metrics, child = served
    for _ in range(7):
        assert ask(port, "/bibliography")[0] == 401
    assert counted(ask(metrics, "/metrics")[1]) == 7
    workers = Path(f"/proc/{child.process.pid}/task/{child.process.pid}/children").read_text().split()
    assert len(workers) == 2
    for worker in workers:
        os.kill(int(worker), signal.SIGKILL)
    text = until(metrics, lambda said: "cds_workers_begun_total 4.0" in said and "cds_build_info" in said)
    assert counted(text) == 7
    end = time.monotonic() + WITHIN
    while counted(ask(metrics, "/metrics")[1]) < 8 and time.monotonic() < end:
        ask(port, "/bibliography")
    assert "cds_memory_bytes" in text
    assert "cds_started_timestamp_seconds" in text
    until(metrics, lambda said: "cds_ready 1.0" in said)


def test_the_port_has_metrics_and_nothing_else_and_the_other_port_has_none(served: Ports) -> None:
    port, metrics, _ = served
    assert ask(metrics, "/")[0] == 404
    assert ask(metrics, "/readyz")[0] == 404
    assert ask(port, "/metrics")[0] == 401
    assert "cds_workers" not in ask(port, "/metrics")[1]


def test_a_port_that_is_taken_ends_the_start_with_one_line(served: Ports) -> None:
    taken = served[1]
    plain = {**environ(free_ports()[0], taken), "PACKAGE": "", "PYTHONPATH": str(Path(__file__).parent)}
    done = subprocess.run(  # noqa: S603
        [*GUNICORN, "serving_app:app"], env=plain, capture_output=True, text=True, timeout=WITHIN, check=False
    )
    said = [line for line in done.stderr.splitlines() if not line.startswith("{")]
    assert done.returncode == 3
    assert said == [
        f"the service cannot start: METRICS_PORT: cannot listen on 127.0.0.1 port {taken}: Address already in use"
    ]
