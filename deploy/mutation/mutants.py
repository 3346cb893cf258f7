"""The mutants of a file: every change that bears on a decision, one at a time."""

import ast
import hashlib
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from operators import OPERATORS, Node

ROOT: Final = Path(__file__).resolve().parents[2]
SOURCE: Final = ROOT / "services" / "screening" / "src"
DOMAIN: Final = SOURCE / "screening" / "domain"
MODULE: Final = "module"
_TYPES_ONLY: Final = frozenset({"tfpdef", "decorator", "import_from", "import_name"})
_SIGNATURE: Final = ("parameters", "param")
_TYPE_ALIAS: Final = re.compile(r"\w+ = (TypeVar\(.*|[\w\[\], .]+( \| [\w\[\], .]+)+)")


@dataclass(frozen=True)
class Mutant:
    """One change.

    Attributes:
        file: path below the domain, e.g. `workups/manganese.py`.
        line: where it is, from 1.
        definition: the function or class that holds it, dotted; `module` outside of any. A default value stands in
            what is around its function, where it is computed.
        operator, occurrence: which change of which operator of `operators` it is.
        passage: stands for the text of the function around it, or of the statement where there is none.
        index: which change of that operator it is in the passage. Both stay when the file changes elsewhere.
    """

    file: str
    line: int
    definition: str
    operator: str
    occurrence: int
    passage: str
    index: int

    @property
    def path(self) -> Path:
        """The file."""
        return DOMAIN / self.file

    @property
    def module(self) -> str:
        """The module's dotted name."""
        return ".".join(self.path.relative_to(SOURCE).with_suffix("").parts)

    def source(self) -> str:
        """The whole file with the change made. Raises ValueError when that is no other program, or none."""
        changed: str | None = mutate_code(_text(self.path), OPERATORS[self.operator], self.occurrence)
        if changed is None or _program(changed) == _unchanged(self.path):
            raise ValueError(f"{self} changes nothing")
        return changed

    def lines(self) -> tuple[str, str]:
        """The line before and after."""
        before, after = (text.splitlines() for text in (_text(self.path), self.source()))
        return next(
            (" ".join(old.split()), " ".join(new.split())) for old, new in zip(before, after, strict=True) if old != new
        )


def _program(source: str) -> str:
    try:
        return ast.dump(ast.parse(source))
    except SyntaxError as error:
        raise ValueError("not Python") from error


@lru_cache
def _unchanged(path: Path) -> str:
    return _program(_text(path))


@lru_cache
def _text(path: Path) -> str:
    return path.read_text("utf-8")


def of(path: Path) -> Iterator[Mutant]:
    """The mutants of one file of the domain. What only concerns types, decorators and documentation is left alone."""
    text = _text(path)
    nodes = list(ast_nodes(get_ast(text)))
    for name, operator in OPERATORS.items():
        places = [(node, start) for node in nodes for start, _ in operator.mutation_positions(node)]
        seen: Counter[str] = Counter()
        for occurrence, (node, (line, column)) in enumerate(places):
            if not _is_for_types(node, (line, column)):
                _unchanged(path)  # once, before the trials are forked
                definition = _definition(node)
                passage = hashlib.sha256(f"{definition}\n{_passage(node)}".encode()).hexdigest()[:12]
                file = path.relative_to(DOMAIN).as_posix()
                yield Mutant(file, line, definition, name, occurrence, passage, seen[passage])
                seen[passage] += 1


def _is_for_types(node: Node, at: tuple[int, int]) -> bool:
    """Whether a change lies in an annotation, a decorator, an import, an alias of types or a docstring."""
    if node.type == "operator" and node.parent.type in _SIGNATURE:  # the star before arguments by name
        return True
    inner: Node = None
    while node is not None:
        if node.type in _TYPES_ONLY:
            return True
        if node.type == "annassign" and (len(node.children) < 4 or at < node.children[2].start_pos):
            return True
        if node.type == "funcdef" and node.annotation is not None and node.annotation is inner:
            return True
        if node.type == "simple_stmt":
            return node.children[0].type == "string" or bool(_TYPE_ALIAS.fullmatch(node.get_code().strip()))
        node, inner = node.parent, node
    return False


def _passage(node: Node) -> str:
    inner: Node = None
    while node.parent is not None:
        in_body = node.type == "funcdef" and inner is not None and inner.type == "suite"
        around = node.parent.type == "file_input" or (
            node.parent.type == "suite" and node.parent.parent.type == "classdef"
        )
        if in_body or around:
            break
        node, inner = node.parent, node
    return str(node.get_code(include_prefix=False))


def _definition(node: Node) -> str:
    names: list[str] = []
    inner: Node = None
    while node is not None:
        if node.type == "classdef" or (node.type == "funcdef" and inner.type == "suite"):
            names.append(node.name.value)
        node, inner = node.parent, node
    return ".".join(reversed(names)) or MODULE
