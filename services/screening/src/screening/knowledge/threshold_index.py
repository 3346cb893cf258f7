"""Every threshold of the rules, found where it stands. Read once at start; nothing here is read per call."""

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from screening import domain
from screening.domain.labs import Scale
from screening.domain.thresholds import AnyThreshold, Ladder, Threshold
from screening.domain.units import Limit


@dataclass(frozen=True, slots=True)
class Index:
    """All thresholds by id, the ladders whose order must hold (of the scales and those that are named), the scales."""

    thresholds: dict[str, AnyThreshold]
    ladders: tuple[Ladder, ...]
    scales: tuple[Scale, ...]


class DuplicateThresholdError(RuntimeError):
    """Two different thresholds have one id: a site could not say which it means."""


@cache
def index() -> Index:
    """The thresholds of all modules of the domain, in the order of their ids.

    Raises:
        DuplicateThresholdError: an id is not unique.
    """
    found: dict[str, AnyThreshold] = {}
    ladders: dict[tuple[str, ...], Ladder] = {}
    scales: dict[str, Scale] = {}
    for value in _values():
        if isinstance(value, Ladder):
            ladders[tuple(step.id for step in value.steps)] = value
        elif isinstance(value, Scale):
            scales[value.id] = value
            ladder = Ladder(value.thresholds())
            ladders[tuple(step.id for step in ladder.steps)] = ladder
            for step in ladder.steps:
                _add(found, step)
        elif isinstance(value, Threshold):
            _add(found, value)
    return Index(
        dict(sorted(found.items())), tuple(ladder for _, ladder in sorted(ladders.items())), tuple(scales.values())
    )


def _values() -> Iterator[Any]:
    """Everything that stands in a module of the domain; what is imported stands in several."""
    for found in pkgutil.walk_packages(domain.__path__, f"{domain.__name__}."):
        yield from vars(importlib.import_module(found.name)).values()


def _add(found: dict[str, AnyThreshold], threshold: AnyThreshold) -> None:
    if found.setdefault(threshold.id, threshold) != threshold:
        raise DuplicateThresholdError(f"two thresholds are called {threshold.id}")


def forms(value: Limit | Any, unit: str) -> tuple[str, ...]:
    """A number with its unit as a site's file has it: one form for each family of units."""
    if isinstance(value, Limit):
        return tuple(f"{number} {family}" for family, number in value.printed.items())
    return (f"{value} {unit}".strip(),)


def shown(value: Limit | Any, unit: str) -> tuple[str, ...]:
    """The same for people: without the unit `1` of a ratio."""
    return tuple(form.removesuffix(" 1") for form in forms(value, unit))
