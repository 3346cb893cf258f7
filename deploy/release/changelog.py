"""What CHANGELOG.md must say of a release: a date, and clinical changes first."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

FILE: Final = "CHANGELOG.md"
CLINICAL: Final = "Clinical"
NO_CHANGE: Final = "No clinical change."
_SECTION: Final = re.compile(r"^## (\S+)(?: - (.*))?$", re.MULTILINE)
_PART: Final = re.compile(r"^### (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Section:
    """What stands under one version.

    Attributes:
        version: as written.
        day: what stands after the version, as written; empty if nothing does.
        parts: (heading, text), in their order.
        text: all of it, without the heading.
    """

    version: str
    day: str
    parts: tuple[tuple[str, str], ...]
    text: str

    @property
    def clinical(self) -> str:
        """The clinical changes; empty if there is no word about them."""
        return next((text for heading, text in self.parts if heading == CLINICAL), "")

    @property
    def says_no_clinical_change(self) -> bool:
        """Whether it says outright that a clinician will see nothing differently."""
        return self.clinical.strip(" -\n").lower().rstrip(".") == NO_CHANGE.lower().rstrip(".")


def sections(text: str) -> list[Section]:
    """All sections, in their order."""
    found: list[Section] = []
    marks = [*_SECTION.finditer(text)]
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    for mark, end in zip(marks, ends, strict=True):
        body = text[mark.end() : end].strip()
        pieces = _PART.split(body)
        parts = tuple((heading.strip(), said.strip()) for heading, said in zip(pieces[1::2], pieces[2::2], strict=True))
        found.append(Section(mark[1], (mark[2] or "").strip(), parts, body))
    return found


def faults(found: Sequence[Section], version: str, today: date) -> Iterator[str]:
    """Why a version cannot be released with this changelog; nothing if it can."""
    names = [one.version for one in found]
    if version not in names:
        yield f"{FILE} has no section for {version}: begin one with the line '## {version} - {today}'"
        return
    if names.count(version) > 1:
        yield f"{FILE} has more than one section for {version}: make them one"
    if names[0] != version:
        yield f"{FILE}: the section of {version} is not the first; above it stands {names[0]}, which comes later"
    section = found[names.index(version)]
    yield from _day(section, today)
    for other in found:
        if other is not section and "unreleased" in other.day.lower():
            yield f"{FILE} calls {other.version} unreleased: what is in it goes out now, so move it to {version}"
    if not section.parts or section.parts[0][0] != CLINICAL:
        yield (
            f"{FILE}: the section of {version} must begin with '### {CLINICAL}': what a clinician will see differently,"
            f" or the words '{NO_CHANGE}'"
        )
    elif not section.clinical:
        yield f"{FILE}: nothing stands under '### {CLINICAL}' of {version}: write it, or the words '{NO_CHANGE}'"


def _day(section: Section, today: date) -> Iterator[str]:
    wanted = f"write '## {section.version} - {today}'"
    try:
        day = date.fromisoformat(section.day)
    except ValueError:
        yield f"{FILE}: {section.version} has no date but '{section.day}': {wanted}"
        return
    if day > today:
        yield f"{FILE}: the date of {section.version}, {day}, is still to come: {wanted}"
