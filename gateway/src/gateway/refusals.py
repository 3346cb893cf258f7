"""What callers are told who are not let in: status and public words. Nothing here echoes what a caller sent."""

import math
from collections.abc import Iterable

from chassis.problems import Problem


def no_token(words: str) -> Problem:
    """401: there is no bearer token where one is needed."""
    return Problem(401, words, headers={"WWW-Authenticate": 'Bearer realm="cds-services"'})


def bad_token(words: str) -> Problem:
    """401: a token was sent, and it does not hold; the words say which check failed."""
    return Problem(401, words, headers={"WWW-Authenticate": 'Bearer realm="cds-services", error="invalid_token"'})


def replayed() -> Problem:
    """401: the token was used before."""
    return bad_token("The token's jti was used before: each call needs a token of its own, with a new jti.")


def loopback_only() -> Problem:
    """403: try-out lets calls without an identity in from this machine only."""
    return Problem(
        403,
        "This is a try-out: it answers unidentified calls, and calls with the CDS Hooks Sandbox's key, "
        "only from the machine that it runs on.",
    )


def not_agreed(ids: Iterable[str]) -> Problem:
    """403: the service exists, but not for this client; `ids` are those that it may call."""
    listed = ", ".join(sorted(ids)) or "none"
    return Problem(
        403,
        f"This service is not among those agreed with the calling client. It may call: {listed}. "
        "The gateway's clients file lists them (services).",
    )


def too_often(wait_s: float) -> Problem:
    """429: the client calls more often than agreed; it may call again in `wait_s` seconds."""
    return Problem(
        429,
        "The calling client exceeds the rate that was agreed with it (rateLimit in the gateway's clients file). "
        "Wait for as many seconds as Retry-After says; the token of this call may then be used.",
        headers={"Retry-After": str(max(1, math.ceil(wait_s)))},
    )


def ledger_down(retry_after_s: int) -> Problem:
    """503: we cannot tell whether the token was used before, or how often its client has called."""
    return Problem(
        503,
        "The gateway cannot write down that this token was used, so it lets no call in. Try again shortly, with the "
        "same token or a new one; if this lasts, the gateway's operator must look at its log.",
        headers={"Retry-After": str(retry_after_s)},
    )


def keys_unavailable(retry_after_s: float) -> Problem:
    """503: the keys of the token's issuer cannot be had."""
    return Problem(
        503,
        "The keys of the token's issuer cannot be had from the address agreed for them (jwksUrl in the gateway's "
        "clients file), so the token cannot be checked. The issuer must see that its JWK Set can be fetched there and "
        "holds a key for an algorithm that was agreed.",
        headers={"Retry-After": str(max(1, math.ceil(retry_after_s)))},
    )


def operators_off() -> Problem:
    """404: no token for operators was set, so there are no pages for them."""
    return Problem(
        404,
        "The pages for operators are switched off here. To switch them on, put a secret of 32 characters or more "
        "into a file, let OPERATOR_TOKEN_FILE name it, and send it as Authorization: Bearer; a browser types it in at "
        "/sign-in.",
    )


def operators_only() -> Problem:
    """401: the page is for operators."""
    return Problem(
        401,
        "This page is for the operators of this service: send Authorization: Bearer and the secret in the file that "
        "OPERATOR_TOKEN_FILE names, or open /sign-in with a browser.",
        headers={"WWW-Authenticate": 'Bearer realm="operators"'},
    )


def wrong_operator_token() -> Problem:
    """401: what was typed in is no secret of operators."""
    return Problem(
        401,
        "This is not a token of this service. It is a line of the file that OPERATOR_TOKEN_FILE of the gateway names.",
        headers={"WWW-Authenticate": 'Bearer realm="operators"'},
    )


def signs_in_too_often(wait_s: int) -> Problem:
    """429: too many attempts to sign in, by all together; the next one may be made in `wait_s` seconds."""
    return Problem(
        429,
        f"There were too many attempts to sign in. Try again in {wait_s} seconds. Programs that send the token as"
        " Authorization: Bearer need no sign-in.",
        headers={"Retry-After": str(wait_s)},
    )


def ledger_down_for_operators(retry_after_s: int) -> Problem:
    """503: we cannot tell how many attempts to sign in there were."""
    return Problem(
        503,
        "Nobody can sign in now: the gateway cannot count the attempts. Its log says why. Programs that send the token"
        " as Authorization: Bearer need no sign-in.",
        headers={"Retry-After": str(retry_after_s)},
    )


def from_another_site() -> Problem:
    """403: a form was sent by a page that is not ours, or by something that does not say where it comes from."""
    return Problem(
        403,
        "This form must be sent by a browser from the sign-in page of this service (Sec-Fetch-Site, or Origin, says"
        " so). Programs send the token as Authorization: Bearer and need no sign-in.",
    )
