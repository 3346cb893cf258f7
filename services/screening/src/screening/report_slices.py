"""What may be told of one client beside the report on all: a slice of a table.

All slices are told alike, in the same rows, detail and places, so that those of all clients may be known as well.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from screening.report_tables import (
    NO_FEEDBACK,
    OTHERS,
    ROW_OF_ITS_OWN,
    SHOWN,
    UNANSWERED,
    WAITING,
    Detail,
    Group,
    Table,
    Totals,
    added,
    all_large,
    cells_of,
    summed,
    told_row,
    worth_of,
)
from screening.suppression import hidden_in_slices

Rows = Mapping[str, Totals]


@dataclass(frozen=True, slots=True)
class Sliced:
    """A table in slices.

    Attributes:
        table: what is told of the whole.
        slices: name -> row -> counts; together they are the whole.
        group: as the whole was told with.
        pool: whether rows with few cards may be put together.
    """

    table: Table
    slices: Mapping[str, Rows]
    group: Group
    pool: bool


def slice_of(name: str, sliced: Sliced, small: int) -> Table:
    """What may be told of the slice `name`, so that all slices and the whole can be told."""
    best = Table(Detail(), {}, few=True)
    table = sliced.table
    for inside in _ways(sliced, small):
        slices = {one: _joined(rows, inside) for one, rows in sliced.slices.items()}
        for detail in (table.detail, *table.detail.coarser()):
            made = _told(name, slices, sliced, inside, detail=detail, small=small)
            if made.worth > best.worth:
                best = made
    return best


def _ways(sliced: Sliced, small: int) -> Iterable[Mapping[str, tuple[str, ...]]]:
    """Rows of the table -> what is in them: as the whole is told, then with more of them put together."""
    table, group = sliced.table, sliced.group
    inside = {row: table.pooled.get(row, (row,)) for row in table.rows}
    yield inside
    whole = _joined(added(sliced.slices.values()), inside)
    enough = ROW_OF_ITS_OWN * small * len(sliced.slices)
    others = [row for row in whole if row in table.pooled or whole[row].get(SHOWN, 0) < enough]
    fewer = {row: rows for row, rows in inside.items() if row not in others}
    for row in others:
        name = f"{OTHERS}{group(row)}"
        fewer[name] = (*fewer.get(name, ()), *inside[row])
    if sliced.pool and len(fewer) < len(inside) and len(fewer) > 1:
        yield fewer


def _told(
    name: str, slices: Mapping[str, Rows], sliced: Sliced, inside: Mapping[str, tuple[str, ...]], *, detail: Detail,
    small: int,
) -> Table:  # fmt: skip
    """One way, in one detail. What it is worth is counted over all slices, so that all are told alike."""
    if not all(all_large(summed(rows.values()), detail, small) for rows in slices.values()):
        return Table(Detail(), {}, few=True)
    whole = added(slices.values())
    shape = detail.shape()
    untold = frozenset(
        (row, part) for row, rows in inside.items() for part in shape.parts() if _is_untold(rows, part, sliced.table)
    )
    counts = {one: cells_of(rows, detail) for one, rows in slices.items()}
    also = hidden_in_slices(counts, cells_of(whole, detail), untold, shape, small, group=sliced.group)
    if also is None:
        return Table(Detail(), {}, few=True)
    worth = sum(worth_of(rows, counts[one], detail, also) for one, rows in slices.items())
    rows = {row: told_row(row, counts[name], detail, also, small) for row in inside}
    pooled = {row: members for row, members in inside.items() if members != (row,)}
    return Table(detail, rows, pooled, also, worth)


def _is_untold(rows: tuple[str, ...], part: str, table: Table) -> bool:
    """Whether the count of these rows of the whole cannot be had from what is told of it."""
    parts = (NO_FEEDBACK, WAITING) if part == UNANSWERED and table.detail.waiting else (part,)
    names = {name for name, members in table.pooled.items() if set(members) & set(rows)} | set(rows)
    return any((name, one) in table.untold for name in names for one in parts)


def _joined(rows: Rows, inside: Mapping[str, tuple[str, ...]]) -> dict[str, Totals]:
    """Rows with some put together."""
    return {name: summed(rows.get(row, {}) for row in members) for name, members in inside.items()}
