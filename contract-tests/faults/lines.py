"""A line between two processes that can be cut, held, or slowed down, while neither of them knows of it."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from typing import Final

from contract.deployed import LOOPBACK, free_ports

_PIECE: Final = 65_536
_BACKLOG: Final = 128


class Line:
    """Takes connections on a port of its own and passes bytes on to another port, both on 127.0.0.1.

    Attributes:
        port: where to connect.
    """

    def __init__(self, leads_to: int = 0) -> None:
        self.port: Final = free_ports(1)[0]
        self._leads_to = leads_to
        self._passing = threading.Event()
        self._passing.set()
        self._pause_s = 0.0
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._listener: socket.socket | None = None
        self.mend()

    @property
    def url(self) -> str:
        """The base URL of what is behind it, without a trailing slash."""
        return f"http://{LOOPBACK}:{self.port}"

    def lead_to(self, port: int) -> None:
        """Connections that come from now on lead there."""
        self._leads_to = port

    def mend(self) -> None:
        """Pass everything on, at once."""
        self._pause_s = 0.0
        self._passing.set()
        if self._listener is None:
            self._listener = socket.create_server((LOOPBACK, self.port), backlog=_BACKLOG)
            threading.Thread(target=self._take, args=(self._listener,), name="line", daemon=True).start()

    def cut(self) -> None:
        """End every connection, and refuse new ones."""
        listener, self._listener = self._listener, None
        if listener is not None:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits for the next connection
            listener.close()
        with self._lock:
            left, self._open = self._open, set()
        for one in left:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
        self._passing.set()

    def hold(self) -> None:
        """Take connections, and pass nothing on."""
        self._passing.clear()

    def slow(self, seconds: float) -> None:
        """Keep each piece back for so long."""
        self._pause_s = seconds

    def _take(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = listener.accept()
                threading.Thread(target=self._joined, args=(near,), name="line", daemon=True).start()

    def _joined(self, near: socket.socket) -> None:
        with near, contextlib.suppress(OSError), socket.create_connection((LOOPBACK, self._leads_to), 5) as far:
            far.settimeout(None)
            with self._counted(near, far):
                back = threading.Thread(target=self._pump, args=(far, near), name="line", daemon=True)
                back.start()
                self._pump(near, far)
                back.join()

    @contextlib.contextmanager
    def _counted(self, *ends: socket.socket) -> Iterator[None]:
        with self._lock:
            self._open.update(ends)
        try:
            yield
        finally:
            with self._lock:
                self._open.difference_update(ends)

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(_PIECE):
                if self._pause_s:
                    threading.Event().wait(self._pause_s)
                self._passing.wait()
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)
