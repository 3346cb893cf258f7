"""Where a call's time goes inside screening: its steps timed one by one, in one process, without a profiler.

Run as `python inprocess.py FILE`: prints the milliseconds of CPU time that each step takes, as JSON.
"""

import io
import json
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from werkzeug.test import run_wsgi_app

from chassis import peers
from chassis.testing import KEYS
from screening import messages
from screening.app import create_app
from screening.app import reader as make_reader
from screening.domain import screen
from screening.domain.chart import Chart
from screening.fhir import prefetch
from screening.fhir.reading import Call
from screening.knowledge import loading
from screening.services import PATIENT_VIEW
from screening.settings import Settings

_SECONDS: Final = 1.0
_PATH: Final = "/cds-services/dystonia-patient-view"
_CANONICAL_BASE: Final = "https://dystonia-cds.example/fhir"


def main(file: str) -> int:
    """Time the steps of the call in `file`."""
    body = Path(file).read_bytes()
    call = messages.read(body, PATIENT_VIEW)
    reader = make_reader(loading.code_book(), _CANONICAL_BASE)
    data = Call(call.patient_id, call.prefetch)
    now = datetime.now(UTC)
    chart, _ = reader.chart(data, now)
    whole = _whole(body)
    reading = _milliseconds(lambda: prefetch.read(call.prefetch))
    told = {
        "envelope": _milliseconds(lambda: messages.read(body, PATIENT_VIEW)),
        "reading": reading,
        "chart": max(0.0, _milliseconds(lambda: _results(reader.chart(data, now)[0])) - reading),
        "rules": _milliseconds(lambda: screen.patient_view(chart, call.user_id)),
        "screening": _milliseconds(whole),
    }
    sys.stdout.write(json.dumps(told) + "\n")
    return 0


def _whole(body: bytes) -> Callable[[], None]:
    """One call of the whole application, from WSGI's door on."""
    app = create_app(Settings(identity_key=bytes(32), internal_keys=KEYS, content_url=None))

    introduced = peers.sign(KEYS, "gateway", "POST", _PATH, {"client": "bench"})

    def call() -> None:
        environ: dict[str, Any] = {
            "REQUEST_METHOD": "POST",
            "SCRIPT_NAME": "",
            "PATH_INFO": _PATH,
            "QUERY_STRING": "",
            "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(body)),
            "SERVER_NAME": "127.0.0.1",
            "SERVER_PORT": "0",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": "127.0.0.1",
            "HTTP_CDS_CALLER": introduced,
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": False,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
        }
        answer, status, _ = run_wsgi_app(app, environ, buffered=True)
        if status != "200 OK" or not json.loads(b"".join(answer))["cards"]:
            raise RuntimeError(f"the call was not answered with a card: {status}")

    return call


def _results(chart: Chart) -> list[object]:
    """All results of a chart, which are read when they are asked for."""
    return list(chart.labs.values())


def _milliseconds(step: Callable[[], object]) -> float:
    """The median CPU time of a step over a second of runs, after some to warm up."""
    for _ in range(5):
        step()
    times: list[float] = []
    end = time.perf_counter() + _SECONDS
    while time.perf_counter() < end:
        begun = time.process_time()
        step()
        times.append(time.process_time() - begun)
    return statistics.median(times) * 1000


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
