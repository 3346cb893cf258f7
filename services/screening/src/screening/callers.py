"""Who calls, as the gateway has found it out and told us: the only source of what is agreed with a client."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from chassis.problems import Problem

STRICT: Final = "strict"


@dataclass(frozen=True, slots=True)
class Caller:
    """A CDS client and what is agreed with it.

    Attributes:
        client: its name in our clients file; `anonymous` in a try-out.
        tenant: the tenant that its token names; empty when it names none.
        dialect: how this EHR bends the specification.
        fhir_base: the call's `fhirServer` when it is on this client's list, else empty: nothing may be fetched.
        public_only: the list has a pattern of host names, so that only addresses of the public internet will do.
        fhir_why: why `fhir_base` is empty: `none` (no fhirServer was named) or `not-listed`.
        prefetch_keys: our prefetch key -> the key under which this client sends it.
        override_reasons: the site's code for not following a card -> ours.
    """

    client: str
    tenant: str = ""
    dialect: str = STRICT
    fhir_base: str = ""
    public_only: bool = False
    fhir_why: str = "none"
    prefetch_keys: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    override_reasons: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


def of(claims: Mapping[str, Any]) -> Caller:
    """The caller in the signed claims of a request.

    Raises:
        Problem: 401, the claims name no caller in the agreed form.
    """
    told = claims.get("caller")
    if not isinstance(told, dict) or not isinstance(told.get("client"), str):
        raise Problem(401, "The gateway in front of this service did not say who calls.")
    fhir = _object(told.get("fhir"))
    return Caller(
        client=told["client"],
        tenant=_text(told.get("tenant")),
        dialect=_text(told.get("dialect")) or STRICT,
        fhir_base=_text(fhir.get("base")),
        public_only=fhir.get("public_only") is not False,
        fhir_why=_text(fhir.get("why")),
        prefetch_keys=_texts(told.get("prefetchKeys")),
        override_reasons=_texts(told.get("overrideReasons")),
    )


def _texts(value: Any) -> Mapping[str, str]:
    return MappingProxyType({key: text for key, text in _object(value).items() if isinstance(text, str)})


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
