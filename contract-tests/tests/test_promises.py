"""promises.md says what is claimed and which test proves it. Here the table and the tests are held to each other."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROW = re.compile(r"^\|\s*([RT]\d+)\s*\|(.*)\|(.*)\|\s*$")
TEST = re.compile(r"`(test_\w+\.py)::(test_\w+)`")
REQUIREMENTS = [f"R{number}" for number in range(1, 80)]
CHECKS = [
    f"T{number}"
    for first, last in ((1, 26), (30, 44), (50, 58), (60, 64), (70, 76), (80, 85), (90, 96))
    for number in range(first, last + 1)
]


def rows() -> list[tuple[str, set[str], str]]:
    """(name, tests that prove it, reason if none does)."""
    found = []
    for line in (ROOT / "promises.md").read_text("utf-8").splitlines():
        if match := ROW.match(line):
            tests = {f"{file}::{name}" for file, name in TEST.findall(match[2] + match[3])}
            found.append((match[1], tests, TEST.sub("", match[3]).strip(" ,")))
    return found


def marked() -> Iterator[tuple[str, str]]:
    """Yield (test, name) for each name in a `promise` mark."""
    for path in sorted((ROOT / "tests").glob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef):
                for mark in node.decorator_list:
                    if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.promise":
                        yield from ((f"{path.name}::{node.name}", str(ast.literal_eval(arg))) for arg in mark.args)


def test_every_requirement_and_check_stands_in_the_table_once_and_in_order() -> None:
    assert [name for name, _, _ in rows()] == REQUIREMENTS + CHECKS


def test_every_test_in_the_table_exists_and_carries_the_mark() -> None:
    listed = {(test, name) for name, tests, _ in rows() for test in tests}
    assert listed
    assert listed - set(marked()) == set()


def test_every_mark_is_in_the_table() -> None:
    listed = {(test, name) for name, tests, _ in rows() for test in tests}
    assert set(marked()) - listed == set()


def test_what_no_test_proves_has_a_reason() -> None:
    for name, tests, reason in rows():
        assert tests or len(reason) > 20, name
