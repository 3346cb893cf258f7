"""Import directions that import-linter's contracts cannot say: read from the source, module by module."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

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
SHARED_BY_WORKUPS = frozenset({"missing"})
NOT_WORKUPS = frozenset({"__init__", "registry"}) | SHARED_BY_WORKUPS


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
    """The workup that a module is part of: itself, or the workup whose name it begins with."""
    return module.removesuffix("_facts").removesuffix("_cards")


@pytest.mark.parametrize("module", [name for name in named(modules(WORKUPS), WORKUPS) if name[:-3] not in NOT_WORKUPS])
def test_a_workup_imports_of_the_workups_only_its_own_parts(module: str) -> None:
    prefix = "screening.domain.workups."
    for name in imported(WORKUPS / module):
        if name.startswith(prefix):
            other = name.removeprefix(prefix).split(".", 1)[0]
            own = workup_of(other) == workup_of(module[:-3])
            assert other in SHARED_BY_WORKUPS or own, f"{module} imports {other}"


def test_there_are_rules_to_look_at() -> None:
    assert len(modules(DOMAIN)) >= 5
    assert len(modules(WORKUPS)) >= 3
