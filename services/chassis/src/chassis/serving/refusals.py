"""What is answered to a request that never becomes one for the application: too slow, unreadable, or too many."""

import json
import uuid
from http import HTTPStatus
from typing import Final

from chassis.logs import Log
from chassis.problems import MEDIA_TYPE, Problem

_LOGGED_AT_MOST: Final = 20

_WORDS: Final = {
    400: "The request is not well-formed HTTP/1.1; nothing in it was acted upon.",
    408: "The request did not arrive whole in time (settings REQUEST_HEAD_TIMEOUT_S and REQUEST_BODY_TIMEOUT_S). "
    "Send it in one go, on a new connection.",
    414: "The request line is too long: at most 4094 bytes.",
    417: "The only expectation that is understood is 100-continue.",
    431: "The request headers are too large: at most 100 of them, 32 KB each and 64 KB in all.",
    500: "The service failed on this request. The request id finds it in the service's log.",
    501: "The only transfer coding that is understood is chunked.",
    503: "The service has more to do than it can (settings QUEUE_TIMEOUT_S and MAX_HELD_BYTES). Try again in a moment.",
}  # fmt: skip
_STATUS: Final = {
    "LimitRequestLine": 414,
    "ExpectationFailed": 417,
    "LimitRequestHeaders": 431,
    "UnsupportedTransferCoding": 501,
}
"""Faults that gunicorn's parsers find, by the name that they have in all of them; all others are 400."""


class Refused(Exception):
    """A request that is answered without the application.

    Attributes:
        status: HTTP status, one of those that have words.
        reason: for the log, in one word of ours or of the parser; never what was sent.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


def unreadable(error: Exception) -> Refused:
    """The refusal for what gunicorn's parser found wrong."""
    return Refused(_STATUS.get(type(error).__name__, 400), type(error).__name__)


def message(status: int, request_id: str) -> bytes:
    """The whole HTTP answer: an OperationOutcome. The connection ends with it."""
    retry = {503: {"Retry-After": "1"}}.get(status, {})
    body = json.dumps(Problem(status, _WORDS[status]).outcome(request_id)).encode("ascii")
    headers = {
        "Connection": "close",
        "Content-Type": MEDIA_TYPE,
        "Content-Length": str(len(body)),
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "X-Request-Id": request_id,
    } | retry
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


class Notes:
    """What the log and the metrics are told of refusals: each one, until there are too many in a turn of the loop."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._logged = 0
        self._unlogged = 0

    def take(self, refused: Refused) -> str:
        """A request id under which the log has this refusal; a flood of them is only counted."""
        from chassis import metrics  # noqa: PLC0415 - after gunicorn's configuration has said where counts are kept

        request_id = uuid.uuid4().hex
        metrics.REFUSED_EARLY.add(str(refused.status), refused.reason)
        if self._logged < _LOGGED_AT_MOST:
            self._logged += 1
            self._log.warning(
                "request refused before the application",
                status=refused.status,
                reason=refused.reason,
                request_id=request_id,
            )
        else:
            self._unlogged += 1
        return request_id

    def turn_over(self) -> None:
        """Say how many were only counted, and begin anew."""
        if self._unlogged:
            self._log.warning("more requests refused before the application", count=self._unlogged)
        self._unlogged = self._logged = 0
