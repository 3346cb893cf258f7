"""Facts about vitamin B12 that the workup and the order rules share: risk, nitrous oxide, replacement, pregnancy.

Clinical rules 1.1.a and section 6: 3, 13, 16, 19, 25, 29.
"""

import re
from dataclasses import dataclass
from datetime import date
from typing import Final

from screening.domain import analytes
from screening.domain.chart import Chart, Condition, completed_years, says
from screening.domain.evidence import Evidence, of_fact, of_result
from screening.domain.thresholds import cut, days, years

MODULE: Final = "B12"
WORKUP: Final = "vitamin-b12"
LOOK_BACK: Final = days(
    "vitamin-b12.look-back",
    365,
    "a total vitamin B12, holotranscobalamin, or marker since nitrous oxide counts at most this old",
)
PAIRED_DAYS: Final = days(
    "vitamin-b12.paired",
    90,
    "methylmalonic acid belongs to a vitamin B12, and an eGFR to a marker, drawn at most this far apart",
)
EXPOSURE_DAYS: Final = days("vitamin-b12.nitrous-oxide", 365, "an exposure to nitrous oxide counts at most this old")
INJECTION_DAYS: Final = days(
    "vitamin-b12.injection", 120, "an injection of vitamin B12 counts as treatment for at most this long"
)
TREATMENT_TAKES_DAYS: Final = days(
    "vitamin-b12.treatment-takes", 28, "a low result drawn less than this after the start of treatment needs no card"
)
PREGNANCY_DAYS: Final = days(
    "vitamin-b12.pregnancy", 300, "an unresolved pregnancy counts at most this long after it was recorded", fixed=True
)
MACROCYTOSIS_DAYS: Final = days("vitamin-b12.macrocytosis-look-back", 365, "an MCV counts at most this old")
METFORMIN_YEARS: Final = years("vitamin-b12.metformin", 4, "metformin for at least this long is a strong risk")
OLD_AGE: Final = years("vitamin-b12.old-age", 75, "at least this age is a weak risk")
MACROCYTOSIS: Final = cut("vitamin-b12.macrocytosis", "100 fL", means="an MCV above this is a strong risk")

_HIGH_RISK: Final = "high risk of vitamin B12 deficiency"
_IN_REMISSION: Final = frozenset({"F18.11", "F18.21", "F18.91", "F19.11", "F19.21", "F19.91"})
_NITROUS_WORDS: Final = re.compile(r"nitrous|laughing gas|whippet|n2o", re.IGNORECASE)
_EXPOSED_STATUSES: Final = frozenset({"active", "completed", "stopped", "in-progress"})
_GIVEN: Final = frozenset({"completed", "in-progress"})
_WEAK_CLASSES: Final = (
    ("B12_WEAK_METFORMIN", "metformin"),
    ("B12_WEAK_ACID", "acid suppression (proton pump inhibitor or H2 blocker)"),
    ("B12_WEAK_ANTIEPILEPTIC", "antiepileptic (phenobarbital, primidone or phenytoin)"),
    ("B12_WEAK_COLCHICINE", "colchicine"),
    ("B12_WEAK_NEOMYCIN", "neomycin"),
)


@dataclass(frozen=True, slots=True)
class Exposure:
    """Nitrous oxide. `possible`: an inhalant code that does not name the gas; `last`: the latest day that it names."""

    evidence: Evidence
    last: date | None
    possible: bool


def nitrous_oxide(chart: Chart) -> tuple[Exposure, ...]:
    """Every nitrous oxide exposure that counts (section 6, 16)."""
    found: list[Exposure] = []
    for c in chart.conditions_in("B12_N2O", "B12_N2O_TEXT"):
        named = says(_NITROUS_WORDS, (c.text, c.coding.display))
        if "B12_N2O" not in c.sets and not named:
            continue
        last = max((day for day in (c.onset, c.recorded) if day is not None), default=None)
        if not _IN_REMISSION.isdisjoint(c.codes or {c.coding.code}) and not chart.within(last, EXPOSURE_DAYS):
            continue
        coded_gas = "B12_N2O_GAS" in c.sets
        found.append(Exposure(of_fact(c, "nitrous oxide exposure"), last, possible=not coded_gas))
    for m in chart.medications:
        if "B12_N2O" not in m.sets or m.status not in _EXPOSED_STATUSES:
            continue
        if m.active or chart.within(m.start, EXPOSURE_DAYS):
            found.append(Exposure(of_fact(m, "nitrous oxide ordered or given"), m.start, possible=False))
    for p in chart.procedures_in("B12_N2O_GAS"):
        if p.done is None or chart.within(p.done, EXPOSURE_DAYS):
            found.append(Exposure(of_fact(p, "nitrous oxide given"), p.done, possible=False))
    fact = chart.site_fact("n2o-recreational")
    if fact is not None and (fact.on is None or chart.within(fact.on, EXPOSURE_DAYS)):
        found.append(Exposure(of_fact(fact, "recreational nitrous oxide use"), fact.on, possible=False))
    return tuple(found)


def latest_exposure(exposures: tuple[Exposure, ...]) -> date | None:
    """The latest dated exposure; None when none is dated."""
    return max((e.last for e in exposures if e.last is not None), default=None)


