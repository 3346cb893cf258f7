"""Servers around the stack: an EHR that notes what it is asked, one that publishes keys, and doors nobody may knock at.

All of them listen on loopback addresses and free ports, in threads of this process.
"""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import urlsplit

from contract.deployed import LOOPBACK, free_ports

from tryout.record import read_record
from tryout.search import SearchRefused, search

HUGE: Final = 60_000_000
_PIECE: Final = b" " * 65_536
_DRIPS: Final = 40
_DRIP_S: Final = 0.5


@dataclass(frozen=True)
class Asked:
    """A request that a trap has seen."""

    path: str
    authorization: str = field(repr=False)


@dataclass
class Seen:
    """What has come to the traps.

    Attributes:
        forbidden: each connection to a place where nobody may go, as `address:port` or path.
        asked: requests to the EHR.
        keys: requests for published keys.
    """

    forbidden: list[str] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)

    def clear(self) -> None:
        """Forget everything."""
        for one in (self.forbidden, self.asked, self.keys):
            one.clear()


@dataclass
class Traps:
    """All traps.

    Attributes:
        seen: what has come.
        ehr: port of the EHR, on 127.0.0.1 only.
        other: port on which nobody may connect: 127.0.0.1, 127.0.0.2 and ::1.
        publisher: port of the server with published keys, on 127.0.0.1 only.
        closed: a port on which nobody listens.
        published: path -> the key set that is published there; None: the server answers 503.
    """

    seen: Seen
    ehr: int
    other: int
    publisher: int
    closed: int
    published: dict[str, Mapping[str, Any] | None]

    def base(self, name: str) -> str:
        """The base URL of the EHR that behaves in this way."""
        return f"http://{LOOPBACK}:{self.ehr}/{name}"

    def keys_at(self, path: str) -> str:
        """The address of a key set."""
        return f"http://{LOOPBACK}:{self.publisher}{path}"


@contextlib.contextmanager
def traps(chart: Mapping[str, Any], words: str) -> Iterator[Traps]:
    """The traps, until the end of the block.

    Args:
        chart: FHIR Bundle that the EHR holds.
        words: what the EHR says where it refuses.
    """
    seen = Seen()
    with contextlib.ExitStack() as block:
        other = _forbidden(block, seen)
        published: dict[str, Mapping[str, Any] | None] = {}
        closed = free_ports(1)[0]
        publisher = block.enter_context(_serve(_publisher(seen, published, other)))
        ehr_port = block.enter_context(_serve(_ehr(seen, chart, words, other)))
        for host in ("127.0.0.2", "::1"):
            block.enter_context(_watched(seen, host, ehr_port))
        yield Traps(seen, ehr_port, other, publisher, closed, published)


def _forbidden(block: contextlib.ExitStack, seen: Seen) -> int:
    """A port that is watched on three loopback addresses."""
    port = free_ports(1)[0]
    for host in (LOOPBACK, "127.0.0.2", "::1"):
        block.enter_context(_watched(seen, host, port))
    return port


@contextlib.contextmanager
def _watched(seen: Seen, host: str, port: int) -> Iterator[None]:
    """Note every connection to this place, and answer nothing."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=16)
    except OSError:
        if host == LOOPBACK:
            raise
        yield  # this machine does not have the address
        return
    listener.settimeout(0.2)
    ended = threading.Event()

    def watch() -> None:
        while not ended.is_set():
            with contextlib.suppress(OSError):
                connection, _ = listener.accept()
                seen.forbidden.append(f"{host}:{port}")
                connection.close()

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(timeout=2)
        listener.close()


@contextlib.contextmanager
def _serve(answer: "Callable[[_Handler, str, str], None]") -> Iterator[int]:
    """A web server on a free port of 127.0.0.1 that answers every request in this way."""
    server = ThreadingHTTPServer((LOOPBACK, 0), type("Handler", (_Handler,), {"reply": staticmethod(answer)}))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join(timeout=2)
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    reply: "Callable[[_Handler, str, str], None]"

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is written."""
        del format, args

    def do_GET(self) -> None:
        """A read, a search by address, or a key set."""
        self._answered(urlsplit(self.path).query)

    def do_POST(self) -> None:
        """A search by form."""
        self._answered(self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode())

    def _answered(self, query: str) -> None:
        with contextlib.suppress(OSError):
            self.reply(self, urlsplit(self.path).path, query)

    def say(self, status: int, document: object = None, **headers: str) -> None:
        """Answer with JSON."""
        body = b"" if document is None else json.dumps(document).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/fhir+json", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def pour(self, size: int, pause: float = 0.0) -> None:
        """Answer with a document that takes long to end."""
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        left = size
        while left > 0:
            self.wfile.write(_PIECE[: min(left, len(_PIECE))])
            left -= len(_PIECE)
            time.sleep(pause)


