"""The floor: what a call costs at least. Plain WSGI, the body read in one go and once, one trivial rule."""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec


class _Coding(msgspec.Struct):
    system: str | None = None
    code: str | None = None


class _Concept(msgspec.Struct):
    coding: list[_Coding] = []


class _Resource(msgspec.Struct):
    resourceType: str  # noqa: N815  as FHIR spells it
    status: str | None = None
    code: _Concept | None = None
    clinicalStatus: _Concept | None = None  # noqa: N815


class _Entry(msgspec.Struct):
    resource: _Resource


class _Value(msgspec.Struct):
    entry: list[_Entry] = []


class _Call(msgspec.Struct):
    hookInstance: str  # noqa: N815
    prefetch: dict[str, _Value]


_decoder = msgspec.json.Decoder(_Call)
_FINAL = frozenset({"final", "amended", "corrected"})


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Count the heights and the active conditions of the call, and say so on a card."""
    call = _decoder.decode(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
    count = active = 0
    for value in call.prefetch.values():
        for entry in value.entry:
            r = entry.resource
            if r.resourceType == "Observation":
                if r.code is not None and r.status in _FINAL:
                    count += any(c.code == "8302-2" for c in r.code.coding)
            elif r.clinicalStatus is not None:
                active += any(c.code == "active" for c in r.clinicalStatus.coding)
    card = {"summary": f"{count} readings", "indicator": "info", "detail": str(active), "source": {"label": "floor"}}
    body = msgspec.json.encode({"cards": [card]})
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
