"""Small counts are not told, and cannot be worked out from what is told.

A table has rows, and each row is a tree of counts: a total, its parts, their parts. The sum of each part over all rows
is told in any case, or over all rows of a group. A count of 1 to `small - 1` is not; neither are as many others as it
takes so that sums do not give it away. That is shown by construction: for each small count the table is changed, in
what is hidden only, so that all that is told stays as it is and the small count takes another value. Whoever reads the
table cannot tell the two apart.

Method: cell suppression in a network (Fischetti and Salazar-González, Management Science 47(7), 2001); here the paths
are found one after the other, which hides somewhat more than the best choice would.
"""

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

Cell = tuple[str, str]
"""Row and part."""
_Equation = tuple[str, str]
"""The sum of a row's parts, or that of a part over the rows of a group."""

_Place = tuple[_Equation, int]

_NO_LIMIT: Final = 10**12


@dataclass(frozen=True, slots=True)
class Shape:
    """How the counts of a row hang together.

    Attributes:
        trees: total -> its parts, the same total may be divided in several ways: one mapping each.
        alone: what is counted, where nothing is divided.
        cost: part -> what hiding it costs; by default 4.
    """

    trees: Sequence[Mapping[str, Sequence[str]]] = ()
    alone: str = ""
    cost: Mapping[str, int] = field(default_factory=dict)

    def parts(self) -> frozenset[str]:
        """Every part."""
        return frozenset({self.alone} - {""}).union(*(({*tree}.union(*tree.values())) for tree in self.trees))


Counts = Mapping[Cell, int]


def hidden(counts: Counts, shape: Shape, small: int, group: Callable[[str], str]) -> frozenset[Cell] | None:
    """What must not be told of a table.

    Args:
        counts: every part of every row; a part that is missing is 0.
        shape: of its rows.
        small: the least count that may be told, but for 0.
        group: row -> its group; the sums over each group are told.

    Returns:
        Small counts and those that keep them; None if the table cannot be told at all without giving one away.
    """
    made = small_of(counts, shape, small)
    network = _Network(counts, shape, small, group=group, hidden=made)
    return frozenset(made) if all(network.keep(cell) for cell in sorted(made)) else None


def hidden_in_slices(
    slices: Mapping[str, Counts],
    whole: Counts,
    untold: frozenset[Cell],
    shape: Shape,
    small: int,
    *,
    group: Callable[[str], str],
) -> frozenset[Cell] | None:
    """What must not be told of the slices of a table, all of which may be told besides the whole.

    A small count of a slice may have another value because another slice makes up for it; a small count of the whole
    because that of a slice has. So the same is hidden in every slice: what is hidden in the whole, and more.

    Args:
        slices: name -> counts; the slices add up to the whole.
        whole: all together.
        untold: what is hidden in the whole.
        shape, small: as for `hidden`.
        group: row -> its group: the sums over each group are told of the whole, of a slice only those over all rows.

    Returns:
        What is hidden in each; None if slices cannot be told at all.
    """
    made = set(untold).union(*(small_of(counts, shape, small) for counts in slices.values()))
    others = {
        name: [_Beside(counts, -1) for other, counts in _by_size(slices) if other != name]
        for name in slices
    }  # fmt: skip
    for name, counts in slices.items():
        networks = [
            _Network(counts, shape, small, group=_all_rows, hidden=made, beside=other) for other in others[name]
        ]
        for cell in sorted(small_of(counts, shape, small)):
            if not any(network.keep(cell) for network in networks):
                return None
    within = [
        _Network(counts, shape, small, group=group, hidden=made, beside=_Beside(whole, 1, untold))
        for _, counts in _by_size(slices)
    ]
    for cell in sorted(small_of(whole, shape, small)):
        if not any(network.keep(cell) for network in within):
            return None
    return frozenset(made)


def _all_rows(_row: str) -> str:
    return ""


def small_of(counts: Counts, shape: Shape, small: int) -> set[Cell]:
    """The cells of a table that are small, not counting those that are 0."""
    parts = shape.parts()
    return {cell for cell, count in counts.items() if 0 < count < small and cell[1] in parts}


def _by_size(slices: Mapping[str, Counts]) -> list[tuple[str, Counts]]:
    """The slices, that with most cells first."""
    return sorted(slices.items(), key=lambda one: -sum(map(bool, one[1].values())))


@dataclass(frozen=True, slots=True)
class _Beside:
    """Another table that changes with one: by as much in the same `direction` (1), or in the other one (-1).

    `only`: the cells that may change in it; None: any that is not 0.
    """

    counts: Counts
    direction: int
    only: frozenset[Cell] | None = None

    def allows(self, cell: Cell, change: int, small: int) -> bool:
        """Whether a cell of the one table may change by so much."""
        count = self.counts.get(cell, 0)
        if not count or (self.only is not None and cell not in self.only):
            return False
        low, high = (1, small - 1) if count < small else (small, _NO_LIMIT)
        return low <= count + self.direction * change <= high


