"""The stack under test: either the one at `CDS_BASE_URL`, or our own three services in threads on loopback."""

import secrets
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import requests
from werkzeug.serving import WSGIRequestHandler, make_server

from chassis.start import worker_ended

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
LOOPBACK: Final = "127.0.0.1"


@dataclass(frozen=True)
class Stack:
    """Base URLs without a trailing slash.

    Attributes:
        gateway: the public door.
        screening: the service behind it; empty when only the public door is known.
        content: likewise.
        ours: whether the services run in this process, so that their logs can be read.
        internal_keys: secrets with which the services behind the door can be called directly.
    """

    gateway: str
    screening: str
    content: str
    ours: bool
    internal_keys: tuple[bytes, ...] = field(default=(), repr=False)


class _Quiet(WSGIRequestHandler):
    """Speaks HTTP/1.1, so that connections stay open as in production, and writes no access log of its own."""

    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: Any) -> None:
        del type, message, args


class Served:
    """A WSGI server on a free loopback port whose app may come after its address is known."""

    def __init__(self) -> None:
        self._app: WsgiApp | None = None
        self._server = make_server(LOOPBACK, 0, self._call, threaded=True, request_handler=_Quiet)
        self.port: Final[int] = self._server.server_port
        self.url: Final = f"http://{LOOPBACK}:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def _call(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        assert self._app is not None, "called before it was started"
        return self._app(environ, start_response)

    def start(self, app: WsgiApp) -> None:
        """Serve `app` from now on."""
        self._app = app
        self._thread.start()

    def close(self) -> None:
        """Stop serving and give the port back."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join(timeout=5)
        self._server.server_close()
        worker_ended(self._app)


@contextmanager
def served(app: WsgiApp | None = None) -> Iterator[Served]:
    """A server, closed at the end; started at once when `app` is given."""
    server = Served()
    try:
        if app is not None:
            server.start(app)
        yield server
    finally:
        server.close()


def gateway_app(environ: Mapping[str, str]) -> WsgiApp:
    """A gateway with these settings."""
    from gateway import app, settings  # noqa: PLC0415 - a stack elsewhere needs none of them here

    return app.create_app(settings.load(dict(environ)))


@contextmanager
def own_stack(state_dir: Path, further: Mapping[str, str] | None = None) -> Iterator[Stack]:
    """Content, screening and gateway of this checkout, in try-out mode, until the end of the block.

    `further` settings are given to all three.
    """
    from content import app as content_app  # noqa: PLC0415 - a stack elsewhere needs none of them here
    from content import settings as content_settings  # noqa: PLC0415 - a stack elsewhere needs none of them here
    from screening import app as screening_app  # noqa: PLC0415 - a stack elsewhere needs none of them here
    from screening import settings as screening_settings  # noqa: PLC0415 - a stack elsewhere needs none of them here

    with ExitStack() as block:
        texts, rules, door = (block.enter_context(served()) for _ in range(3))
        internal = _secret(state_dir, "internal.key")
        common = {
            "DEPLOYMENT": "try-out",
            "STATE_DIR": str(state_dir),
            "IDENTITY_KEY_FILE": str(_secret(state_dir, "identity.key")),
            "INTERNAL_KEY_FILE": str(internal),
            "GATEWAY_PORT": str(door.port),
            "SCREENING_PORT": str(rules.port),
            "CONTENT_PORT": str(texts.port),
            "CONTENT_URL": texts.url,
            "UPSTREAMS": f"screening={rules.url}",
            "PUBLIC_URL": door.url,
            **(further or {}),
        }
        texts.start(content_app.create_app(content_settings.load(common)))
        rules.start(screening_app.create_app(screening_settings.load(common)))
        door.start(gateway_app(common))
        for server in (texts, rules, door):
            _wait_until_ready(server.url)
        keys = (internal.read_bytes(),)
        yield Stack(gateway=door.url, screening=rules.url, content=texts.url, ours=True, internal_keys=keys)


def _secret(folder: Path, name: str) -> Path:
    path = folder / name
    path.write_text(secrets.token_hex(32), "utf-8")
    path.chmod(0o600)
    return path


def _wait_until_ready(url: str, seconds: float = 15.0) -> None:
    step = 0.1
    for _ in range(int(seconds / step)):
        if requests.get(f"{url}/readyz", timeout=5).status_code == requests.codes.ok:
            return
        threading.Event().wait(step)
    raise AssertionError(f"not ready after {seconds} s: {requests.get(f'{url}/readyz', timeout=5).text}")
