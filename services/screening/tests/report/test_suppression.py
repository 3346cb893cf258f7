"""Small counts cannot be worked out: by trying every table that a reader cannot tell from the true one."""

import random
from collections.abc import Iterator, Mapping
from itertools import product

import pytest
from solving import solvable

from screening.report_tables import one_group
from screening.suppression import Cell, Shape, hidden

SMALL = 5
FLAT = Shape([{"shown": ("accepted", "overridden", "none")}, {"shown": ("again", "once")}])
DEEP = Shape(
    [
        {"shown": ("answered", "none"), "answered": ("accepted", "overridden"), "overridden": ("early", "late")},
        {"shown": ("again", "once")},
    ]
)
Rows = Mapping[str, Mapping[str, int]]


def whole(rows: Rows, shape: Shape) -> dict[Cell, int]:
    """Every count of a table, from its smallest parts."""
    counts = {(row, part): number for row, parts in rows.items() for part, number in parts.items()}

    def total(row: str, name: str) -> int:
        for tree in shape.trees:
            if name in tree and (row, name) not in counts:
                counts[row, name] = sum(total(row, part) for part in tree[name])
        return counts.setdefault((row, name), 0)

    for row, tree in product(rows, shape.trees):
        for name in tree:
            total(row, name)
    return counts


def equations(counts: Mapping[Cell, int], shape: Shape) -> Iterator[dict[Cell, int]]:
    """What a reader can add up: signs by cell; each sum is 0, or that of the true table for the column of a part."""
    rows = sorted({row for row, _ in counts})
    for tree in shape.trees:
        for row, (total, parts) in product(rows, tree.items()):
            yield {(row, total): -1, **{(row, part): 1 for part in parts}}
        for part in {one for parts in tree.values() for one in parts} | set(tree):
            yield {(row, part): 1 for row in rows}


def possible(counts: Mapping[Cell, int], shape: Shape, untold: frozenset[Cell]) -> dict[Cell, set[int]]:
    """Hidden small cell -> each value that it has in some table with the same told counts, sums and marks.

    Independent of the code under test: tries values cell by cell, with bounds from every sum.
    """
    sums = [(signs, sum(sign * counts[cell] for cell, sign in signs.items())) for signs in equations(counts, shape)]
    largest = max(counts.values()) + SMALL
    domain = {cell: (1, SMALL - 1) if counts[cell] < SMALL else (SMALL, largest) for cell in untold}
    fixed = {cell: (number, number) for cell, number in counts.items() if cell not in untold}
    found: dict[Cell, set[int]] = {cell: set() for cell in untold if counts[cell] < SMALL}
    for cell, values in found.items():
        for value in range(1, SMALL):
            if solvable({**fixed, **domain, cell: (value, value)}, sums):
                values.add(value)
    return found


def drawn(seed: int, shape: Shape, rows: int) -> dict[Cell, int]:
    """A table of which every sum over the rows is 0 or large enough to be told."""
    chance = random.Random(seed)  # noqa: S311  no secret
    leaves = [part for tree in shape.trees[:1] for parts in tree.values() for part in parts if part not in tree]
    numbers = (0, 0, 1, 2, 3, 4, 5, 7, 12, 30)
    while True:
        made = {f"r{one}": {leaf: chance.choice(numbers) for leaf in leaves} for one in range(rows)}
        for parts in made.values():
            parts["again"] = chance.randint(0, sum(parts.values()))
            parts["once"] = sum(parts[leaf] for leaf in leaves) - parts["again"]
        counts = whole(made, shape)
        columns = {part: sum(n for (_, name), n in counts.items() if name == part) for _, part in counts}
        if all(total == 0 or total >= SMALL for total in columns.values()):
            return counts


@pytest.mark.parametrize("seed", [*range(5), *(pytest.param(seed, marks=pytest.mark.wide) for seed in range(5, 12))])
@pytest.mark.parametrize("shape", [FLAT, DEEP], ids=["flat", "deep"])
def test_no_small_count_can_be_worked_out(shape: Shape, seed: int) -> None:
    counts = drawn(seed, shape, 2 + seed % 4)
    untold = hidden(counts, shape, SMALL, one_group)
    if untold is None:
        return
    assert untold >= {cell for cell, number in counts.items() if 0 < number < SMALL}
    assert not {cell for cell in untold if counts[cell] == 0}
    for cell, values in possible(counts, shape, untold).items():
        assert counts[cell] in values
        assert len(values) > 1, f"{cell} must be {values}"


def test_what_was_drawn_is_rarely_given_up_and_hides_something() -> None:
    """The test above would pass with a function that always gives up, or with tables that need nothing."""
    outcomes = [hidden(drawn(seed, DEEP, 4), DEEP, SMALL, one_group) for seed in range(30)]
    assert sum(one is None for one in outcomes) <= 8
    assert sum(bool(one) for one in outcomes) >= 20


def test_a_reader_could_work_out_what_is_hidden_alone() -> None:
    """The check itself finds a small count that only its own cell hides."""
    counts = whole({"a": {"accepted": 3, "overridden": 9, "none": 20}, "b": {"accepted": 8, "none": 30}}, PLAIN)
    assert possible(counts, PLAIN, frozenset({("a", "accepted")})) == {("a", "accepted"): {3}}


PLAIN = Shape([{"shown": ("accepted", "overridden", "none")}])


def test_neighbors_are_hidden_with_a_small_count_and_no_more() -> None:
    rows = {
        "a": {"accepted": 3, "overridden": 9, "none": 20},
        "b": {"accepted": 8, "overridden": 12, "none": 30},
        "c": {"accepted": 0, "overridden": 11, "none": 40},
    }
    counts = whole(rows, PLAIN)
    cheap = Shape(PLAIN.trees, cost={"none": 1})
    expected = {("a", "accepted"), ("b", "accepted"), ("a", "none"), ("b", "none")}
    assert hidden(counts, cheap, SMALL, one_group) == expected
    assert possible(counts, cheap, frozenset(expected)) == {("a", "accepted"): {1, 2, 3, 4}}


def test_a_table_without_small_counts_is_told_whole() -> None:
    counts = whole({"a": {"accepted": 5, "none": 0}, "b": {"accepted": 9, "none": 7}}, PLAIN)
    assert hidden(counts, PLAIN, SMALL, one_group) == frozenset()


@pytest.mark.parametrize("numbers", [(4, 4), (1, 1, 1, 1, 1)])
def test_small_counts_that_their_sum_gives_away_give_the_table_up(numbers: tuple[int, ...]) -> None:
    counts = whole({f"r{one}": {"accepted": number} for one, number in enumerate(numbers)}, PLAIN)
    assert hidden(counts, PLAIN, SMALL, one_group) is None
