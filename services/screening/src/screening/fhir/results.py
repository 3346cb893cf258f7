"""Laboratory results: observations read whole, with value, unit and what the laboratory says of them.

Reading one whole takes ten times as long as finding out what it is a result of, so it is done for an analyte only when
a rule asks for it, and of very many results for the newest only.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from dataclasses import field as made_by
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Final

from msgspec import Raw

from screening.domain import analytes, labs
from screening.domain.analytes import Analyte
from screening.domain.labs import LabResult, Value
from screening.domain.units import amount, normalized
from screening.fhir.shapes import LONGEST_CODE, Concept, Observation, Period, Quantity, Range
from screening.fhir.times import instant
from screening.slices import field, listed, present

UCUM: Final = "http://unitsofmeasure.org"
_BY_KEY: Final[Mapping[str, Analyte]] = {analyte.key: analyte for analyte in analytes.ANALYTES}
_STATUS_ORDER: Final = ("final", "amended", "corrected")


@dataclass(frozen=True, slots=True)
class Measured:
    """An analyte that codings stand for; `code` is the one that says so, `display` its name on the card."""

    analyte: Analyte
    code: str
    display: str


@dataclass(frozen=True, slots=True)
class Found:
    """Observations that are results of one analyte, and beside each what makes it one."""

    observations: list[Observation] = made_by(default_factory=list)
    measured: list[Measured] = made_by(default_factory=list)

    def __len__(self) -> int:
        return len(self.observations)


class Results(Mapping[str, tuple[LabResult, ...]]):
    """The results of one chart by analyte, in the order in which they decide; each analyte is read when asked for.

    Args:
        found: analyte key -> observations that are results of it.
        most: how many observations are read whole, all analytes together; of those with many the newest.
        latest: a later one is not of this world yet.
    """

    def __init__(self, found: Mapping[str, Found], most: int, latest: datetime) -> None:
        self._found = found
        self._share = share((len(of_one) for of_one in found.values()), most)
        self._latest = latest
        self._read: dict[str, tuple[LabResult, ...]] = {}
        self._interpretations: dict[bytes, str] = {}

    @property
    def cut(self) -> frozenset[str]:
        """The value sets of the analytes of which only the newest are read."""
        return frozenset(_BY_KEY[key].value_set for key, of_one in self._found.items() if len(of_one) > self._share)

    def __getitem__(self, key: str) -> tuple[LabResult, ...]:
        """The results of an analyte.

        Raises:
            KeyError: there is none.
        """
        if key not in self._read:
            self._read[key] = labs.newest_first(dict.fromkeys(self._whole(self._found[key])), _BY_KEY[key])
        if not self._read[key]:
            raise KeyError(key)
        return self._read[key]

    def __iter__(self) -> Iterator[str]:
        return (key for key in self._found if key in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _whole(self, found: Found) -> Iterator[LabResult]:
        dated = [
            (taken, observation, measured)
            for observation, measured in zip(found.observations, found.measured, strict=True)
            if (taken := taken_at(observation)) is not None and taken <= self._latest
        ]
        if len(dated) > self._share:
            dated.sort(key=lambda one: (one[0], _STATUS_ORDER.index(one[1].status or "final")), reverse=True)
            del dated[self._share :]
        return (self._result(*one) for one in dated)

    def _result(self, taken: datetime, observation: Observation, measured: Measured) -> LabResult:
        value, printed, unit = _value(observation, measured.analyte)
        readable = value if isinstance(value, Value) else None
        return LabResult(
            analyte=measured.analyte.key,
            taken=taken,
            status=observation.status or "",
            value=readable,
            printed=printed,
            unit=unit,
            code=measured.code,
            display=measured.display,
            reference=reference_of(observation),
            unreadable=value if isinstance(value, str) else "",
            interpretation=self._interpretation(observation.interpretation),
            upper_normal=_upper_normal(observation, measured.analyte, readable),
        )

    def _interpretation(self, raw: Raw) -> str:
        """What the laboratory says of a value; most results of a chart have the same few."""
        sent = bytes(raw)
        if sent not in self._interpretations:
            self._interpretations[sent] = _interpretation(raw)
        return self._interpretations[sent]


def share(counts: Iterable[int], most: int) -> int:
    """How many each may have so that all together have at most `most`: who needs less leaves the rest to the others."""
    left, share = most, 0
    smallest_first = sorted(counts)
    for place, count in enumerate(smallest_first):
        share = left // (len(smallest_first) - place)
        if count > share:
            return share
        left -= count
    return most


def taken_at(observation: Observation) -> datetime | None:
    """effectiveDateTime, else the end of effectivePeriod, else issued."""
    for raw in (observation.effectiveDateTime, observation.effectiveInstant):
        if present(raw):
            return instant(field(raw, str))
    period = field(observation.effectivePeriod, Period)
    if period is not None and period.end:
        return instant(period.end)
    return instant(field(observation.issued, str))


def reference_of(observation: Observation) -> str:
    """`Observation/id`; empty without an id."""
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
        return _read(analyte, quantity.value, comparator, unit), f"{comparator}{quantity.value}", unit
    text = field(observation.valueString, str)
    parsed = labs.parse(text) if text else None
    if parsed is None:
        return "no number with a unit", "", ""
    number, comparator, unit = parsed
    return _read(analyte, number, comparator, unit), f"{comparator}{number}", unit


def _read(analyte: Analyte, number: Decimal, comparator: str, unit: str) -> Value | str:
    """The value, or why it cannot be read. Below 0 there is nothing, so a comparator there leaves no interval."""
    value = labs.value_of(analyte, number, comparator, unit)
    return "not a plausible number" if comparator and isinstance(value, Value) and value.exact else value


def unit_of(quantity: Quantity) -> str | None:
    """The unit that a quantity states; empty when none.

    None when its code and its text contradict each other, and when it is too long to be one.

    The UCUM code decides. Text counts where there is no UCUM code.
    """
    code, text = (quantity.code or "").strip(), (quantity.unit or "").strip()
    if max(len(code), len(text)) > LONGEST_CODE:
        return None
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
