"""Thresholds: the numbers that decide, each beside its rule with unit, direction and source; and a site's own.

A threshold is what the rules say; `Chart.of` gives the number that holds at this site. A site may set another one only
in its versioned file of site values, which names an approver and a reason (clinical rules, preface).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import Final, Generic, TypeVar

from screening.domain.citations import RULES, Citation
from screening.domain.units import Limit, limit, plain

Number = TypeVar("Number", Limit, int, Decimal)


@dataclass(frozen=True, slots=True)
class Threshold(Generic[Number]):
    """A number that decides.

    Attributes:
        id: workup id (or `phenotype`, `orders`), a full stop, what it limits: stable, for the site's file.
        value: the rules' own number; a `Limit` where results are compared with it.
        unit: `hours`, `days`, `years` or what a factor multiplies; empty for limits, which print their own.
        means: what it decides, with the direction, in a phrase.
        cite: where it comes from.
        fixed: no site may set another one: it defines a term, or an emergency.
        floor: no site may set a lower one: patients would be missed for whom minutes count.
    """

    id: str
    value: Number
    unit: str
    means: str
    cite: Citation = RULES
    fixed: bool = False
    floor: bool = False

    def __str__(self) -> str:
        return printed(self.value, self.unit)


AnyThreshold = Threshold[Limit] | Threshold[int] | Threshold[Decimal]


@dataclass(frozen=True, slots=True)
class SiteValue:
    """What a site has set instead of a threshold, who approved it and why."""

    threshold: AnyThreshold
    value: Limit | int | Decimal
    approver: str
    approved: date
    reason: str
    version: str

    def __str__(self) -> str:
        return printed(self.value, self.threshold.unit)

    @property
    def approval(self) -> Citation:
        """Who answers for the number: the site, never the guideline."""
        return Citation(
            f"site value approved by {self.approver} on {self.approved.isoformat()}, version {self.version}"
        )

    @property
    def cite(self) -> Citation:
        """The source of what was decided by this number."""
        return Citation(f"{self.approval}, instead of {self.threshold} ({self.threshold.cite})")


SiteValues = Mapping[str, SiteValue]
"""By threshold id."""

DEFAULTS: Final[SiteValues] = MappingProxyType({})
"""A site that has set nothing itself."""


def printed(value: Limit | Decimal | int, unit: str) -> str:
    """A number with its unit, for people."""
    return f"{plain(value) if isinstance(value, Decimal) else value} {unit}".strip()


def days(id: str, number: int, means: str, cite: Citation = RULES, *, fixed: bool = False) -> Threshold[int]:
    """A look-back or an interval."""
    return Threshold(id, number, "days", means, cite, fixed=fixed)


def hours(id: str, number: int, means: str, cite: Citation = RULES, *, fixed: bool = False) -> Threshold[int]:
    """A duration that is counted by the hour."""
    return Threshold(id, number, "hours", means, cite, fixed=fixed)


def years(id: str, number: int, means: str, cite: Citation = RULES, *, fixed: bool = False) -> Threshold[int]:
    """An age in completed years, or a duration."""
    return Threshold(id, number, "years", means, cite, fixed=fixed)


def cut(
    id: str, *forms: str, means: str, cite: Citation = RULES, fixed: bool = False, floor: bool = False
) -> Threshold[Limit]:
    """A decision limit, printed once for each family of units."""
    return Threshold(id, limit(*forms), "", means, cite, fixed, floor)


def factor(id: str, number: str, unit: str, means: str, cite: Citation = RULES) -> Threshold[Decimal]:
    """A number without a family of units: a ratio, or a multiple of something."""
    return Threshold(id, Decimal(number), unit, means, cite)


@dataclass(frozen=True, slots=True)
class Ladder:
    """Thresholds of one quantity that must stay in this order, lowest first, whatever a site sets."""

    steps: tuple[AnyThreshold, ...]


def ascending(*steps: AnyThreshold) -> Ladder:
    """A ladder of its steps, lowest first."""
    return Ladder(steps)
