"""The sentences that stand in the rules' source and can appear on a card, found by machine."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

DOMAIN: Final = Path(__file__).parents[2] / "src" / "screening" / "domain"
_NOT_ON_CARDS: Final = frozenset(
    {
        "Description", "Case", "Nothing", "Hold", "OrderRule", "Citation", "Ladder", "Scale", "Threshold",
        "days", "years", "hours", "limit", "below", "above", "share",
    }
)  # fmt: skip
"""What these are called with stands on pages, in the trace and in FHIR, not on cards."""
_FEWEST_WORDS: Final = 3
_GAP: Final = "\0"


def written() -> Iterator[tuple[str, str]]:
    """File and sentence; `{}` stands for what is filled in."""
    for path in _files():
        tree = ast.parse(path.read_text("utf-8"))
        aside = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}  # documentation
        for text in _strings(tree, aside):
            if len(text.split()) >= _FEWEST_WORDS:
                yield path.name, text.replace(_GAP, "{}")


def stands_in(sentence: str, words: str) -> bool:
    """Whether a sentence stands in the words of cards, in lower case, whatever was filled in."""
    first, *others = sentence.lower().split("{}")
    if not others:
        return first in words
    return re.search(".*".join(re.escape(part) for part in (first, *others)), words) is not None


def _files() -> list[Path]:
    folders = [path for name in ("workups", "orders") for path in sorted((DOMAIN / name).glob("*.py"))]
    single = [DOMAIN / f"{name}.py" for name in ("screen_card", "incomplete", "selection", "labs", "phenotype")]
    return [path for path in (*folders, *single) if "described" not in path.name]


def _strings(node: ast.AST, aside: set[int]) -> Iterator[str]:
    if id(node) in aside and isinstance(node, ast.Constant):
        return
    if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in _NOT_ON_CARDS:
        return
    if isinstance(node, ast.JoinedStr):
        yield "".join(str(part.value) if isinstance(part, ast.Constant) else _GAP for part in node.values)
        return
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    for child in ast.iter_child_nodes(node):
        yield from _strings(child, aside)