def _publisher(
    seen: Seen, published: Mapping[str, Mapping[str, Any] | None], other: int
) -> Callable[[_Handler, str, str], None]:
    def answer(handler: _Handler, path: str, query: str) -> None:
        del query
        seen.keys.append(path)
        if path == "/redirect.json":
            handler.say(302, None, Location=f"http://{LOOPBACK}:{other}/jwks.json")
        elif path == "/huge.json":
            handler.pour(HUGE)
        elif path == "/slow.json":
            handler.pour(_DRIPS, _DRIP_S)
        elif path == "/html.json":
            handler.say(200, "<html>")
        elif (document := published.get(path)) is not None:
            handler.say(200, document)
        else:
            handler.say(503)

    return answer


def _ehr(seen: Seen, chart: Mapping[str, Any], words: str, other: int) -> Callable[[_Handler, str, str], None]:
    record = read_record(chart)
    elsewhere = _next_links(other)

    def answer(handler: _Handler, path: str, query: str) -> None:
        seen.asked.append(Asked(path, handler.headers.get("Authorization", "")))
        _, base, *rest = path.split("/")
        wanted = "/".join(rest).removesuffix("/_search")
        if base == "outside":
            seen.forbidden.append(path)
            handler.say(200, {"resourceType": "Bundle", "type": "searchset"})
        elif base.startswith("redirect"):
            handler.say(int(base.removeprefix("redirect")), None, Location=f"http://{LOOPBACK}:{other}/fhir/{wanted}")
        elif base.startswith("says"):
            _refused(handler, base.removeprefix("says"), words)
        elif base == "huge" and "Condition" in wanted:
            handler.pour(HUGE)
        elif "/" in wanted:
            found = record.read(wanted)
            handler.say(200, found) if found else handler.say(404)
        else:
            _searched(handler, record, wanted, query, elsewhere.get(base))

    return answer


def _refused(handler: _Handler, how: str, words: str) -> None:
    """Answer with these words in every place that an EHR may fill: OperationOutcome, headers, text that is no JSON."""
    issue = {"severity": "error", "code": "exception", "details": {"text": words}, "diagnostics": words}
    outcome = {"resourceType": "OperationOutcome", "id": words, "issue": [issue]}
    if how.isdigit():
        handler.say(int(how), outcome, WWW_Authenticate=f'Bearer error="{words}"', Retry_After=words, X_Note=words)
    elif how == "outcome":
        handler.say(200, outcome)
    else:
        handler.say(200, f"<html>{words}", Content_Type=f"text/{words}")


def _searched(handler: _Handler, record: Any, wanted: str, query: str, link: str | None) -> None:
    try:
        bundle = search(record, f"{wanted}?{query}")
    except SearchRefused:
        handler.say(400)
        return
    if link:
        handled = link.format(port=handler.connection.getsockname()[1])
        bundle["link"] = [{"relation": "next", "url": handled}]
    handler.say(200, bundle)


def _next_links(other: int) -> dict[str, str]:
    """Base -> the next link that all searches there have. `{port}` is the EHR's own."""
    return {
        "next-port": f"http://{LOOPBACK}:{other}/next-port/Condition?page=2",
        "next-host": "http://127.0.0.2:{port}/next-host/Condition?page=2",
        "next-six": "http://[::1]:{port}/next-six/Condition?page=2",
        "next-relative": f"//{LOOPBACK}:{other}/next-relative/Condition?page=2",
        "next-user": f"http://{LOOPBACK}:{{port}}@{LOOPBACK}:{other}/next-user/Condition?page=2",
        "next-backslash": f"http://{LOOPBACK}:{other}\\@{LOOPBACK}:{{port}}/next-backslash/Condition?page=2",
        "next-file": "file:///etc/hostname",
        "next-above": "../outside/Condition?page=2",
        "next-outside": f"http://{LOOPBACK}:{{port}}/outside/Condition?page=2",
        "next-dots": f"http://{LOOPBACK}:{{port}}/next-dots/../outside/Condition?page=2",
        "next-escaped": f"http://{LOOPBACK}:{{port}}/next-escaped/%2e%2e/outside/Condition?page=2",
        "next-scheme": f"https://{LOOPBACK}:{{port}}/next-scheme/Condition?page=2",
    }


NEXT_BASES: Final = tuple(_next_links(0))
"""Bases of the EHR whose searches lead elsewhere."""

REDIRECT_BASES: Final = ("redirect301", "redirect302", "redirect307", "redirect308")

SPEAKING_BASES: Final = (
    *(f"says{status}" for status in (400, 401, 403, 404, 410, 422, 500, 503)),
    "saysoutcome",
    "saysgarbage",
    "says429",
)
"""Bases where the EHR refuses, in words of its own; last the one that has us wait before we ask again."""
