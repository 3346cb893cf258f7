"""What the gateway tells the services behind it of whoever calls: in the signed header, never by what a caller sent."""

from collections.abc import Mapping
from typing import Any, Final

from gateway.addresses import fhir_access
from gateway.clients import Client

ANONYMOUS: Final = "anonymous"
_TRY_OUT_DIALECT: Final = "sandbox"


def introduce(client: Client | None, tenant: str, fhir_server: object, *, try_out: bool) -> Mapping[str, Any]:
    """The caller as the services behind us read it.

    Args:
        client: who calls; None for an anonymous caller of a try-out.
        tenant: as its token says, checked; or empty.
        fhir_server: the call's `fhirServer`, whatever it is.
        try_out: whether FHIR servers on this machine may be asked besides.

    Returns:
        client, tenant, dialect; `fhir` with `base` (the server that may be asked, else empty), `public_only` (its
        addresses must be public ones) and `why` (`none` or `not-listed` when there is no base); `prefetchKeys`.
    """
    access = fhir_access(fhir_server, client.fhir_servers if client else (), try_out=try_out)
    return {
        **_name(client, tenant),
        "fhir": {"base": access.base, "public_only": access.public_only, "why": access.why},
        "prefetchKeys": dict(client.prefetch_keys) if client else {},
    }


def introduce_for_feedback(client: Client | None, tenant: str) -> Mapping[str, Any]:
    """The caller as the services behind us read it beside feedback: client, tenant, dialect and `overrideReasons`.

    What only calls need is left out, since the header that carries this has a limit.
    """
    return {**_name(client, tenant), "overrideReasons": dict(client.override_reasons) if client else {}}


def _name(client: Client | None, tenant: str) -> dict[str, Any]:
    return {
        "client": client.name if client else ANONYMOUS,
        "tenant": tenant,
        "dialect": client.dialect if client else _TRY_OUT_DIALECT,
    }
