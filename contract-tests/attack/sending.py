"""HTTP on a bare socket: what is sent is exactly what a row says, however wrong, and all that comes back is kept."""

import contextlib
import http.client
import io
import json
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.message import Message
from typing import Any, Final

ORIGIN: Final = "https://browser.ehr.example"
"""An origin that every client of the suite has listed: refusals must be readable by a page from there."""

TRY_OUT_ORIGIN: Final = "http://localhost:9000"
"""An origin on this machine, which a try-out accepts."""

LISTED: Final = frozenset({ORIGIN, TRY_OUT_ORIGIN})

HOST: Final = "cds.example"
_TIMEOUT: Final = 20.0
_SILENCE: Final = 3.0
_MOST: Final = 30_000_000

Headers = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Request:
    """A request, header by header.

    Attributes:
        method: any word.
        path: the request target as it stands in the first line.
        headers: in this order, duplicates and all, after Host and Origin.
        body: sent with a Content-Length unless `headers` frame it themselves.
        origin: the Origin header; empty: none.
        host: the Host header; empty: none.
    """

    method: str
    path: str
    headers: Headers = ()
    body: bytes = b""
    origin: str = ORIGIN
    host: str = HOST

    def encoded(self) -> bytes:
        """The bytes that go over the wire."""
        lines = [f"{self.method} {self.path} HTTP/1.1"]
        lines += [f"Host: {self.host}"] if self.host else []
        lines += [f"Origin: {self.origin}"] if self.origin else []
        lines += [f"{name}: {value}" for name, value in self.headers]
        framed = any(name.lower() in ("content-length", "transfer-encoding") for name, _ in self.headers)
        if not framed and (self.body or self.method not in ("GET", "OPTIONS")):
            lines.append(f"Content-Length: {len(self.body)}")
        lines.append("Connection: close")
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + self.body


@dataclass(frozen=True)
class Reply:
    """What came back.

    Attributes:
        status: 0 when the connection was closed without an answer.
        headers: matched in any case.
        body: of the first answer.
        more: whatever followed the first answer on the same connection.
        origin: the Origin that was sent with the request.
    """

    status: int
    headers: Message = field(default_factory=Message)
    body: bytes = b""
    more: bytes = b""
    origin: str = ""

    def header(self, name: str) -> str:
        """A header's value, empty when it is not there."""
        return str(self.headers.get(name, ""))

    def json(self) -> Any:
        """The body as JSON, None when it is none."""
        with contextlib.suppress(ValueError, RecursionError):
            return json.loads(self.body)
        return None

    def text(self) -> str:
        """Headers and body, for looking for what must not be there."""
        return f"{self.headers}\n{self.body.decode('utf-8', 'replace')}"


def send(port: int, request: Request) -> Reply:
    """Send a request to 127.0.0.1 and read to the end of the connection."""
    return send_raw(port, request.encoded(), request.origin)


def send_raw(port: int, data: bytes, origin: str = "") -> Reply:
    """Send bytes as they are; whoever answers before it has read them all is heard."""
    with socket.create_connection(("127.0.0.1", port), timeout=_TIMEOUT) as sock:
        with contextlib.suppress(OSError):
            sock.sendall(data)
        return parsed(_all_of(sock), origin, method=data.partition(b" ")[0].decode("latin-1"))


def _all_of(sock: socket.socket) -> bytes:
    """All that comes until the other side closes, or falls silent after it has said something."""
    pieces: list[bytes] = []
    size = 0
    with contextlib.suppress(OSError):
        while size < _MOST and (piece := sock.recv(65_536)):
            pieces.append(piece)
            size += len(piece)
            sock.settimeout(_SILENCE)
    return b"".join(pieces)


class _Kept(io.BytesIO):
    """Stays readable after the first answer was read, so that what follows it can be seen."""

    def close(self) -> None:
        """Nothing to give back."""


class _Socket:
    """The one method of a socket that `HTTPResponse` asks for."""

    def __init__(self, held: _Kept) -> None:
        self._held = held

    def makefile(self, *_: Any, **__: Any) -> _Kept:
        """The bytes themselves."""
        return self._held


def parsed(data: bytes, origin: str = "", *, method: str = "GET") -> Reply:
    """The first answer in `data`, and what follows it."""
    held = _Kept(data)
    answer = http.client.HTTPResponse(_Socket(held), method=method)  # type: ignore[arg-type]
    try:
        answer.begin()
        body = answer.read()
    except (http.client.HTTPException, OSError, ValueError):
        return Reply(0, more=data, origin=origin)
    return Reply(answer.status, answer.headers, body, held.read(), origin)
