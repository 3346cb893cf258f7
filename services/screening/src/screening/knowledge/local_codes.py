"""A site's own codes: FHIR R4 ConceptMaps that say which LOINC, SNOMED CT, RxNorm, ATC or ICD-10 code each one means.

Only `equal` and `equivalent` count. With `wider` the target says more than the site's code, with `narrower` and the
rest something else: a blood-spot test would pass for a serum level, a multivitamin for vitamin B12. What does not
count is left out with a warning; what looks like a mistake keeps the service from starting.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chassis.environment import SettingsError, listed
from screening.domain.codes import ATC, ICD10CM, LOINC, RXNORM, SNOMED, CodeBook, LocalCode, canonical
from screening.knowledge import concept_maps
from screening.knowledge.check_digits import mod_10_holds, verhoeff_holds
from screening.knowledge.concept_maps import Group, LeftOut, Notes
from screening.tokens import LONGEST_TOKEN, token

SETTING: Final = "LOCAL_CODE_MAPS"
_FORMS: Final = {
    RXNORM: re.compile(r"[1-9][0-9]{0,7}"),
    ATC: re.compile(r"[A-Z](\d{2}([A-Z]([A-Z](\d{2})?)?)?)?"),
    ICD10CM: re.compile(r"[A-Z][0-9][0-9A-Z](\.[0-9A-Z]{1,4})?"),
}


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
    if reading.notes.faults:
        raise SettingsError(f"settings at fault: {SETTING}: {listed(reading.notes.faults)}")
    return LocalCodes(tuple(reading.found.values()), tuple(reading.notes.left_out))


class _Reading:
    """What has been read so far, with the mistakes."""

    def __init__(self, book: CodeBook) -> None:
        self._book = book
        self._used = 0
        self.found: dict[tuple[str, str], LocalCode] = {}
        self.notes = Notes()

    def add(self, file: Path) -> None:
        """Read one file."""
        before = self._used, len(self.notes.faults)
        for group in concept_maps.groups(file, self.notes):
            self._add_group(group)
        if before == (self._used, len(self.notes.faults)):
            self.notes.faults.append(f"{file.name} holds nothing that a rule reads")

    def _add_group(self, group: Group) -> None:
        known = canonical(group.target, "G24.9")  # any code that every edition has: only the system matters here
        if known is None or known[0] not in {LOINC, SNOMED, *_FORMS}:
            self.notes.faults.append(f"{group.place}: no rule reads codes of the target system {group.target}")
            return
        if group.unmapped:
            self.notes.left_out.append(LeftOut(group.file, "", "unmapped: only listed elements are used"))
        for place, code, element in concept_maps.elements(group, self.notes):
            if fault := _unfit(group.source, code):
                self.notes.faults.append(f"{place}: {fault}")
                continue
            for target in concept_maps.targets(group.file, place, code, element, self.notes):
                for meant in self._checked(group.file, place, code, group.target, target.code):
                    self._take(place, (group.source, code), str(element.get("display") or ""), meant)

    def _checked(self, file: str, place: str, code: str, system: str, meant: str) -> Iterator[tuple[str, str]]:
        """A target that is well formed and in one of our sets, in canonical spelling."""
        name = canonical(system, meant)
        if name is not None and not _well_formed(*name):
            self.notes.faults.append(f"{place}: target {meant} is no code of its system (check digit or form)")
        elif name is None or not self._book.sets(*name):
            self.notes.left_out.append(LeftOut(file, code, f"no rule reads the target {meant}"))
        else:
            yield name

    def _take(self, place: str, sent: tuple[str, str], display: str, target: tuple[str, str]) -> None:
        source = canonical(*sent) or sent
        if self._book.sets(*source):
            self.notes.faults.append(f"{place}: this code has a meaning of its own in our sets")
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
            self.notes.faults.append(f"{place}: mapped to different codes of one system, {others}")
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
