"""Who is calling: the policy for bearer tokens, spelled out. The cryptography is PyJWT's.

A token is trusted when all of this holds, in this order:

* it is one compact JWS of at most 8 KB, without critical header extensions, of type JWT if it names a type;
* its algorithm is ES384 or RS384: never `none`, never a symmetric one;
* its `iss` is on our list of clients;
* its `jku`, if it has one, is on the list: a token cannot tell us where its key is, and nothing is fetched;
* its `kid` names a key that the list holds for this client, and that key is for this algorithm;
* the signature is that key's;
* `iat` and `exp` are numbers, with 60 s of leeway the time is between them, and they are at most 1 h apart;
* `aud` is the URL of the endpoint called, or holds it if it is a list (CDS Hooks allows the list, PyJWT's
  `strict_aud` does not, so the comparison is ours).

Peers are judged by the socket's address, never by a header.
"""

import ipaddress
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import jwt

from chassis.problems import Problem
from gateway.clients import Client
from gateway.jwks import Key
from gateway.problems import loopback_only, unauthorized

ALGORITHMS: Final = ("ES384", "RS384")
LEEWAY_S: Final = 60
MAX_LIFETIME_S: Final = 3600
_MAX_TOKEN_CHARS: Final = 8192
_MAX_AUDIENCES: Final = 20
_LOOPBACK_HOSTS: Final = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True)
class Caller:
    """Who calls, after all checks. `name` is for the log."""

    name: str


@dataclass(frozen=True)
class Policy:
    """Whom we let in.

    Attributes:
        try_out: calls without a token are let in from this machine, and `aud` may name this machine.
        public_url: base URL under which callers reach us, without a slash at the end.
        clients: issuer -> client.
    """

    try_out: bool
    public_url: str
    clients: Mapping[str, Client]


@dataclass(frozen=True)
class _Unverified:
    """What a token says of itself. Good for finding the key to verify it with, and for nothing else."""

    token: str
    header: Mapping[str, Any]
    issuer: object


ANONYMOUS: Final = Caller("anonymous")


def identify(authorization: str | None, peer: str | None, path: str, policy: Policy) -> Caller:
    """Who makes this call.

    Args:
        authorization: the Authorization header, None if there is none.
        peer: the address of the socket's other end.
        path: the path called, under the public URL.
        policy: whom we let in.

    Raises:
        Problem: 401 if the call is not properly identified, 403 if an unidentified one comes from elsewhere.
    """
    if authorization is None:
        if not policy.try_out:
            raise unauthorized("This service needs a bearer token: send Authorization: Bearer and a signed JWT.")
        if not is_loopback(peer):
            raise loopback_only()
        return ANONYMOUS
    client = _verify(_read(authorization), path, policy)
    if client.key_is_public and not (policy.try_out and is_loopback(peer)):
        raise loopback_only()
    return Caller(client.name)


def is_loopback(peer: str | None) -> bool:
    """Whether an address of a socket's other end is this machine's own."""
    try:
        address = ipaddress.ip_address(peer or "")
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def _read(authorization: str) -> _Unverified:
    scheme, _, token = authorization.strip().partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token:
        raise unauthorized("The Authorization header must be the word Bearer, a space and a signed JWT.")
    if len(token) > _MAX_TOKEN_CHARS:
        raise unauthorized(f"The token is longer than {_MAX_TOKEN_CHARS} characters.")
    try:
        said = jwt.decode_complete(token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
        raise unauthorized("The token is not a signed JWT.") from error
    return _Unverified(token, said["header"], said["payload"].get("iss"))


def _verify(unverified: _Unverified, path: str, policy: Policy) -> Client:
    header = unverified.header
    if header.get("alg") not in ALGORITHMS:
        raise unauthorized(f"The token's algorithm is not accepted; use {' or '.join(ALGORITHMS)}.")
    if "crit" in header or str(header.get("typ", "JWT")).upper() != "JWT":
        raise unauthorized("The token's header names a type or an extension that is not accepted.")
    issuer = unverified.issuer
    client = policy.clients.get(issuer) if isinstance(issuer, str) else None
    if client is None:
        raise unauthorized("The token's issuer (iss) is not on this service's list of clients.")
    if "jku" in header and header["jku"] not in client.jkus:
        raise unauthorized("The token's key address (jku) is not the one agreed for its issuer.")
    claims = _claims(unverified.token, _key(header, client), client)
    _check_lifetime(claims)
    _check_audience(claims.get("aud"), path, client, policy)
    return client


def _key(header: Mapping[str, Any], client: Client) -> Key:
    kid = header.get("kid")
    keys = client.keys.get(kid, ()) if isinstance(kid, str) else ()
    if not keys:
        raise unauthorized("The token's key id (kid) is not among the keys agreed for its issuer.")
    for key in keys:
        if key.algorithm == header.get("alg"):
            return key
    raise unauthorized("The token's algorithm is not the one of its key.")


def _claims(token: str, key: Key, client: Client) -> dict[str, Any]:
    """The claims of a token whose signature, issuer and times hold."""
    try:
        return jwt.decode(
            token,
            key=key.jwk,
            algorithms=[key.algorithm],
            issuer=client.issuer,
            leeway=LEEWAY_S,
            options={"require": ["iss", "exp", "iat"], "verify_aud": False, "verify_sub": False, "verify_jti": False},
        )
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError) as error:
        raise _refusal(error) from error


def _refusal(error: Exception) -> Problem:
    if isinstance(error, jwt.InvalidSignatureError):
        return unauthorized("The token's signature is not that of the key agreed for its issuer.")
    if isinstance(error, jwt.ExpiredSignatureError):
        return unauthorized("The token has expired (exp).")
    if isinstance(error, jwt.ImmatureSignatureError):
        return unauthorized("The token is not valid yet (iat or nbf lies in the future).")
    if isinstance(error, jwt.MissingRequiredClaimError):
        return unauthorized("The token lacks a required claim: iss, aud, exp and iat must be there.")
    return unauthorized("The token's claims could not be read.")


def _check_lifetime(claims: Mapping[str, Any]) -> None:
    issued, expires = claims["iat"], claims["exp"]
    if not all(isinstance(time, int | float) and not isinstance(time, bool) for time in (issued, expires)):
        raise unauthorized("The token's times (exp, iat) must be numbers of seconds.")
    if not (math.isfinite(issued) and math.isfinite(expires) and 0 < expires - issued <= MAX_LIFETIME_S):
        raise unauthorized(f"The token's lifetime (exp less iat) must be at most {MAX_LIFETIME_S} seconds.")


def _check_audience(aud: object, path: str, client: Client, policy: Policy) -> None:
    said = [aud] if isinstance(aud, str) else aud
    if not isinstance(said, list) or not 0 < len(said) <= _MAX_AUDIENCES or not all(isinstance(a, str) for a in said):
        raise unauthorized("The token's audience (aud) must be a string or a list of strings.")
    if not any(_is_ours(audience, path, client, policy) for audience in said):
        raise unauthorized(
            "The token's audience (aud) must be the URL that is called, as the caller sees it: "
            f"{policy.public_url} followed by the path."
        )


def _is_ours(audience: str, path: str, client: Client, policy: Policy) -> bool:
    if audience == policy.public_url + path or audience in client.audiences:
        return True
    if not policy.try_out:
        return False
    try:
        url = urlsplit(audience)
        _ = url.port
    except ValueError:
        return False
    return (
        url.scheme in ("http", "https")
        and url.hostname in _LOOPBACK_HOSTS
        and "@" not in url.netloc
        and not url.query
        and not url.fragment
        and url.path == path
    )
