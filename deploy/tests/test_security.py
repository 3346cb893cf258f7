"""The threat model says what controls a threat and what shows it. Here the page is held to the code and the tests."""

import ast
import re
from functools import lru_cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "SECURITY.md").read_text("utf-8")
PLACES = [ROOT, ROOT / "gateway" / "src", *sorted(ROOT.glob("services/*/src"))]
SHOWN = re.compile(r"`([\w./-]+\.py)::(\w+)`")
CONTROL = re.compile(r"`([\w./-]+\.(?:py|txt|yml)|deploy/Dockerfile|\.dockerignore)`")
SETTING = re.compile(r"`([A-Z]+(?:_[A-Z]+)+)`")


def table(heading: str) -> list[list[str]]:
    _, _, rest = PAGE.partition(f"\n## {heading}\n")
    assert rest, heading
    lines = [line for line in rest.partition("\n## ")[0].splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


THREATS = table("Threats")


@lru_cache
def functions(file: str) -> frozenset[str]:
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def test_every_letter_of_stride_has_its_threats_in_order() -> None:
    names = [re.match(r"\*\*([STRIDE])(\d+)\*\* \S", threat[0]) for threat in THREATS]
    assert all(names)
    by_letter: dict[str, list[int]] = {}
    for name in names:
        assert name
        by_letter.setdefault(name[1], []).append(int(name[2]))
    assert list(by_letter) == [*"STRIDE"]
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in by_letter.values())


@pytest.mark.parametrize("threat", THREATS, ids=lambda threat: threat[0].split("**")[1])
def test_a_threat_has_a_control_and_is_shown_by_tests_that_exist(threat: list[str]) -> None:
    assert len(threat) == 4
    assert all(threat)
    _, _, control, shown = threat
    files = CONTROL.findall(control)
    assert files
    for path in files:
        assert any((place / path).is_file() for place in PLACES), path
    named = SHOWN.findall(shown)
    assert named
    assert not re.sub(r"[\s,]", "", SHOWN.sub("", shown)), "nothing but tests stands in the last column"
    for file, name in named:
        assert (ROOT / file).is_file(), file
        assert name in functions(file), f"{file}::{name}"
        assert name.startswith("test_") or file.startswith("contract-tests/attack/")


def test_every_part_of_the_picture_has_a_threat() -> None:
    where = " ".join(threat[1] for threat in THREATS)
    for part in ("EHR", "edge", "gateway", "services", "key set", "ledger", "FHIR server", "browser", "operator",
                 "clients file", "image", "supply chain"):  # fmt: skip
        assert part in where, part


def test_every_requirement_on_security_is_answered() -> None:
    rows = table("What the standard asks")
    assert [row[0] for row in rows] == [f"R{number}" for number in range(72, 78)]
    threats = {threat[0].split("**")[1] for threat in THREATS}
    for row in rows:
        assert {*re.findall(r"\b[STRIDE]\d\b", row[2])} <= threats
        assert row[2]


def test_settings_that_the_page_names_are_settings() -> None:
    files = [ROOT / "deploy" / "gunicorn.conf.py", *(path for place in PLACES[1:] for path in place.rglob("*.py"))]
    sources = "".join(path.read_text("utf-8") for path in files)
    for name in {*SETTING.findall(PAGE)}:
        assert re.search(rf'"{name.removesuffix("_FILE")}(_FILE)?"', sources), name


def test_reporting_asks_for_no_address_that_nobody_reads() -> None:
    assert "private vulnerability reporting" in PAGE
    assert not re.search(r"[\w.]+@[\w.]+\.\w+", PAGE)
