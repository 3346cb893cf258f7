"""The body of a request: taken in within its limit, and read once, strictly, as JSON.

Strict means that no two readers can see different things in it: no key twice in one object, no NaN or Infinity, no
half of a surrogate pair, nothing but UTF-8, nothing after the end, and no more than `limits.DEPTH` levels. The bytes
are passed on as they came; what is read here serves for checking and is forgotten after the call.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import jiter
from flask import request
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge

from chassis import shell
from gateway import limits
from gateway.limits import Limits
from gateway.problems import encoded, malformed, not_json_type, too_large

JSON_TYPE: Final = re.compile(r"application/(?:[A-Za-z0-9!#$&^_.-]+\+)?json", re.IGNORECASE)
_CHARSETS: Final = frozenset({"utf-8", "utf8", "us-ascii"})
_DISCARDED_AT_MOST: Final = 64_000_000
_BYTE_ORDER_MARKS: Final = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_POSITION: Final = re.compile(r" at line (\d+) column (\d+)\Z")
_WORDS: Final[Mapping[str, str]] = {
    "Detected duplicate key": "a key stands twice in one object",
    "recursion limit": f"it is nested deeper than {limits.DEPTH} levels",
    "EOF while": "it ends before it is complete",
    "trailing characters": "something follows after its end",
    "trailing comma": "a comma stands before the end of a list or an object",
    "invalid unicode": "it holds bytes that are not UTF-8",
    "hex escape": "an escape \\u is cut short or names half of a surrogate pair",
    "invalid escape": "a backslash in a string escapes nothing that JSON knows",
    "control character": "a control character stands in a string without an escape",
    "number out of range": "a number has too many digits",
    "invalid number": "a number is not written as JSON has it",
    "key must be a string": "a key must be a string in double quotes",
}
"""What the reader says, by a part of its message -> what we say. Only the first of these messages quotes a key."""

_NO_VALUE: Final = "it is not JSON (NaN, Infinity, comments and single quotes are not)"


def receive(limit: int) -> bytes:
    """The body of the request at hand, at most `limit` bytes. The shell's limit is one byte more, where it cuts off.

    Raises:
        Problem: 413 if it is larger, 400 if it breaks off.
    """
    announced = request.content_length or 0
    if announced > limit:
        _discard(announced)
        raise too_large(limit)
    try:
        return shell.body()
    except RequestEntityTooLarge as error:
        raise too_large(limit) from error
    except BadRequest as error:
        raise malformed("The request body ended before its announced length.") from error


def check_type() -> None:
    """See that the body of the request at hand says that it is plain JSON in UTF-8.

    Raises:
        Problem: 415.
    """
    charset = request.mimetype_params.get("charset", "utf-8").lower()
    if not JSON_TYPE.fullmatch(request.mimetype) or charset not in _CHARSETS:
        raise not_json_type()
    if request.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
        raise encoded()


def read(body: bytes, within: Limits) -> dict[str, Any]:
    """The JSON object in `body`.

    Raises:
        Problem: 400 with what is wrong and where, 413 if it holds too many objects and lists.
    """
    if not body:
        raise malformed("The request body is empty; it must be a JSON object.")
    if body.startswith(_BYTE_ORDER_MARKS):
        raise malformed("The request body begins with a byte order mark; it must be UTF-8 without one.")
    limits.check_size(body, within)
    try:
        # No string is cached: nothing of one call stays in memory for the next.
        document = jiter.from_json(body, allow_inf_nan=False, catch_duplicate_keys=True, cache_mode="none")
    except ValueError as error:
        raise malformed(_explained(str(error))) from error
    if not isinstance(document, dict):
        raise malformed("The request body must be a JSON object.")
    return document


def _explained(message: str) -> str:
    what = next((words for part, words in _WORDS.items() if part in message), _NO_VALUE)
    place = _POSITION.search(message)
    where = f" (line {place[1]}, column {place[2]} in bytes)" if place else ""
    return f"The request body cannot be read as JSON in UTF-8: {what}{where}."


def _discard(announced: int) -> None:
    """Take in a body that is too large and forget it: many clients send all of it before they read the answer."""
    left = min(announced, _DISCARDED_AT_MOST)
    while left > 0 and (piece := request.environ["wsgi.input"].read(min(left, 65_536))):
        left -= len(piece)
