"""What is new since a card was answered, and which entries of the chart a card cites. Clinical rules 1.0.7.

An entry is new when its own date (taken, given, authored, recorded, else onset) is a later UTC day than the answer, and
nothing of the same code was on record before: a diagnosis that is coded again at each visit, a prescription that is
renewed and a treatment that goes on are not new. Undated entries are never new. Nitrous oxide is new each time that it
is given, ordered or stated: each exposure does harm of its own. Results have no part in this: they are newer or not.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from typing import Final

from screening.domain import phenotype
from screening.domain.chart import Chart, Condition, Medication, Procedure, Relative, SiteFact
from screening.domain.evidence import Evidence
from screening.domain.labs import LabResult

Entry = Condition | Medication | Procedure | SiteFact | Relative
_DENIED: Final = frozenset({"refuted", "entered-in-error", "differential"})
_EXPOSURE: Final = "B12_N2O"
_EXPOSURE_FACT: Final = "n2o-recreational"
_Place = tuple[str, str, date | None]


def cited_entries(chart: Chart, evidence: Iterable[Evidence]) -> tuple[Entry, ...]:
    """The entries of the chart that stand as evidence, without results."""
    places = {(e.reference, e.code, e.day) for e in evidence}
    return tuple(entry for entry in _entries(chart) if _place(entry) in places)


def cited_results(chart: Chart, evidence: Iterable[Evidence]) -> tuple[LabResult, ...]:
    """The results of the chart that stand as evidence."""
    places = {(e.reference, e.code, e.day) for e in evidence}
    return tuple(r for r in _results(chart) if (r.reference, r.code, r.taken.date()) in places)


def on_record(chart: Chart) -> Iterator[Entry | LabResult]:
    """Everything on the chart that a card may cite."""
    yield from _entries(chart)
    yield from _results(chart)


def named(one: Entry | LabResult) -> tuple[str, str]:
    """Which entry or result this is, and its content. Without an id the content alone tells it from others."""
    content = "|".join(str(part) for part in _content(one))
    return one.reference or content, content


def key(one: Entry | LabResult) -> str:
    """The name of the data that such an entry is delivered with; for results, which each workup has of its own, none."""
    match one:
        case Condition():
            return "conditions"
        case Medication():
            return "medications"
        case Procedure():
            return "procedures"
        case SiteFact():
            return "site_facts"
        case Relative():
            return "family_history"
        case LabResult():
            return ""


def new_phenotype(chart: Chart, since: datetime) -> bool:
    """Whether the movement disorder has a code now that it had not."""
    return any(is_new(chart, entry, since) for entry in phenotype.entries(chart))


def is_new(chart: Chart, entry: Entry, since: datetime) -> bool:
    """Whether an entry is new since a moment."""
    if not _later(entry, since):
        return False
    if _is_exposure(entry):
        return True
    return not any(_same(entry, other) and not _later(other, since) for other in _entries(chart))


def _later(entry: Entry, since: datetime) -> bool:
    own = _own_day(entry)
    return own is not None and own > since.astimezone(UTC).date()


def _own_day(entry: Entry) -> date | None:
    """The day on which the entry itself came about."""
    match entry:
        case Condition():
            return entry.recorded or entry.onset
        case Medication():
            return entry.start
        case Procedure():
            return entry.done
        case SiteFact():
            return entry.on
        case Relative():
            return None


def _is_exposure(entry: Entry) -> bool:
    match entry:
        case Medication() | Procedure():
            return _EXPOSURE in entry.sets
        case SiteFact():
            return entry.name == _EXPOSURE_FACT
        case _:
            return False


def _same(entry: Entry, other: Entry) -> bool:
    """Whether another entry says the same. What was denied said nothing."""
    match entry, other:
        case Condition(), Condition():
            return other.verification not in _DENIED and not _codes(entry).isdisjoint(_codes(other))
        case Medication(), Medication():
            return entry.coding.code == other.coding.code
        case Procedure(), Procedure():
            return entry.coding.code == other.coding.code
        case SiteFact(), SiteFact():
            return entry.name == other.name and other.present
        case _:
            return False


def _codes(condition: Condition) -> frozenset[str]:
    return condition.codes or frozenset({condition.coding.code})


def _entries(chart: Chart) -> tuple[Entry, ...]:
    return (*chart.conditions, *chart.medications, *chart.procedures, *chart.site_facts, *chart.family)


def _results(chart: Chart) -> Iterator[LabResult]:
    return (result for results in chart.labs.values() for result in results)


def _place(entry: Entry) -> _Place:
    """Where evidence of the entry says that it stands."""
    match entry:
        case Condition():
            return entry.reference, entry.coding.code, entry.dated
        case Medication():
            return entry.reference, entry.coding.code, entry.start
        case Procedure():
            return entry.reference, entry.coding.code, entry.done
        case SiteFact():
            return entry.reference, entry.name, entry.on
        case Relative():
            return entry.reference, entry.coding.code, None


def _content(one: Entry | LabResult) -> tuple[object, ...]:
    """What makes an entry another one when it is edited."""
    match one:
        case Condition():
            ages = (one.onset_age, one.onset, one.recorded)
            return (*sorted(_codes(one)), one.clinical, one.verification, *ages, one.text)
        case Medication():
            return one.coding.system, one.coding.code, one.status, one.start, one.name
        case Procedure():
            return one.coding.system, one.coding.code, one.status, one.done
        case SiteFact():
            return one.name, one.present, one.on
        case Relative():
            return one.coding.system, one.coding.code, one.relation
        case LabResult():
            return one.code, one.printed, one.unit, one.taken.isoformat(), one.status
