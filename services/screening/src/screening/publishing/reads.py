"""What a rule reads: value sets, thresholds and other workups, found in the rule's own code.

From the functions of a rule every function, record and constant of the domain that they name is followed. What is
found is what the rule may read; whatever else the code of the domain says (words, states) is left aside. A test holds
this against what the rules ask of charts while all scenarios run.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import cache
from types import CodeType, FunctionType, ModuleType
from typing import Any, Final

from screening.domain import phenotype
from screening.domain.analytes import ANALYTES, Analyte
from screening.domain.catalog import Orderable
from screening.domain.labs import Scale
from screening.domain.orders.rule import OrderRule
from screening.domain.thresholds import AnyThreshold, Threshold
from screening.domain.workups.registry import BY_MODULE, Workup

_DOMAIN: Final = "screening.domain"
_ANALYTES: Final = {analyte.key: analyte for analyte in ANALYTES}
_PAGES: Final = frozenset({"safety", *(workup.id for workup in BY_MODULE.values())})
_RULES: Final = ("screening.domain.orders.", "screening.domain.phenotype", "screening.domain.workups.")


@dataclass(frozen=True, slots=True)
class Reads:
    """What was found.

    Attributes:
        sets: names of value sets, sorted.
        results: those among them whose results are read, sorted.
        thresholds: sorted by id.
        workups: modules whose state an order rule asks for, in the order of the registry.
        modules: names of the Python modules that hold the rule, sorted; what all rules share is left out.
        pages: slugs of explanations that it names, sorted.
    """

    sets: tuple[str, ...]
    results: tuple[str, ...]
    thresholds: tuple[AnyThreshold, ...]
    workups: tuple[str, ...]
    modules: tuple[str, ...]
    pages: tuple[str, ...]


def of_workup(workup: Workup, sets: frozenset[str]) -> Reads:
    """What a workup and the phenotype that it is given read. `sets`: the names of all value sets."""
    return replace(_told(_followed(workup.assess, phenotype.of), sets), workups=())


def of_rule(rule: OrderRule, sets: frozenset[str]) -> Reads:
    """What an order rule reads of drafts and chart; the phenotype, too, where it turns on it."""
    found = _followed(rule.concerns, rule.decide)
    asked = {name for thing in found if isinstance(thing, FunctionType) for name in thing.__code__.co_names}
    if rule.needs_phenotype or "phenotype" in asked:
        found = _followed(rule.concerns, rule.decide, phenotype.of)
    return _told(found, sets)


def _told(found: Iterable[Any], sets: frozenset[str]) -> Reads:
    strings: set[str] = set()
    results: set[str] = set()
    modules: set[str] = set()
    thresholds: dict[str, AnyThreshold] = {}
    for thing in found:
        match thing:
            case str():
                strings.add(thing)
            case Threshold():
                thresholds[thing.id] = thing
            case Scale():
                thresholds |= {threshold.id: threshold for threshold in thing.thresholds()}
            case Analyte():
                results.add(thing.value_set)
            case FunctionType() if thing.__module__.startswith(_RULES):
                modules.add(thing.__module__)
            case _:
                pass
    return Reads(
        sets=tuple(sorted(strings & sets)),
        results=tuple(sorted(results & sets)),
        thresholds=tuple(thresholds[id] for id in sorted(thresholds)),
        workups=tuple(module for module in BY_MODULE if module in strings),
        modules=tuple(sorted(modules)),
        pages=tuple(sorted(strings & _PAGES)),
    )


@cache
def _followed(*roots: Callable[..., Any]) -> tuple[Any, ...]:
    """Every function, record and string that can be reached from these functions within the domain."""
    waiting: list[Any] = list(roots)
    found: list[Any] = []
    seen: set[int] = set()
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        found.append(thing)
        waiting.extend(_named_by(thing))
    return tuple(found)


def _named_by(thing: Any) -> Iterator[Any]:
    """What a thing leads to."""
    if isinstance(thing, FunctionType):
        if thing.__module__.startswith(_DOMAIN):
            yield from _of_code(thing.__code__, thing.__globals__)
            yield from (cell.cell_contents for cell in thing.__closure__ or ())
    elif isinstance(thing, Orderable):
        yield from thing.same_as
        yield from (_ANALYTES[key] for key in (thing.current[0] if thing.current is not None else ()))
    elif isinstance(thing, Workup):
        yield thing.module  # what it reads is its own affair
    elif isinstance(thing, tuple | list | frozenset | set):
        yield from thing
    elif isinstance(thing, dict):
        yield from thing
        yield from thing.values()
    elif is_dataclass(thing) and not isinstance(thing, type) and not isinstance(thing, Threshold):
        yield from (getattr(thing, field.name) for field in fields(thing))


def _of_code(code: CodeType, names: dict[str, Any]) -> Iterator[Any]:
    """The constants of a function and of those within it, and what its global names stand for."""
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _of_code(constant, names)
        else:
            yield constant
    for name in code.co_names:
        thing = names.get(name)
        if isinstance(thing, ModuleType):
            yield from (vars(thing)[other] for other in code.co_names if other in vars(thing))
        elif thing is not None and not isinstance(thing, type):
            yield thing
