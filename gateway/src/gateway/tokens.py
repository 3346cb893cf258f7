"""What a bearer token must be like: our policy, spelled out. The cryptography is PyJWT's.

A token holds when all of this is true, and it is looked at in this order:

1.  It is one compact JWS of at most 8,192 characters: three parts in base64url without padding, of which the first two
    are JSON objects without duplicate members.
2.  Its header has no `crit`, and its `typ` is JWT if it has one.
3.  Its `alg` is an asymmetric signature that we know. `none` and HS* are in no table, so nothing can allow them.
4.  Its `iss` is that of a client, character by character. If several clients share an issuer, its `tenant` tells
    which of them it is.
5.  Its `alg` is among those agreed with the client: ES384 and RS384 unless the clients file says otherwise.
6.  Its `jku`, if it has one, is an address agreed with the client. It is compared, never fetched; `jwk`, `x5c` and
    `x5u` are not looked at. A token cannot tell us where its key is.
7.  Its `kid` names a key of the client, and that key is for this `alg`.
8.  Its signature is that key's.
9.  `exp` and `iat` are numbers of seconds, `nbf` too if it is there. With a leeway of 60 s, now is before `exp` and
    neither before `iat` nor `nbf`. It lives for an hour at most, so that it was issued an hour ago at most.
10. `aud` is a text, or a list of at most 20, and one of them is the URL that is called under our public base URL, or
    was agreed with the client. The URL of another service, or of discovery, is not the URL that is called.
11. If the client's tenants are listed, `tenant` is one of them.
12. `jti` is a text of 1 to 200 characters. That it was not used before, only the ledger knows; it is asked last, so
    that a token which does not hold uses up nothing.

`sub` says who the EHR is towards itself, and decides nothing.
"""

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import jiter
import jwt

from chassis.problems import Problem
from gateway.addresses import LOOPBACK
from gateway.clients import Client
from gateway.jwks import ALGORITHMS, DEFAULT_ALGORITHMS, Key
from gateway.ledger import Use
from gateway.refusals import bad_token

LEEWAY_S: Final = 60
MAX_LIFETIME_S: Final = 3600
_MAX_CHARS: Final = 8192
_MAX_AUDIENCES: Final = 20
_MAX_JTI: Final = 200
_MAX_TENANT: Final = 500
_FAR_AWAY_S: Final = 100_000_000_000
"""No number of seconds since 1970 that a token can mean is as large; milliseconds are."""

_COMPACT: Final = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]*)")
_jws: Final = jwt.PyJWS()

FindClients = Callable[[str], tuple[Client, ...]]
FindKeys = Callable[[Client, str], tuple[Key, ...]]


@dataclass(frozen=True)
class Endpoint:
    """What is called.

    Attributes:
        public_url: our public base URL, without a slash at its end.
        path: the path called, below that.
        try_out: whether a token may call us by any name and port of this machine.
    """

    public_url: str
    path: str
    try_out: bool = False


@dataclass(frozen=True)
class Unverified:
    """What a token says of itself. Good for finding the key to verify it with, and for nothing else."""

    text: str = field(repr=False)
    header: Mapping[str, Any] = field(repr=False)
    claims: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Verified:
    """What a token that holds tells us: whose it is, for which tenant (empty: for none), and how to know it again."""

    client: Client
    tenant: str
    use: Use = field(repr=False)


def read(text: str) -> Unverified:
    """Take a token apart.

    Raises:
        Problem: 401 if it is no compact JWS of a JSON object.
    """
    if len(text) > _MAX_CHARS:
        raise bad_token(f"The token is longer than {_MAX_CHARS:,} characters.")
    parts = _COMPACT.fullmatch(text)
    if not parts:
        raise bad_token("The token is not a signed JWT: three parts in base64url, joined by dots.")
    return Unverified(text, _object(parts[1]), _object(parts[2]))


def verify(token: Unverified, endpoint: Endpoint, clients: FindClients, keys: FindKeys, now: float) -> Verified:
    """Check a token in all that it says itself; whether it was used before is not among that.

    Args:
        token: as `read` gives it.
        endpoint: what is called with it.
        clients: issuer -> the clients that share it.
        keys: client, kid -> the keys with this id. May wait for a JWK Set, and raise a Problem.
        now: the moment, in seconds since 1970.

    Raises:
        Problem: 401 with the check that failed.
    """
    algorithm = _algorithm(token.header)
    client = _client(token.claims, clients)
    if algorithm not in client.algorithms:
        raise bad_token(
            f"The token's algorithm (alg) was not agreed with its issuer; use {_either(client.algorithms)}."
        )
    jku = token.header.get("jku", "")
    if "jku" in token.header and not (isinstance(jku, str) and jku in client.jkus):
        raise bad_token("The token's key address (jku) is not one agreed with its issuer.")
    _check_signature(token, _key(token.header, algorithm, client, keys))
    expires = _check_times(token.claims, now)
    _check_audience(token.claims.get("aud"), endpoint, client)
    tenant = _tenant(token.claims.get("tenant"), client)
    return Verified(client, tenant, Use(client.issuer, _jti(token.claims.get("jti")), expires + LEEWAY_S))


