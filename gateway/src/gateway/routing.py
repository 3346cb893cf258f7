"""Calls to the services behind the gateway: kept-alive connections, one deadline, and bytes passed on as they are."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import RemoteDisconnected
from typing import Any, Final
from urllib.parse import urlsplit

from urllib3 import BaseHTTPResponse, HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ProtocolError, ReadTimeoutError
from urllib3.util import Timeout

from gateway.problems import upstream_bad, upstream_down, upstream_late

_CONNECT_S: Final = 1.0
_CHUNK: Final = 65_536
_MAX_ANSWER: Final = 20_000_000


class _Stale(ConnectionError):
    """A kept-alive connection turned out closed before a byte of this answer came: the call was not begun."""


class _Watched:
    """Mixed into urllib3's connections: a short limit for connecting, and knowledge of having answered before."""

    answered = False
    timeout: Any
    sock: Any

    def connect(self) -> None:
        whole = self.timeout
        self.timeout = min(whole, _CONNECT_S)
        try:
            super().connect()  # type: ignore[misc]
        finally:
            self.timeout = whole
        self.answered = False
        self.sock.settimeout(whole)

    def getresponse(self) -> Any:
        try:
            response = super().getresponse()  # type: ignore[misc]
        except (RemoteDisconnected, ConnectionResetError, BrokenPipeError) as error:
            if self.answered:
                raise _Stale from error
            raise
        self.answered = True
        return response


class _Connection(_Watched, HTTPConnection):
    pass


class _TlsConnection(_Watched, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


@dataclass(frozen=True, slots=True)
class Answer:
    """What an upstream answered. Header names are matched in any case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Upstream:
    """One service behind the gateway. Threads may share it; processes may not, so nothing connects before a call."""

    def __init__(self, name: str, base_url: str, *, deadline: float, connections: int) -> None:
        """`deadline` is in seconds, `connections` how many idle ones are kept; more are made when needed."""
        url = urlsplit(base_url)
        pool = _TlsPool if url.scheme == "https" else _Pool
        self.name = name
        self._pool = pool(url.hostname or "", url.port, maxsize=connections, block=False)
        self._prefix = url.path.rstrip("/")
        self._deadline = deadline

    def call(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None) -> Answer:
        """Send a request and read the whole answer before the deadline.

        A kept-alive connection that turns out closed before any byte of the answer gets one second try.

        Raises:
            Problem: 503 if the upstream takes no connection, 504 if it is late, 502 if it breaks off.
        """
        ends = time.monotonic() + self._deadline
        try:
            try:
                return self._attempt(method, path, headers, body, ends)
            except ProtocolError as error:
                if not isinstance(error.args[-1], _Stale):
                    raise
                return self._attempt(method, path, headers, body, ends)
        except (NewConnectionError, ConnectTimeoutError) as error:
            raise upstream_down() from error
        except ReadTimeoutError as error:
            raise upstream_late(self._deadline) from error
        except HTTPError as error:
            if isinstance(error.args[-1], TimeoutError):  # the upstream did not even read the request in time
                raise upstream_late(self._deadline) from error
            raise upstream_bad() from error

    def _attempt(self, method: str, path: str, headers: Mapping[str, str], body: bytes | None, ends: float) -> Answer:
        left = max(ends - time.monotonic(), 0.001)
        response = self._pool.urlopen(
            method,
            self._prefix + path,
            body=body,
            headers=headers,
            retries=False,
            redirect=False,
            timeout=Timeout(connect=left, read=left),
            preload_content=False,
            decode_content=False,
        )
        try:
            return Answer(response.status, response.headers, self._read(response, ends))
        except BaseException:
            response.close()
            raise
        finally:
            response.release_conn()

    def _read(self, response: BaseHTTPResponse, ends: float) -> bytes:
        """The body, with the socket's limit drawn closer as time goes by."""
        chunks: list[bytes] = []
        size = 0
        while True:
            left = ends - time.monotonic()
            if left <= 0:
                raise upstream_late(self._deadline)
            connection: Any = response.connection
            if connection is not None and connection.sock is not None:
                connection.sock.settimeout(left)
            chunk = response.read1(_CHUNK)
            if not chunk:
                return chunks[0] if len(chunks) == 1 else b"".join(chunks)
            size += len(chunk)
            if size > _MAX_ANSWER:
                raise upstream_bad()
            chunks.append(chunk)
