"""What a mutant may change: cosmic-ray's operators that bear on a decision, and three of our own.

Left out of cosmic-ray's: replacements that nobody would write by mistake (`+` by `<<`, `==` by `<`), decorators, and
its `AddNot`, which overlooks `elif` and comprehensions and turns only the first part of `a and b`.
Ours: numbers printed in strings (`"180 ng/L"`), names in strings (`"MN_RISK"`, `"on-hold"`), `in`, conditions.
Each has the two methods of a cosmic-ray operator, so that cosmic-ray applies all of them alike.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final, Protocol

import parso
from cosmic_ray.operators import (
    binary_operator_replacement,
    boolean_replacer,
    break_continue,
    comparison_operator_replacement,
    number_replacer,
    unary_operator_replacement,
    zero_iteration_for_loop,
)

Node = Any
"""A node of a parso tree; parso's own types say no more."""

Position = tuple[tuple[int, int], tuple[int, int]]


class Operator(Protocol):
    """A way to change code, as cosmic-ray has it."""

    def mutation_positions(self, node: Node) -> Iterator[Position]:
        """Start and end (line, column) of every change that it can make in a node."""

    def mutate(self, node: Node, index: int) -> Node:
        """The node with the change of that index made."""


class _InStrings(ABC):
    """A change within a string literal on one line that is no f-string."""

    def __init__(self, pattern: str) -> None:
        self.pattern = re.compile(pattern)

    @abstractmethod
    def variants(self, match: re.Match[str]) -> tuple[str, ...]:
        """What the string may become."""

    def _found(self, node: Node) -> tuple[str, ...]:
        if node.type != "string" or node.value[0] not in "\"'" or node.value.startswith(('"""', "'''")):
            return ()
        match = self.pattern.fullmatch(node.value[1:-1])
        return self.variants(match) if match is not None else ()

    def mutation_positions(self, node: Node) -> Iterator[Position]:
        """One for each variant."""
        for _ in self._found(node):
            yield node.start_pos, node.end_pos

    def mutate(self, node: Node, index: int) -> Node:
        """The literal with another content."""
        node.value = f'"{self._found(node)[index]}"'
        return node


class PrintedNumber(_InStrings):
    """A number in a string, alone or with its unit: the last digit up, and down. Codes are longer and not meant."""

    def __init__(self) -> None:
        super().__init__(r"(\d{1,6}(?:\.\d+)?)((?: \S+)?)")

    def variants(self, match: re.Match[str]) -> tuple[str, ...]:
        """The next number and the one before, as many decimals as before."""
        number = Decimal(match[1])
        exponent = number.as_tuple().exponent
        step = Decimal(1).scaleb(exponent if isinstance(exponent, int) else 0)
        return tuple(f"{changed}{match[2]}" for changed in (number + step, number - step))


class Name(_InStrings):
    """A name in a string (a value set, a tier, a status): another name. Labels of one word look the same, and count."""

    def __init__(self) -> None:
        super().__init__(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+|T[1-4]|[a-z]{2,}(-[a-z0-9]+)*")

    def variants(self, match: re.Match[str]) -> tuple[str, ...]:
        """One that occurs nowhere."""
        return (f"x{match[0]}",)


class Membership:
    """`in` becomes `not in`, and the other way round."""

    def mutation_positions(self, node: Node) -> Iterator[Position]:
        """Every membership test of a comparison."""
        for child in self._found(node):
            yield child.start_pos, child.end_pos

    def mutate(self, node: Node, index: int) -> Node:
        """The comparison with one test turned."""
        child = self._found(node)[index]
        turned = " in" if child.get_code().split() == ["not", "in"] else " not in"
        node.children[node.children.index(child)] = parso.parse(turned)
        return node

    @staticmethod
    def _found(node: Node) -> list[Node]:
        if node.type != "comparison":
            return []
        return [child for child in node.children[1::2] if child.get_code().split()[-1] == "in"]


class Condition:
    """A condition is turned into its contrary; not those that another operator already turns (`a == b`, `not a`)."""

    def mutation_positions(self, node: Node) -> Iterator[Position]:
        """Every condition of if, elif, while, comprehensions and conditional expressions."""
        for child in self._found(node):
            yield child.start_pos, child.end_pos

    def mutate(self, node: Node, index: int) -> Node:
        """The node with one condition turned."""
        child = self._found(node)[index]
        node.children[node.children.index(child)] = parso.parse(f" not ({child.get_code().strip()})")
        return node

    @staticmethod
    def _found(node: Node) -> list[Node]:
        if node.type not in ("if_stmt", "while_stmt", "comp_if", "test"):
            return []
        found = [
            after for before, after in pairwise(node.children) if before.type == "keyword" and before.value in _ASKING
        ]
        return [c for c in found if c.type != "not_test" and not (c.type == "comparison" and len(c.children) == 3)]


_ASKING: Final = ("if", "elif", "while")
_REPLACED: Final = frozenset(
    {
        "Eq_NotEq", "NotEq_Eq", "Is_IsNot", "IsNot_Is",
        "Lt_LtE", "Lt_GtE", "LtE_Lt", "LtE_Gt", "Gt_GtE", "Gt_LtE", "GtE_Gt", "GtE_Lt",
        "Add_Sub", "Sub_Add", "Mul_Div", "Div_Mul", "FloorDiv_Div", "Mod_FloorDiv", "BitOr_BitAnd", "BitAnd_BitOr",
        "Delete_Not", "Delete_USub",
    }
)  # fmt: skip


def _chosen() -> Iterator[tuple[str, Operator]]:
    families = (binary_operator_replacement, comparison_operator_replacement, unary_operator_replacement)
    for found in (operator for family in families for operator in family.operators()):
        if found.__name__.split("_", 1)[1] in _REPLACED:
            yield found.__name__.removeprefix("Replace"), found()
    for plain in (
        boolean_replacer.ReplaceTrueWithFalse,
        boolean_replacer.ReplaceFalseWithTrue,
        boolean_replacer.ReplaceAndWithOr,
        boolean_replacer.ReplaceOrWithAnd,
        break_continue.ReplaceBreakWithContinue,
        break_continue.ReplaceContinueWithBreak,
        number_replacer.NumberReplacer,
        zero_iteration_for_loop.ZeroIterationForLoop,
    ):
        yield plain.__name__.removeprefix("Replace"), plain()
    for own in (PrintedNumber, Name, Membership, Condition):
        yield own.__name__, own()


OPERATORS: Final[dict[str, Operator]] = dict(_chosen())
"""Every operator that is used, by its name in the report."""
