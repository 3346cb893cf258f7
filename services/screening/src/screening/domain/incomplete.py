"""What the screening still lacks: which modules, and one suggestion for each. Clinical rules 1.0.4, 1.0.8.

Shared by SCREEN and the order cards that stand in for it (ORD_PANEL_FIRST, ORD_SYMPT_TX).
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from screening.domain.chart import Chart, Order
from screening.domain.evidence import Evidence
from screening.domain.findings import Assessment, Missing, Suggestion, suggest
from screening.domain.phenotype import Phenotype
from screening.domain.workups.registry import BY_MODULE, WORKUPS

RISK_FACTS: Final = 3
"""How many risks of a module stand on the card: the earliest say enough."""


NOTHING_LACKS: Final = "every treatable cause that is looked for has a usable result, an order or a draft"
READS: Final = frozenset(
    {
        "patient", "conditions", "medications", "medication_statements", "past_medications", "procedures", "orders",
        "family_history", "site_facts", *(workup.id for workup in WORKUPS),
    }
)  # fmt: skip
"""Names of the data that this turns on, as in `Chart.not_looked_up`."""


@dataclass(frozen=True, slots=True)
class Incomplete:
    """The modules that the tier asks for and that have no usable result.

    Attributes:
        listed: known to be missing, those with a high-risk fact first.
        because: why each of them is asked for, in the same order.
        unknown: not known to be missing, because their results were not delivered.
        unassessed: what would be missing of these.
    """

    listed: tuple[tuple[str, Missing], ...]
    because: tuple[str, ...]
    unknown: tuple[str, ...]
    unassessed: tuple[Missing, ...]

    @property
    def modules(self) -> tuple[str, ...]:
        """The codes of the modules that are missing."""
        return tuple(module for module, _ in self.listed)

    @property
    def names(self) -> str:
        """The modules that are missing, as a card lists them."""
        return labels(self.modules)

    @property
    def notes(self) -> tuple[str, ...]:
        """A sentence each: what was looked for and not found, and why; then what could not be looked at."""
        sentences = [
            f"{capital(BY_MODULE[module].label)}: {missing.note}; asked for: {because}."
            for (module, missing), because in zip(self.listed, self.because, strict=True)
        ]
        if self.unknown:
            sentences.append(f"Could not be assessed, because results were not available: {labels(self.unknown)}.")
        return tuple(sentences)

    @property
    def facts(self) -> tuple[Evidence, ...]:
        """The facts that ask for these modules: high risks all, of the other risks at most three a module."""
        urgent = [e for _, missing in self.listed for e in missing.high_risk]
        named = {(e.code, e.reference, e.day) for e in urgent}
        others = [e for _, missing in self.listed for e in missing.risks[:RISK_FACTS]]
        more = (e for e in others if (e.code, e.reference, e.day) not in named)
        return tuple(dict.fromkeys((*urgent, *more)))

    @property
    def high_risk(self) -> tuple[Evidence, ...]:
        """The high-risk facts about what is missing or could not be assessed."""
        return tuple(dict.fromkeys(e for m in (*(m for _, m in self.listed), *self.unassessed) for e in m.high_risk))

    @property
    def explanation(self) -> str:
        """The page behind a card that lists these modules."""
        return "genetic-vs-acquired" if len(self.listed) != 1 else BY_MODULE[self.listed[0][0]].id

    def suggestions(self, chart: Chart) -> tuple[Suggestion, ...]:
        """One suggestion per module with the tests that are still wanted."""
        found: list[Suggestion] = []
        for module, missing in self.listed:
            found.extend(suggest(chart, capital(BY_MODULE[module].label), *missing.tests))
        return tuple(found)


def incomplete(assessments: Iterable[Assessment], unavailable: frozenset[str]) -> Incomplete:
    """What is missing of these assessments; `unavailable` are the modules whose results were not delivered."""
    lacking = [(a, a.missing) for a in assessments if a.eligible and a.missing is not None]
    listed = [(a, missing) for a, missing in lacking if a.module not in unavailable]
    listed.sort(key=lambda entry: not entry[1].high_risk)
    return Incomplete(
        tuple((a.module, missing) for a, missing in listed),
        tuple(a.eligible_because for a, _ in listed),
        tuple(a.module for a, _ in lacking if a.module in unavailable),
        tuple(missing for a, missing in lacking if a.module in unavailable),
    )


def still_to_order(chart: Chart, phenotype: Phenotype, unavailable: frozenset[str]) -> Incomplete:
    """What is missing and not drafted either: a drafted test counts for each workup as if it were ordered today.

    An established cause silences SCREEN alone: order rules stay in force (1.0.5, 1.3.c, section 6, 1).
    """
    drafted = (Order(d.codings, d.sets, "active", chart.today, d.reference) for d in chart.drafts if not d.medication)
    ordered = replace(chart, orders=(*chart.orders, *drafted))
    return incomplete((workup.assess(ordered, phenotype) for workup in WORKUPS), unavailable)


def labels(modules: Iterable[str]) -> str:
    """The names of modules, as a card lists them."""
    return ", ".join(BY_MODULE[module].label for module in modules)


def capital(text: str) -> str:
    """With a capital letter."""
    return text[0].upper() + text[1:]
