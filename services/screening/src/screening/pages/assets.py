"""GET /pages-assets/{name}: the style sheets, scripts and pictures of our pages, as they are in the folder beside this.

Public reading. An address with the version of what is there now may be kept for a day; any other is asked for anew.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from flask import Blueprint, Response, request

from chassis.problems import Problem

FOLDER: Final = Path(__file__).parent / "assets"
_TYPES: Final[Mapping[str, str]] = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
"""What is served; any other file in the folder is there for readers of the source."""
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}
_KEPT: Final = "public, max-age=86400"
_ALWAYS_ASK: Final = "no-cache"
_VERSION_LENGTH: Final = 12


@dataclass(frozen=True, slots=True)
class _Asset:
    body: bytes
    content_type: str
    etag: str

    @property
    def version(self) -> str:
        return self.etag[:_VERSION_LENGTH]


def blueprint() -> Blueprint:
    """The route. All files are read here, once."""
    views = Blueprint("assets", __name__)
    there = _read()

    @views.get("/pages-assets/<path:name>")
    def asset(name: str) -> Response:
        """One file."""
        if name not in there:
            raise Problem(404, "There is no such file.")
        one = there[name]
        response = Response(one.body, headers=_HEADERS)
        response.headers["Content-Type"] = one.content_type
        response.headers["Cache-Control"] = _KEPT if request.args.get("v") == one.version else _ALWAYS_ASK
        response.set_etag(one.etag)
        response.make_conditional(request)
        return response

    return views


def address(name: str, depth: int) -> str:
    """Where a page finds a file.

    Args:
        name: of the file in the folder, with `/` between segments.
        depth: how many segments the page's address has after the first.

    Raises:
        KeyError: there is no such file.
    """
    return f"{'../' * depth}pages-assets/{name}?v={_read()[name].version}"


@cache
def _read() -> Mapping[str, _Asset]:
    found: dict[str, _Asset] = {}
    for path in sorted(FOLDER.rglob("*")):
        if path.suffix in _TYPES and path.is_file():
            body = path.read_bytes()
            etag = hashlib.sha256(body).hexdigest()[:32]
            found[path.relative_to(FOLDER).as_posix()] = _Asset(body, _TYPES[path.suffix], etag)
    return found
