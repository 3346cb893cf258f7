"""Phenotype tiers: how much a patient's movement disorder asks for screening.

Source: clinical rules, 1.0.1 (age at onset), 1.0.3 and section 6, 23 and 24.
"""

from dataclasses import dataclass
from datetime import date
from typing import Final

from screening.domain.chart import Chart, Condition, completed_years
from screening.domain.thresholds import years

ADULT_FOCAL_ONSET: Final = years(
    "phenotype.adult-focal-onset", 40, "an isolated focal dystonia with onset after this age is not screened"
)

_OTHER_MD: Final = ("M_CHOREA", "M_MYOCLONUS", "M_TREMOR", "M_ATAXIA", "M_PARK", "M_OTHER")
DISORDER_SETS: Final = frozenset({"D_GEN", "D_FOCAL", "D_DRUG", *_OTHER_MD})
"""The entries that are a movement disorder."""
_SETS: Final = DISORDER_SETS | {"C_COMPLEX"}
"""The entries that say something about it."""
_COMPLEX: Final = ("M_CHOREA", "M_MYOCLONUS", "M_ATAXIA", "M_PARK", "C_COMPLEX")
_DRUG_INDUCED: Final = "Drug-induced dystonia"
_WORDS: Final = (
    ("M_CHOREA", "Chorea"),
    ("M_ATAXIA", "Ataxia"),
    ("M_PARK", "Parkinsonism"),
    ("M_TREMOR", "Tremor"),
)


@dataclass(frozen=True, slots=True)
class Phenotype:
    """What the coded movement disorder amounts to.

    Attributes:
        tier: T1 dystonia to be screened, T2 dystonia or movement disorder with known cause or adult isolated
            focal, T3 drug-induced only, T4 other movement disorder, T0 none.
        reason: why this tier, in a sentence.
        conditions: the entries that make the phenotype; the first one is the reason of drafted orders.
        onset_ub: upper bound of the age at onset in completed years; None when it cannot be known.
        features: which of D_GEN, D_FOCAL, D_DRUG, M_*, C_COMPLEX are present.
        word: what a card calls the disorder.
    """

    tier: str
    reason: str
    conditions: tuple[Condition, ...]
    onset_ub: int | None
    features: frozenset[str]
    word: str

    @property
    def present(self) -> bool:
        """Any movement disorder at all."""
        return self.tier != "T0"

    def has(self, *features: str) -> bool:
        """Whether any of the features is present."""
        return not self.features.isdisjoint(features)

    @property
    def complex(self) -> bool:
        """Dystonia or not: chorea, myoclonus, ataxia, parkinsonism or another neurological sign is coded."""
        return self.has(*_COMPLEX)

    @property
    def dystonia(self) -> bool:
        """A dystonia that is not only drug-induced."""
        return self.has("D_GEN", "D_FOCAL")

    def not_looked_for(self, what: str) -> str:
        """Why a module is not asked for, given what would make it so: the tier, or the lack of `what`."""
        if self.tier in ("T2", "T3"):
            return f"{self.reason}, and no {what}"
        return f"no {what}"

    def onset_day(self, chart: Chart) -> date | None:
        """The latest day on which the disorder can have begun: of onset, of the birthday of an onset age, of record."""
        said = (day for c in self.conditions for day in (c.onset, chart.birthday(c.onset_age), c.recorded))
        return min((day for day in said if day is not None), default=None)

    def onset_at_most(self, years: int) -> bool:
        """Whether onset is known to lie at or before this age."""
        return self.onset_ub is not None and self.onset_ub <= years


def of(chart: Chart) -> Phenotype:
    """The phenotype of a chart."""
    coded = {name: _entries(chart, name) for name in _SETS}
    for name in ("D_GEN", "D_FOCAL"):  # an entry that also says drug-induced is that
        coded[name] = tuple(c for c in coded[name] if "D_DRUG" not in c.sets)
    dystonia = [*coded["D_GEN"], *coded["D_FOCAL"]]
    other = [c for name in _OTHER_MD for c in coded[name]]
    features = frozenset(name for name, entries in coded.items() if entries)
    deciding = dystonia or other or list(coded["D_DRUG"])
    onset = onset_upper_bound(chart, deciding)
    tier, reason = _tier(chart, features, bool(dystonia), bool(other), onset)
    return Phenotype(
        tier=tier,
        reason=reason,
        conditions=tuple(_unique(deciding)),
        onset_ub=onset,
        features=features,
        word=_word(bool(dystonia), features),
    )


def entries(chart: Chart) -> tuple[Condition, ...]:
    """Every entry that says something about the phenotype, whether it makes the tier or not."""
    return tuple(_unique([c for name in _SETS for c in _entries(chart, name)]))


def _tier(chart: Chart, features: frozenset[str], dystonia: bool, other: bool, onset: int | None) -> tuple[str, str]:
    cause_known = chart.has_condition("X_PD", "X_KNOWN")
    adult_focal = chart.of(ADULT_FOCAL_ONSET)
    if dystonia:
        if cause_known:
            return "T2", "dystonia with a recorded cause"
        late = onset is None or onset > adult_focal
        if "D_GEN" not in features and features.isdisjoint(_COMPLEX) and late:
            if onset is None:
                return "T2", "isolated focal dystonia, age at onset unknown"
            return "T2", f"isolated focal dystonia with onset after {adult_focal} years"
        return "T1", "dystonia without a recorded cause"
    if other:
        if cause_known:
            return "T2", "movement disorder with a recorded cause"
        return "T4", "movement disorder other than dystonia"
    if "D_DRUG" in features:
        return "T3", "drug-induced dystonia only"
    return "T0", "no coded movement disorder that is screened"


def _entries(chart: Chart, value_set: str) -> tuple[Condition, ...]:
    entries = tuple(c for c in chart.conditions if value_set in c.sets and c.counts)
    if value_set != "M_ATAXIA":
        return entries
    # An unspecific ataxia code beside stroke sequelae, alcoholic degeneration or Wernicke is explained by these.
    explained = chart.has_condition("ATAXIA_EXPLAINED")
    return tuple(c for c in entries if not explained or "M_ATAXIA_SPECIFIC" in c.sets)


def onset_upper_bound(chart: Chart, conditions: list[Condition]) -> int | None:
    """The youngest age that any entry gives for onset or record; else the age today; None if that is unknown."""
    if not conditions:
        return None
    birth = chart.patient.birth_date
    ages = [c.onset_age for c in conditions if c.onset_age is not None]
    for c in conditions:
        for day in (c.onset, c.recorded):
            if day is not None and (age := completed_years(birth, day)) is not None:
                ages.append(age)
    return min(ages) if ages else chart.age


def _word(dystonia: bool, features: frozenset[str]) -> str:
    if dystonia:
        return "Dystonia"
    if features.isdisjoint(_OTHER_MD) and "D_DRUG" in features:
        return _DRUG_INDUCED
    return next((word for name, word in _WORDS if name in features), "Movement disorder")


def _unique(conditions: list[Condition]) -> list[Condition]:
    """Without repeats, earliest first, so that the order in which resources arrive never matters."""
    return sorted(set(conditions), key=lambda c: (c.dated or date.max, c.coding.system, c.coding.code, c.reference))
