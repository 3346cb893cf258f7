"""Requests from bytes, in whatever pieces they arrive: no socket, no clock, no waiting.

Where a request ends is decided by gunicorn's own parsers, never by a second reading of ours: its `Request` reads the
head as soon as the head is whole, and its `PythonProtocol` takes chunked bodies apart as they come.
"""

import re
from dataclasses import dataclass
from typing import Any, Final

from gunicorn.asgi.parser import ParseError, PythonProtocol
from gunicorn.http.body import ChunkedReader
from gunicorn.http.errors import ConfigurationProblem, NoMoreData, ParseException
from gunicorn.http.message import Request
from gunicorn.http.unreader import Unreader

from chassis.serving.refusals import Refused, unreadable

HEAD_BYTES: Final = 65_536
"""Request line and all headers together."""

CHUNKS: Final = 50_000
"""Pieces of a chunked body: many tiny ones cost far more time than their sender."""

CHUNK_BYTES: Final = 1 << 40
"""A size that no client means, and that another server on the way may have read as a small one."""

_END: Final = b"\r\n\r\n"
_BARE_LF: Final = re.compile(rb"(?<!\r)\n")
_BEGIN: Final = re.compile(rb"[A-Z\r]")
_CHUNKED_HEAD: Final = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"


class Settled:
    """gunicorn's configuration as it is now. Its own looks every setting up by way of two functions, twenty times a
    request."""

    def __init__(self, cfg: Any) -> None:
        vars(self).update({name: getattr(cfg, name) for name in cfg.settings})
        self.is_ssl = cfg.is_ssl
        self._cfg = cfg

    def __getattr__(self, name: str) -> Any:
        """What is no setting but computed from some."""
        return getattr(self._cfg, name)


@dataclass(frozen=True)
class Received:
    """A request that is here as a whole.

    Attributes:
        request: gunicorn's request; its own body reader is not used.
        body: the bytes of the body. Of one that is too large: none if its length was announced, else one byte more
            than is allowed, which is what lets the application say so.
        cut: whether more of the body may be on its way: the connection cannot be used again.
    """

    request: Any
    body: bytes
    cut: bool


class Intake:
    """What has arrived on one connection and has not been taken yet.

    Args:
        cfg: gunicorn's configuration, for its limits of headers.
        body_bytes: largest body that is kept.
        peer: address of the client as `accept` gave it.
    """

    def __init__(self, cfg: Any, body_bytes: int, peer: Any) -> None:
        self._cfg = cfg
        self._limit = body_bytes
        self._peer = peer
        self._number = 0
        self._arrived = bytearray()
        self._looked = 0
        self._request: Any = None
        self._length = 0
        self._chunks: _Chunks | None = None

    @property
    def begun(self) -> bool:
        """Whether anything of a request is here."""
        return self._request is not None or bool(self._arrived)

    @property
    def has_head(self) -> bool:
        """Whether the head is whole."""
        return self._request is not None

    @property
    def held(self) -> int:
        """Bytes in memory."""
        return len(self._arrived) + (len(self._chunks.body) if self._chunks else 0)

    @property
    def whole(self) -> bool:
        """Whether the request can be taken: it has arrived, or it is larger than we want to see."""
        if self._chunks is not None:
            return self._chunks.whole or self._chunks.too_large
        return self._request is not None and (len(self._arrived) >= self._length or self._length > self._limit)

    def wants_continue(self) -> bool:
        """Whether the client waits for `100 Continue` before it sends the body; true once for a request."""
        if self._request is None or not self._request._expected_100_continue:
            return False
        self._request._expected_100_continue = False
        return not self.whole

    def feed(self, data: bytes) -> None:
        """Take in what arrived.

        Raises:
            Refused: it is not HTTP/1.1 as it should be; the connection must end.
        """
        if self._chunks is not None:
            self._chunks.feed(data)
            return
        self._arrived += data
        if self._request is None and self._arrived:
            self._read_head()

    def take(self) -> Received:
        """The request that is whole; what came after it stays for the next one.

        Raises:
            Refused: what came after it is not HTTP/1.1 as it should be.
        """
        if self._chunks is not None:
            body, rest, cut = bytes(self._chunks.body), self._chunks.rest(), self._chunks.too_large
        elif self._length > self._limit:
            body, rest, cut = b"", b"", True
        else:
            body, rest, cut = bytes(self._arrived[: self._length]), bytes(self._arrived[self._length :]), False
        received = Received(self._request, body, cut)
        self._request, self._chunks, self._length, self._looked = None, None, 0, 0
        self._arrived = bytearray(rest)
        return received

    def _read_head(self) -> None:
        if not _BEGIN.match(self._arrived):
            raise Refused(400, "NotHttp")
        end = self._arrived.find(_END, max(0, self._looked - len(_END) + 1))
        if (end if end >= 0 else len(self._arrived)) > HEAD_BYTES:
            raise Refused(431, "LimitRequestHeaders")
        if end < 0:
            if _BARE_LF.search(self._arrived, self._looked):
                raise Refused(400, "BareLineFeed")
            self._looked = len(self._arrived)
            return
        end += len(_END)
        self._number += 1
        request = _parsed(self._cfg, bytes(self._arrived[:end]), self._peer, self._number)
        del self._arrived[:end]
        self._request = request
        reader = request.body.reader
        if isinstance(reader, ChunkedReader):
            self._chunks = _Chunks(self._cfg, self._limit)
            rest, self._arrived = bytes(self._arrived), bytearray()
            self._chunks.feed(rest)
        else:
            self._length = reader.length


