"""Reading a site's FHIR R4 ConceptMaps: what every map must be, whatever its codes are used for.

Only `equal` and `equivalent` count. What does not count is left out with a reason; what looks like a mistake is a
fault, which keeps the service from starting. What the codes must be is said by who reads them: `local_codes` (what a
site sends) and `order_codes` (what a site orders).
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from screening.tokens import LONGEST_TOKEN

COUNTED: Final = frozenset({"equal", "equivalent"})
LARGEST_FILE: Final = 5_000_000
"""Bytes."""
_EQUIVALENCES: Final = COUNTED | {
    "relatedto", "wider", "subsumes", "narrower", "specializes", "inexact", "unmatched", "disjoint",
    "related-to", "source-is-narrower-than-target", "source-is-broader-than-target", "not-related-to",
}  # fmt: skip
"""The codes of R4 `equivalence` and of R5 `relationship`, which takes its place there."""
_ABSOLUTE_URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s|]+")
_CODE: Final = re.compile(r"\S+( \S+)*")
_Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An element of a map that is not used, and why: `file` by its name, nothing of any patient."""

    file: str
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Notes:
    """What was noticed while maps were read: faults, one line each, and what is left out."""

    faults: list[str] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Group:
    """A group of a map: from the codes of one system to those of another.

    Attributes:
        file: name of its file.
        place: file and number, for words about it.
        source, target: the code systems.
        unmapped: whether it says what to do with codes that it does not list.
        elements: as sent.
    """

    file: str
    place: str
    source: str
    target: str
    unmapped: bool
    elements: tuple[_Object, ...]


@dataclass(frozen=True, slots=True)
class Target:
    """A target that counts."""

    code: str
    display: str


def groups(file: Path, notes: Notes) -> Iterator[Group]:
    """The groups of the map in a file, as far as they say from which system to which."""
    resource = _resource(file, notes)
    for number, group in enumerate(_objects(resource.get("group")), start=1):
        place = f"{file.name}, group {number}"
        source, target = group.get("source"), group.get("target")
        wrong = next((name for name, system in (("source", source), ("target", target)) if not _is_uri(system)), "")
        if wrong:
            notes.faults.append(f"{place}: {wrong} is not an absolute URI of a code system")
            continue
        elements = tuple(_objects(group.get("element")))
        yield Group(file.name, place, str(source), str(target), bool(group.get("unmapped")), elements)


def elements(group: Group, notes: Notes) -> Iterator[tuple[str, str, _Object]]:
    """Place, code and element for each element of a group that has a code."""
    for element in group.elements:
        code = element.get("code")
        if not isinstance(code, str) or not _CODE.fullmatch(code):
            notes.faults.append(f"{group.place}: an element without a code")
            continue
        yield f"{group.place}, element {code if len(code) <= LONGEST_TOKEN else code[:60] + '...'}", code, element


def targets(file: str, place: str, code: str, element: _Object, notes: Notes) -> Iterator[Target]:
    """The targets of an element that count."""
    given = list(_objects(element.get("target")))
    if not given:
        notes.left_out.append(LeftOut(file, code, "no target"))
    for target in given:
        equivalence, meant = target.get("equivalence", target.get("relationship")), target.get("code")
        if equivalence not in _EQUIVALENCES:
            notes.faults.append(f"{place}: a target without a known equivalence")
        elif equivalence not in COUNTED:
            notes.left_out.append(LeftOut(file, code, f"equivalence {equivalence} is not used"))
        elif target.get("dependsOn") or target.get("product"):
            notes.left_out.append(LeftOut(file, code, "a target that depends on other values is not used"))
        elif not isinstance(meant, str) or not _CODE.fullmatch(meant):
            notes.faults.append(f"{place}: a target without a code")
        else:
            yield Target(meant, str(target.get("display") or ""))


def _resource(file: Path, notes: Notes) -> _Object:
    """The ConceptMap in a file; an empty object where there is none."""
    try:
        if (size := file.stat().st_size) > LARGEST_FILE:
            notes.faults.append(f"{file.name} is too large: {size} bytes, at most {LARGEST_FILE}")
            return {}
        resource = json.loads(file.read_bytes())
    except OSError:
        notes.faults.append(f"{file.name} cannot be read")
        return {}
    except (ValueError, RecursionError):
        notes.faults.append(f"{file.name} is not JSON")
        return {}
    if not isinstance(resource, dict) or resource.get("resourceType") != "ConceptMap":
        notes.faults.append(f"{file.name} is not a FHIR ConceptMap")
        return {}
    if resource.get("status") == "retired":
        notes.faults.append(f"{file.name} says that it is retired")
    return resource


def _is_uri(system: Any) -> bool:
    return isinstance(system, str) and _ABSOLUTE_URI.fullmatch(system) is not None


def _objects(value: Any) -> Iterator[_Object]:
    """The objects of a list; nothing where it is none."""
    items: Iterable[Any] = value if isinstance(value, list) else ()
    return (item for item in items if isinstance(item, dict))
