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
    network = _Network(counts, shape, small, group)
    return network.hidden if all(network.keep(cell) for cell in network.small) else None


class _Network:
    """The cells of a table that are not 0, by number, each in exactly two equations. What is 0 is always told."""

    def __init__(self, counts: Counts, shape: Shape, small: int, group: Callable[[str], str]) -> None:
        self._group = group
        self._cells = [cell for cell, count in counts.items() if count]
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
        self.small = [number for number, count in enumerate(self._count) if count < small and self._equations[number]]
        self._hidden = set(self.small)

    @property
    def hidden(self) -> frozenset[Cell]:
        """What is hidden by now."""
        return frozenset(self._cells[number] for number in self._hidden)

    def keep(self, cell: int) -> bool:
        """Hide what must be hidden so that a small cell can have another value; any small one, if possible."""
        return any([self._moved(cell, 1), self._moved(cell, -1)])

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
        low, high = self._bounds[cell]
        while low <= now[cell] + by <= high:
            path = self._path(cell, by, now)
            if path is None:
                break
            for one, change in path:
                now[one] += change
                self._hidden.add(one)
        return now[cell] != self._count[cell]

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
                low, high = self._bounds[other]
                if other == cell or not low <= now[other] + change <= high:
                    continue
                first, second = self._equations[other]
                onward, onward_sign = second if first[0] == equation else first
                there = (onward, onward_sign * change)
                price = cost + (1 if other in self._hidden else self._price[other])
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
