"""Who may call a service inside: only our own, by a header signed under a shared secret.

The gateway is the only public door. What it has found out about a caller, it tells the services behind it in one
signed header; a service believes nothing else, and answers nobody without it. The signature covers the method and
the path, so that a header seen on one call opens no other, and a moment, so that it does not stay good.

The header is `v1.<claims>.<signature>`: the claims as JSON and the HMAC-SHA256 of `v1.<claims>`, both base64url
without padding. Claims: `by` (who signs), `at` (seconds since 1970), `to` (method and path), and from the gateway
`caller` (an object that only the gateway and the service called need to agree on).
"""

import base64
import binascii
import hmac
import json
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from flask import Flask, g, request
from marshmallow.validate import Length

from chassis.environment import Environment
from chassis.macs import mac
from chassis.problems import Problem

HEADER: Final = "Cds-Caller"
SETTING: Final = "INTERNAL_KEY"
LEEWAY_S: Final = 120
"""How far apart two of our machines' clocks may be, and for how long a signed header is good."""

_VERSION: Final = "v1"
_KEY_LENGTH: Final = 32
_OPEN: Final = frozenset({"/healthz", "/readyz"})
_LONGEST: Final = 8_000

Keys = Sequence[bytes]
"""Secrets: the first one signs, each of them verifies, so that they can be changed one machine after the other."""


def read_keys(env: Environment) -> tuple[bytes, ...]:
    """The keys in INTERNAL_KEY or in the file that INTERNAL_KEY_FILE names, one a line; faults are noted in `env`."""
    text = env.str(SETTING, validate=Length(min=_KEY_LENGTH))
    keys = tuple(line.strip().encode() for line in (text or "").splitlines() if line.strip())
    if any(len(key) < _KEY_LENGTH for key in keys):
        env.fault(SETTING, f"each line must hold a key of at least {_KEY_LENGTH} characters")
    return keys


def sign(
    keys: Keys, by: str, method: str, path: str, caller: Mapping[str, Any] | None = None, *, at: float | None = None
) -> str:
    """The header's value for one request.

    Args:
        keys: the first one signs.
        by: the service that makes the request.
        method: in capitals.
        path: of the address, without the query.
        caller: what the gateway knows of whoever called it.
        at: the moment in seconds since 1970; now when left out.
    """
    claims: dict[str, Any] = {"by": by, "at": int(time.time() if at is None else at), "to": f"{_method(method)} {path}"}
    if caller is not None:
        claims["caller"] = caller
    signed = f"{_VERSION}.{_encoded(json.dumps(claims, separators=(',', ':'), ensure_ascii=False).encode())}"
    return f"{signed}.{_encoded(_mac(keys[0], signed))}"


def verify(keys: Keys, header: str, method: str, path: str, *, at: float) -> dict[str, Any] | None:
    """The claims of a header that one of `keys` has signed for this request, at most `LEEWAY_S` ago; else None."""
    signed, _, signature = header.rpartition(".")
    version, _, claims = signed.partition(".")
    if version != _VERSION or len(header) > _LONGEST:
        return None
    try:
        given = _decoded(signature)
        # Every key is tried, so that the time tells nothing about which one fits.
        good = [hmac.compare_digest(_mac(key, signed), given) for key in keys]
        if not any(good):
            return None
        told = json.loads(_decoded(claims))
    except (ValueError, binascii.Error, RecursionError):
        return None
    if not isinstance(told, dict) or told.get("to") != f"{method} {path}":
        return None
    moment = told.get("at")
    if not isinstance(moment, int) or abs(at - moment) > LEEWAY_S:
        return None
    return told


def install(app: Flask, keys: Keys, by: Collection[str]) -> None:
    """Have `app` answer only requests that one of the services in `by` has signed; health is open.

    The claims of the request are then in `flask.g.claims`.

    Raises:
        ValueError: there is no key.
    """
    if not keys:
        raise ValueError("a service inside needs a key to know its own by")

    @app.before_request
    def known() -> None:
        g.claims = {}
        if request.path in _OPEN:
            return
        claims = verify(keys, request.headers.get(HEADER, ""), _method(request.method), request.path, at=time.time())
        if claims is None or claims.get("by") not in by:
            raise Problem(
                401,
                "This service answers only the gateway in front of it. Call the gateway's public address; if this is"
                " the gateway, see that INTERNAL_KEY_FILE holds the same key on both and that the clocks agree.",
            )
        g.claims = claims


def _method(method: str) -> str:
    return "GET" if method == "HEAD" else method


def _mac(key: bytes, text: str) -> bytes:
    return mac(key, text.encode())


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
