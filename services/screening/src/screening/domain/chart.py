"""The chart: the facts that one call delivered about one patient, and the day on which it is read.

Facts carry the names of the value sets they are in. Which of them count, and as what, is decided here
(clinical rules, 1.0.1); that their resources belong to this patient is settled before they get here.
`Chart.as_of` is the only clock the rules have. Look-backs count UTC calendar days; exactly N days is inside.
"""

import re
from calendar import isleap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Final, TypeVar

from screening.domain.citations import Citation
from screening.domain.codes import Coding
from screening.domain.labs import LabResult, Scale
from screening.domain.thresholds import DEFAULTS, AnyThreshold, Number, SiteValue, SiteValues, Threshold, days
from screening.domain.units import Limit

_COUNTING_CLINICAL: Final = frozenset({"", "active", "recurrence", "relapse"})
_COUNTING_VERIFICATION: Final = frozenset({"", "confirmed", "provisional", "unconfirmed"})
_KNOWN_VERIFICATION: Final = frozenset({"", "confirmed"})
_OPEN_ORDER: Final = frozenset({"active", "draft", "on-hold"})
ORDER_DAYS: Final = days("orders.pending", 90, "an open order counts at most this old")
PRELIMINARY_DAYS: Final = days("orders.preliminary", 365, "a preliminary or registered result counts at most this old")
GENETIC_ORDER_DAYS: Final = days("orders.genetic-pending", 365, "an open order of a gene test counts at most this old")
FUTURE_TOLERANCE: Final = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Patient:
    """Who the chart is about. `sex` is administrative gender; empty when unknown."""

    birth_date: date | None = None
    sex: str = ""
    deceased: bool = False


@dataclass(frozen=True, slots=True)
class Condition:
    """A problem-list entry. Status codes are empty when absent; `onset_age` is in completed years."""

    coding: Coding
    sets: frozenset[str]
    clinical: str = ""
    verification: str = ""
    onset_age: int | None = None
    onset: date | None = None
    recorded: date | None = None
    text: str = ""
    reference: str = ""
    codes: frozenset[str] = frozenset()
    """The codes of all codings; empty stands for `coding` alone."""

    @property
    def counts(self) -> bool:
        """Active, and neither refuted nor entered in error nor a mere differential."""
        return self.clinical in _COUNTING_CLINICAL and self.verification in _COUNTING_VERIFICATION

    @property
    def counts_as_history(self) -> bool:
        """Counts although inactive or resolved, because its code states a history (bariatric status and the like)."""
        return self.counts or (self.verification in _COUNTING_VERIFICATION and "HISTORY" in self.sets)

    @property
    def known_diagnosis(self) -> bool:
        """Fit to say that the cause is known: confirmed or unsaid, and not resolved. A suspicion is not."""
        return self.verification in _KNOWN_VERIFICATION and self.clinical != "resolved"

    @property
    def dated(self) -> date | None:
        """The earliest day that the entry itself names."""
        return min((day for day in (self.onset, self.recorded) if day is not None), default=None)


@dataclass(frozen=True, slots=True)
class Medication:
    """An order, statement or administration of a medicine. `start` is the first known day; status as sent."""

    coding: Coding
    sets: frozenset[str]
    status: str
    start: date | None = None
    given: bool = False
    name: str = ""
    reference: str = ""

    @property
    def active(self) -> bool:
        """Taken now: counts as treatment and as risk."""
        return self.status in ("active", "in-progress")

    @property
    def active_or_on_hold(self) -> bool:
        """Counts as risk only."""
        return self.active or self.status == "on-hold"


@dataclass(frozen=True, slots=True)
class Procedure:
    """A procedure; `done` is the day on which it ended, or took place, or began."""

    coding: Coding
    sets: frozenset[str]
    status: str
    done: date | None = None
    reference: str = ""

    @property
    def counts(self) -> bool:
        """Completed or going on."""
        return self.status in ("completed", "in-progress")


@dataclass(frozen=True, slots=True)
class Relative:
    """A condition of a family member. `relation` is the v3-RoleCode."""

    coding: Coding
    sets: frozenset[str]
    relation: str
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """An existing ServiceRequest. `sets` unites the sets of all its codings."""

    codings: tuple[Coding, ...]
    sets: frozenset[str]
    status: str
    authored: date | None = None
    reference: str = ""
    genes: frozenset[str] = frozenset()
    """HGNC ids that the order details name; a genetic test that names none may be of any gene."""

    @property
    def codes(self) -> frozenset[str]:
        """All codes of the order."""
        return frozenset(coding.code for coding in self.codings)


