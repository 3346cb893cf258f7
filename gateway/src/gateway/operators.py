"""Who may see the pages for operators: whoever knows the secret, and in a try-out this machine.

The secret is in the file that OPERATOR_TOKEN_FILE names, one a line: while it is changed, the old one and the new one
are good. A program sends it with each request; a browser shows the cookie that it got when the secret was typed in.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from chassis.problems import Problem
from gateway import refusals, sessions
from gateway.auth import is_loopback

MIN_CHARS: Final = 32


@dataclass(frozen=True)
class Shown:
    """What a request shows of who makes it.

    Attributes:
        authorization: the Authorization header, None if there is none.
        session: the cookie of a session, None if there is none.
        peer: the address of the socket's other end.
    """

    authorization: str | None = field(default=None, repr=False)
    session: str | None = field(default=None, repr=False)
    peer: str | None = None


def check(shown: Shown, known: Sequence[bytes], now: float, *, try_out: bool) -> None:
    """Let an operator pass. A wrong secret does not pass, whatever cookie comes with it.

    Args:
        shown: what the request shows.
        known: the secrets.
        now: the moment, in seconds since 1970.
        try_out: whether calls from this machine need none.

    Raises:
        Problem: 401 without a right secret, 404 if there is none, 403 if a try-out is called from elsewhere.
    """
    if shown.authorization is not None:
        scheme, _, sent = shown.authorization.strip().partition(" ")
        if scheme.lower() == "bearer" and found(sent, known) is not None:
            return
    elif shown.session is not None and sessions.holds(shown.session, known, now):
        return
    elif try_out:
        if is_loopback(shown.peer):
            return
        raise refusals.loopback_only()
    raise refusals.operators_only() if known else refusals.operators_off()


def is_one(shown: Shown, known: Sequence[bytes], now: float, *, try_out: bool) -> bool:
    """Whether this is an operator, where others may read, too."""
    try:
        check(shown, known, now, try_out=try_out)
    except Problem:
        return False
    return True


def found(sent: str, known: Sequence[bytes]) -> bytes | None:
    """The secret that was sent, if it is one; None if it is not."""
    given = sent.strip().encode("utf-8", "surrogatepass")
    # Every secret is compared, so that the time tells nothing about which one fits.
    right = [hmac.compare_digest(given, secret) for secret in known]
    return next((secret for secret, fits in zip(known, right, strict=True) if fits), None)
