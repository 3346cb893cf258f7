"""Cross-origin calls from browsers: which origins may read our answers, on every answer, refusals included.

A preflight carries no token, and a refused call has no known caller: any listed origin may read those answers. Once a
call's client is known, only that client's own origins may: a page of one hospital must not use another's token.
Origins are compared character by character; browsers write them in one way only.
"""

from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from flask import Flask, Response, g, request

from gateway.addresses import LOOPBACK
from gateway.clients import Client
from gateway.registry import Registry
from gateway.settings import Settings

_METHODS: Final = "GET, POST, OPTIONS"
_ALWAYS: Final = ("authorization", "content-type")
_ON_REQUEST: Final = frozenset(
    {"accept", "accept-language", "cache-control", "if-none-match", "prefer", "x-request-id"}
)
_EXPOSED: Final = "ETag, Retry-After, Server-Timing, WWW-Authenticate, X-Request-Id"
_MAX_AGE_S: Final = 600


def allowed_by(settings: Settings, registry: Registry) -> Callable[[str], bool]:
    """Tells whether an Origin header names an origin that may read the answer to the present request.

    In try-out this machine may, on any port, besides the listed ones.
    """

    def allowed(origin: str) -> bool:
        if settings.try_out and _is_loopback(origin):
            return True
        own: frozenset[str] | None = g.get("client_origins")
        if own is not None:
            return origin in own
        return origin in settings.origins or origin in registry.current().origins

    return allowed


def narrow(client: Client | None) -> None:
    """From here on the present request is this client's, and only its origins may read the answer; None: anybody's."""
    g.client_origins = client.origins if client else None


def install(app: Flask, allowed: Callable[[str], bool]) -> None:
    """Answer preflights, and say on every answer which origin may read it."""

    @app.before_request
    def preflight() -> Response | None:
        """OPTIONS is answered here for every address and without asking who calls: browsers send no token."""
        return Response(status=204, headers={"Allow": _METHODS}) if request.method == "OPTIONS" else None

    @app.after_request
    def name_origin(response: Response) -> Response:
        response.vary.add("Origin")
        origin = request.headers.get("Origin")
        if not origin or not allowed(origin):
            return response
        response.headers["Access-Control-Allow-Origin"] = origin
        if request.method == "OPTIONS":
            response.vary.add("Access-Control-Request-Headers")
            response.headers["Access-Control-Allow-Methods"] = _METHODS
            response.headers["Access-Control-Allow-Headers"] = ", ".join((*_ALWAYS, *_asked()))
            response.headers["Access-Control-Max-Age"] = str(_MAX_AGE_S)
        else:
            response.headers["Access-Control-Expose-Headers"] = _EXPOSED
        return response


def _asked() -> list[str]:
    """The headers of our list that the browser asks for."""
    asked = request.headers.get("Access-Control-Request-Headers", "")
    return sorted({name.strip().lower() for name in asked.split(",")} & _ON_REQUEST)


def _is_loopback(origin: str) -> bool:
    try:
        url = urlsplit(origin)
        port = url.port
    except ValueError:
        return False
    host = f"[{url.hostname}]" if url.hostname and ":" in url.hostname else url.hostname
    plain = f"{url.scheme}://{host}" + (f":{port}" if port is not None else "")
    return url.scheme in ("http", "https") and url.hostname in LOOPBACK and origin == plain