class _Memory(Unreader):  # type: ignore[misc, unused-ignore]
    """Gives a parser what is here, and no more."""

    def chunk(self, size_hint: int | None = None) -> bytes:  # noqa: ARG002
        return b""


def _parsed(cfg: Any, head: bytes, peer: Any, number: int) -> Any:
    unreader = _Memory()
    unreader.unread(head)
    try:
        request = Request(cfg, unreader, peer, number)
    except (ParseException, NoMoreData, StopIteration, ConfigurationProblem) as error:
        raise unreadable(error) from None
    if unreader.take_buffered():
        raise Refused(400, "HeadEndsTwice")
    if request.version >= (1, 1) and all(name != "HOST" for name, _ in request.headers):
        raise Refused(400, "NoHost")
    if any(name == "TRANSFER-ENCODING" and value.strip().lower() != "chunked" for name, value in request.headers):
        raise Refused(501, "UnsupportedTransferCoding")  # the parser passes on what it cannot unpack, such as gzip
    return request


class _Chunks:
    """A chunked body as it arrives."""

    def __init__(self, cfg: Any, limit: int) -> None:
        self.body = bytearray()
        self._limit = limit
        self._pieces = 0
        self._parser = PythonProtocol(
            on_body=self._keep,
            limit_request_fields=cfg.limit_request_fields,
            limit_request_field_size=cfg.limit_request_field_size,
        )
        self._parser.feed(_CHUNKED_HEAD)

    @property
    def whole(self) -> bool:
        return bool(self._parser.is_complete)

    @property
    def too_large(self) -> bool:
        return len(self.body) > self._limit

    def rest(self) -> bytes:
        return bytes(self._parser.remaining())

    def feed(self, data: bytes) -> None:
        try:
            self._parser.feed(data)
        except ParseError as error:
            raise unreadable(error) from None
        if self._parser._chunk_size > CHUNK_BYTES:
            raise Refused(400, "InvalidChunkSize")

    def _keep(self, piece: bytes) -> None:
        self._pieces += 1
        if self._pieces > CHUNKS:
            raise Refused(400, "TooManyChunks")
        self.body += piece[: self._limit + 1 - len(self.body)]
