"""The file with which a site says which rules are shown to whom: YAML or JSON, read strictly and taken whole.

Each fault is said with its line and with what to write instead. The file holds no secrets: faults may repeat names.
"""

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from chassis import positions
from chassis.following import Stamps, stamp
from chassis.positions import Document, Fault, Unreadable
from chassis.positions import Path as Place
from screening.knowledge.rule_modes import CANARY, EVERYTHING, NAMES, OFF, ON, SHOWN, SILENT, Mode, RuleModes, Table

_MOST_BYTES: Final = 1_000_000
_MOST_CLIENTS: Final = 2_000
_LONGEST: Final = 500
_HEAD: Final = ("version", "approver", "date", "reason")
_TOP: Final = (*_HEAD, "modes", "clients")
_VERSION: Final = re.compile(r"[0-9A-Za-z](?:[0-9A-Za-z.-]{0,30}[0-9A-Za-z])?")
_CLIENT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_PERCENT: Final = re.compile(r"[1-9][0-9]?")
_WRITE_MODE: Final = "write on, off, silent or {canary: 10}"
_MEANT: Final = {"true": ON, "yes": ON, "shown": ON, "false": OFF, "no": OFF, "disabled": OFF, "silence": SILENT}
_LISTED_STATES: Final = 3


@dataclass(frozen=True)
class RuleModesFile:
    """A file of rule modes as it was read.

    Attributes:
        path: where it is.
        modes: what it says; None if it is at fault in any place.
        faults: what is wrong with it, in the order of its lines.
        stamps: of the file, from just before it was read.
    """

    path: str
    modes: RuleModes | None = None
    faults: tuple[Fault, ...] = ()
    stamps: Stamps = field(default_factory=dict)


def read(path: str, today: date | None = None) -> RuleModesFile:
    """The file at `path`, checked whole; whoever uses it looks at `faults` first. `today` (UTC) is now by default."""
    stamps = MappingProxyType({path: stamp(path)})
    try:
        document = positions.read(positions.text_of(Path(path), _MOST_BYTES))
    except Unreadable as error:
        return RuleModesFile(path, faults=error.faults, stamps=stamps)
    except ValueError as error:
        return RuleModesFile(path, faults=(Fault(0, f"the file {error}"),), stamps=stamps)
    reading = _Reading(document, today or datetime.now(UTC).date())
    modes = reading.modes()
    if reading.faults:
        return RuleModesFile(path, faults=tuple(sorted(reading.faults)), stamps=stamps)
    return RuleModesFile(path, modes, stamps=stamps)


