"""gunicorn for every service, on a bench, in a container and in the try-out. Each value with its reason.

The environment chooses what differs: PACKAGE (which service), BIND (comma-separated addresses),
WEB_CONCURRENCY (workers per service), WEB_THREADS, WEB_AT_ONCE, WEB_CONNECTIONS, WORKER_CLASS, GRACEFUL_TIMEOUT,
FORWARDED_ALLOW_IPS; REQUEST_HEAD_TIMEOUT_S, REQUEST_BODY_TIMEOUT_S, QUEUE_TIMEOUT_S and ANSWER_TIMEOUT_S (how long a
client may take), MAX_BODY_BYTES, MAX_HELD_BYTES (what a worker keeps of all requests together); METRICS_PORT and
METRICS_BIND (where Prometheus asks, docs/metrics.md; off without a port).
"""

import gc
import logging
import os
import sys
from typing import Any

from gunicorn.glogging import Logger
from marshmallow.validate import Range, Regexp

from chassis.environment import Environment, SettingsError
from chassis.logs import JsonLines
from chassis.serving import metrics_port
from chassis.serving.connections import Limits
from chassis.serving.worker import PatientWorker
from chassis.start import DO_NOT_RETRY, worker_began, worker_ended

_package = os.environ.get("PACKAGE", "")


class _GunicornLines(JsonLines):
    """gunicorn's own events: the words of a message that is filled in with numbers only, else gunicorn's name.

    "Worker (pid:7) exited with code 3" helps and is harmless. A message without numbers to fill in may have been
    filled in before it came here, with an address or a header of a request.
    """

    def event_of(self, record: logging.LogRecord) -> str:
        """The message, if only numbers were put into it."""
        given = record.args
        harmless = isinstance(given, tuple) and bool(given) and all(isinstance(one, int) for one in given)
        return record.getMessage() if harmless else record.name


class JsonLogger(Logger):  # type: ignore[misc, unused-ignore]
    """gunicorn's logger with one JSON object a line."""

    def setup(self, cfg: Any) -> None:
        super().setup(cfg)
        for handler in self.error_log.handlers:
            handler.setFormatter(_GunicornLines(_package or cfg.default_proc_name.partition(".")[0]))


# What to serve and where. Loopback unless told otherwise: nothing is exposed by forgetting a setting.
if _package:
    wsgi_app = f"{_package}.wsgi:app"
_env = Environment(os.environ)
bind = _env.str("BIND", "127.0.0.1:8000").split(",")

_body_bytes = _env.int("MAX_BODY_BYTES", 10_000_000, validate=Range(1_000, 200_000_000)) or 0
_limits = Limits(
    head=_env.float("REQUEST_HEAD_TIMEOUT_S", 10.0, validate=Range(0.1, 600)),
    body=_env.float("REQUEST_BODY_TIMEOUT_S", 20.0, validate=Range(0.1, 600)),
    queue=_env.float("QUEUE_TIMEOUT_S", 5.0, validate=Range(0.1, 600)),
    answer=_env.float("ANSWER_TIMEOUT_S", 20.0, validate=Range(0.1, 600)),
    body_bytes=_body_bytes,
    held_bytes=_env.int("MAX_HELD_BYTES", 4 * _body_bytes, validate=Range(2 * _body_bytes, 4_000_000_000)),
    at_once=_env.int("WEB_AT_ONCE", 2, validate=Range(1, 1_000)),
)


class Worker(PatientWorker):  # type: ignore[misc, unused-ignore]
    """Reads a request whole before a thread gets it: a slow client costs memory and a socket, and no thread."""

    limits = _limits


