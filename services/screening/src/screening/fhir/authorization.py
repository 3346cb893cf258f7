"""`fhirAuthorization` of a call: whether its token may be sent. The token is for this call only and is kept nowhere."""

import re
from typing import Any, Final

from msgspec import Raw

from screening.fhir import outcomes
from screening.fhir.access import Server
from screening.slices import NOTHING, field, members, present

_TOKEN: Final = re.compile(r"[\x21-\x7e]{1,8000}")


def server(base: str, why_not: str, authorization: Raw, *, public_only: bool) -> Server | str:
    """The server that this call may ask, or the outcome that says why it may ask none.

    Args:
        base: of the FHIR server, agreed for this client; empty: there is none.
        why_not: why there is none, as the gateway says it.
        authorization: `fhirAuthorization`, unread. Without one an open server is asked without a token.
        public_only: as for `Server`.
    """
    if not base:
        return outcomes.NOT_LISTED if why_not == outcomes.NOT_LISTED else outcomes.NO_SERVER
    if not present(authorization):
        return Server(base.rstrip("/"), public_only=public_only)
    token = _token(authorization)
    return outcomes.TOKEN_UNUSABLE if token is None else Server(base.rstrip("/"), token, public_only)


def _token(raw: Raw) -> str | None:
    """The access token, if it is a bearer token that has not run out; not to say for how long it is good is fine."""
    said = members(raw)
    if said is None:
        return None
    token = field(said.get("access_token", NOTHING), str)
    kind = field(said.get("token_type", NOTHING), str)
    if token is None or not _TOKEN.fullmatch(token) or (kind or "").strip().lower() != "bearer":
        return None
    lifetime: Any = field(said.get("expires_in", NOTHING), float | str)  # type: ignore[arg-type]
    try:
        over = lifetime is not None and float(lifetime) <= 0
    except ValueError:
        over = False
    return None if over else token
