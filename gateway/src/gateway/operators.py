"""Who may see the pages for operators: whoever knows the secret, and in a try-out this machine.

The secret is in the file that OPERATOR_TOKEN_FILE names, one a line: while it is changed, the old one and the new one
are good.
"""

import hmac
from collections.abc import Sequence
from typing import Final

from gateway import refusals
from gateway.auth import is_loopback

MIN_CHARS: Final = 32


def check(authorization: str | None, peer: str | None, known: Sequence[bytes], *, try_out: bool) -> None:
    """Let an operator pass.

    Args:
        authorization: the Authorization header, None if there is none.
        peer: the address of the socket's other end.
        known: the secrets.
        try_out: whether calls from this machine need none.

    Raises:
        Problem: 401 without a right secret, 404 if there is none, 403 if a try-out is called from elsewhere.
    """
    if _is_known(authorization or "", known):
        return
    if try_out and authorization is None:
        if is_loopback(peer):
            return
        raise refusals.loopback_only()
    raise refusals.operators_only() if known else refusals.operators_off()


def _is_known(authorization: str, known: Sequence[bytes]) -> bool:
    scheme, _, sent = authorization.strip().partition(" ")
    given = sent.strip().encode("utf-8", "surrogatepass")
    # Every secret is compared, so that the time tells nothing about which one fits.
    right = [hmac.compare_digest(given, secret) for secret in known]
    return scheme.lower() == "bearer" and any(right)
