"""A small FHIR search over a record: exactly the parameters that our prefetch templates may use, and no more.

What a strict server would refuse is refused here, too, so that a template that some EHR cannot answer is
noticed at the first try.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qsl

from tryout import periods
from tryout.record import Record, Resource


class SearchRefused(ValueError):
    """A search that this EHR does not do; the words say which part."""


_TOKEN: Final[Mapping[str, Mapping[str, str]]] = {
    "AllergyIntolerance": {
        "code": "code", "category": "category", "clinical-status": "clinicalStatus",
        "verification-status": "verificationStatus",
    },
    "Condition": {
        "code": "code", "category": "category", "clinical-status": "clinicalStatus",
        "verification-status": "verificationStatus",
    },
    "DiagnosticReport": {"code": "code", "category": "category", "status": "status"},
    "Encounter": {"status": "status"},
    "FamilyMemberHistory": {"code": "condition.code", "status": "status"},
    "MedicationRequest": {"code": "medicationCodeableConcept", "category": "category", "status": "status"},
    "MedicationStatement": {"code": "medicationCodeableConcept", "category": "category", "status": "status"},
    "Observation": {"code": "code", "category": "category", "status": "status"},
    "Procedure": {"code": "code", "category": "category", "status": "status"},
    "ServiceRequest": {"code": "code", "category": "category", "status": "status"},
}  # fmt: skip
"""Resource type -> token parameter -> element, as FHIR R4 names them. These are the types that can be searched."""

_DATE: Final[Mapping[str, Mapping[str, str]]] = {
    "AllergyIntolerance": {"date": "recordedDate"},
    "DiagnosticReport": {"date": "effective"},
    "Encounter": {"date": "period"},
    "FamilyMemberHistory": {"date": "date"},
    "MedicationRequest": {"authoredon": "authoredOn"},
    "Observation": {"date": "effective"},
    "Procedure": {"date": "performed"},
}
"""Resource type -> date parameter -> element (of a choice of types, its stem)."""

TYPES: Final = tuple(_TOKEN)
"""The resource types that can be searched."""

_INCLUDES: Final[Mapping[str, str]] = {
    "MedicationRequest:medication": "medicationReference",
    "MedicationStatement:medication": "medicationReference",
}
"""What `_include` may ask for -> the element with the reference."""

_ESCAPE: Final = re.compile(r"\\([\\,$|])")
"""FHIR's escapes in the value of a parameter; any other backslash stands for itself."""
_PIECE: Final = re.compile(rf"{_ESCAPE.pattern}|.", re.DOTALL)

_PREFIXES: Final = ("eq", "ge", "gt", "le", "lt")


def parameters(resource_type: str) -> dict[str, str]:
    """The parameters by which a type is searched -> what FHIR calls their type."""
    tokens = dict.fromkeys(_TOKEN[resource_type], "token")
    return {"patient": "reference"} | tokens | dict.fromkeys(_DATE.get(resource_type, {}), "date")


def search(record: Record, query: str) -> dict[str, Any]:
    """Answer `Type?parameters` with a searchset Bundle; several parameters are joined by AND, commas mean OR.

    Raises:
        SearchRefused: a type, parameter, modifier or value that this EHR does not search by.
    """
    resource_type, _, parameters = query.partition("?")
    if resource_type not in _TOKEN:
        raise SearchRefused(f"{resource_type or 'An empty type'} is not searched here")
    found = record.of_type(resource_type)
    order, includes = "", []
    asked = parse_qsl(parameters, keep_blank_values=True)
    for name, value in sorted(asked, key=lambda one: one[0] != "patient"):  # which leaves least for the others to do
        if not value:
            raise SearchRefused(f"the parameter {name} has no value")
        if name == "_sort":
            order = value
        elif name == "_include":
            includes.append(value)
        else:
            test = _test(resource_type, name, value)
            found = [resource for resource in found if test(resource)]
    if order:
        found = _sorted(resource_type, found, order)
    return _searchset(found, _included(record, resource_type, found, includes))


def _test(resource_type: str, name: str, value: str) -> Callable[[Resource], bool]:
    """The test that one parameter makes of a resource."""
    if name == "patient":
        wanted = {f"Patient/{_plain(part).removeprefix('Patient/')}" for part in _split(value, ",")}
        return lambda resource: bool(wanted & set(_references(resource, "subject", "patient")))
    if name in _TOKEN[resource_type]:
        path = _TOKEN[resource_type][name].split(".")
        tokens = [_token(part) for part in _split(value, ",")]
        return lambda resource: any(_has(resource, path, system, code) for system, code in tokens)
    if name in _DATE.get(resource_type, {}):
        element = _DATE[resource_type][name]
        dates = [_date(_plain(part)) for part in _split(value, ",")]
        return lambda resource: _in_time(resource, element, dates)
    raise SearchRefused(f"{resource_type} is not searched by {name} here")


