"""Requests from bytes: where one ends, whatever the pieces; and what is no request at all."""

import pytest
from gunicorn.config import Config

from chassis.serving import refusals
from chassis.serving.intake import CHUNKS, HEAD_BYTES, Intake, Received, Settled
from chassis.serving.refusals import Refused

LIMIT = 1_000
POST = b"POST /a HTTP/1.1\r\nHost: x\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
TWO = (
    POST + b"Content-Length: 5\r\n\r\nhello" + CHUNKED + b"2\r\nwo\r\n3;why=not\r\nrld\r\n0\r\nX-Trailer: 1\r\n\r\n"
    b"GET /b HTTP/1.1\r\nHost: x\r\n\r\n"
)


def intake() -> Intake:
    return Intake(Config(), LIMIT, ("192.0.2.1", 1))


def fed(data: bytes, size: int = 0) -> list[Received]:
    """All requests in `data`, given in pieces of `size` bytes."""
    taking, found = intake(), []
    for start in range(0, len(data), size or len(data)):
        taking.feed(data[start : start + (size or len(data))])
        while taking.whole:
            found.append(taking.take())
            taking.feed(b"")
    return found


def refused(data: bytes) -> Refused:
    with pytest.raises(Refused) as caught:
        fed(data)
    return caught.value


@pytest.mark.parametrize("size", [0, 1, 2, 3, 7, 64])
def test_requests_end_where_they_end_whatever_the_pieces(size: int) -> None:
    found = fed(TWO, size)
    assert [(one.request.method, one.request.path, one.body, one.cut) for one in found] == [
        ("POST", "/a", b"hello", False),
        ("POST", "/a", b"world", False),
        ("GET", "/b", b"", False),
    ]


@pytest.mark.parametrize("cut", range(1, len(CHUNKED) + 20))
def test_nothing_is_whole_before_its_last_byte(cut: int) -> None:
    data = CHUNKED + b"5\r\nhello\r\n0\r\n\r\n"
    taking = intake()
    taking.feed(data[: min(cut, len(data) - 1)])
    assert not taking.whole
    taking.feed(data[min(cut, len(data) - 1) :])
    assert taking.take().body == b"hello"


def test_a_body_that_is_announced_too_large_is_not_kept() -> None:
    taking = intake()
    taking.feed(POST + b"Content-Length: 1001\r\n\r\n" + b"x" * 900)
    assert taking.whole
    received = taking.take()
    assert (received.body, received.cut) == (b"", True)
    assert received.request.path == "/a"


def test_a_chunked_body_that_is_too_large_is_cut_one_byte_beyond_the_limit() -> None:
    taking = intake()
    taking.feed(CHUNKED + b"7D0\r\n" + b"x" * 1_500)
    assert taking.whole
    received = taking.take()
    assert (len(received.body), received.cut) == (LIMIT + 1, True)


def test_the_largest_body_that_is_allowed_is_whole_and_not_cut() -> None:
    for data in (
        POST + b"Content-Length: 1000\r\n\r\n" + b"x" * LIMIT,
        CHUNKED + b"3E8\r\n" + b"x" * LIMIT + b"\r\n0\r\n\r\n",
    ):
        (received,) = fed(data)
        assert (len(received.body), received.cut) == (LIMIT, False)


def test_a_client_that_waits_for_leave_gets_it_once_and_only_for_a_body_that_is_wanted() -> None:
    taking = intake()
    taking.feed(POST + b"Expect: 100-continue\r\nContent-Length: 5\r\n\r\n")
    assert [taking.wants_continue(), taking.wants_continue()] == [True, False]
    taking = intake()
    taking.feed(POST + b"Expect: 100-continue\r\nContent-Length: 5000\r\n\r\n")
    assert not taking.wants_continue()


def test_what_is_held_is_counted() -> None:
    taking = intake()
    taking.feed(CHUNKED)
    taking.feed(b"64\r\n" + b"x" * 80)
    assert taking.held == 80


