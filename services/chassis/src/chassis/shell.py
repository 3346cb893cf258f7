"""The shell of a service: a Flask app with request ids, an access line, problems and health already in place."""

import re
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Final

from flask import Flask, Response, g, jsonify, request
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge

from chassis import arrival, metrics, problems, tracing
from chassis.logs import Log
from chassis.start import in_each_worker

REQUEST_ID: Final = "X-Request-Id"
_ACCEPTABLE_ID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9a-f]{32}")
"""A random id and nothing else: a caller's own number could be that of a patient, and it is logged."""
_TRACED: Final = ("service", "hook", "client", "outcome")
_HEALTH: Final = frozenset({"/healthz", "/readyz"})
LOOK_EVERY_S: Final = 5.0
"""How often a worker looks whether it can serve, for the metrics."""
_log = Log("access")


def body() -> bytes:
    """The request body, at most `max_body` bytes (else 413).

    One of announced length is read in one go, which costs a tenth of what Flask's stepwise reading does.
    """
    length, limit = request.content_length, request.max_content_length
    if length is None or limit is None or length > limit:
        whole = request.get_data(cache=False)
        if limit is not None and len(whole) >= limit:  # of unknown length, and silently cut off at the limit
            raise RequestEntityTooLarge
        return whole
    read: bytes = request.environ["wsgi.input"].read(length)
    if len(read) < length:
        raise BadRequest
    return read


def build(
    import_name: str,
    *,
    version: str,
    max_body: int,
    not_ready: Callable[[], Sequence[str]],
    degraded: Callable[[], Sequence[str]] = tuple,
) -> Flask:
    """A Flask app with the shell around it.

    Args:
        import_name: as for `Flask`.
        version: answered by `/healthz`.
        max_body: largest request body in bytes; more is answered with 413.
        not_ready: what the service still waits for, in public words; empty when it can serve.
        degraded: what is wrong although the service can serve, in public words; empty when nothing is.
    """
    app = Flask(import_name, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = max_body
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    app.json.sort_keys = False  # type: ignore[attr-defined]
    problems.install(app)
    in_each_worker(app, lambda: metrics.BUILD.set(1, version))
    in_each_worker(app, lambda: tracing.begin(import_name.partition(".")[0]))
    if metrics.READ:
        _measure_readiness(app, not_ready)

    @app.before_request
    def begin() -> None:
        g.started = time.perf_counter()
        came = arrival.here()
        g.waited = time.monotonic() - came
        sent = request.headers.get(REQUEST_ID, "")
        g.request_id = sent if _ACCEPTABLE_ID.fullmatch(sent) else uuid.uuid4().hex
        rule = request.url_rule
        name = f"{request.method} {rule.rule}" if rule is not None else ""
        g.trace_id = tracing.received(name, request.headers.get(tracing.HEADER, ""))

    @app.after_request
    def end(response: Response) -> Response:
        response.headers[REQUEST_ID] = g.get("request_id", "")
        rule = request.url_rule.rule if request.url_rule is not None else ""
        if rule not in _HEALTH:
            fields = g.get("access_fields", {})
            took = time.perf_counter() - g.get("started", time.perf_counter())
            _log.info(
                "request",
                request_id=g.get("request_id", ""),
                method=request.method if rule else "",
                route=rule,
                status=response.status_code,
                ms=round(took * 1000, 2),
                bytes_in=request.content_length or 0,
                bytes_out=response.content_length or 0,
                code=g.get("problem_code", ""),
                **({"trace_id": trace_id} if (trace_id := g.get("trace_id")) else {}),
                **fields,
            )
            waited = g.get("waited", 0.0)
            metrics.REQUESTS.add(rule, str(response.status_code))
            metrics.REQUEST_SECONDS.took(waited + took, rule, fields.get("service", ""))
            metrics.WAITED.add(by=waited)
        tracing.answered(
            http_route=rule,
            http_request_method=request.method if rule else "",
            http_response_status_code=response.status_code,
            **{
                f"cds_{name}": value
                for name in _TRACED
                if isinstance(value := g.get("access_fields", {}).get(name), str)
            },
        )
        return response

    @app.get("/healthz")
    def healthz() -> Response:
        """The process runs."""
        return jsonify(status="ok", version=version)

    @app.get("/readyz")
    def readyz() -> tuple[Response, int]:
        """The service can serve; else 503 and what it waits for."""
        waiting, wrong = list(not_ready()), list(degraded())
        told = {"status": "waiting" if waiting else "ready", "waiting": waiting}
        return jsonify(told | {"degraded": wrong} if wrong else told), 503 if waiting else 200

    return app


def _measure_readiness(app: Flask, not_ready: Callable[[], Sequence[str]]) -> None:
    """Tell the metrics whether each worker can serve, whether anybody asks for `/readyz` or not.

    A probe meets one worker, and none comes when the way to the service is cut: so each looks for itself.
    """
    ended = threading.Event()

    def look() -> None:
        while not ended.is_set():
            try:
                metrics.READY.set(0 if not_ready() else 1)
            except Exception as error:  # noqa: BLE001 - whatever it is: not ready, the log tells, the next look comes
                metrics.READY.set(0)
                _log.error("readiness cannot be told", error)
            ended.wait(LOOK_EVERY_S)

    def begin() -> None:
        metrics.READY.set(0)
        threading.Thread(target=look, name="readiness", daemon=True).start()

    in_each_worker(app, begin, ended.set)
