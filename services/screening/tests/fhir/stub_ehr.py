"""An EHR's FHIR server on loopback that answers as scripted, and notes every request that reaches it."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

FHIR_JSON = "application/fhir+json"


@dataclass(frozen=True)
class Asked:
    """A request: `path` below the base, `params` of the query or the form."""

    method: str
    path: str
    params: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    target: str
    peer: int = 0

    def param(self, name: str) -> str:
        return dict(self.params).get(name, "")


@dataclass(frozen=True)
class Reply:
    """An answer; `raw` is written as it is and the connection is closed; `wait` seconds pass before anything."""

    status: int = 200
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    wait: float = 0.0
    raw: bytes | None = None


Answers = Callable[[Asked], Reply]


class Stub:
    """The running server. `asked` grows with every request; `answers` may be replaced at any time."""

    def __init__(self, answers: Answers, path: str) -> None:
        self.answers, self.path = answers, path
        self.asked: list[Asked] = []
        self.open = threading.Event()
        stub = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, *args: Any) -> None:
                del args

            def do_GET(self) -> None:
                self._do("")

            def do_POST(self) -> None:
                self._do(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())

            def _do(self, form: str) -> None:
                parts = urlsplit(self.path)
                pairs = tuple(parse_qsl(form or parts.query, keep_blank_values=True))
                path = parts.path.removeprefix(stub.path).lstrip("/")
                peer = self.client_address[1]
                told = Asked(self.command, path, pairs, dict(self.headers), self.path, peer)
                stub.asked.append(told)
                reply = stub.answers(told)
                until = time.monotonic() + reply.wait
                while time.monotonic() < until and not stub.open.wait(0.02):
                    pass
                try:
                    self._write(reply)
                except OSError:
                    self.close_connection = True

            def _write(self, reply: Reply) -> None:
                if reply.raw is not None:
                    self.wfile.write(reply.raw)
                    self.close_connection = True
                    return
                body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
                self.send_response(reply.status)
                for name, value in {"Content-Type": FHIR_JSON, "Content-Length": len(body), **reply.headers}.items():
                    self.send_header(name, str(value))
                self.end_headers()
                self.wfile.write(body)

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128  # a dozen searches come at once

        self.server = Server(("127.0.0.1", 0), Handler)
        self.base = f"http://127.0.0.1:{self.server.server_port}{path}"

    def paths(self) -> list[str]:
        return [f"{one.method} {one.path}" for one in self.asked]


@contextmanager
def running(answers: Answers, path: str = "/fhir") -> Iterator[Stub]:
    stub = Stub(answers, path)
    thread = threading.Thread(target=stub.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield stub
    finally:
        stub.open.set()
        stub.server.shutdown()
        stub.server.server_close()
        thread.join(5)


def searchset(*resources: Any, next_url: str = "", **more: Any) -> dict[str, Any]:
    """A searchset Bundle."""
    made: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset", **more}
    if resources:
        made["entry"] = [{"resource": one} for one in resources]
    if next_url:
        made["link"] = [{"relation": "next", "url": next_url}]
    return made
