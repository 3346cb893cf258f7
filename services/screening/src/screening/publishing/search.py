"""FHIR R4 search over the published resources: which parameters there are, and what answers them.

Unknown parameters are left aside and named in an OperationOutcome among the results; a client that asks for
`Prefer: handling=strict` is refused instead (R4, 3.1.1.4 and 3.1.0.1.2). `_count` cuts the results into pages, each
with a link to the next one; `_offset`, how many come before a page, is for these links alone.
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
_PAGING: Final = ("_count", "_offset")
_NUMBER: Final = re.compile(r"[0-9]{1,6}")


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
        if told.type == "uri":  # a canonical may name the version behind a bar
            return own in self.values or f"{own}|{resource.version}" in self.values
        return own in self.values


@dataclass(frozen=True, slots=True)
class Search:
    """A query, read.

    Attributes:
        criteria: all of which have to fit.
        unknown: names of the parameters that are left aside.
        count: results on a page; None: all; 0: only how many there are.
        offset: results before this page.
    """

    criteria: tuple[Criterion, ...] = ()
    unknown: tuple[str, ...] = ()
    count: int | None = None
    offset: int = 0


def _string_fits(own: str, value: str, modifier: str) -> bool:
    if modifier == "exact":
        return own == value
    own, value = own.casefold(), value.casefold()
    return value in own if modifier == "contains" else own.startswith(value)


def read(query: Iterable[tuple[str, str]], *, strict: bool) -> Search:
    """What a query asks for.

    Raises:
        Problem: 400 for a modifier that is not supported, for a page that is no number, and if `strict` for an
            unknown parameter.
    """
    criteria: list[Criterion] = []
    unknown: list[str] = []
    paging: dict[str, int] = {}
    for key, value in query:
        name, _, modifier = key.partition(":")
        if name in _FORMAT:
            continue
        if key in _PAGING:
            if value:
                paging[key] = _number(key, value)
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
    return Search(
        tuple(criteria), tuple(dict.fromkeys(unknown)), count=paging.get("_count"), offset=paging.get("_offset", 0)
    )


def _number(name: str, value: str) -> int:
    if not _NUMBER.fullmatch(value):
        raise Problem(400, f"The parameter {name} is a whole number from 0 to 999999.", "value")
    return int(value)


def _token(name: str, value: str) -> str:
    """The code of a token; a status may come with its system."""
    system, bar, code = value.rpartition("|")
    return code if name == "status" and bar and system in ("", _STATUS_SYSTEM) else value


def bundle(found: Sequence[Resource], asked: Search, address: str) -> bytes:
    """The Bundle of a search. `found`: all that fits, on whatever page; `address`: of the kind of resource."""
    total = len(found)
    end = total if asked.count is None else min(total, asked.offset + asked.count)
    page = found[asked.offset : end]
    entries: list[dict[str, Any]] = [
        {
            "fullUrl": f"{address}/{resource.id}",
            "resource": msgspec.Raw(resource.body),
            "search": {"mode": "match"},
        }
        for resource in page
    ]
    if asked.unknown and asked.count != 0:
        words = f"Left aside, because this server does not know them: {', '.join(asked.unknown)}."
        issue = {"severity": "warning", "code": "not-supported", "details": {"text": words}}
        outcome = {"resourceType": "OperationOutcome", "issue": [issue]}
        entries.append({"resource": outcome, "search": {"mode": "outcome"}})
    links = [{"relation": "self", "url": _address(address, asked, asked.offset)}]
    if page and end < total:
        links.append({"relation": "next", "url": _address(address, asked, end)})
    told: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset", "total": total, "link": links}
    return msgspec.json.encode(told | ({"entry": entries} if entries else {}))


def _address(address: str, asked: Search, offset: int) -> str:
    """The address of a page: what was used of the query, and where the page begins."""
    used = [(c.parameter + (f":{c.modifier}" if c.modifier else ""), ",".join(c.values)) for c in asked.criteria]
    if asked.count is not None:
        used.append(("_count", str(asked.count)))
    if offset:
        used.append(("_offset", str(offset)))
    return f"{address}?{urlencode(used, safe=':/,')}" if used else address
