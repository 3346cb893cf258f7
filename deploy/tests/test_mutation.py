"""The report on mutants: when it is out of date, and what the operators change."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

HERE = Path(__file__).parents[1] / "mutation"


def by_path(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"mutation_{name}", HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


report: Any = by_path("report")
RUN = report.Run("d" * 64, 61, 100, 2, "3.11.0", "tool 1", [
    report.Entry("labs.py", 3, "parse", "Condition", "KILLED_BY_SCENARIO"),
    report.Entry("labs.py", 4, "parse", "Name", "SURVIVED", 'x = "a1"', 'x = "xa1"'),
])  # fmt: skip


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A page without a run, a domain of one file, no reasons."""
    (tmp_path / "domain").mkdir()
    (tmp_path / "domain" / "labs.py").write_text("LIMIT = 1\n")
    (tmp_path / "page.md").write_text(f"# Title\n\n{report.BEGIN}\n\nold\n\n{report.END}\n\nthe end\n")
    (tmp_path / "explained.yaml").write_text("[]\n")
    for name, file in (("DOMAIN", "domain"), ("PAGE", "page.md"), ("EXPLAINED", "explained.yaml")):
        monkeypatch.setattr(report, name, tmp_path / file)
    return tmp_path


def written_for_now(place: Path) -> str:
    report.write(report.replace(RUN, digest=report.digest()))
    return (place / "page.md").read_text()


def explain(place: Path, *keys: str) -> None:
    mutants = "".join(f"\n    - '{key}'" for key in keys)
    (place / "explained.yaml").write_text(f"- because: It is a label.\n  mutants:{mutants}\n")


def test_a_page_without_a_run_is_out_of_date(place: Path) -> None:
    assert "older" in report.complaints()[0]
    assert report.main(["--check"]) == 1


def test_a_run_is_put_between_the_marks(place: Path) -> None:
    page = written_for_now(place)
    assert page.startswith("# Title\n")
    assert page.endswith("the end\n")
    assert "old\n" not in page
    assert "**2 mutants, 1 noticed (50.0 %), 1 survived.**" in page
    assert "| `labs.py` | 2 | 1 | 0 | 0 | 1 |" in page


def test_a_survivor_needs_a_reason(place: Path) -> None:
    page = written_for_now(place)
    assert '- x = "a1"' in page
    assert "without a reason" in "".join(report.complaints())
    explain(place, 'labs.py parse: x = "xa1"')
    assert "**It is a label.**" in written_for_now(place)
    assert report.complaints() == []
    assert report.main(["--check"]) == 0


@pytest.mark.parametrize("change", ["LIMIT = 2\n", "LIMIT = 1\n\n"])
def test_the_page_is_out_of_date_when_the_domain_has_changed(place: Path, change: str) -> None:
    explain(place, 'labs.py parse: x = "xa1"')
    written_for_now(place)
    assert report.complaints() == []
    (place / "domain" / "labs.py").write_text(change)
    assert "older" in report.complaints()[0]


def test_a_new_file_in_the_domain_counts(place: Path) -> None:
    before = report.digest()
    (place / "domain" / "workups").mkdir()
    (place / "domain" / "workups" / "new.py").write_text("")
    assert report.digest() != before


def test_a_reason_is_given_once(place: Path) -> None:
    explain(place, "a.py b: c", "a.py b: c")
    with pytest.raises(ValueError, match="explained twice"):
        report.reasons()


def test_the_reasons_of_this_project_can_be_read() -> None:
    assert all(reason.endswith(".") for reason in report.reasons().values())


CHANGES = [
    ("PrintedNumber", 'x = "180 ng/L"', ['x = "181 ng/L"', 'x = "179 ng/L"']),
    ("PrintedNumber", 'x = "4.0"', ['x = "4.1"', 'x = "3.9"']),
    ("PrintedNumber", 'x = "2132-9", "405825005", "Draw 2 tubes"', []),
    ("Name", 'x = "MN_RISK"', ['x = "xMN_RISK"']),
    ("Name", 'x = "on-hold", "Two words", "", "D51.0"', ['x = "xon-hold", "Two words", "", "D51.0"']),
    ("Membership", "x = a in b", ["x = a not in b"]),
    ("Membership", "x = a not in b", ["x = a in b"]),
    ("Condition", "y = 1 if a and b else 2", ["y = 1 if not (a and b) else 2"]),
    ("Condition", "y = [c for c in d if c.e]", ["y = [c for c in d if not (c.e)]"]),
    ("Condition", "y = 1 if a == b else 2", []),
]


@pytest.mark.parametrize(("operator", "before", "after"), CHANGES)
def test_our_own_operators(operator: str, before: str, after: list[str]) -> None:
    pytest.importorskip("cosmic_ray", reason="installed by make mutate alone")
    from cosmic_ray.ast import ast_nodes, get_ast  # noqa: PLC0415
    from cosmic_ray.mutating import mutate_code  # noqa: PLC0415

    applied = by_path("operators").OPERATORS[operator]
    places = sum(1 for node in ast_nodes(get_ast(before)) for _ in applied.mutation_positions(node))
    assert [" ".join(mutate_code(before, applied, n).split()) for n in range(places)] == after
