"""Evidence: the facts that decided, as they stand on the card."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from screening.domain.chart import Draft, Fact, Medication, Relative, SiteFact, fact_day
from screening.domain.citations import RULES, Citation
from screening.domain.codes import Coding
from screening.domain.labs import LabResult
from screening.domain.thresholds import SiteValue
from screening.domain.units import Measure, display


@dataclass(frozen=True, slots=True)
class Evidence:
    """One fact and why it counts.

    Attributes:
        code: the code that matched, in its own system.
        display: what the fact is, in words.
        value: the number as sent, or its text when a comparator or wording came with it; None for plain facts.
        unit: the unit as sent.
        converted: the same value in the other family of units, for people; empty where there is none.
        day: UTC calendar day of the fact.
        reference: `Type/id` of the resource, or empty.
        criterion: what it fulfils, with number and unit.
        citation: where the criterion comes from.
        interpretation: the laboratory's own flag; shown, never used.
    """

    code: str
    display: str
    criterion: str
    citation: Citation
    value: Decimal | str | None = None
    unit: str = ""
    converted: str = ""
    day: date | None = None
    reference: str = ""
    interpretation: str = ""


def of_result(result: LabResult, measure: Measure, criterion: str, citation: Citation) -> Evidence:
    """Evidence of a laboratory result, with its value in the other family of units beside it."""
    value: Decimal | str | None = result.printed or None
    if result.value is not None and result.value.exact:
        value = Decimal(result.printed)
    return Evidence(
        code=result.code,
        display=result.display,
        value=value,
        unit=result.unit,
        converted=converted(result, measure),
        day=result.taken.date(),
        reference=result.reference,
        criterion=criterion,
        citation=citation,
        interpretation=result.interpretation,
    )


def converted(result: LabResult, measure: Measure) -> str:
    """A result in the first family other than its own, e.g. `133 pmol/L` for 180 ng/L; empty where there is none."""
    value = result.value
    if value is None or not value.exact:
        return ""
    for family in measure.families:
        if family.unit != value.unit:
            return f"{display(value.low * value.to_canonical / family.to_canonical)} {family.unit}"
    return ""


def of_fact(fact: Fact | SiteFact, criterion: str, citation: Citation = RULES) -> Evidence:
    """Evidence of a coded problem, procedure, medicine or site fact."""
    if isinstance(fact, SiteFact):
        return Evidence(
            code=fact.name,
            display=fact.name.replace("-", " "),
            criterion=criterion,
            citation=citation,
            day=fact.on,
            reference=fact.reference,
        )
    name = (fact.name if isinstance(fact, Medication) else "") or fact.coding.display
    return Evidence(
        code=fact.coding.code,
        display=_translated(name, fact.coding),
        criterion=criterion,
        citation=citation,
        day=fact_day(fact),
        reference=fact.reference,
    )


def of_draft(draft: Draft, criterion: str, citation: Citation = RULES) -> Evidence:
    """Evidence of a draft order."""
    first = next(iter(draft.codings), Coding("", draft.label))
    return Evidence(
        code=first.code,
        display=_translated(draft.label, first),
        criterion=criterion,
        citation=citation,
        reference=draft.reference.rstrip("/"),
    )


def _translated(name: str, coding: Coding) -> str:
    """A name; for a site's own code with the code that it is read as."""
    return f"{name} (local code {coding.code}, read as {coding.read_as})" if coding.read_as else name


def of_site_value(own: SiteValue) -> Evidence:
    """Evidence that a site decides by a number of its own: which, instead of which, why, and who approved it."""
    return Evidence(
        code="site-value",
        display=f"{own.threshold.means}: {own} instead of {own.threshold}",
        criterion=own.reason,
        citation=own.approval,
    )


def of_relative(relative: Relative, criterion: str, citation: Citation = RULES) -> Evidence:
    """Evidence of a family member's condition. Who the relative is, is not said: the criterion is enough."""
    return Evidence(
        code=relative.coding.code,
        display=relative.coding.display,
        criterion=criterion,
        citation=citation,
        reference=relative.reference,
    )
