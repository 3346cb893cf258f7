"""Who is calling. First its token is judged (`tokens` has the policy), then its use is written down (`ledger`).

Peers are judged by the socket's address, never by a header.
"""

import ipaddress
import re
from dataclasses import dataclass, field
from typing import Final

from gateway import refusals, tokens
from gateway.clients import Client
from gateway.keys import KeyRings
from gateway.ledger import Ledger, LedgerDown, Limit, Use
from gateway.registry import Registry

RETRY_AFTER_S: Final = 2
_BEARER: Final = re.compile(r"[Bb][Ee][Aa][Rr][Ee][Rr] +(\S+)")


@dataclass(frozen=True)
class Caller:
    """Who calls, as a token that holds says.

    Attributes:
        name: for the log.
        client: None: anonymous.
        tenant: of the client; empty: none.
        use: the use of its token that is to be written down.
    """

    name: str
    client: Client | None = None
    tenant: str = ""
    use: Use | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Policy:
    """Whom we let in, and by what we tell.

    Attributes:
        try_out: calls without a token are let in from this machine, and `aud` may name this machine.
        public_url: base URL under which callers reach us, without a slash at the end.
        registry: the clients in force.
        rings: the keys of clients that publish them.
        ledger: the tokens that were used.
    """

    try_out: bool
    public_url: str
    registry: Registry
    rings: KeyRings
    ledger: Ledger


ANONYMOUS: Final = Caller("anonymous")


def identify(authorization: str | None, peer: str | None, path: str, policy: Policy, now: float) -> Caller:
    """Who makes this call. Its token may still have been used before: `admit` tells.

    Args:
        authorization: the Authorization header, None if there is none.
        peer: the address of the socket's other end.
        path: the path called, under the public URL.
        policy: whom we let in.
        now: the moment, in seconds since 1970.

    Raises:
        Problem: 401 if the call is not properly identified, 403 if an unidentified one comes from elsewhere, 503 if
            the keys of its issuer cannot be had.
    """
    if authorization is None:
        if not policy.try_out:
            raise refusals.no_token("This service needs a bearer token: send Authorization: Bearer and a signed JWT.")
        if not is_loopback(peer):
            raise refusals.loopback_only()
        return ANONYMOUS
    in_force = policy.registry.current()
    policy.rings.follow(in_force.clients)
    endpoint = tokens.Endpoint(policy.public_url, path, policy.try_out)
    told = tokens.verify(tokens.read(_token(authorization)), endpoint, in_force.by_issuer, policy.rings.find, now)
    if told.client.key_is_public and not (policy.try_out and is_loopback(peer)):
        raise refusals.loopback_only()
    return Caller(told.client.name, told.client, told.tenant, told.use)


def admit(caller: Caller, policy: Policy, now: float) -> None:
    """Let a caller in whose token holds: once, and no more often than agreed. A try-out has no rates.

    Raises:
        Problem: 401 if the token was used before, 429 if the client calls too often, 503 if that cannot be told.
    """
    if caller.client is None or caller.use is None:
        return
    rate = None if policy.try_out else caller.client.rate
    limit = Limit(caller.client.name, rate.per_minute, rate.burst) if rate else None
    try:
        verdict = policy.ledger.admit(caller.use, limit, now)
    except LedgerDown as error:
        raise refusals.ledger_down(RETRY_AFTER_S) from error
    if verdict.replayed:
        raise refusals.replayed()
    if not verdict.let_in:
        raise refusals.too_often(verdict.wait_s)


def is_loopback(peer: str | None) -> bool:
    """Whether an address of a socket's other end is this machine's own."""
    try:
        address = ipaddress.ip_address(peer or "")
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def _token(authorization: str) -> str:
    found = _BEARER.fullmatch(authorization.strip())
    if not found:
        raise refusals.no_token("The Authorization header must be the word Bearer, a space and a signed JWT.")
    return found[1]
