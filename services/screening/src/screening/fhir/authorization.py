"""`fhirAuthorization` of a call: whether its token may be sent. The token is for this call only and is kept nowhere."""

import re
from collections.abc import Mapping
from typing import Any, Final

from msgspec import Raw

from screening.fhir import outcomes
from screening.fhir.access import Server
from screening.slices import NOTHING, field, members, present

_TOKEN: Final = re.compile(r"[\x21-\x7e]{1,8000}")
_SCOPE: Final = re.compile(r"(?:patient|user|system)/(\*|[A-Za-z]+)\.(read|write|\*|[cruds]+)(\?.*)?", re.IGNORECASE)
"""SMART scopes, version 1 (`patient/Observation.read`) and 2 (`patient/Observation.rs?category=...`)."""
_SEARCH: Final = frozenset("s")
_READ: Final = frozenset("r")
_ENOUGH: Final = re.compile(r"laboratory|problem-list-item")
"""In a scope narrowed by category, what covers our searches all the same."""


def server(
    base: str, why_not: str, authorization: Raw, patient_id: str, *, public_only: bool, client: str = ""
) -> Server | str:
    """The server that this call may ask, or the outcome that says why it may ask none.

    Args:
        base: of the FHIR server, agreed for this client; empty: there is none.
        why_not: why there is none, as the gateway says it.
        authorization: `fhirAuthorization`, unread. Without one an open server is asked without a token.
        patient_id: of the context; a token that is for another patient is of no use.
        public_only: as for `Server`.
        client: as for `Server`.
    """
    if not base:
        return outcomes.NOT_LISTED if why_not == outcomes.NOT_LISTED else outcomes.NO_SERVER
    base = base.rstrip("/")
    if not present(authorization):
        return Server(base, public_only=public_only, client=client)
    said = members(authorization) or {}
    token = _token(said)
    only = field(said.get("patient", NOTHING), str)
    if token is None or (only and only.removeprefix("Patient/") != patient_id):
        return outcomes.TOKEN_UNUSABLE
    return Server(base, token, public_only, types(field(said.get("scope", NOTHING), str) or ""), client)


def types(scope: str) -> frozenset[str] | None:
    """The resource types that scopes let us read; None when they name none, so that it is not known.

    A scope narrowed by a query covers what we ask for only if that is about laboratory results or the problem list.
    """
    told = [match for one in scope.split() if (match := _SCOPE.fullmatch(one)) is not None]
    covered = {match[1] for match in told if _lets_read(match) and (not match[3] or _ENOUGH.search(match[3]))}
    return frozenset(covered) if told else None


def _lets_read(scope: re.Match[str]) -> bool:
    kind, access = scope[1], scope[2].lower()
    if access in ("read", "*"):
        return True
    needed = _READ if kind == "Patient" else _SEARCH
    return access != "write" and needed <= frozenset(access)


def _token(said: Mapping[str, Raw]) -> str | None:
    """The access token, if it is a bearer token that has not run out; not to say for how long it is good is fine."""
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