class _Reading:
    """One reading of a document."""

    def __init__(self, document: Document, today: date) -> None:
        self.faults: list[Fault] = []
        self._document = document
        self._today = today

    def modes(self) -> RuleModes:
        """What the document says; only good if there are no faults."""
        top = self._mapping((), self._document.value, f"the file must have the members {_listed(_TOP)}")
        for name in top:
            if name not in _TOP:
                self._fault((name,), f"{_said(name)} is no member of this file; it has {_listed(_TOP)}")
        if not {"modes", "clients"} & top.keys():
            self._fault((), "there is neither modes nor clients; write modes: {} to have every rule on")
        return RuleModes(
            version=self._version(top),
            approver=self._text(top, "approver", "who answers for these modes"),
            approved=self._day(top),
            reason=self._text(top, "reason", "in a sentence, why they are as they are"),
            everywhere=self._table(("modes",), top.get("modes")),
            clients=self._clients(top.get("clients")),
        )

    def _version(self, top: Mapping[str, Any]) -> str:
        version = top.get("version")
        if isinstance(version, str) and _VERSION.fullmatch(version):
            return version
        words = "must have at most 32 letters, digits, hyphens and full stops" if version else "is missing"
        self._fault(("version",), f'version {words}; write for example version: "2026-11", another with every change')
        return ""

    def _text(self, top: Mapping[str, Any], name: str, what: str) -> str:
        given = top.get(name)
        words = " ".join(given.split()) if isinstance(given, str) and given.isprintable() else ""
        if not words or len(words) > _LONGEST:
            self._fault((name,), f"{name} is missing, or no line of 1 to {_LONGEST} characters; write {what}")
        return words

    def _day(self, top: Mapping[str, Any]) -> date:
        given = top.get("date")
        try:
            day = date.fromisoformat(given) if isinstance(given, str) and _DAY.fullmatch(given) else None
        except ValueError:
            day = None
        if day is None:
            self._fault(("date",), "date is missing, or no day; write that of the approval, such as 2026-11-01")
        elif day > self._today + timedelta(days=1):
            self._fault(("date",), f"date lies in the future: {day.isoformat()}; write the day of the approval")
        return day or self._today

    def _clients(self, given: Any) -> Mapping[str, Table]:
        found: dict[str, Table] = {}
        clients = self._mapping(("clients",), given, "clients must be a mapping, from a client's name to its modes")
        if len(clients) > _MOST_CLIENTS:
            self._fault(("clients",), f"there are more than {_MOST_CLIENTS} clients")
        for name, table in clients.items():
            if name == EVERYTHING:
                self._fault(("clients", name), "what holds for all clients stands under modes, at the top")
            elif not _CLIENT.fullmatch(name):
                self._fault(("clients", name), f"{_said(name)} is no name of a client: it stands in the clients file")
            found[name] = self._table(("clients", name), table)
        return MappingProxyType(found)

    def _table(self, place: Place, given: Any) -> Table:
        words = "must be a mapping, from a rule to its mode, such as ORD_IRON: off"
        table = self._mapping(place, given, f"{place[-1]} {words}")
        found: dict[str, Mode] = {}
        for name, mode in table.items():
            if name != EVERYTHING and name not in NAMES:
                self._fault((*place, name), _unknown(name))
            found[name] = self._mode((*place, name), mode)
        return MappingProxyType(found)

    def _mode(self, place: Place, given: Any) -> Mode:
        if given in (ON, OFF, SILENT):
            return Mode(given)
        if isinstance(given, dict) and list(given) == [CANARY]:
            return self._canary((*place, CANARY), given[CANARY])
        if isinstance(given, str) and given.lower() in _MEANT:
            advice = f"write {_MEANT[given.lower()]}"
        elif isinstance(given, str) and given.lower().startswith(CANARY):
            advice = "write for how many of 100 patients it is shown, {canary: 10}"
        else:
            advice = _WRITE_MODE
        said = f"{_said(given)} is no mode" if isinstance(given, str) else "this is no mode"
        self._fault(place, f"{place[-1]}: {said}; {advice}")
        return SHOWN

    def _canary(self, place: Place, given: Any) -> Mode:
        if isinstance(given, str) and _PERCENT.fullmatch(given):
            return Mode(CANARY, int(given))
        said = _said(given) if isinstance(given, str) else "this"
        words = f"{place[-2]}: {said} is no whole number from 1 to 99; write for how many of 100 patients it is shown"
        self._fault(place, f"{words} (for none silent, for all on)")
        return SHOWN

    def _mapping(self, place: Place, given: Any, words: str) -> dict[str, Any]:
        """A mapping; one with nothing in it may also be left empty."""
        if isinstance(given, dict):
            return given
        if given is not None or not place:
            self._fault(place, words)
        return {}

    def _fault(self, place: Place, words: str) -> None:
        self.faults.append(Fault(self._document.line(place), words))


def _unknown(name: str) -> str:
    module, _, state = name.partition(".")
    states = [known.partition(".")[2] for known in NAMES if known.startswith(f"{module}.")]
    if state and states:
        return f"{module} has no card for the state {_said(state)}; it has {_listed(states)}"
    if state and module in NAMES:
        return f"{module} has no states; write {module}"
    near = difflib.get_close_matches(name.upper(), NAMES, n=_LISTED_STATES)
    meant = f" Is {_listed(near, 'or')} meant?" if near else ""
    return f"{_said(name)} is no rule.{meant} Known are {_listed(tuple(_modules()))}, and * for all"


def _modules() -> Iterator[str]:
    return (name for name in NAMES if "." not in name)


def _listed(names: tuple[str, ...] | list[str], word: str = "and") -> str:
    return f"{', '.join(names[:-1])} {word} {names[-1]}" if len(names) > 1 else "".join(names)


def _said(text: str) -> str:
    """What the file says, short enough for a line."""
    plain = "".join(character if character.isprintable() else " " for character in text)
    return f'"{plain[:60]}"'
