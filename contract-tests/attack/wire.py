"""The wire: requests that two servers in a row could take for something else than one request.

Each row is the bytes that are sent. The server refuses before the application is asked, once, and closes the
connection: whatever stands behind must not be taken for a second request.
"""

import contextlib
import socket
from collections.abc import Iterator
from functools import partial
from typing import Final

from attack.cases import Answer, Case
from attack.field import DISCOVERY, SERVICE, Field, body, encoded
from attack.sending import Reply

GROUP: Final = "wire"
_BAD: Final = Answer(400, "invalid", "", cors=False)
_LARGE: Final = Answer(431, "too-long", "", cors=False)
_CODING: Final = Answer(501, "not-supported", "chunked", cors=False)
_ELSEWHERE: Final = Answer(400, "invalid", "hosts", cors=False)
_TOLD_APART: Final = (b"chunked, chunked", b"chunked, identity", b"\x0bchunked", b"gzip, chunked")
"""Codings that are refused for how they are put, before it is asked which they are."""
_SMUGGLED: Final = b"GET /version HTTP/1.1\r\nHost: cds.example\r\n\r\n"


def table(field: Field) -> list[Case]:
    """All rows about the wire."""
    cases = [
        Case(GROUP, name, partial(field.raw, sent), answer)
        for name, sent, answer in [*_framing(), *_lines(), *_sizes()]
    ]
    return [*cases, *_targets(field), *_slow(field), *_welcome(field)]


Row = tuple[str, bytes, Answer]


def _post(*headers: bytes, rest: bytes = b"", first: bytes = b"") -> bytes:
    line = first or b"POST " + SERVICE.encode() + b" HTTP/1.1"
    return b"\r\n".join([line, b"Host: cds.example", b"Content-Type: application/json", *headers, b"", b""]) + rest


def _get(*headers: bytes, first: bytes = b"") -> bytes:
    return b"\r\n".join([first or b"GET /version HTTP/1.1", b"Host: cds.example", *headers, b"", b""])


