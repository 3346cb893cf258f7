"""Fetch a JWK Set: from exactly the address that an operator has written down, and believing nothing but its JSON.

No redirect is followed; no proxy, cookie or password of the environment is used; nothing of the token that made us
look is sent. Size and time are bounded: a server that sends a byte now and then is cut off like one that sends none.
The address is https, or http on this machine; the clients file is refused otherwise.
"""

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any, Final
from urllib.parse import urlsplit

import jiter

from gateway.keys import Unfetchable

CONNECT_S: Final = 1.0
TOTAL_S: Final = 2.0
"""For everything after the connection stands."""

MAX_BYTES: Final = 262_144
_HEADERS: Final = {
    "Accept": "application/jwk-set+json, application/json",
    "Accept-Encoding": "identity",
    "Connection": "close",
    "User-Agent": "dystonia-cds",
}


def fetch(url: str, tls: ssl.SSLContext) -> Any:
    """The JSON document at `url`.

    Args:
        url: http or https.
        tls: whom to believe to be the host of an https URL.

    Raises:
        Unfetchable: there is none to be had within the bounds; the text says why.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port
    connection = (
        HTTPSConnection(host, port, timeout=CONNECT_S, context=tls)
        if parts.scheme == "https"
        else HTTPConnection(host, port, timeout=CONNECT_S)
    )
    try:
        with contextlib.closing(connection):
            connection.connect()
            with _cut_off(connection.sock):
                connection.request("GET", parts.path or "/", headers=_HEADERS)
                body = _body(connection.getresponse())
    except ssl.SSLError as error:
        raise Unfetchable("the TLS certificate of its host is not trusted") from error
    except OSError as error:
        raise Unfetchable("its host does not answer in time") from error
    except (HTTPException, ValueError) as error:
        raise Unfetchable("its host does not answer with proper HTTP") from error
    try:
        return jiter.from_json(body, allow_inf_nan=False, catch_duplicate_keys=True)
    except ValueError as error:
        raise Unfetchable("it is not JSON, or has a member twice") from error


@contextlib.contextmanager
def _cut_off(sock: socket.socket) -> Iterator[None]:
    """Whatever still waits for this socket after `TOTAL_S` seconds is woken by its end, and fails with TimeoutError."""
    is_late = threading.Event()

    def end() -> None:
        is_late.set()
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)

    sock.settimeout(TOTAL_S)
    timer = threading.Timer(TOTAL_S, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        if is_late.is_set():
            raise TimeoutError


def _body(response: HTTPResponse) -> bytes:
    if 300 <= response.status < 400:
        raise Unfetchable("its host answers with a redirection, which is not followed")
    if response.status != 200:
        raise Unfetchable(f"its host answers with status {response.status}")
    if response.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
        raise Unfetchable("it is compressed, though that was not asked for")
    body = response.read(MAX_BYTES + 1)
    if len(body) > MAX_BYTES:
        raise Unfetchable(f"it is larger than {MAX_BYTES:,} bytes")
    if response.length:
        raise Unfetchable("it breaks off")
    return body