@dataclass(frozen=True, slots=True)
class PendingResult:
    """A preliminary or registered result: no value yet that may classify."""

    sets: frozenset[str]
    codes: frozenset[str]
    taken: date | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """An entry of draftOrders. `reference` is `Type/id`."""

    reference: str
    medication: bool
    codings: tuple[Coding, ...]
    sets: frozenset[str]
    text: str = ""
    selected: bool = True
    words: tuple[str, ...] = ()
    """What else the order and its product say in words: names, displays, ingredients, form."""

    @property
    def codes(self) -> frozenset[str]:
        """All codes of the draft."""
        return frozenset(coding.code for coding in self.codings)

    @property
    def texts(self) -> tuple[str, ...]:
        """Every text and display, for the rules that may match text (1.7)."""
        return (self.text, *(coding.display for coding in self.codings), *self.words)

    @property
    def label(self) -> str:
        """What to call it on a card."""
        return self.text or next((coding.display for coding in self.codings if coding.display), "order")


@dataclass(frozen=True, slots=True)
class SiteFact:
    """A structured fact that the site supplies (T1 pallidal signal, ephedrone use, recreational nitrous oxide)."""

    name: str
    present: bool
    on: date | None = None
    reference: str = ""


Fact = Condition | Procedure | Medication
_AnyFact = TypeVar("_AnyFact", Condition, Procedure, Medication)