def strong_risk(chart: Chart, exposures: tuple[Exposure, ...]) -> tuple[Evidence, ...]:
    """Strong risk facts, any one of which counts; those that make SCREEN a warning begin with `high risk`."""
    found = [e.evidence for e in exposures]
    for fact in chart.facts_in("B12_RISK_STRONG"):
        if "B12_N2O" not in fact.sets:
            found.append(
                of_fact(fact, _HIGH_RISK if "B12_HIGH" in fact.sets else "strong risk of vitamin B12 deficiency")
            )
    mcv, macrocytosis = chart.newest(analytes.MCV.key, MACROCYTOSIS_DAYS), chart.of(MACROCYTOSIS)
    if mcv is not None and mcv.value is not None and mcv.value.at_most_below(macrocytosis, inclusive=True) is False:
        words = f"high risk of vitamin B12 deficiency: MCV above {macrocytosis}"
        found.append(of_result(mcv, analytes.MCV.measure, words, chart.cite(MACROCYTOSIS)))
    since, long = metformin_since(chart), chart.of(METFORMIN_YEARS)
    if since is not None and (completed_years(since, chart.today) or 0) >= long:
        metformin = chart.on_medicine("B12_WEAK_METFORMIN")
        if metformin is not None:
            words = f"strong risk: metformin for {long} years or more"
            found.append(of_fact(metformin, words, chart.cite(METFORMIN_YEARS)))
    weak = weak_risks(chart)
    if len(weak) >= 2:
        found.extend(weak)
    return tuple(found)


def high_risk_facts(chart: Chart) -> tuple[Evidence, ...]:
    """Coded facts that make SCREEN a warning; nitrous oxide has a rule of its own."""
    return tuple(of_fact(fact, _HIGH_RISK) for fact in chart.facts_in("B12_HIGH") if "B12_N2O" not in fact.sets)


def weak_risks(chart: Chart) -> tuple[Evidence, ...]:
    """Weak risk classes, each once; two different ones amount to a strong risk (section 6, 29)."""
    found: list[Evidence] = []
    for value_set, words in _WEAK_CLASSES:
        medicine = chart.on_medicine(value_set)
        if medicine is not None:
            found.append(of_fact(medicine, f"weak risk of vitamin B12 deficiency: {words}"))
    old = chart.of(OLD_AGE)
    if chart.age is not None and chart.age >= old:
        words = f"weak risk of vitamin B12 deficiency: {old} years or older"
        found.append(Evidence("age", f"age {chart.age}", words, chart.cite(OLD_AGE)))
    return tuple(found)


def any_risk(chart: Chart) -> tuple[Evidence, ...]:
    """Strong or weak, and the unspecific deficiency code E53.8, which alone is only a risk (section 6, 25)."""
    unspecific = tuple(
        of_fact(c, "deficiency of a B vitamin, not specified") for c in chart.conditions_in("B12_DX_UNSPECIFIC")
    )
    return (*strong_risk(chart, nitrous_oxide(chart)), *weak_risks(chart), *unspecific)


def metformin_since(chart: Chart) -> date | None:
    """The earliest known start of an active metformin."""
    starts = (m.start for m in chart.treatments("B12_WEAK_METFORMIN"))
    return min((s for s in starts if s is not None), default=None)


def strong_risk_since(chart: Chart) -> date | None:
    """The day of the newest dated strong exposure: the onset of a condition, else its record; the day of a procedure.

    Nitrous oxide has a rule of its own.
    """
    conditions = [c for c in chart.conditions_in("B12_RISK_STRONG") if "B12_N2O" not in c.sets]
    onsets = [c.onset or chart.birthday(c.onset_age) or c.recorded for c in conditions]
    procedures = [p.done for p in chart.procedures_in("B12_RISK_STRONG") if "B12_N2O" not in p.sets]
    return max((day for day in (*onsets, *procedures) if day is not None), default=None)


@dataclass(frozen=True, slots=True)
class Replacement:
    """Effective vitamin B12 replacement.

    Attributes:
        starts: the days of products that are active and of injections that still last; None for an unknown day.
        began: the first day of replacement on record; None when any start is unknown.
        takes: days until it takes effect.
    """

    starts: tuple[date | None, ...]
    began: date | None
    takes: int

    def explains(self, drawn: date) -> bool:
        """Whether a low result of this day needs no card (section 6, 3).

        It needs none if replacement was given on or after that day, or had begun so shortly before that it had not
        taken effect. An unknown start never explains.
        """
        if any(start is not None and start >= drawn for start in self.starts):
            return True
        return self.began is not None and (drawn - self.began).days < self.takes


def replacement(chart: Chart) -> Replacement | None:
    """Active single-ingredient products (never on hold), or an injection that still lasts; None without either."""
    products = [m.start for m in chart.treatments("B12_RX") if not m.given]
    injections = [p.done for p in chart.procedures_in("B12_RX")]
    injections += [m.start for m in chart.medications if m.given and "B12_RX" in m.sets and m.status in _GIVEN]
    lasting = [day for day in injections if chart.within(day, INJECTION_DAYS)]
    if not products and not lasting:
        return None
    every = [*products, *(day for day in injections if day is not None)]
    known = [day for day in every if day is not None]
    began = min(known) if len(known) == len(every) else None
    return Replacement((*products, *lasting), began, chart.of(TREATMENT_TAKES_DAYS))


def pregnant(chart: Chart) -> bool:
    """A pregnancy on record (undated, or recorded recently enough) and not resolved."""
    return any(
        day is None or chart.within(day, PREGNANCY_DAYS)
        for day in (_recorded(c) for c in chart.conditions_in("X_PREG"))
    )


def _recorded(condition: Condition) -> date | None:
    return condition.recorded or condition.onset
