"""The hazard log says which test proves each control. Here the page is held to the tests and to the code."""

import ast
import re
from functools import lru_cache
from pathlib import Path

import pytest
import yaml

from screening.domain.orders.registry import ORDER_RULES
from screening.domain.workups.registry import WORKUPS

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "intended-use.md").read_text(encoding="utf-8")
SOURCES = [*sorted(ROOT.glob("services/*/src")), ROOT / "gateway" / "src"]
REFERENCE = re.compile(r"`([\w./-]+\.(?:py|yaml))::([\w-]+)`")
CODE = re.compile(r"`([\w/-]+\.(?:py|yaml|md))`")
UNCONTROLLED = "**Not controlled here yet.**"
SHARED = ROOT.parent / "shared" / "clinical" / "open-questions.md"


def section(heading: str) -> str:
    """What stands under a heading, up to the next heading of its own or a higher level."""
    level = len(heading) - len(heading.lstrip("#"))
    _, _, rest = PAGE.partition(f"\n{heading}\n")
    assert rest, heading
    return re.split(rf"\n#{{1,{level}}} ", rest)[0]


def rows(heading: str) -> list[list[str]]:
    """The cells of a table's rows, without its head."""
    lines = [line for line in section(heading).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


HAZARDS = rows("## Hazard log")
QUESTIONS = rows("### Clinical questions that are open")


@lru_cache
def names_in(file: str) -> frozenset[str]:
    """The tests of a Python file, or the scenarios of a YAML file."""
    text = (ROOT / file).read_text(encoding="utf-8")
    if file.endswith(".py"):
        return frozenset(node.name for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef))
    document = yaml.safe_load(text)
    entries = [*document.get("tables", ()), *document.get("scenarios", ())]
    return frozenset(str(entry["id"]) for entry in entries)


def test_there_are_enough_hazards_numbered_in_order() -> None:
    assert len(HAZARDS) >= 20
    numbers = [re.match(r"\*\*H(\d+)\*\* \S", hazard[0]) for hazard in HAZARDS]
    assert [int(number[1]) for number in numbers if number] == list(range(1, len(HAZARDS) + 1))


@pytest.mark.parametrize("hazard", HAZARDS, ids=lambda hazard: hazard[0].split("**")[1])
def test_a_hazard_names_its_control_and_tests_that_exist(hazard: list[str]) -> None:
    assert len(hazard) == 4
    assert all(hazard)
    _, _, control, tests = hazard
    named = REFERENCE.findall(tests)
    assert named
    assert not re.sub(r"[\s,]", "", REFERENCE.sub("", tests)), "nothing but tests stands in the last column"
    for file, name in named:
        assert (ROOT / file).is_file(), file
        assert name in names_in(file), f"{file}::{name}"
        assert file.endswith(".yaml") or Path(file).name.startswith("test_")
    for path in CODE.findall(control):
        assert any((source / path).is_file() for source in SOURCES), path
    assert CODE.search(control) or UNCONTROLLED in control, "a control is something in the code, or said to be missing"


def test_a_missing_test_would_be_seen() -> None:
    assert "test_a_missing_test_would_be_seen" in names_in("deploy/tests/test_intended_use.py")
    assert "test_nobody_wrote_this" not in names_in("deploy/tests/test_intended_use.py")


def test_the_page_says_what_it_is_not() -> None:
    beginning = PAGE.partition("## Intended use")[0]
    assert "Not a medical device" in beginning
    assert "Awaiting clinical sign-off" in beginning
    assert "Draft" in beginning


def test_every_open_question_has_an_answer() -> None:
    assert [question[0] for question in QUESTIONS] == [str(number) for number in range(1, 26)]
    assert all(len(question) == 3 and all(question) for question in QUESTIONS)


@pytest.mark.skipif(not SHARED.exists(), reason="../shared is not beside the project")
def test_no_open_question_was_left_out() -> None:
    asked = re.findall(r"^(\d+)\. ", SHARED.read_text(encoding="utf-8"), re.MULTILINE)
    assert asked == [question[0] for question in QUESTIONS]


def test_the_page_lists_the_workups_and_order_rules_in_force() -> None:
    listed = section("### Workups and order rules")
    assert {workup.id for workup in WORKUPS} == set(re.findall(r"^\| `([a-z0-9-]+)` \|", listed, re.MULTILINE))
    assert {rule.name for rule in ORDER_RULES} == set(re.findall(r"`(ORD_[A-Z0-9_]+)`", listed))