@dataclass(frozen=True)
class Chart:
    """Everything the rules may know. `labs` is keyed by analyte, newest result first."""

    as_of: datetime
    patient: Patient = field(default_factory=Patient)
    conditions: tuple[Condition, ...] = ()
    medications: tuple[Medication, ...] = ()
    procedures: tuple[Procedure, ...] = ()
    family: tuple[Relative, ...] = ()
    labs: Mapping[str, tuple[LabResult, ...]] = field(default_factory=dict)
    pending: tuple[PendingResult, ...] = ()
    orders: tuple[Order, ...] = ()
    drafts: tuple[Draft, ...] = ()
    site_facts: tuple[SiteFact, ...] = ()
    not_looked_up: frozenset[str] = frozenset()
    """Names of data that were not delivered: workup ids for their laboratory results, else the kind of resource."""
    site_values: SiteValues = field(default_factory=lambda: DEFAULTS)
    """Thresholds that this site has set itself."""

    # --- thresholds ---

    def of(self, threshold: Threshold[Number]) -> Number:
        """The number that holds at this site."""
        own: SiteValue | None = self.site_values.get(threshold.id)
        if own is not None and isinstance(own.value, type(threshold.value)):
            return own.value
        return threshold.value

    def scale(self, scale: Scale) -> Scale:
        """The bands with the limits that hold at this site."""
        if not self.site_values:
            return scale
        own = (self.site_values.get(t.id) for t in scale.thresholds())
        return scale.with_limits(
            {o.threshold.id: (o.value, o.cite) for o in own if o is not None and isinstance(o.value, Limit)}
        )

    def cite(self, *thresholds: AnyThreshold, otherwise: Citation | None = None) -> Citation:
        """The source of what these numbers decided: the site's approval if it has set one of them.

        Else `otherwise`, or the source of the first.
        """
        for threshold in thresholds if self.site_values else ():
            if threshold.id in self.site_values:
                return self.site_values[threshold.id].cite
        return otherwise or thresholds[0].cite

    @property
    def today(self) -> date:
        """The UTC calendar day of the call."""
        return self.as_of.astimezone(UTC).date()

    # --- time ---

    def days_since(self, day: date) -> int:
        """UTC calendar days from `day` to the call; negative when it lies ahead."""
        return (self.today - day).days

    def within(self, day: date | None, days: int | Threshold[int]) -> bool:
        """Whether `day` lies at most `days` days back. An unknown day never does."""
        return day is not None and self.days_since(day) <= (days if isinstance(days, int) else self.of(days))

    @property
    def age(self) -> int | None:
        """Completed years today."""
        return self.age_on(self.today)

    def age_on(self, day: date) -> int | None:
        """Completed years on `day`; None when the birth date is unknown or later."""
        return completed_years(self.patient.birth_date, day)

    def birthday(self, age: int | None) -> date | None:
        """The day on which the patient reached an age; None when either is unknown."""
        birth = self.patient.birth_date
        if birth is None or age is None or birth.year + age > date.max.year:
            return None
        # Born on a leap day: the first of March in other years.
        leap_day = (birth.month, birth.day) == (2, 29) and not isleap(birth.year + age)
        return date(birth.year + age, 3, 1) if leap_day else birth.replace(year=birth.year + age)

    # --- facts by value set ---

    def conditions_in(self, *value_sets: str) -> Iterator[Condition]:
        """Counting conditions of the patient's own in any of the sets; history codes also when inactive."""
        wanted = frozenset(value_sets)
        return _ordered(c for c in self.conditions if c.sets & wanted and c.counts_as_history)

    def has_condition(self, *value_sets: str) -> bool:
        """Whether any counting condition is in the sets."""
        return next(self.conditions_in(*value_sets), None) is not None

    def known_diagnoses(self, value_set: str) -> Iterator[Condition]:
        """Confirmed (or unsaid), unresolved diagnoses in the set."""
        return _ordered(c for c in self.conditions if value_set in c.sets and c.known_diagnosis)

    def procedures_in(self, *value_sets: str) -> Iterator[Procedure]:
        """Completed or ongoing procedures in any of the sets."""
        wanted = frozenset(value_sets)
        return _ordered(p for p in self.procedures if p.sets & wanted and p.counts)

    def facts_in(self, *value_sets: str) -> Iterator[Fact]:
        """Counting conditions and procedures, and medicines active or on hold, in any of the sets."""
        wanted = frozenset(value_sets)
        yield from self.conditions_in(*value_sets)
        yield from self.procedures_in(*value_sets)
        yield from _ordered(m for m in self.medications if m.sets & wanted and m.active_or_on_hold)

    def on_medicine(self, value_set: str) -> Medication | None:
        """A medicine of the set that is active or on hold: a risk, not a treatment."""
        return next(_ordered(m for m in self.medications if value_set in m.sets and m.active_or_on_hold), None)

    def treatments(self, value_set: str) -> tuple[Medication, ...]:
        """Active medicines of the set, never those on hold."""
        return tuple(_ordered(m for m in self.medications if value_set in m.sets and m.active))

    def site_fact(self, name: str) -> SiteFact | None:
        """The newest statement of a site fact if it says that the fact is present."""
        told = [fact for fact in self.site_facts if fact.name == name]
        newest = max(told, key=lambda fact: (fact.on or date.min, not fact.present), default=None)
        return newest if newest is not None and newest.present else None

    # --- results ---

    def results(self, analyte: str, days: int | Threshold[int] | None = None) -> tuple[LabResult, ...]:
        """Readable results of an analyte, newest first, at most `days` days old."""
        return tuple(
            r
            for r in self.labs.get(analyte, ())
            if r.value is not None and (days is None or self.within(r.taken.date(), days))
        )

    def newest(self, analyte: str, days: int | Threshold[int] | None = None) -> LabResult | None:
        """The newest readable result within the look-back."""
        return next(iter(self.results(analyte, days)), None)

    def unreadable(self, analyte: str, days: int | Threshold[int]) -> LabResult | None:
        """The newest result within the look-back that could not be read."""
        return next(
            (r for r in self.labs.get(analyte, ()) if r.value is None and self.within(r.taken.date(), days)), None
        )

    # --- orders ---

    def open_orders(self, days: int | Threshold[int] = ORDER_DAYS) -> Iterator[Order]:
        """Orders that still count: active, draft or on hold, authored at most `days` days ago."""
        return (o for o in self.orders if o.status in _OPEN_ORDER and self.within(o.authored, days))

    def pending_in(self, *value_sets: str, days: int | Threshold[int] = ORDER_DAYS) -> bool:
        """Whether a test of the sets is ordered, or its result is preliminary."""
        wanted = frozenset(value_sets)
        return any(o.sets & wanted for o in self.open_orders(days)) or any(
            p.sets & wanted and self.within(p.taken, PRELIMINARY_DAYS) for p in self.pending
        )

    def drafted_in(self, *value_sets: str) -> bool:
        """Whether a test of the sets stands among the draft orders."""
        wanted = frozenset(value_sets)
        return any(d.sets & wanted for d in self.drafts)

    def looked_up(self, name: str) -> bool:
        """Whether the data of this name was delivered."""
        return name not in self.not_looked_up


def completed_years(birth: date | None, day: date) -> int | None:
    """Completed years between two days; None when the first is unknown or the later."""
    if birth is None or day < birth:
        return None
    return day.year - birth.year - ((day.month, day.day) < (birth.month, birth.day))


def says(pattern: re.Pattern[str], texts: Iterable[str]) -> bool:
    """Whether any of the texts matches a rule's word list."""
    return any(pattern.search(text) for text in texts)


def fact_day(fact: Fact) -> date | None:
    """The day of a fact: earliest day of a condition, day of a procedure, start of a medicine."""
    match fact:
        case Condition():
            return fact.dated
        case Procedure():
            return fact.done
        case Medication():
            return fact.start


def _ordered(facts: Iterable[_AnyFact]) -> Iterator[_AnyFact]:
    """Earliest first, so that the order in which resources arrive never matters."""
    found = list(facts)
    return iter(sorted(found, key=_place) if len(found) > 1 else found)


def _place(fact: Condition | Procedure | Medication) -> tuple[date, str, str, str, str, str]:
    words = fact.text if isinstance(fact, Condition) else fact.status
    return fact_day(fact) or date.max, fact.coding.system, fact.coding.code, fact.coding.display, fact.reference, words
