"""A site's own codes: FHIR R4 ConceptMaps that say which LOINC, SNOMED CT, RxNorm, ATC or ICD-10 code each one means.

Only `equal` and `equivalent` count. With `wider` the target says more than the site's code, with `narrower` and the
rest something else: a blood-spot test would pass for a serum level, a multivitamin for vitamin B12. What does not
count is left out with a warning; what looks like a mistake keeps the service from starting.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from chassis.environment import SettingsError, listed
from screening.domain.codes import ATC, ICD10CM, LOINC, RXNORM, SNOMED, CodeBook, LocalCode, canonical
from screening.knowledge.check_digits import mod_10_holds, verhoeff_holds
from screening.tokens import LONGEST_TOKEN, token

SETTING: Final = "LOCAL_CODE_MAPS"
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
_FORMS: Final = {
    RXNORM: re.compile(r"[1-9][0-9]{0,7}"),
    ATC: re.compile(r"[A-Z](\d{2}([A-Z]([A-Z](\d{2})?)?)?)?"),
    ICD10CM: re.compile(r"[A-Z][0-9][0-9A-Z](\.[0-9A-Z]{1,4})?"),
}
_Element = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An element of a map that is not used, and why: `file` by its name, nothing of any patient."""

    file: str
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class LocalCodes:
    """What the maps of a site say."""

    codes: tuple[LocalCode, ...] = ()
    left_out: tuple[LeftOut, ...] = ()


def read(files: Sequence[Path], book: CodeBook) -> LocalCodes:
    """The maps in `files`, checked against the sets of `book`.

    Raises:
        chassis.environment.SettingsError: with the mistakes in all files.
    """
    reading = _Reading(book)
    for file in files:
        reading.add(file)
    if reading.faults:
        raise SettingsError(f"settings at fault: {SETTING}: {listed(reading.faults)}")
    return LocalCodes(tuple(reading.found.values()), tuple(reading.left_out))


class _Reading:
    """What has been read so far, with the mistakes."""

    def __init__(self, book: CodeBook) -> None:
        self._book = book
        self._used = 0
        self.found: dict[tuple[str, str], LocalCode] = {}
        self.left_out: list[LeftOut] = []
        self.faults: list[str] = []

    def add(self, file: Path) -> None:
        """Read one file."""
        try:
            if (size := file.stat().st_size) > LARGEST_FILE:
                self.faults.append(f"{file.name} is too large: {size} bytes, at most {LARGEST_FILE}")
                return
            resource = json.loads(file.read_bytes())
        except OSError:
            self.faults.append(f"{file.name} cannot be read")
            return
        except (ValueError, RecursionError):
            self.faults.append(f"{file.name} is not JSON")
            return
        if not isinstance(resource, dict) or resource.get("resourceType") != "ConceptMap":
            self.faults.append(f"{file.name} is not a FHIR ConceptMap")
            return
        if resource.get("status") == "retired":
            self.faults.append(f"{file.name} says that it is retired")
        before = self._used, len(self.faults)
        for number, group in enumerate(_objects(resource.get("group")), start=1):
            self._add_group(file.name, f"{file.name}, group {number}", group)
        if before == (self._used, len(self.faults)):
            self.faults.append(f"{file.name} holds nothing that a rule reads")

    def _add_group(self, file: str, place: str, group: _Element) -> None:
        source, target = group.get("source"), group.get("target")
        for name, system in (("source", source), ("target", target)):
            if not isinstance(system, str) or not _ABSOLUTE_URI.fullmatch(system):
                self.faults.append(f"{place}: {name} is not an absolute URI of a code system")
                return
        known = canonical(str(target), "G24.9")  # any code that every edition has: only the system matters here
        if known is None or known[0] not in {LOINC, SNOMED, *_FORMS}:
            self.faults.append(f"{place}: no rule reads codes of the target system {target}")
            return
        if group.get("unmapped"):
            self.left_out.append(LeftOut(file, "", "unmapped: only listed elements are used"))
        for element in _objects(group.get("element")):
            code = element.get("code")
            if not isinstance(code, str) or not _CODE.fullmatch(code):
                self.faults.append(f"{place}: an element without a code")
                continue
            said = f"{place}, element {code if len(code) <= LONGEST_TOKEN else code[:60] + '...'}"
            if fault := _unfit(str(source), code):
                self.faults.append(f"{said}: {fault}")
                continue
            for meant in self._targets(file, said, code, str(target), element):
                self._take(said, (str(source), code), str(element.get("display") or ""), meant)

    def _targets(self, file: str, place: str, code: str, system: str, element: _Element) -> Iterator[tuple[str, str]]:
        """The targets of one element that count, each a system and a code of ours."""
        given = _objects(element.get("target"))
        if not given:
            self.left_out.append(LeftOut(file, code, "no target"))
        for target in given:
            equivalence, meant = target.get("equivalence", target.get("relationship")), target.get("code")
            if equivalence not in _EQUIVALENCES:
                self.faults.append(f"{place}: a target without a known equivalence")
            elif equivalence not in COUNTED:
                self.left_out.append(LeftOut(file, code, f"equivalence {equivalence} is not used"))
            elif target.get("dependsOn") or target.get("product"):
                self.left_out.append(LeftOut(file, code, "a target that depends on other values is not used"))
            elif not isinstance(meant, str) or not _CODE.fullmatch(meant):
                self.faults.append(f"{place}: a target without a code")
            else:
                yield from self._checked(file, place, code, system, meant)

    def _checked(self, file: str, place: str, code: str, system: str, meant: str) -> Iterator[tuple[str, str]]:
        """A target that is well formed and in one of our sets, in canonical spelling."""
        name = canonical(system, meant)
        if name is not None and not _well_formed(*name):
            self.faults.append(f"{place}: target {meant} is no code of its system (check digit or form)")
        elif name is None or not self._book.sets(*name):
            self.left_out.append(LeftOut(file, code, f"no rule reads the target {meant}"))
        else:
            yield name

    def _take(self, place: str, sent: tuple[str, str], display: str, target: tuple[str, str]) -> None:
        source = canonical(*sent) or sent
        if self._book.sets(*source):
            self.faults.append(f"{place}: this code has a meaning of its own in our sets")
            return
        self._used += 1
        known = self.found.get(source)
        if known is None:
            self.found[source] = LocalCode(*source, display, (target,))
            return
        if target in known.targets:
            return
        if target[0] in {system for system, _ in known.targets}:
            others = " and ".join(code for system, code in (*known.targets, target) if system == target[0])
            self.faults.append(f"{place}: mapped to different codes of one system, {others}")
            return
        self.found[source] = LocalCode(*source, known.display or display, (*known.targets, target))


def _unfit(system: str, code: str) -> str:
    """Why nobody can search for a code of the site; empty when it can be searched for."""
    try:
        length = len(token(system, code))
    except UnicodeEncodeError:
        return "system and code are not text that a URL can carry"
    if length <= LONGEST_TOKEN:
        return ""
    return f"system and code make a search token of {length} characters, at most {LONGEST_TOKEN}"


def _well_formed(system: str, code: str) -> bool:
    match system:
        case "http://loinc.org":
            return mod_10_holds(code)
        case "http://snomed.info/sct":
            return verhoeff_holds(code)
        case _:
            return _FORMS[system].fullmatch(code) is not None


def _objects(value: Any) -> list[_Element]:
    """The objects of a list; nothing where it is none."""
    items: Iterable[Any] = value if isinstance(value, list) else ()
    return [item for item in items if isinstance(item, dict)]
