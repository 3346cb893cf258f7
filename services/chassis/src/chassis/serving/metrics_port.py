"""The internal port for Prometheus: what all workers of a service have counted, added up by the process they come from.

Each worker writes its counts to files in a directory in memory, which begins empty and goes with the service. The port
is opened by gunicorn's first process, by itself: it never shares a listener with the public door, it answers
`GET /metrics` and nothing else, and it is off unless METRICS_PORT is set.
"""

import atexit
import os
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from functools import cache
from socketserver import TCPServer
from typing import Any, Final
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from chassis.logs import Log

PATH: Final = "/metrics"
_WHERE: Final = "PROMETHEUS_MULTIPROC_DIR"
_PATIENCE_S: Final = 5.0
_TIDY_EVERY_S: Final = 60.0
_MEMORY: Final = "/dev/shm"  # noqa: S108 - a directory of our own is made in it
_LOG: Final = Log("metrics")

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


@cache
def directory() -> str:
    """Where the workers write; made when it is first asked for, and gone when that process ends, however early.

    prometheus_client finds it in its environment when it is imported, so it has to be made before that.
    """
    made = tempfile.mkdtemp(prefix="cds-metrics-", dir=_MEMORY if os.access(_MEMORY, os.W_OK) else None)
    os.environ[_WHERE] = made
    atexit.register(_remove, made, os.getpid())
    return made


def _remove(made: str, made_by: int) -> None:
    """Leave nothing behind in memory. Workers end, too, and it is not theirs."""
    if os.getpid() == made_by:
        shutil.rmtree(made, ignore_errors=True)


class CannotListen(Exception):
    """The port cannot be had; the text says why, on one line."""


class MetricsPort:
    """The listener. It is opened before workers are forked, and each of them lets go of it."""

    def __init__(self, host: str, port: int) -> None:
        """Open the port; nobody is answered yet.

        Raises:
            CannotListen: something else listens there, or it is not ours to listen at.
        """
        self._where = directory()
        try:
            self._server = _Server(host, port)
        except OSError as error:
            raise CannotListen(f"METRICS_PORT: cannot listen on {host} port {port}: {error.strerror}") from error

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    def serve(self, workers: Callable[[], Iterable[int]], begun: Callable[[], int]) -> None:
        """Answer from now on, in a thread.

        Args:
            workers: gives the processes that work now.
            begun: gives how many have begun to work since the start.
        """
        from chassis.serving import counted  # noqa: PLC0415 - prometheus_client is not imported before `directory`

        self._server.tidy = lambda: counted.put_together(self._where)
        self._server.set_app(_only_here(counted.rendered(self._where, workers, begun)))
        threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True).start()

    def let_go(self) -> None:
        """In a worker: the listener is the parent's."""
        self._server.socket.close()


@cache
def taken(host: str, port: int) -> MetricsPort:
    """The listener at this port, which is opened when it is first asked for.

    Raises:
        CannotListen: it cannot be opened.
    """
    return MetricsPort(host, port)


def _only_here(render: Application) -> Application:
    """`render` at `PATH` alone. A fault in it is logged; the next scrape may do better."""

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] != PATH:
            start_response("404 Not Found", [("Content-Type", "text/plain; charset=utf-8")])
            return [f"Here is {PATH} and nothing else.\n".encode()]
        try:
            return render(environ, start_response)
        except Exception as error:  # noqa: BLE001 - whatever it is, the log must tell, and the service goes on
            _LOG.error("metrics cannot be given", error)
            start_response("500 Internal Server Error", [("Content-Type", "text/plain; charset=utf-8")])
            return [b"See the log of this service.\n"]

    return answer


class _Quiet(WSGIRequestHandler):
    """One request after the other; who is slow is cut off."""

    timeout = _PATIENCE_S

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: scrapes come every few seconds."""


class _Server(WSGIServer):
    """A server for one client at a time, which tidies up now and then."""

    def __init__(self, host: str, port: int) -> None:
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.tidy: Callable[[], None] = lambda: None
        self._tidied = time.monotonic()
        super().__init__((host, port), _Quiet)

    def server_bind(self) -> None:
        """Without asking for the name of this machine, which may take seconds."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])
        self.setup_environ()

    def service_actions(self) -> None:
        """Tidy up if that is due, whether anybody asks for metrics or not."""
        if time.monotonic() - self._tidied >= _TIDY_EVERY_S:
            self._tidied = time.monotonic()
            self.tidy()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say that somebody did not get an answer; who it was and why is of no use."""
        del request, client_address
        _LOG.warning("a request for metrics was not answered")
