"""What an order rule is, and what it may look at."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from screening.domain.chart import Chart, Draft
from screening.domain.description import Description
from screening.domain.findings import MISSING_STATES, Assessment, Finding
from screening.domain.phenotype import Phenotype


@dataclass(frozen=True, slots=True)
class CannotTell:
    """The rule applies, but the results that it turns on could not be looked up."""

    modules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NeedsPhenotype:
    """The rule applies, but what it turns on is in the patient or the conditions, which were not delivered."""


@dataclass(frozen=True, slots=True)
class Nothing:
    """The rule has nothing to say: `because` names the first condition that does not hold, without patient facts."""

    because: str


@dataclass(frozen=True, slots=True)
class Situation:
    """The chart with what the workups made of it."""

    chart: Chart
    phenotype: Phenotype
    assessments: Mapping[str, Assessment]
    unavailable: frozenset[str] = field(default=frozenset())
    """Modules whose laboratory results were not delivered."""
    phenotype_known: bool = True
    """Whether patient and conditions were delivered, or a movement disorder was seen all the same."""

    def state(self, module: str) -> str:
        """State of a workup."""
        return self.assessments[module].state

    def missing(self, module: str) -> bool:
        """No usable result, and none on its way."""
        return self.state(module) in MISSING_STATES or self.assessments[module].missing is not None

    def not_looked_up(self, module: str) -> bool:
        """No result was seen, but the results were not delivered either."""
        return module in self.unavailable and self.missing(module)


Decision = Finding | Nothing | CannotTell | NeedsPhenotype


FINDING: Final = "finding"
NOTHING: Final = "nothing"
CANNOT_TELL: Final = "cannot-tell"
NEEDS_PHENOTYPE: Final = "needs-phenotype"
NOT_CONCERNED: Final = "not-concerned"


@dataclass(frozen=True, slots=True)
class RuleOutcome:
    """What came of one order rule.

    Attributes:
        rule: its name; empty for selected drafts that no rule is about.
        outcome: `finding`, `nothing`, `cannot-tell`, `needs-phenotype` or `not-concerned`.
        because: what holds, or the first condition that does not, in words without facts about the patient.
    """

    rule: str
    outcome: str
    because: str


@dataclass(frozen=True, slots=True)
class OrderRule:
    """An order rule.

    Attributes:
        name: as in clinical rules 1.7; also the card's module.
        concerns: whether a draft is one that the rule is about.
        decide: what to say; it gets the selected drafts that the rule is about, at least one.
        needs_phenotype: without patient and conditions the rule cannot decide anything. A rule that can decide part of
            its cases says `NeedsPhenotype` in the others.
        on_results: it turns on the results of a workup, so that the card says what was looked for and not found.
        only_with_disorder: it never says anything of a patient without a movement disorder.
        reads: names of the data (as in `Chart.not_looked_up`) that its decision may turn on. The rest need not be had.
        described: the rule in words.
    """

    name: str
    concerns: Callable[[Draft], bool]
    decide: Callable[[Situation, tuple[Draft, ...]], Decision]
    needs_phenotype: bool = field(default=True, kw_only=True)
    on_results: bool = field(default=True, kw_only=True)
    only_with_disorder: bool = field(default=False, kw_only=True)
    reads: frozenset[str] = field(kw_only=True)
    described: Description = field(kw_only=True)


PROBLEMS: Final = frozenset({"patient", "conditions"})
MEDICINES: Final = frozenset({"medications", "medication_statements"})
"""Where medicines stand that are taken now, or are on hold."""


def test_in(*value_sets: str) -> Callable[[Draft], bool]:
    """Drafts of tests and procedures coded in the sets."""
    wanted = frozenset(value_sets)
    return lambda draft: not draft.medication and bool(draft.sets & wanted)


def medicine_in(*value_sets: str) -> Callable[[Draft], bool]:
    """Drafts of medicines coded in the sets."""
    wanted = frozenset(value_sets)
    return lambda draft: draft.medication and bool(draft.sets & wanted)


def anything_in(*value_sets: str) -> Callable[[Draft], bool]:
    """Drafts of any kind coded in the sets."""
    wanted = frozenset(value_sets)
    return lambda draft: bool(draft.sets & wanted)