def _framing() -> Iterator[Row]:
    chunked = b"0\r\n\r\n" + _SMUGGLED
    rows: dict[str, bytes] = {
        "length and chunks": _post(b"Content-Length: 5", b"Transfer-Encoding: chunked", rest=chunked),
        "chunks and length": _post(b"Transfer-Encoding: chunked", b"Content-Length: 5", rest=chunked),
        "two lengths": _post(b"Content-Length: 2", b"Content-Length: 40", rest=b"{}" + _SMUGGLED),
        "the same length twice": _post(b"Content-Length: 2", b"Content-Length: 2", rest=b"{}" + _SMUGGLED),
        "two lengths in one": _post(b"Content-Length: 2, 40", rest=b"{}" + _SMUGGLED),
        "a negative length": _post(b"Content-Length: -1", rest=_SMUGGLED),
        "a length with a sign": _post(b"Content-Length: +2", rest=b"{}" + _SMUGGLED),
        "a hexadecimal length": _post(b"Content-Length: 0x2", rest=b"{}" + _SMUGGLED),
        "a length with a space in it": _post(b"Content-Length: 2 0", rest=b"{}" + _SMUGGLED),
        "a length with an underscore": _post(b"Content-Length: 1_0", rest=b"{}" + _SMUGGLED),
        "a length in other digits": _post("Content-Length: \u0662".encode(), rest=b"{}" + _SMUGGLED),
        "a length that is empty": _post(b"Content-Length: ", rest=b"{}" + _SMUGGLED),
        "a space before the colon": _post(b"Content-Length : 2", rest=b"{}" + _SMUGGLED),
        "chunked in an older version": _post(
            b"Transfer-Encoding: chunked", rest=chunked, first=b"POST " + SERVICE.encode() + b" HTTP/1.0"
        ),
    }
    for name, sent in rows.items():
        yield name, sent, _BAD
    for name, coding in (
        ("xchunked", b"xchunked"),
        ("chunked twice", b"chunked, chunked"),
        ("chunked, then identity", b"chunked, identity"),
        ("a vertical tab", b"\x0bchunked"),
        ("quotes", b'"chunked"'),
        ("a parameter", b"chunked;q=1"),
        ("a comma", b",chunked"),
        ("empty", b""),
        ("gzip", b"gzip, chunked"),
        ("cow", b"cow"),
    ):
        sent = _post(b"Transfer-Encoding: " + coding, b"Content-Length: 5", rest=chunked)
        yield f"length and transfer coding {name}", sent, _BAD if coding in _TOLD_APART else _CODING
    for name, header in (
        ("a space before the colon", b"Transfer-Encoding : chunked"),
        ("a leading space", b" Transfer-Encoding: chunked"),
        ("folded", b"Transfer-Encoding:\r\n chunked"),
        ("two headers", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity"),
        ("a bare carriage return", b"X: y\rTransfer-Encoding: chunked"),
        ("a zero byte", b"Transfer-Encoding: chunked\x00"),
    ):
        yield f"transfer coding with {name}", _post(header, rest=chunked), _BAD
    for name, coding in (("gzip", b"gzip, chunked"), ("cow", b"cow"), ("compress", b"compress, chunked")):
        yield f"transfer coding {name}", _post(b"Transfer-Encoding: " + coding, rest=chunked), _CODING
    for name, chunks in (
        ("a negative size", b"-1\r\n{}\r\n0\r\n\r\n"),
        ("a size with 0x", b"0x2\r\n{}\r\n0\r\n\r\n"),
        ("no size", b"\r\n{}\r\n0\r\n\r\n"),
        ("a size of letters", b"zz\r\n{}\r\n0\r\n\r\n"),
        ("a size with a space", b"2 2\r\n{}\r\n0\r\n\r\n"),
        ("a size with an underscore", b"0_2\r\n{}\r\n0\r\n\r\n"),
        ("more than its size", b"2\r\n{}xx\r\n0\r\n\r\n"),
        ("a size of 40 digits", b"f" * 40 + b"\r\n{}\r\n0\r\n\r\n"),
        ("lines that end with LF", b"2\n{}\n0\n\n"),
    ):
        yield f"a chunk with {name}", _post(b"Transfer-Encoding: chunked", rest=chunks + _SMUGGLED), _BAD


def _lines() -> Iterator[Row]:
    rows: dict[str, bytes] = {
        "lines that end with LF": b"GET /version HTTP/1.1\nHost: cds.example\n\n",
        "one line that ends with LF": b"GET /version HTTP/1.1\r\nHost: cds.example\nX: y\r\n\r\n",
        "a folded header": _get(b"X: a\r\n b"),
        "a folded first header": b"GET /version HTTP/1.1\r\n Host: cds.example\r\n\r\n",
        "a zero byte in a value": _get(b"X: a\x00b"),
        "a zero byte in a name": _get(b"X\x00: a"),
        "a carriage return in a value": _get(b"X: a\rb"),
        "a header without a colon": _get(b"Xyz"),
        "a header without a name": _get(b": x"),
        "a space in a name": _get(b"X Y: x"),
        "two hosts": _get(b"Host: evil.example"),
        "no host": b"GET /version HTTP/1.1\r\nX: y\r\n\r\n",
        "HTTP/0.9": b"GET /version\r\n\r\n",
        "HTTP/2 in plain": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "HTTP/9.9": _get(first=b"GET /version HTTP/9.9"),
        "http in small letters": _get(first=b"GET /version http/1.1"),
        "three spaces": _get(first=b"GET   /version   HTTP/1.1"),
        "a tab for a space": _get(first=b"GET\t/version\tHTTP/1.1"),
        "a method in small letters": _get(first=b"get /version HTTP/1.1"),
        "a method with odd characters": _get(first=b"GE(T /version HTTP/1.1"),
        "no target": _get(first=b"GET HTTP/1.1"),
        "a target that is a word": _get(first=b"GET version HTTP/1.1"),
        "a TLS greeting": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 64 + b"\r\n\r\n",
        "a proxy's line": b"PROXY TCP4 192.0.2.1 192.0.2.2 5 443\r\n" + _get(),
        "nothing but line ends": b"\r\n\r\n\r\n\r\n",
    }
    for name, sent in rows.items():
        yield name, sent, _BAD


def _sizes() -> Iterator[Row]:
    yield "a header of 40 KB", _get(b"X: " + b"x" * 40_000), _LARGE
    yield "headers of 200 KB", _get(*(b"X%d: " % number + b"x" * 2_000 for number in range(100))), _LARGE
    yield "a thousand headers", _get(*(b"X%d: y" % number for number in range(1_000))), _LARGE
    yield (
        "an address of 20 KB",
        _get(first=b"GET /" + b"x" * 20_000 + b" HTTP/1.1"),
        Answer(414, "too-long", cors=False),
    )
    yield "an expectation", _get(b"Expect: the-unexpected"), Answer(417, "processing", "100-continue", cors=False)


def _targets(field: Field) -> Iterator[Case]:
    """Targets that name a host of their own: it must not matter which."""
    content = encoded(body())
    length = b"Content-Length: %d" % len(content)
    absolute = b"POST http://evil.example" + SERVICE.encode() + b" HTTP/1.1"
    for what, sent in (
        ("an absolute target with another host", _post(length, rest=content, first=absolute)),
        ("CONNECT", b"CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n"),
    ):
        yield Case(GROUP, what, partial(field.raw, sent), _ELSEWHERE)
    other = field.token(DISCOVERY, aud=f"http://evil.example{DISCOVERY}")
    lured = _get(b"Host: evil.example", b"Authorization: Bearer " + other.encode())
    one_host = lured.replace(b"Host: cds.example\r\n", b"").replace(b"/version", DISCOVERY.encode())
    refused = Answer(401, "login", "aud", {"WWW-Authenticate": "invalid_token"})
    yield Case(GROUP, "an audience of the Host that was sent", partial(field.raw, one_host), refused)


def _slow(field: Field) -> Iterator[Case]:
    """Requests that never end are given up, and cost nobody else anything."""
    late = Answer(408, "timeout", "in time", cors=False)
    head = _get(b"X: y").removesuffix(b"\r\n")
    yield Case(GROUP, "a head that never ends", partial(field.raw, head), late)
    yield Case(GROUP, "a body that never ends", partial(field.raw, _post(b"Content-Length: 40", rest=b"{")), late)
    chunks = _post(b"Transfer-Encoding: chunked", rest=b"5\r\n{")
    yield Case(GROUP, "a chunk that never ends", partial(field.raw, chunks), late)
    served = partial(_served_meanwhile, field)
    yield Case(GROUP, f"a call beside {_SLOW} slow clients", served, Answer(412, "required"), control=True)


_SLOW: Final = 200


def _served_meanwhile(field: Field) -> Reply:
    """The answer to a call while many connections have sent half a request."""
    with contextlib.ExitStack() as block:
        for number in range(_SLOW):
            slow = block.enter_context(socket.create_connection(("127.0.0.1", field.port()), timeout=5))
            slow.sendall(_get(b"X: y")[:-2] if number % 2 else _post(b"Content-Length: 40", rest=b"{"))
        return field.call()


def _welcome(field: Field) -> Iterator[Case]:
    """What must be understood as it is."""
    twice = _get() + _get(b"Connection: close")
    yield Case(GROUP, "two requests in a row", partial(_pair, field, twice), Answer(200, outcome=False), control=True)
    content = encoded(body())
    name, value = field.bearer(SERVICE)
    asked = _post(
        f"{name}: {value}".encode(), b"Connection: close", b"Expect: 100-continue", b"Content-Length: %d" % len(content)
    )
    waiting = partial(field.raw, asked + content)
    yield Case(GROUP, "an expectation of 100-continue", waiting, Answer(412, "required"), control=True)


def _pair(field: Field, sent: bytes) -> Reply:
    """The first of two answers, when there are exactly two."""
    reply = field.raw(sent)
    if reply.more.count(b"HTTP/1.1 ") != 1:
        return Reply(0)
    return Reply(reply.status, reply.headers, reply.body, b"", reply.origin)
