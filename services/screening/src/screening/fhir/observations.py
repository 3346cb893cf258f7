"""Observations: laboratory results, pending results and site facts.

Codings are looked at before anything else: most observations of a chart are none of ours.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Final

from msgspec import Raw

from screening.domain import analytes, labs
from screening.domain.analytes import Analyte
from screening.domain.chart import FUTURE_TOLERANCE, PendingResult, SiteFact
from screening.domain.codes import CodeBook
from screening.domain.labs import LabResult, Value
from screening.domain.units import amount, normalized
from screening.fhir.shapes import Coding, Concept, Observation, Period, Quantity, Range, concept
from screening.fhir.times import instant
from screening.slices import field, listed, present

IsOurs = Callable[[Observation], bool]
"""Whether an observation is of the patient of the call."""

UCUM: Final = "http://unitsofmeasure.org"
_STATUS_SYSTEMS: Final = (
    "http://terminology.hl7.org/CodeSystem/condition-",
    "http://hl7.org/fhir/condition-",
)
_FINAL: Final = frozenset({"final", "amended", "corrected"})
_PENDING: Final = frozenset({"preliminary", "registered"})
_BY_SET: Final[Mapping[str, Analyte]] = {analyte.value_set: analyte for analyte in analytes.ANALYTES}
_ANALYTE_SETS: Final = frozenset(_BY_SET)


class Observations:
    """Collects what the observations of one chart say."""

    def __init__(self, book: CodeBook, site_facts_system: str, now: datetime, is_ours: IsOurs) -> None:
        self._find = book.find
        self._book = book
        self._is_ours = is_ours
        self._system = site_facts_system
        self._latest = now + FUTURE_TOLERANCE
        self._results: dict[str, dict[LabResult, None]] = {}
        self.pending: dict[PendingResult, None] = {}
        self.site_facts: dict[SiteFact, None] = {}

    def add(self, observation: Observation) -> None:
        """Take an observation of the patient into account, if one of its codings is ours."""
        code = observation.code
        if code is None:
            return
        sets: frozenset[str] = frozenset()
        matched: dict[str, Coding] = {}
        for coding in code.codings:
            found = self._find(coding.system, coding.code)
            if found is not None:
                sets |= found[1]
                for value_set in found[1]:
                    matched.setdefault(value_set, coding)
            elif coding.system == self._system and coding.code and self._is_ours(observation):
                self._add_site_fact(observation, coding.code)
        if not sets or not self._is_ours(observation):
            return
        if observation.status in _PENDING:
            codes = frozenset(name[1] for c in code.codings for name in self._book.meanings(c.system, c.code))
            taken = self._taken(observation)
            if taken is not None and taken > self._latest:
                return
            sets -= {name for name in sets & _ANALYTE_SETS if not sets.isdisjoint(_BY_SET[name].conflicts)}
            self.pending[PendingResult(sets, codes, taken.date() if taken is not None else None)] = None
        elif observation.status in _FINAL:
            for value_set in sets & _ANALYTE_SETS:
                analyte = _BY_SET[value_set]
                if sets.isdisjoint(analyte.conflicts):
                    self._add_result(observation, analyte, matched[value_set])

    def labs(self) -> dict[str, tuple[LabResult, ...]]:
        """The results by analyte, in the order in which they decide."""
        by_key = {analyte.key: analyte for analyte in analytes.ANALYTES}
        return {key: labs.newest_first(results, by_key[key]) for key, results in self._results.items()}

    def _add_site_fact(self, observation: Observation, code: str) -> None:
        said = field(observation.valueBoolean, bool)
        if observation.status not in _FINAL or said is None:
            return
        taken = self._taken(observation)
        if taken is not None and taken > self._latest:
            return
        fact = SiteFact(code, said, taken.date() if taken is not None else None, _reference(observation))
        self.site_facts[fact] = None

    def _add_result(self, observation: Observation, analyte: Analyte, coding: Coding) -> None:
        taken = self._taken(observation)
        if taken is None or taken > self._latest:
            return
        value, printed, unit = _value(observation, analyte)
        readable = value if isinstance(value, Value) else None
        result = LabResult(
            analyte=analyte.key,
            taken=taken,
            status=observation.status or "",
            value=readable,
            printed=printed,
            unit=unit,
            code=coding.code or "",
            display=self._display(analyte, coding),
            reference=_reference(observation),
            unreadable=value if isinstance(value, str) else "",
            interpretation=_interpretation(observation.interpretation),
            upper_normal=_upper_normal(observation, analyte, readable),
        )
        self._results.setdefault(analyte.key, {})[result] = None

    def _display(self, analyte: Analyte, coding: Coding) -> str:
        """The name of a result on the card; for a site's own code with what it is read as."""
        targets = self._book.meanings(coding.system, coding.code)[1:]
        read_as = ", ".join(code for _, code in targets)
        return f"{analyte.label} (local code {coding.code}, read as {read_as})" if targets else analyte.label

    @staticmethod
    def _taken(observation: Observation) -> datetime | None:
        """effectiveDateTime, else the end of effectivePeriod, else issued."""
        for raw in (observation.effectiveDateTime, observation.effectiveInstant):
            if present(raw):
                return instant(field(raw, str))
        period = field(observation.effectivePeriod, Period)
        if period is not None and period.end:
            return instant(period.end)
        return instant(field(observation.issued, str))


