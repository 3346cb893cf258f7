"""The report on mutants: when it is out of date, and what the operators change."""

import importlib
import json
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parents[1] / "mutation"


results: Any = importlib.import_module("results")
report: Any = importlib.import_module("report")
SURVIVOR = results.Entry("labs.py", 4, "parse", "Name", 'x = "a1"', 'x = "xa1"')
KEY = 'labs.py parse: x = "xa1"'


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A page without a run, a domain of one file, no results, no reasons."""
    (tmp_path / "domain").mkdir()
    (tmp_path / "domain" / "labs.py").write_text("LIMIT = 1\n")
    (tmp_path / "page.md").write_text(f"# Title\n\n{report.BEGIN}\n\nold\n\n{report.END}\n\nthe end\n")
    (tmp_path / "explained.yaml").write_text("[]\n")
    for module, name, file in (
        (results, "DOMAIN", "domain"),
        (results, "RESULTS", "results.json"),
        (report, "PAGE", "page.md"),
        (report, "EXPLAINED", "explained.yaml"),
    ):
        monkeypatch.setattr(module, name, tmp_path / file)
    return tmp_path


def tried(place: Path) -> str:
    """The page after a run over the domain as it is."""
    outcomes = {"first": {"Condition": "c-", "Name": "S"}, "second": {"Condition": "t"}}
    files = {name: results.FileResult(sha256, outcomes, [SURVIVOR]) for name, sha256 in results.hashes().items()}
    now = results.Results("op", "tool 1", "3.11.0", 2, 61, 100, files)
    now.save()
    report.write(now)
    return (place / "page.md").read_text()


def explain(place: Path, *, mutants: tuple[str, ...] = (), kinds: tuple[dict[str, str], ...] = ()) -> None:
    said = [{"because": "It is a label.", "mutants": list(mutants), "kinds": list(kinds)}]
    (place / "explained.yaml").write_text(json.dumps(said))


def test_a_page_without_a_run_is_out_of_date(place: Path) -> None:
    assert "labs.py" in report.complaints()[0]
    assert report.main(["--check"]) == 1


def test_a_run_is_put_between_the_marks(place: Path) -> None:
    page = tried(place)
    assert page.startswith("# Title\n")
    assert page.endswith("the end\n")
    assert "old\n" not in page
    assert "**3 mutants, 2 noticed (66.7 %), 1 survived.**" in page
    assert "* 1 min 1 s for the last whole run" in page
    assert "| 3 | 1 | 1 | 0 | 1 | 0 |" in page


def test_results_are_kept_as_they_are(place: Path) -> None:
    tried(place)
    first = results.load()
    first.save()
    assert results.load() == first
    assert first.survivors == [SURVIVOR]


def test_a_survivor_needs_a_reason(place: Path) -> None:
    page = tried(place)
    assert '- x = "a1"' in page
    assert "without a reason" in "".join(report.complaints())
    explain(place, mutants=(KEY,))
    assert "It is a label. (1)" in tried(place)
    assert report.complaints() == []
    assert report.main(["--check"]) == 0


@pytest.mark.parametrize(
    ("kind", "holds"),
    [
        ({"file": "labs.py"}, True),
        ({"file": "*.py", "definition": "pa*", "operator": "Name", "after": "xa\\d"}, True),
        ({"file": "units.py"}, False),
        ({"file": "labs.py", "definition": "other"}, False),
        ({"file": "labs.py", "operator": "Condition"}, False),
        ({"file": "labs.py", "after": "xb"}, False),
    ],
)
def test_a_reason_may_be_about_a_kind_of_survivor(place: Path, kind: dict[str, str], holds: bool) -> None:
    explain(place, kinds=(kind,))
    tried(place)
    assert (report.complaints() == []) is holds


def test_a_reason_without_a_survivor_is_told(place: Path) -> None:
    explain(place, mutants=(KEY, "labs.py gone: x"), kinds=())
    tried(place)
    assert "labs.py gone" in "".join(report.complaints())
    explain(place, mutants=(KEY,))
    (place / "explained.yaml").write_text(
        (place / "explained.yaml").read_text()[:-1] + ', {"because": "Nothing.", "kinds": [{"file": "gone.py"}]}]'
    )
    tried(place)
    assert report.complaints() == ["explains no survivor any more: Nothing."]


@pytest.mark.parametrize("change", ["LIMIT = 2\n", "LIMIT = 1\n\n"])
def test_a_file_that_has_changed_is_named(place: Path, change: str) -> None:
    explain(place, mutants=(KEY,))
    tried(place)
    assert report.complaints() == []
    (place / "domain" / "labs.py").write_text(change)
    assert results.load().out_of_date() == ["labs.py"]
    assert "labs.py" in report.complaints()[0]


def test_files_that_came_and_went_are_named(place: Path) -> None:
    tried(place)
    (place / "domain" / "workups").mkdir()
    (place / "domain" / "workups" / "new.py").write_text("")
    (place / "domain" / "labs.py").unlink()
    assert results.load().out_of_date() == ["labs.py", "workups/new.py"]


def test_a_page_that_says_something_else_is_told(place: Path) -> None:
    explain(place, mutants=(KEY,))
    page = tried(place)
    (place / "page.md").write_text(page.replace("1 survived", "0 survived"))
    assert "does not say" in "".join(report.complaints())


def test_a_reason_is_given_once(place: Path) -> None:
    explain(place, mutants=("a.py b: c", "a.py b: c"))
    with pytest.raises(ValueError, match="explained twice"):
        report.reasons()


def test_the_reasons_of_this_project_can_be_read() -> None:
    assert all(reason.because.endswith(".") for reason in report.reasons())


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

    applied = importlib.import_module("operators").OPERATORS[operator]
    places = sum(1 for node in ast_nodes(get_ast(before)) for _ in applied.mutation_positions(node))
    assert [" ".join(mutate_code(before, applied, n).split()) for n in range(places)] == after