class _Network:
    """The cells of a table that are not 0, by number, each in exactly two equations. What is 0 is always told."""

    def __init__(
        self,
        counts: Counts,
        shape: Shape,
        small: int,
        *,
        group: Callable[[str], str],
        hidden: set[Cell],
        beside: _Beside | None = None,
    ) -> None:
        """`hidden` is what is hidden by now, and is added to; `beside` changes with this table."""
        self._group = group
        self._small = small
        self._hidden = hidden
        self._beside = beside
        parts = shape.parts()
        self._cells = [cell for cell, count in counts.items() if count and cell[1] in parts]
        self._count = [counts[cell] for cell in self._cells]
        self._bounds = [(1, small - 1) if count < small else (small, _NO_LIMIT) for count in self._count]
        self._price = [100 * shape.cost.get(part, 4) for _, part in self._cells]
        self._number = {cell: number for number, cell in enumerate(self._cells)}
        self._within: dict[_Equation, list[tuple[int, int]]] = {}
        self._equations: list[list[tuple[_Equation, int]]] = [[] for _ in self._cells]
        for row in dict.fromkeys(row for row, _ in self._cells):
            for number, tree in enumerate(shape.trees):
                self._divide(row, tree, f"{number}")
            if shape.alone:  # it is in no other sum than that over the rows, which so takes both places
                self._add_up((row, shape.alone))
                self._add_up((row, shape.alone), " again")
        for cell in self._cells:
            if len(self._equations[self._number[cell]]) == 1:
                self._add_up(cell)

    def keep(self, cell: Cell) -> bool:
        """Hide what must be hidden so that a small cell can have another value; any small one, if possible."""
        number = self._number.get(cell)
        return number is not None and any([self._moved(number, 1), self._moved(number, -1)])

    def _divide(self, row: str, tree: Mapping[str, Sequence[str]], which: str) -> None:
        for total, own in tree.items():
            equation = (row, f"{which} {total}")
            self._join(equation, (row, total), -1)
            for part in own:
                self._join(equation, (row, part), 1)
        for leaf in {part for parts in tree.values() for part in parts} - set(tree):
            self._add_up((row, leaf))

    def _add_up(self, cell: Cell, which: str = "") -> None:
        row, part = cell
        self._join((f"all {self._group(row)}", f"{part}{which}"), cell, 1)

    def _join(self, equation: _Equation, cell: Cell, sign: int) -> None:
        number = self._number.get(cell)
        if number is not None:
            self._within.setdefault(equation, []).append((number, sign))
            self._equations[number].append((equation, sign))

    def _moved(self, cell: int, by: int) -> bool:
        """Whether the cell can be moved by one; then it is moved on, as far as its bounds."""
        now = list(self._count)
        while self._may(cell, now[cell] + by):
            path = self._path(cell, by, now)
            if path is None:
                break
            for one, change in path:
                now[one] += change
                self._hidden.add(self._cells[one])
        return now[cell] != self._count[cell]

    def _may(self, cell: int, count: int) -> bool:
        """Whether a cell may have this count, for all that a reader knows."""
        low, high = self._bounds[cell]
        if not low <= count <= high:
            return False
        return self._beside is None or self._beside.allows(self._cells[cell], count - self._count[cell], self._small)

    def _path(self, cell: int, by: int, now: Sequence[int]) -> list[tuple[int, int]] | None:
        """The cheapest way to move a cell by one and keep all sums: cells, each with its change; None: there is none.

        `now` are the counts from which it moves. A place on the way is an equation and by how much it is off.
        """
        (begin, sign), (end, end_sign) = self._equations[cell]
        start, goal = (begin, sign * by), (end, -end_sign * by)
        best: dict[_Place, int] = {start: 0}
        came: dict[_Place, tuple[_Place, int, int]] = {}
        queue: list[tuple[int, _Place]] = [(0, start)]
        while queue:
            cost, here = heapq.heappop(queue)
            if here == goal:
                return [(cell, by), *_walked(came, start, goal)]
            if cost > best[here]:
                continue
            equation, excess = here
            for other, its_sign in self._within[equation]:
                change = -excess * its_sign
                if other == cell or not self._may(other, now[other] + change):
                    continue
                first, second = self._equations[other]
                onward, onward_sign = second if first[0] == equation else first
                there = (onward, onward_sign * change)
                price = cost + (1 if self._cells[other] in self._hidden else self._price[other])
                if price < best.get(there, _NO_LIMIT):
                    best[there] = price
                    came[there] = (here, other, change)
                    heapq.heappush(queue, (price, there))
        return None


def _walked(came: Mapping[_Place, tuple[_Place, int, int]], start: _Place, goal: _Place) -> Iterator[tuple[int, int]]:
    here = goal
    while here != start:
        here, cell, change = came[here]
        yield cell, change