# Connections stay open, which the gateway's pool to screening needs (a connection per call costs two thirds of the
# throughput). Many threads, few turns: WEB_THREADS requests may wait for another server (the gateway for screening,
# screening for an EHR), but only WEB_AT_ONCE are computed at a time, because the interpreter's lock lets no more
# than one go on anyway. A thread that is never needed is never started. docs/adr/0012.
worker_class = os.environ.get("WORKER_CLASS") or Worker
workers = _env.int("WEB_CONCURRENCY", {"content": 1}.get(_package, 2), validate=Range(1, 1_000))
threads = _env.int("WEB_THREADS", {"gateway": 32, "screening": 24}.get(_package, 4), validate=Range(1, 1_000))

# Open connections per worker, below the usual limit of 1024 files. When there is no room, the connection that has
# been idle or slow the longest goes, never one that is being worked for.
worker_connections = _env.int("WEB_CONNECTIONS", 800, validate=Range(10, 100_000))

# The application is loaded once and shared by the workers: it starts faster and takes less memory. No thread survives
# the fork: what an application does in the background begins in each worker (chassis.start).
preload_app = True

# A token that is too long should reach the gateway, which says so to a browser as well; 64 KB is the end in any case.
limit_request_field_size = 32_768

# Longer than the idle time of whoever keeps connections to us (our pools, an edge at its usual 60 s): the one
# who sends next should also be the one who closes, or requests meet a closing connection.
keepalive = 75

# A worker that gives no sign of life is replaced. Deadlines of calls are the gateway's and far shorter.
timeout = 30
graceful_timeout = _env.int("GRACEFUL_TIMEOUT", 20, validate=Range(0, 3_600))
# An internal port of its own, on loopback unless told otherwise; 0: none. Not for the public.
_metrics_port = _env.int("METRICS_PORT", 0, validate=Range(0, 65_535)) or 0
_metrics_bind = _env.str("METRICS_BIND", "127.0.0.1", validate=Regexp(r"[0-9A-Za-z.:-]{1,253}\Z"))

try:
    _env.finish()
except SettingsError as error:
    sys.stderr.write(f"{_package or 'the service'} cannot start: {error}\n")
    sys.exit(DO_NOT_RETRY)

# No header tells us who the peer is, unless the operator names the edge that sets it.
forwarded_allow_ips = os.environ.get("FORWARDED_ALLOW_IPS", "")

# The control socket would be made under $HOME, which a read-only container does not have.
control_socket_disable = True

# The sign of life is a file; in memory it can neither block on a disk nor need a writable root.
if os.access("/dev/shm", os.W_OK):  # noqa: S108 - one file, made safely by gunicorn
    worker_tmp_dir = "/dev/shm"  # noqa: S108

# JSON lines on standard error. No access log: the services write their own line, from a list of safe fields.
logger_class = JsonLogger
errorlog = "-"
accesslog = None

if _metrics_port:
    metrics_port.directory()  # before the application is loaded: its workers find it in their environment


def on_starting(_server: Any) -> None:
    """Take the port for metrics, or end the start."""
    try:
        if _metrics_port:
            metrics_port.taken(_metrics_bind, _metrics_port)
    except metrics_port.CannotListen as error:
        sys.stderr.write(f"{_package or 'the service'} cannot start: {error}\n")
        sys.exit(DO_NOT_RETRY)


def when_ready(server: Any) -> None:
    """What is loaded by now is shared with the workers: the collector must not touch it, or it is copied."""
    if _metrics_port:
        port = metrics_port.taken(_metrics_bind, _metrics_port)
        port.serve(lambda: list(server.WORKERS), lambda: server.worker_age)
    gc.freeze()


def post_fork(_server: Any, _worker: Any) -> None:
    """The port for metrics is the first process's."""
    if _metrics_port:
        metrics_port.taken(_metrics_bind, _metrics_port).let_go()


def post_worker_init(worker: Any) -> None:
    """Large bodies make many short-lived objects: look for garbage less often, and not at what will stay."""
    worker_began(worker.wsgi)
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def worker_exit(_server: Any, worker: Any) -> None:
    """Whatever was begun in the background ends with the worker; one that never got so far has nothing."""
    worker_ended(getattr(worker, "wsgi", None))