REFUSED = {
    "length and chunked": (POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    "two lengths": (POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n", 400),
    "two equal lengths": (POST + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\n", 400),
    "a list of lengths": (POST + b"Content-Length: 5, 5\r\n\r\n", 400),
    "a negative length": (POST + b"Content-Length: -1\r\n\r\n", 400),
    "a signed length": (POST + b"Content-Length: +5\r\n\r\n", 400),
    "a hexadecimal length": (POST + b"Content-Length: 0x5\r\n\r\n", 400),
    "a superscript length": (POST + b"Content-Length: \xb2\r\n\r\n", 400),
    "chunked twice": (POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n", 400),
    "chunked in two fields": (POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    "chunked not last": (POST + b"Transfer-Encoding: chunked, gzip\r\n\r\n", 400),
    "no coding that ends": (POST + b"Transfer-Encoding: gzip\r\n\r\n", 400),
    "identity": (POST + b"Transfer-Encoding: identity\r\n\r\n", 400),
    "an unknown coding": (POST + b"Transfer-Encoding: xchunked\r\n\r\n", 501),
    "a coding before chunked": (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n", 501),
    "a vertical tab in the coding": (POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n", 400),
    "chunked in HTTP/1.0": (b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
    "a space before the colon": (POST + b"Content-Length : 5\r\n\r\n", 400),
    "a folded header": (POST + b"X-A: b\r\n c\r\n\r\n", 400),
    "a folded coding": (POST + b"Transfer-Encoding:\r\n chunked\r\n\r\n", 400),
    "lines that end with LF": (b"GET / HTTP/1.1\nHost: x\n\n", 400),
    "one line that ends with LF": (b"GET / HTTP/1.1\r\nHost: x\nX-A: b\r\n\r\n", 400),
    "a bare CR in a value": (POST + b"X-A: b\rc\r\n\r\n", 400),
    "NUL in a value": (POST + b"X-A: b\0c\r\n\r\n", 400),
    "NUL in a name": (POST + b"X\0A: b\r\n\r\n", 400),
    "NUL in the target": (b"GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "a header without a colon": (POST + b"Authorization Bearer\r\n\r\n", 400),
    "an empty header name": (POST + b": b\r\n\r\n", 400),
    "two hosts": (POST + b"Host: y\r\n\r\n", 400),
    "no host": (b"GET / HTTP/1.1\r\nX-A: b\r\n\r\n", 400),
    "two types of content": (POST + b"Content-Type: a/b\r\nContent-Type: c/d\r\n\r\n", 400),
    "HTTP/0.9": (b"GET /\r\n\r\n", 400),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "HTTP/1.10": (b"GET / HTTP/1.10\r\nHost: x\r\n\r\n", 400),
    "a method in lower case": (b"get / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "two spaces": (b"GET  / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "a relative target": (b"GET index HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "an expectation": (POST + b"Expect: the-unexpected\r\n\r\n", 417),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00", 400),
    "nothing but empty lines": (b"\r\n\r\n", 400),
    "a chunk without a size": (CHUNKED + b"\r\nhello\r\n0\r\n\r\n", 400),
    "a chunk of no number": (CHUNKED + b"5g\r\nhello\r\n0\r\n\r\n", 400),
    "a chunk of a signed size": (CHUNKED + b"+5\r\nhello\r\n0\r\n\r\n", 400),
    "a chunk of hexadecimal notation": (CHUNKED + b"0x5\r\nhello\r\n0\r\n\r\n", 400),
    "a chunk with a space before": (CHUNKED + b" 5\r\nhello\r\n0\r\n\r\n", 400),
    "a chunk that is longer than it says": (CHUNKED + b"4\r\nhello\r\n0\r\n\r\n", 400),
    "a chunk that ends with LF": (CHUNKED + b"5\nhello\n0\n\n", 400),
    "a chunk of more than anybody has": (CHUNKED + b"1" + b"0" * 16 + b"\r\n{}\r\n0\r\n\r\n", 400),
    "an endless chunk size": (CHUNKED + b"0" * 10_000, 400),
    "a length in the trailer": (CHUNKED + b"0\r\nContent-Length: 5\r\n\r\n", 400),
    "a token in the trailer": (CHUNKED + b"0\r\nAuthorization: x\r\n\r\n", 400),
    "too many trailers": (CHUNKED + b"0\r\n" + b"X-A: b\r\n" * 200, 431),
    "more chunks than anybody needs": (CHUNKED + b"1\r\nx\r\n" * (CHUNKS + 1), 400),
    "a long target": (b"GET /" + b"a" * 5_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414),
    "a long header": (POST + b"X-A: " + b"b" * 20_000 + b"\r\n\r\n", 431),
    "200 KB of headers": (POST + b"X-A: bbbbbbbbbbbbbbbbbbbb\r\n" * 8_000 + b"\r\n", 431),
    "a head without an end": (POST + b"X-A: " + b"b" * HEAD_BYTES, 431),
    "more headers than are read": (POST + b"X-A: b\r\n" * 150 + b"\r\n", 431),
}


@pytest.mark.parametrize(("data", "status"), REFUSED.values(), ids=REFUSED)
def test_what_is_ambiguous_or_too_much_is_refused(data: bytes, status: int) -> None:
    assert refused(data).status == status


def test_a_limit_on_chunks_lets_ordinary_small_ones_pass() -> None:
    (received,) = fed(CHUNKED + b"1\r\nx\r\n" * LIMIT + b"0\r\n\r\n", 4096)
    assert received.body == b"x" * LIMIT


@pytest.mark.parametrize("name", ["NUL in a value", "a header without a colon", "a chunk of no number"])
def test_a_refusal_quotes_nothing(name: str) -> None:
    error = refused(REFUSED[name][0])
    assert error.reason.isalpha()
    assert b"Bearer" not in refusals.message(error.status, "an-id")


def test_a_refusal_is_an_outcome_with_a_request_id_that_ends_the_connection() -> None:
    head, _, body = refusals.message(408, "an-id").partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    assert b"Connection: close" in head
    assert b"X-Request-Id: an-id" in head
    assert f"Content-Length: {len(body)}".encode() in head
    assert b'"code": "timeout"' in body
    assert b"Request id: an-id" in body


def test_settings_are_taken_as_they_are_and_what_is_computed_from_them_is_there() -> None:
    cfg = Config()
    cfg.set("limit_request_fields", 7)
    settled = Settled(cfg)
    assert len(cfg.settings) > 50
    for name in cfg.settings:
        assert getattr(settled, name) == getattr(cfg, name), name
    assert settled.limit_request_fields == 7
    assert not settled.is_ssl
    assert settled.forwarded_allow_networks() == cfg.forwarded_allow_networks()
    assert not hasattr(settled, "no_such_setting")