def _object(part: str) -> dict[str, Any]:
    """A part of a token as a JSON object."""
    try:
        value = jiter.from_json(
            base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)), allow_inf_nan=False, catch_duplicate_keys=True
        )
    except ValueError as error:
        raise bad_token("The token's header and claims must be JSON objects, each member once.") from error
    if not isinstance(value, dict):
        raise bad_token("The token's header and claims must be JSON objects, each member once.")
    return value


def _algorithm(header: Mapping[str, Any]) -> str:
    if "crit" in header:
        raise bad_token("The token's header demands an extension (crit); none is known here.")
    if str(header.get("typ", "JWT")).upper() != "JWT":
        raise bad_token("The token's type (typ) must be JWT.")
    algorithm = header.get("alg")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        words = "The token's algorithm (alg) is not accepted: it must be an asymmetric signature"
        raise bad_token(f"{words}, by default {_either(DEFAULT_ALGORITHMS)}.")
    return algorithm


def _client(claims: Mapping[str, Any], clients: FindClients) -> Client:
    issuer = claims.get("iss")
    sharing = clients(issuer) if isinstance(issuer, str) else ()
    if not sharing:
        raise bad_token("The token's issuer (iss) is not on this service's list of clients.")
    if len(sharing) == 1:
        return sharing[0]
    tenant = claims.get("tenant")
    for client in sharing:
        if isinstance(tenant, str) and tenant in client.tenants:
            return client
    raise _wrong_tenant()


def _key(header: Mapping[str, Any], algorithm: str, client: Client, keys: FindKeys) -> Key:
    kid = header.get("kid")
    if not isinstance(kid, str) or not kid:
        raise bad_token("The token's header must name its key (kid).")
    found = keys(client, kid)
    if not found:
        raise bad_token("The token's key id (kid) is not among the keys of its issuer.")
    for key in found:
        if key.algorithm == algorithm:
            return key
    raise bad_token("The token's algorithm (alg) is not the one of its key.")


def _check_signature(token: Unverified, key: Key) -> None:
    try:
        _jws.decode(token.text, key=key.jwk, algorithms=[key.algorithm])
    except jwt.InvalidSignatureError as error:
        raise bad_token("The token's signature is not that of the key that it names (kid).") from error
    except (jwt.PyJWTError, ValueError, TypeError) as error:
        raise bad_token("The token's signature cannot be read.") from error


def _check_times(claims: Mapping[str, Any], now: float) -> float:
    """The moment at which the token expires."""
    issued, expires = (_moment(claims, name) for name in ("iat", "exp"))
    not_before = _moment(claims, "nbf") if "nbf" in claims else issued
    if now >= expires + LEEWAY_S:
        raise bad_token("The token has expired (exp).")
    if max(issued, not_before) > now + LEEWAY_S:
        raise bad_token("The token is not valid yet: its iat or nbf lies in the future.")
    if not 0 < expires - issued <= MAX_LIFETIME_S:
        raise bad_token(f"The token's lifetime (exp less iat) must be above 0 and at most {MAX_LIFETIME_S} seconds.")
    return expires


def _moment(claims: Mapping[str, Any], name: str) -> float:
    value = claims.get(name)
    if value is None:
        raise bad_token("The token lacks a required claim: iss, aud, exp, iat and jti must be there.")
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _FAR_AWAY_S:
        raise bad_token(f"The token's time ({name}) must be a number of seconds since 1970.")
    return value


def _check_audience(aud: object, endpoint: Endpoint, client: Client) -> None:
    said = [aud] if isinstance(aud, str) else aud
    if not isinstance(said, list) or not 0 < len(said) <= _MAX_AUDIENCES or not all(isinstance(a, str) for a in said):
        raise bad_token(f"The token's audience (aud) must be a string or a list of at most {_MAX_AUDIENCES} strings.")
    if not any(_is_ours(audience, endpoint, client) for audience in said):
        raise bad_token(
            "The token's audience (aud) must be the URL that is called, as the caller sees it: "
            f"{endpoint.public_url} followed by the path."
        )


def _is_ours(audience: str, endpoint: Endpoint, client: Client) -> bool:
    if audience == endpoint.public_url + endpoint.path or audience in client.audiences:
        return True
    if not endpoint.try_out:
        return False
    try:
        url = urlsplit(audience)
        _ = url.port
    except ValueError:
        return False
    return (
        url.scheme in ("http", "https")
        and url.hostname in LOOPBACK
        and "@" not in url.netloc
        and not url.query
        and not url.fragment
        and url.path == endpoint.path
    )


def _tenant(tenant: object, client: Client) -> str:
    if client.tenants and (not isinstance(tenant, str) or tenant not in client.tenants):
        raise _wrong_tenant()
    if tenant is None:
        return ""
    if not isinstance(tenant, str) or len(tenant) > _MAX_TENANT or not tenant.isprintable():
        raise bad_token(f"The token's tenant must be a printable string of at most {_MAX_TENANT} characters.")
    return tenant


def _wrong_tenant() -> Problem:
    return bad_token("The token's tenant is not one agreed with its issuer.")


def _jti(jti: object) -> str:
    if not isinstance(jti, str) or not 0 < len(jti) <= _MAX_JTI:
        raise bad_token(f"The token needs an id of its own (jti): a string of 1 to {_MAX_JTI} characters.")
    return jti


def _either(algorithms: frozenset[str]) -> str:
    return " or ".join(sorted(algorithms))
