"""FHIR R4 search over the published resources: which parameters there are, and what answers them.

Unknown parameters are left aside and named in an OperationOutcome among the results; a client that asks for
`Prefer: handling=strict` is refused instead (R4, 3.1.1.4 and 3.1.0.1.2).
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from chassis.problems import Problem
from screening.publishing.shelf import Resource

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,40}")
_FORMAT: Final = ("_format", "_pretty")


@dataclass(frozen=True, slots=True)
class Parameter:
    """A search parameter: its FHIR type, what it compares, and how."""

    type: str
    value: Callable[[Resource], str]


PARAMETERS: Final[Mapping[str, Parameter]] = {
    "_id": Parameter("token", lambda resource: resource.id),
    "name": Parameter("string", lambda resource: resource.name),
    "status": Parameter("token", lambda resource: resource.status),
    "title": Parameter("string", lambda resource: resource.title),
    "url": Parameter("uri", lambda resource: resource.url),
    "version": Parameter("token", lambda resource: resource.version),
}
_STATUS_SYSTEM: Final = "http://hl7.org/fhir/publication-status"


@dataclass(frozen=True, slots=True)
class Criterion:
    """One parameter of a search: any of its values has to fit."""

    parameter: str
    modifier: str
    values: tuple[str, ...]

    def fits(self, resource: Resource) -> bool:
        """Whether a resource has one of the values."""
        told = PARAMETERS[self.parameter]
        own = told.value(resource)
        if told.type == "string":
            return any(_string_fits(own, value, self.modifier) for value in self.values)
        return own in self.values


def _string_fits(own: str, value: str, modifier: str) -> bool:
    if modifier == "exact":
        return own == value
    own, value = own.casefold(), value.casefold()
    return value in own if modifier == "contains" else own.startswith(value)


def read(query: Iterable[tuple[str, str]], *, strict: bool) -> tuple[tuple[Criterion, ...], tuple[str, ...]]:
    """The criteria of a query, and the names of the parameters that are left aside.

    Raises:
        Problem: 400 for a modifier that is not supported, and if `strict` for an unknown parameter.
    """
    criteria: list[Criterion] = []
    unknown: list[str] = []
    for key, value in query:
        name, _, modifier = key.partition(":")
        if name in _FORMAT:
            continue
        told = PARAMETERS.get(name)
        if told is None:
            unknown.append(name if _NAME.fullmatch(name) else "(a name that cannot be shown)")
            continue
        if modifier and (told.type != "string" or modifier not in ("exact", "contains")):
            raise Problem(400, f"The parameter {name} is not supported with a modifier of this name.", "not-supported")
        values = [_token(name, part) for part in value.split(",") if part]
        if values:
            criteria.append(Criterion(name, modifier, tuple(values)))
    if unknown and strict:
        raise Problem(400, f"Unknown search parameters: {', '.join(dict.fromkeys(unknown))}.", "not-supported")
    return tuple(criteria), tuple(dict.fromkeys(unknown))


def _token(name: str, value: str) -> str:
    """The code of a token; a status may come with its system."""
    system, bar, code = value.rpartition("|")
    return code if name == "status" and bar and system in ("", _STATUS_SYSTEM) else value


def bundle(
    kind: str, found: Sequence[Resource], criteria: Iterable[Criterion], unknown: Sequence[str], public_url: str
) -> bytes:
    """The Bundle of a search."""
    used = [(c.parameter + (f":{c.modifier}" if c.modifier else ""), ",".join(c.values)) for c in criteria]
    query = f"?{urlencode(used)}" if used else ""
    entries: list[dict[str, Any]] = [
        {
            "fullUrl": f"{public_url}/fhir/{kind}/{resource.id}",
            "resource": msgspec.Raw(resource.body),
            "search": {"mode": "match"},
        }
        for resource in found
    ]
    if unknown:
        words = f"Left aside, because this server does not know them: {', '.join(unknown)}."
        issue = {"severity": "warning", "code": "not-supported", "details": {"text": words}}
        outcome = {"resourceType": "OperationOutcome", "issue": [issue]}
        entries.append({"resource": outcome, "search": {"mode": "outcome"}})
    told: dict[str, Any] = {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": len(found),
        "link": [{"relation": "self", "url": f"{public_url}/fhir/{kind}{query}"}],
    }
    return msgspec.json.encode(told | ({"entry": entries} if entries else {}))
