"""One HTTP answer of a FHIR server, judged: what it came to, its JSON within bounds, and whether it goes on.

Nothing of an answer, a URL or a token is ever part of an error or a log line.
"""

import ssl
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import aiohttp
import msgspec
from msgspec import Raw

from screening.fhir import outcomes
from screening.fhir.addresses import NotPublicError
from screening.fhir.shapes import Link
from screening.slices import NOTHING, UNREADABLE, field, listed

LARGEST_PAGE: Final = 5_000_000
"""Bytes of one page, after decompression."""
DEFAULT_QUIET_S: Final = 5.0
"""How long a host is left alone that had too many requests and does not say for how long."""

_CHUNK: Final = 65_536
_GZIP: Final = 31
_OUTCOMES: Final = {
    401: outcomes.UNAUTHORIZED,
    403: outcomes.FORBIDDEN,
    404: outcomes.NOT_FOUND,
    410: outcomes.GONE,
    429: outcomes.THROTTLED,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What one request came to.

    Attributes:
        outcome: `delivered` when there is a body, else why there is none.
        status: of the answer; 0 when there was none.
        body: JSON of a whole resource.
        link: the next page as the server gave it; empty when there is none.
        entries: of the bundle; 0 for a single resource.
        quiet_s: for how long the server wants to be left alone.
        stale: the server closed the connection without a word; it may have been an old one.
    """

    outcome: str
    status: int = 0
    body: bytes = b""
    link: str = ""
    entries: int = 0
    quiet_s: float = 0.0
    stale: bool = False

    @property
    def proper(self) -> bool:
        """Whether the server works, whatever it thinks of this request."""
        return 200 <= self.status < 500 and self.outcome not in (outcomes.UNREADABLE, outcomes.TOO_LARGE)


class _Head(msgspec.Struct, gc=False):
    resourceType: str = ""  # noqa: N815 - wire spelling
    link: Raw = NOTHING
    entry: Raw = NOTHING


_HEAD: Final = msgspec.json.Decoder(_Head)


async def judged(response: aiohttp.ClientResponse) -> Answer:
    """An answer whose status and headers have arrived."""
    status = response.status
    if status != 200:
        return Answer(_refusal(status), status, quiet_s=_quiet(status, response.headers.get("Retry-After", "")))
    if "json" not in response.content_type:
        return Answer(outcomes.UNREADABLE, status)
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip"):
        return Answer(outcomes.UNREADABLE, status)
    body = await _whole(response, zipped=encoding == "gzip")
    if body is None:
        return Answer(outcomes.TOO_LARGE, status)
    try:
        if not body.isascii():
            body.decode()  # what is passed over unread is not looked at by the parser
        head = _HEAD.decode(body)
    except UNREADABLE:
        return Answer(outcomes.UNREADABLE, status)
    if not head.resourceType:
        return Answer(outcomes.UNREADABLE, status)
    link = next((field(one.url, str) or "?" for one in listed(head.link, Link) if one.leads_on), "")
    return Answer(outcomes.DELIVERED, status, body, link, len(field(head.entry, list[Raw]) or ()))


def failed(error: BaseException) -> Answer:
    """What a request came to that got no answer."""
    if isinstance(error, aiohttp.ClientConnectorDNSError) and isinstance(error.os_error, NotPublicError):
        return Answer(outcomes.NOT_PUBLIC)
    if isinstance(error, aiohttp.ClientSSLError | ssl.SSLError):
        return Answer(outcomes.NOT_TRUSTED)
    if isinstance(error, TimeoutError):
        return Answer(outcomes.LATE)
    if isinstance(error, aiohttp.ClientPayloadError | aiohttp.ClientResponseError | zlib.error):
        return Answer(outcomes.UNREADABLE)
    stale = isinstance(error, aiohttp.ServerDisconnectedError | aiohttp.ClientOSError)
    return Answer(outcomes.UNREACHABLE, stale=stale and not isinstance(error, aiohttp.ClientConnectorError))


async def _whole(response: aiohttp.ClientResponse, *, zipped: bool) -> bytes | None:
    """The body, unpacked; None when it is larger than we read.

    Raises:
        aiohttp.ClientPayloadError: it broke off.
        zlib.error: it is not what its Content-Encoding says.
    """
    if (response.content_length or 0) > LARGEST_PAGE:
        return None
    unpacking = zlib.decompressobj(_GZIP) if zipped else None
    parts: list[bytes] = []
    room = LARGEST_PAGE
    async for chunk in response.content.iter_chunked(_CHUNK):
        part = unpacking.decompress(chunk, room + 1) if unpacking is not None else chunk
        room -= len(part)
        if room < 0:
            return None
        parts.append(part)
    if unpacking is not None and not unpacking.eof:
        raise aiohttp.ClientPayloadError
    return b"".join(parts)


def _refusal(status: int) -> str:
    if status in _OUTCOMES:
        return _OUTCOMES[status]
    if 300 <= status < 400:
        return outcomes.REDIRECTED
    if 400 <= status < 500:
        return outcomes.REFUSED
    return outcomes.SERVER_ERROR if status >= 500 else outcomes.UNREADABLE


def _quiet(status: int, said: str) -> float:
    """Seconds for which a server that is too busy wants to be left alone; 0 for others."""
    if status not in (429, 503):
        return 0.0
    if said.strip().isdecimal() and len(said) < 10:
        return float(said)
    try:
        moment = parsedate_to_datetime(said)
        told = (moment - datetime.now(UTC)).total_seconds()
    except (TypeError, ValueError):
        return DEFAULT_QUIET_S if status == 429 else 0.0
    return max(told, 0.0)
