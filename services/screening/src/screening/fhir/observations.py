"""Observations: laboratory results, pending results and site facts.

Codings are looked at before anything else: most observations of a chart are none of ours.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Final

from msgspec import Raw

from screening.domain import analytes
from screening.domain.analytes import Analyte
from screening.domain.chart import FUTURE_TOLERANCE, PendingResult, SiteFact
from screening.domain.codes import NONE, CodeBook
from screening.fhir.results import Found, Measured, Results, reference_of, taken_at
from screening.fhir.shapes import Observation, concept
from screening.slices import field, present

IsOurs = Callable[[Observation], bool]
"""Whether an observation is of the patient of the call."""

_STATUS_SYSTEMS: Final = (
    "http://terminology.hl7.org/CodeSystem/condition-",
    "http://hl7.org/fhir/condition-",
)
_FINAL: Final = frozenset({"final", "amended", "corrected"})
_PENDING: Final = frozenset({"preliminary", "registered"})
_BY_SET: Final[Mapping[str, Analyte]] = {analyte.value_set: analyte for analyte in analytes.ANALYTES}
_ANALYTE_SETS: Final = frozenset(_BY_SET)


@dataclass(frozen=True, slots=True)
class _Meaning:
    """What the codings of an observation come to.

    Attributes:
        site_facts: codes of the site's own facts.
        measured: what a final observation is a result of.
        awaited: the sets of a result that is not final.
        codes: all codes as our sets spell them; empty when none is in a set of ours.
        ours: whether any coding is one that we know.
    """

    site_facts: tuple[str, ...]
    measured: tuple[Measured, ...]
    awaited: frozenset[str]
    codes: frozenset[str]
    ours: bool


_Codings = tuple[tuple[str | None, str | None], ...]
_KEPT: Final = 4_096
_LONGEST_KEPT: Final = 300
"""Characters of the codings of an observation; who sends longer ones fills no memory of ours."""


class Meanings:
    """What the codings of observations come to. One for a code book; threads share it, and the usual ones are kept."""

    def __init__(self, book: CodeBook, site_facts_system: str) -> None:
        self._book = book
        self._system = site_facts_system
        self._kept = lru_cache(maxsize=_KEPT)(self._meaning)

    def of(self, codings: _Codings) -> _Meaning:
        """Of pairs of system and code, in the order in which they were sent."""
        if sum(len(system or "") + len(code or "") for system, code in codings) > _LONGEST_KEPT:
            return self._meaning(codings)
        return self._kept(codings)

    def _meaning(self, codings: _Codings) -> _Meaning:
        sets: frozenset[str] = NONE
        codes: set[str] = set()
        matched: dict[str, tuple[str | None, str]] = {}
        site_facts: list[str] = []
        for system, code in codings:
            codes.update(known for _, known in self._book.meanings(system, code))
            found = self._book.find(system, code)
            if found is not None:
                sets |= found[1]
                for value_set in found[1]:
                    matched.setdefault(value_set, (system, code or ""))
            elif system == self._system and code:
                site_facts.append(code)
        measured = (_BY_SET[name] for name in sorted(sets & _ANALYTE_SETS) if sets.isdisjoint(_BY_SET[name].conflicts))
        conflicting = {name for name in sets & _ANALYTE_SETS if not sets.isdisjoint(_BY_SET[name].conflicts)}
        return _Meaning(
            tuple(site_facts),
            tuple(self._measured(analyte, *matched[analyte.value_set]) for analyte in measured),
            sets - conflicting,
            frozenset(codes) if sets else NONE,
            bool(sets or site_facts),
        )

    def _measured(self, analyte: Analyte, system: str | None, code: str) -> Measured:
        """On the card a result has its analyte's name; one with a site's own code also what that is read as."""
        targets = self._book.meanings(system, code)[1:]
        read_as = ", ".join(code for _, code in targets)
        display = f"{analyte.label} (local code {code}, read as {read_as})" if targets else analyte.label
        return Measured(analyte, code, display)


class Observations:
    """Collects what the observations of one chart say."""

    def __init__(self, meanings: Meanings, now: datetime, is_ours: IsOurs) -> None:
        self._meanings = meanings
        self._is_ours = is_ours
        self._latest = now + FUTURE_TOLERANCE
        self._met: dict[_Codings, _Meaning] = {}
        self._seen: dict[str, Observation] = {}
        self._found: dict[str, Found] = {}
        self.pending: dict[PendingResult, None] = {}
        self.site_facts: dict[SiteFact, None] = {}

    def add(self, observation: Observation) -> None:
        """Take an observation of the patient into account, if one of its codings is ours."""
        if observation.code is None:
            return
        codings = tuple([(coding.system, coding.code) for coding in observation.code.codings])
        meaning = self._met.get(codings)
        if meaning is None:
            meaning = self._met[codings] = self._meanings.of(codings)
        if not meaning.ours or not self._is_ours(observation) or self._repeated(observation):
            return
        for code in meaning.site_facts:
            self._add_site_fact(observation, code)
        if observation.status in _PENDING and meaning.codes:
            taken = taken_at(observation)
            if taken is None or taken <= self._latest:
                day = taken.date() if taken is not None else None
                self.pending[PendingResult(meaning.awaited, meaning.codes, day)] = None
        elif observation.status in _FINAL:
            for measured in meaning.measured:
                found = self._found.setdefault(measured.analyte.key, Found())
                found.observations.append(observation)
                found.measured.append(measured)

    def results(self, most: int) -> Results:
        """The laboratory results; at most so many observations are read whole."""
        return Results(self._found, most, self._latest)

    def _repeated(self, observation: Observation) -> bool:
        """Whether the very same was here before: one that several searches find stands under the key of each."""
        if not observation.id:
            return False
        if self._seen.get(observation.id) == observation:
            return True
        self._seen[observation.id] = observation
        return False

    def _add_site_fact(self, observation: Observation, code: str) -> None:
        said = field(observation.valueBoolean, bool)
        if observation.status not in _FINAL or said is None:
            return
        taken = taken_at(observation)
        if taken is not None and taken > self._latest:
            return
        fact = SiteFact(code, said, taken.date() if taken is not None else None, reference_of(observation))
        self.site_facts[fact] = None


def status_code(raw: Raw) -> str:
    """The code of a status that is a concept or a plain code: empty when absent, `?` when it cannot be read."""
    if not present(raw):
        return ""
    read = concept(raw)
    if read is None:
        return "?"
    standard = [c.code for c in read.codings if c.code and (c.system or "").startswith(_STATUS_SYSTEMS)]
    codes = standard or [coding.code for coding in read.codings if coding.code]
    return codes[0] if codes else (read.text or "?").strip().lower()