def _split(value: str, separator: str) -> list[str]:
    """Split at the separators that are not escaped. Read from the left, so that an escaped backslash escapes nothing.

    The escapes stay: a part may have to be split again.
    """
    parts = [""]
    for piece in _PIECE.finditer(value):
        if piece[0] == separator:
            parts.append("")
        else:
            parts[-1] += piece[0]
    return parts


def _plain(part: str) -> str:
    """A part that is not split any more, with its escapes taken off."""
    return _ESCAPE.sub(r"\1", part)


def _token(part: str) -> tuple[str | None, str]:
    """(system, code) of a token: None as system matches every system, "" as system matches only none."""
    sides = [_plain(side) for side in _split(part, "|")]
    if not any(sides):
        raise SearchRefused("a token without system and code")
    if len(sides) > 2:
        raise SearchRefused("a token with more than one | that is not escaped")
    return (sides[0], sides[1]) if len(sides) == 2 else (None, sides[0])


def _has(resource: Resource, path: list[str], system: str | None, code: str) -> bool:
    """Whether any coding at the path is the token; a plain code element has no system of its own."""
    for node in _nodes(resource, path):
        if isinstance(node, str):
            if code in ("", node):
                return True
            continue
        codings = node.get("coding") if isinstance(node, Mapping) else None
        for coding in codings if isinstance(codings, list) else []:
            if (
                isinstance(coding, Mapping)
                and (system is None or coding.get("system", "") == system)
                and code in ("", coding.get("code"))
            ):
                return True
    return False


def _nodes(node: Any, path: list[str]) -> Iterator[Any]:
    """Yield what stands at an element path, through lists, whether or not a list is there."""
    if isinstance(node, list):
        for item in node:
            yield from _nodes(item, path)
    elif not path:
        yield node
    elif isinstance(node, Mapping) and path[0] in node:
        yield from _nodes(node[path[0]], path[1:])


def _references(resource: Resource, *elements: str) -> Iterator[str]:
    for element in elements:
        for node in _nodes(resource, [element, "reference"]):
            if isinstance(node, str):
                yield node


def _date(part: str) -> tuple[str, periods.Stretch]:
    prefix, rest = (part[:2], part[2:]) if part[:2].isalpha() else ("eq", part)
    wanted = periods.stretch(rest)
    if prefix not in _PREFIXES or wanted is None:
        raise SearchRefused("a date that cannot be read, or a prefix other than eq, ge, gt, le, lt")
    return prefix, wanted


def _in_time(resource: Resource, element: str, dates: list[tuple[str, periods.Stretch]]) -> bool:
    target = periods.choice(resource, element)
    return target is not None and any(periods.matches(prefix, wanted, target) for prefix, wanted in dates)


def _sorted(resource_type: str, found: list[Resource], order: str) -> list[Resource]:
    """Sort by date parameters, the first being the most significant; what has no date goes last."""
    for key in reversed(order.split(",")):
        element = _DATE.get(resource_type, {}).get(key.removeprefix("-"))
        if element is None:
            raise SearchRefused(f"{resource_type} is not sorted by {key.removeprefix('-')} here")
        found = _sorted_by(found, element, newest_first=key.startswith("-"))
    return found


def _sorted_by(found: list[Resource], element: str, *, newest_first: bool) -> list[Resource]:
    def moment(resource: Resource) -> datetime:
        when = periods.choice(resource, element)
        if when is None:
            return datetime.min.replace(tzinfo=UTC)
        return when.high if newest_first else when.low

    dated = [resource for resource in found if periods.choice(resource, element) is not None]
    undated = [resource for resource in found if periods.choice(resource, element) is None]
    return sorted(dated, key=moment, reverse=newest_first) + undated


def _included(record: Record, resource_type: str, found: list[Resource], includes: list[str]) -> list[Resource]:
    included: dict[str, Resource] = {}
    for include in includes:
        element = _INCLUDES.get(include)
        if element is None or not include.startswith(f"{resource_type}:"):
            raise SearchRefused("an _include that is not served here")
        for resource in found:
            for reference in _references(resource, element):
                if other := record.read(reference):
                    included[reference] = other
    return list(included.values())


def _searchset(found: list[Resource], included: list[Resource]) -> dict[str, Any]:
    entries = [{"resource": resource, "search": {"mode": "match"}} for resource in found]
    entries += [{"resource": resource, "search": {"mode": "include"}} for resource in included]
    bundle: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset", "total": len(found)}
    if entries:
        bundle["entry"] = entries
    return bundle
