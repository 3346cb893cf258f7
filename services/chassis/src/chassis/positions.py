"""A YAML or JSON file as plain values, with the line on which each of them stands, so that a fault can name it.

JSON is read as what it is, a part of YAML. Two things are stricter than YAML, because the files read here decide whom
we trust: a name that comes twice in one mapping is a fault, and so are anchors, aliases and tags. One thing is
simpler: a scalar is a text or null, never a date or a yes, so that `kid: 2026-01-01` means what it looks like.
"""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any, Final

import yaml

Path = tuple[str | int, ...]
"""Where a value is: names and indexes from the top, `(0, "audiences", 1)`."""

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DEEPEST: Final = 20
_HALF: Final = re.compile(r"[\ud800-\udfff]")
_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})


@dataclass(frozen=True, order=True)
class Fault:
    """Something wrong in a file: the line, counted from 1 (0: no line in particular), and words without values."""

    line: int
    words: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.words}" if self.line else self.words


class Unreadable(Exception):
    """A text is not a YAML document that we read; `faults` say where and why."""

    def __init__(self, *faults: Fault) -> None:
        super().__init__("; ".join(map(str, faults)))
        self.faults = faults


@dataclass(frozen=True)
class Document:
    """A text as plain values: dict, list, str and None.

    Attributes:
        value: what stands at the top.
        lines: the line of each value, counted from 1; of a member of a mapping, the line of its name.
    """

    value: Any
    lines: Mapping[Path, int]

    def line(self, path: Path) -> int:
        """The line of a value, or of the nearest that encloses it if there is no such value."""
        while path not in self.lines and path:
            path = path[:-1]
        return self.lines.get(path, 0)


def text_of(path: FilePath, most_bytes: int) -> str:
    """The text of a file.

    Raises:
        ValueError: it cannot be read; the words say why, without the path.
    """
    try:
        with path.open("rb") as file:
            data = file.read(most_bytes + 1)
    except OSError as error:
        raise ValueError(f"cannot be read: {os.strerror(error.errno or 0).lower()}") from error
    if len(data) > most_bytes:
        raise ValueError(f"is larger than {most_bytes:,} bytes")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ValueError(f"is not UTF-8 text (line {line})") from None


def read(text: str) -> Document:
    """The one document in `text`.

    Raises:
        Unreadable: it is not YAML or JSON, is empty, or holds what the module's description excludes.
    """
    # A tab may stand between the words of JSON, but not in YAML; within the strings of JSON it cannot stand.
    plain = text.replace("\t", " ") if text.lstrip()[:1] in ("[", "{") else text
    reading = _Reading(yaml.parse(plain, Loader=_LOADER))
    try:
        value = reading.document()
    except (yaml.YAMLError, UnicodeError) as error:
        mark = getattr(error, "problem_mark", None)
        words = "neither YAML nor JSON from here on: look for a missing quote, bracket or comma, and at the indentation"
        line = min(mark.line + 1, len(text.splitlines())) if mark else 0
        raise Unreadable(Fault(line, words)) from error
    if reading.faults:
        raise Unreadable(*sorted(reading.faults))
    return Document(value, reading.lines)


class _Reading:
    """One pass over the events of a document: a parser's events, unlike its trees, can be as deep as they like."""

    def __init__(self, events: Iterator[yaml.Event]) -> None:
        self.lines: dict[Path, int] = {}
        self.faults: list[Fault] = []
        self._events = events

    def document(self) -> Any:
        """The value of the one document."""
        first = self._next_but(yaml.StreamStartEvent)
        if isinstance(first, yaml.StreamEndEvent):
            raise Unreadable(Fault(0, "the file is empty"))
        value = self._value(next(self._events), ())
        after = self._next_but(yaml.DocumentEndEvent)
        if not isinstance(after, yaml.StreamEndEvent):
            raise Unreadable(Fault(_line(after), "a second document begins here; there must be one"))
        return value

    def _next_but(self, kind: type[yaml.Event]) -> yaml.Event:
        return next(event for event in self._events if not isinstance(event, kind))

    def _value(self, event: yaml.Event, path: Path) -> Any:
        line = _line(event)
        self.lines.setdefault(path, line)
        if len(path) > _DEEPEST:
            raise Unreadable(Fault(line, f"nested more than {_DEEPEST} levels deep"))
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            self._fault(line, "anchors and aliases (& and *) are not read here: write the value out, or in quotes")
        elif event.tag:  # type: ignore[attr-defined]
            self._fault(line, "tags (words that begin with !) are not read here")
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(path)
        if isinstance(event, yaml.SequenceStartEvent):
            return [self._value(one, (*path, index)) for index, one in enumerate(self._until(yaml.SequenceEndEvent))]
        if isinstance(event, yaml.ScalarEvent):
            if _HALF.search(event.value):
                self._fault(line, "a character outside the basic plane must stand as itself, not as two escapes")
            return None if event.implicit[0] and event.value in _NULLS else event.value
        return None

    def _until(self, end: type[yaml.Event]) -> Iterator[yaml.Event]:
        """The events from here to the end of a collection; whoever reads them reads what is within each first."""
        while not isinstance(event := next(self._events), end):
            yield event

    def _mapping(self, path: Path) -> dict[str, Any]:
        members: dict[str, Any] = {}
        for event in self._until(yaml.MappingEndEvent):
            line = _line(event)
            name = self._value(event, (*path, "?"))
            if not isinstance(name, str):
                self._fault(line, "the name of a member must be a text")
                name = "?"
            elif name in members:
                self._fault(line, f"{shown(name)} stands here a second time in one mapping")
            self.lines[(*path, name)] = line
            members[name] = self._value(next(self._events), (*path, name))
        return members

    def _fault(self, line: int, words: str) -> None:
        self.faults.append(Fault(line, words))


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 0


def shown(name: str) -> str:
    """The name of a member, fit for a message: what may be no name but a slipped value is not repeated."""
    return name if len(name) <= 32 and name.isascii() and name.isidentifier() else "a member with an odd name"