def _reference(observation: Observation) -> str:
    return f"Observation/{observation.id}" if observation.id else ""


def _value(observation: Observation, analyte: Analyte) -> tuple[Value | str, str, str]:
    """The value or why it cannot be read; the value and the unit as sent, for the card."""
    if present(observation.dataAbsentReason):
        return "the laboratory gave no value", "", ""
    if present(observation.valueQuantity):
        quantity = field(observation.valueQuantity, Quantity)
        if quantity is None or quantity.value is None:
            return "not a number", "", ""
        unit = unit_of(quantity)
        if unit is None:
            return "unit not accepted", "", ""
        comparator = quantity.comparator or ""
        return labs.value_of(analyte, quantity.value, comparator, unit), f"{comparator}{quantity.value}", unit
    text = field(observation.valueString, str)
    parsed = labs.parse(text) if text else None
    if parsed is None:
        return "no number with a unit", "", ""
    number, comparator, unit = parsed
    return labs.value_of(analyte, number, comparator, unit), f"{comparator}{number}", unit


def unit_of(quantity: Quantity) -> str | None:
    """The unit that a quantity states; empty when none; None when its code and its text contradict each other.

    The UCUM code decides. Text counts where there is no UCUM code.
    """
    code, text = (quantity.code or "").strip(), (quantity.unit or "").strip()
    if not code or (quantity.system is not None and quantity.system != UCUM):
        return text or code
    if text and _known(text) and _known(code) and normalized(text) != normalized(code):
        return None
    return text if not _known(code) and quantity.system is None and text else code


@lru_cache(maxsize=1024)
def _known(unit: str) -> bool:
    spelled = normalized(unit)
    return any(analyte.measure.family_of(spelled) is not None for analyte in analytes.ANALYTES)


def _upper_normal(observation: Observation, analyte: Analyte, value: Value | None) -> Decimal | None:
    """The laboratory's upper limit in the family that was sent; only for whole-blood manganese (section 6, 29).

    Of several ranges only one that is for everybody counts: those for an age or a group are not told apart here.
    """
    if analyte is not analytes.MANGANESE_BLOOD or value is None:
        return None
    ranges = listed(observation.referenceRange, Range)
    given = [one for one in ranges if one.high is not None and _is_normal(one.type or one.meaning)]
    if len(given) > 1:
        given = [one for one in given if not present(one.age) and not present(one.appliesTo)]
    limits = [limit for one in given if (limit := _upper_limit(analyte, one, value)) is not None]
    return limits[0] if limits else None


def _upper_limit(analyte: Analyte, given: Range, value: Value) -> Decimal | None:
    """The upper end of a range, if it has one above its lower end; a range may begin at nothing."""
    high = _in_family(analyte, given.high, value) if given.high is not None else None
    low = _in_family(analyte, given.low, value) if given.low is not None else Decimal(0)
    return high if high is not None and low is not None and low < high else None


def _is_normal(kind: Concept | None) -> bool:
    return kind is None or not kind.codings or any(coding.code == "normal" for coding in kind.codings)


def _in_family(analyte: Analyte, quantity: Quantity, value: Value) -> Decimal | None:
    unit = unit_of(quantity)
    if quantity.value is None or not unit or not labs.of_sensible_size(quantity.value):
        return None
    read = amount(analyte.measure, quantity.value, unit)
    if read is None:
        return None
    return read.number if read.unit == value.unit else read.canonical / value.to_canonical


def _interpretation(raw: Raw) -> str:
    codes: Iterable[Concept] = listed(raw, Concept)
    return ", ".join(coding.code for one in codes for coding in one.codings if coding.code)[:20]


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
