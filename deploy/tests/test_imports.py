"""Import directions that import-linter's contracts cannot say: read from the source, module by module."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from screening.domain.workups.registry import WORKUPS as WORKUPS_IN_FORCE

ROOT = Path(__file__).resolve().parents[2]
DOMAIN = ROOT / "services" / "screening" / "src" / "screening" / "domain"
WORKUPS = DOMAIN / "workups"

# The rules are pure: no clock, environment, log, randomness, files, network, processes.
IMPURE = frozenset(
    {
        "asyncio", "ctypes", "glob", "http", "importlib", "io", "logging", "multiprocessing", "os", "pathlib",
        "random", "secrets", "shutil", "socket", "sqlite3", "subprocess", "sys", "tempfile", "threading", "time",
        "urllib", "uuid",
    }
)  # fmt: skip
IMPURE_CALLS = frozenset({"now", "utcnow", "today", "open", "input", "print", "eval", "exec", "__import__"})
SHARED_BY_WORKUPS = frozenset({"missing", "ceruloplasmin"})
"""What several workups read and none of them owns; a test holds them to that."""
SATELLITES = ("_facts", "_cards", "_described")
"""A workup `x` that is too long for one file goes on in files of these names: `x_facts.py`."""
PREFIX = "screening.domain.workups."
RULES = frozenset(workup.id.replace("-", "_") for workup in WORKUPS_IN_FORCE)
"""The modules of the workups that are in force."""


def imported(path: Path) -> Iterator[str]:
    """Yield the dotted name of everything that a module imports, at the top or anywhere inside."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def modules(directory: Path) -> list[Path]:
    return sorted(directory.rglob("*.py"))


def named(paths: list[Path], start: Path) -> list[str]:
    return [str(path.relative_to(start)) for path in paths]


@pytest.mark.parametrize("module", named(modules(DOMAIN), DOMAIN))
def test_the_rules_import_the_pure_standard_library_only(module: str) -> None:
    for name in imported(DOMAIN / module):
        top = name.split(".", 1)[0]
        if top == "screening":
            assert name.startswith("screening.domain."), name
        else:
            assert top in sys.stdlib_module_names, name
            assert top not in IMPURE, name


@pytest.mark.parametrize("module", named(modules(DOMAIN), DOMAIN))
def test_the_rules_call_nothing_impure(module: str) -> None:
    for node in ast.walk(ast.parse((DOMAIN / module).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            assert called not in IMPURE_CALLS, f"{module}:{node.lineno} calls {called}"


def workup_of(module: str) -> str:
    """The workup that a module is part of: itself, or the one whose satellite it is; empty if it is part of none."""
    names = (module, *(module.removesuffix(satellite) for satellite in SATELLITES))
    return next((name for name in names if name in RULES), "")


def of_the_workups(module: str) -> set[str]:
    """The modules beside it that a module of `domain.workups` imports."""
    names = (name for name in imported(WORKUPS / f"{module}.py") if name.startswith(PREFIX))
    return {name.removeprefix(PREFIX).split(".", 1)[0] for name in names}


BESIDE_THE_REGISTRY = sorted(path.stem for path in WORKUPS.glob("*.py") if path.stem not in {"__init__", "registry"})


@pytest.mark.parametrize("module", BESIDE_THE_REGISTRY)
def test_a_module_belongs_to_one_workup_or_is_shared(module: str) -> None:
    assert bool(workup_of(module)) != (module in SHARED_BY_WORKUPS)


@pytest.mark.parametrize("module", [module for module in BESIDE_THE_REGISTRY if module not in SHARED_BY_WORKUPS])
def test_a_workup_imports_of_the_workups_only_its_own_parts(module: str) -> None:
    for other in of_the_workups(module):
        assert other in SHARED_BY_WORKUPS or workup_of(other) == workup_of(module), f"{module} imports {other}"


@pytest.mark.parametrize("module", sorted(SHARED_BY_WORKUPS))
def test_what_workups_share_is_shared_and_knows_none_of_them(module: str) -> None:
    assert of_the_workups(module) <= SHARED_BY_WORKUPS
    readers = {workup_of(other) for other in BESIDE_THE_REGISTRY if module in of_the_workups(other)}
    assert len(readers - {""}) >= 2, readers
    source = ast.parse((WORKUPS / f"{module}.py").read_text(encoding="utf-8"))
    decides = {node.name for node in source.body if isinstance(node, ast.FunctionDef)} & {"assess"}
    assert not decides, "a module that decides a state is a workup of its own"


def test_only_the_registry_brings_workups_together() -> None:
    assert {workup_of(module) for module in of_the_workups("registry")} == RULES


def test_there_are_rules_to_look_at() -> None:
    assert len(modules(DOMAIN)) >= 5
    assert len(modules(WORKUPS)) >= 3


def test_no_two_tools_have_modules_of_one_name() -> None:
    """One process of tests imports the modules of all of them: of two with one name, it would get the first."""
    found = sorted(path for path in (ROOT / "deploy").glob("*/*.py") if path.parent.name != "tests")
    folders: dict[str, list[str]] = {}
    for path in found:
        folders.setdefault(path.name, []).append(path.parent.name)
    assert len(folders) > 20
    assert {name: where for name, where in folders.items() if len(where) > 1} == {}
