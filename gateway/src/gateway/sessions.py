"""The cookie that a browser gets once an operator has signed in. Nothing is kept for it on this side.

It is signed with a key derived from the very secret that was typed: every replica that knows the secret knows the
cookie, and taking the secret out of the file ends it. It says when it was made and nothing else.
"""

import hashlib
from collections.abc import Sequence
from typing import Final

from flask import Response
from itsdangerous import BadSignature, TimestampSigner

LASTS_S: Final = 3_600
LEEWAY_S: Final = 120
"""How far the clock of the replica that made a cookie may be ahead of ours."""
_SALT: Final = b"dystonia-cds operator session"
_SAID: Final = b"operator"
_NAME: Final = "dystonia-cds-operator"


def begun(secret: bytes) -> str:
    """A cookie's value for whoever knows `secret`."""
    return _signer([secret]).sign(_SAID).decode("ascii")


def holds(cookie: str, known: Sequence[bytes], now: float) -> bool:
    """Whether one of the secrets in `known` has signed `cookie`, not longer ago than a session lasts.

    Args:
        cookie: its value, as it came.
        known: the secrets in force; none: nothing holds.
        now: the moment, in seconds since 1970.
    """
    if not known:
        return False
    try:
        said, at = _signer(known).unsign(cookie.encode("ascii", "replace"), return_timestamp=True)
    except BadSignature:
        return False
    return said == _SAID and -LEEWAY_S <= now - at.timestamp() < LASTS_S


def name(*, secure: bool) -> str:
    """What the cookie is called. Under https no other host, no subdomain and no plain page can set one of this name."""
    return f"__Host-{_NAME}" if secure else _NAME


def give(response: Response, cookie: str, *, secure: bool) -> None:
    """Have the browser keep `cookie`, away from scripts, from other sites, and under https from plain connections."""
    response.set_cookie(
        name(secure=secure), cookie, max_age=LASTS_S, path="/", secure=secure, httponly=True, samesite="Strict"
    )


def take(response: Response, *, secure: bool) -> None:
    """Have the browser forget the cookie."""
    response.delete_cookie(name(secure=secure), path="/", secure=secure, httponly=True, samesite="Strict")


def _signer(secrets: Sequence[bytes]) -> TimestampSigner:
    return TimestampSigner(list(secrets), salt=_SALT, key_derivation="hmac", digest_method=hashlib.sha256)
