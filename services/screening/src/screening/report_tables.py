"""One table of the report: which counts it has, how far it goes into detail, and what of it may be told.

The sum of a part over all rows is told, and so must be 0 or large enough: where it is not, parts are told together. So
a report with few cards has few columns. What single rows may tell, `suppression` says.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from screening.store import report_rows
from screening.store import rows as store_rows
from screening.store.report_rows import Kind
from screening.suppression import Cell, Shape, hidden

SHOWN: Final = "shown"
ANSWERED: Final = "answered"
ACCEPTED: Final = "accepted"
ONLY_ACCEPTED: Final = "acceptedOnly"
BOTH: Final = "both"
OVERRIDDEN: Final = "overridden"
UNANSWERED: Final = "unanswered"
NO_FEEDBACK: Final = "noFeedback"
WAITING: Final = "waiting"
AGAIN: Final = "shownAgain"
ONCE: Final = "shownOnce"
SHOWINGS: Final = "showings"

SEVERAL: Final = "several"
"""Reasons that are told together."""

OTHERS: Final = "others"
"""How the name of a row begins for those that are told together; that of their group follows."""
NO_REASON: Final = "none-given"

WITHHELD: Final = "withheld"
"""Stands for a count that is large enough, but would give a small one away."""

_COST: Final = {
    SHOWN: 40, ANSWERED: 30, ACCEPTED: 20, OVERRIDDEN: 10, UNANSWERED: 8, NO_FEEDBACK: 8, WAITING: 2, BOTH: 3,
    ONLY_ACCEPTED: 3, AGAIN: 3, ONCE: 1,
}  # fmt: skip
"""What hiding a count costs the reader; that of a reason, 4."""

_WORTH: Final = {SHOWN: 12, ANSWERED: 8, ACCEPTED: 12, OVERRIDDEN: 4}
"""What a count that is told is worth to the reader; by default 1. In a row with more cards it is worth more."""
ROW_OF_ITS_OWN: Final = 4
"""So many times the least count that is told has a row that is never put together with others."""

Told = int | str
"""A count; or in words that it is small, or `WITHHELD`."""
Totals = Mapping[str, int]
Group = Callable[[str], str]
"""The group of a row: sums over it are told, or known from elsewhere."""


@dataclass(frozen=True, slots=True)
class Detail:
    """How far counts are divided.

    Attributes:
        answered: into answered and unanswered.
        outcomes: answered into accepted and overridden.
        both: accepted into with and without an override.
        reasons: name of a group of reasons -> the reasons in it; empty: overridden is not divided.
        waiting: unanswered into without feedback and waiting.
        again: shown once and shown more often.
    """

    answered: bool = True
    outcomes: bool = True
    both: bool = True
    reasons: Mapping[str, frozenset[str]] | None = None
    waiting: bool = True
    again: bool = True

    def parts(self) -> list[str]:
        """The counts that a reader gets of each row, in the order of their columns."""
        parts = [SHOWN]
        if self.answered:
            parts += [ANSWERED]
            if self.outcomes:
                parts += [ACCEPTED, *([BOTH] if self.both else ()), OVERRIDDEN]
                parts += [overridden_for(group) for group in self.reasons or ()]
            parts += [NO_FEEDBACK, WAITING] if self.waiting else [UNANSWERED]
        return parts + ([AGAIN] if self.again else [])

    def shape(self) -> Shape:
        """How these counts hang together."""
        trees: list[dict[str, Sequence[str]]] = []
        if self.answered:
            tree: dict[str, Sequence[str]] = {SHOWN: (ANSWERED, *(() if self.waiting else (UNANSWERED,)))}
            if self.waiting:
                tree[SHOWN] = (ANSWERED, NO_FEEDBACK, WAITING)
            if self.outcomes:
                tree[ANSWERED] = (ACCEPTED, OVERRIDDEN)
                if self.both:
                    tree[ACCEPTED] = (ONLY_ACCEPTED, BOTH)
                if self.reasons:
                    tree[OVERRIDDEN] = tuple(map(overridden_for, self.reasons))
            trees.append(tree)
        if self.again:
            trees.append({SHOWN: (AGAIN, ONCE)})
        return Shape(trees, alone="" if trees else SHOWN, cost=_COST)

    def coarser(self) -> Iterator["Detail"]:
        """The same with less and less detail."""
        less = self
        for step in ({"again": False}, {"reasons": None}, {"both": False}, {"waiting": False}, {"outcomes": False},
                     {"answered": False}):  # fmt: skip
            more, less = less, replace(less, **step)
            if less != more:
                yield less


@dataclass(frozen=True, slots=True)
class Table:
    """What is told of a table.

    Attributes:
        detail: how far it goes.
        rows: name -> part -> count; empty when nothing can be told.
        pooled: name of a row -> the rows that are told together in it.
        untold: what of it is not told.
        worth: of what is told.
        few: whether nothing can be told because counts are too small.
    """

    detail: Detail
    rows: Mapping[str, Mapping[str, Told]]
    pooled: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    untold: frozenset[Cell] = frozenset()
    worth: int = 0
    few: bool = False


def overridden_for(reason: str) -> str:
    """The part for a reason, or a group of them."""
    return f"{OVERRIDDEN}:{reason}"


def counted(kind: Kind) -> Iterator[str]:
    """Every part that the cards of a kind belong to."""
    yield SHOWN
    yield AGAIN if kind.again else ONCE
    if kind.outcome in (report_rows.UNANSWERED, report_rows.WAITING):
        yield from (UNANSWERED, NO_FEEDBACK if kind.outcome == report_rows.UNANSWERED else WAITING)
        return
    yield ANSWERED
    if kind.outcome == store_rows.OVERRIDDEN:
        yield from (OVERRIDDEN, overridden_for(kind.reason or NO_REASON))
    else:
        yield from (ACCEPTED, BOTH if kind.outcome == report_rows.BOTH else ONLY_ACCEPTED)


def detail_of(sums: Sequence[Totals], small: int, *, reasons: bool = False) -> Detail:
    """The most detail in which none of these sums is small."""

    def large(*parts: str) -> bool:
        return all(not 0 < totals.get(part, 0) < small for totals in sums for part in parts)

    answered = large(ANSWERED, UNANSWERED)
    outcomes = answered and large(ACCEPTED, OVERRIDDEN)
    return Detail(
        answered=answered,
        outcomes=outcomes,
        both=outcomes and large(ONLY_ACCEPTED, BOTH),
        reasons=_groups(sums, small) if reasons and outcomes else None,
        waiting=answered and large(NO_FEEDBACK, WAITING),
        again=large(AGAIN, ONCE),
    )


def _groups(sums: Sequence[Totals], small: int) -> Mapping[str, frozenset[str]]:
    """Each reason by itself, but those that are rare together, with as few others as make up enough."""
    start = f"{OVERRIDDEN}:"
    given: Counter[str] = Counter()
    for totals in sums:
        given.update({part: number for part, number in totals.items() if part.startswith(start)})
    rare: list[str] = []

    def few(parts: Sequence[str]) -> bool:
        return any(0 < sum(totals.get(part, 0) for part in parts) < small for totals in sums)

    for part in sorted(given, key=lambda one: (given[one], one)):
        if few([part]) or few(rare):
            rare.append(part)
    if few(rare):
        return {}
    groups = {
        part.removeprefix(start): frozenset({part.removeprefix(start)}) for part in sorted(given) if part not in rare
    }
    return {**groups, **({SEVERAL: frozenset(part.removeprefix(start) for part in rare)} if rare else {})}


def one_group(_row: str) -> str:
    """All rows together."""
    return ""


def told(
    rows: Mapping[str, Totals], most: Detail, small: int, *, pool: bool = False, group: Group = one_group
) -> Table:
    """What may be told of a table: at most the detail `most`, for which the sums over each group are large enough.

    Rows with few cards are put together (`pool` says whether they may be) and detail is left out where more can be told
    so.
    """
    together = _pooled(rows, ROW_OF_ITS_OWN * small, group) if pool else rows
    best = Table(Detail(), {}, few=True)
    tries = [(rows, most), *([(together, most)] if together != rows else ())]
    for of, detail in (*tries, *((together, less) for less in most.coarser())):
        made = _told(rows, of, detail, small, group)
        if made.worth > best.worth:
            best = made
    return best


def _told(rows: Mapping[str, Totals], of: Mapping[str, Totals], detail: Detail, small: int, group: Group) -> Table:
    """The table with the rows `of`, in which some of `rows` may have been put together, in this detail."""
    counts = cells_of(of, detail)
    untold = hidden(counts, detail.shape(), small, group)
    if untold is None:
        return Table(Detail(), {}, few=True)
    pooled = {other: _members(rows, of, group, other) for other in of if other not in rows}
    worth = worth_of(of, counts, detail, untold)
    return Table(detail, {row: told_row(row, counts, detail, untold, small) for row in of}, pooled, untold, worth)


def worth_of(rows: Mapping[str, Totals], counts: Mapping[Cell, int], detail: Detail, untold: frozenset[Cell]) -> int:
    """What is told, weighed."""
    return sum(
        _WORTH.get(part, 1) * totals.get(SHOWN, 0).bit_length()
        for row, totals in rows.items()
        for part in detail.parts()
        if counts.get((row, part)) and (row, part) not in untold
    )


def told_whole(rows: Mapping[str, Totals], most: Detail, small: int) -> Table | None:
    """What may be told of a table in which nothing needs to be hidden, with rows put together; None: there is no such.

    Its rows may then be told in reports of their own.
    """
    of = _pooled(rows, ROW_OF_ITS_OWN * small, one_group)
    for detail in (most, *most.coarser()):
        if all(all_large(totals, detail, small) for totals in of.values()):
            return _told(rows, of, detail, small, one_group)
    return None


def all_large(totals: Totals, detail: Detail, small: int) -> bool:
    """Whether none of these counts is small."""
    grouped = _grouped(totals, detail)
    return all(not 0 < grouped.get(part, 0) < small for part in detail.shape().parts())


def summed(many: Iterable[Totals]) -> Totals:
    """Rows added up."""
    together: Counter[str] = Counter()
    for totals in many:
        together.update(totals)
    return together


def added(slices: Iterable[Mapping[str, Totals]]) -> dict[str, Totals]:
    """The whole that slices add up to."""
    whole: dict[str, Counter[str]] = {}
    for rows in slices:
        for row, totals in rows.items():
            whole.setdefault(row, Counter()).update(totals)
    return dict(sorted(whole.items()))


def cells_of(rows: Mapping[str, Totals], detail: Detail) -> dict[Cell, int]:
    """The counts of a table, with reasons in groups."""
    return {(row, part): count for row, totals in rows.items() for part, count in _grouped(totals, detail).items()}


def _pooled(rows: Mapping[str, Totals], enough: int, group: Group) -> Mapping[str, Totals]:
    """The rows with `enough` cards, and for each group one of the others, unless these are all of it or at most one."""
    made = dict(rows)
    for name in dict.fromkeys(map(group, rows)):
        mine = [row for row in rows if group(row) == name]
        others = [row for row in mine if rows[row].get(SHOWN, 0) < enough]
        if len(others) in (0, 1, len(mine)):
            continue
        made[f"{OTHERS}{name}"] = summed(made.pop(row) for row in others)
    return made


def _members(rows: Iterable[str], of: Iterable[str], group: Group, other: str) -> tuple[str, ...]:
    """The rows that were put together as `other`."""
    return tuple(row for row in rows if row not in of and f"{OTHERS}{group(row)}" == other)


def told_row(
    row: str, counts: Mapping[Cell, int], detail: Detail, untold: frozenset[Cell], small: int
) -> dict[str, Told]:
    """What is told of a row; what is 0 is told in any case."""
    told: dict[str, Told] = {}
    for part in detail.parts():
        count = counts.get((row, part), 0)
        told[part] = said(count, small) if count and (row, part) in untold else count
    return told


def said(count: int, small: int) -> str:
    """What stands in place of a count that is not told."""
    return f"<{small}" if count < small else WITHHELD


def _grouped(totals: Totals, detail: Detail) -> Totals:
    """The counts of a row with its reasons in groups."""
    grouped = Counter(totals)
    for group, reasons in (detail.reasons or {}).items():
        grouped[overridden_for(group)] = sum(totals.get(overridden_for(reason), 0) for reason in reasons)
    return grouped
