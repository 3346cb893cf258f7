"""What must hold before a version is built. Each fault says what to do about it."""

import ast
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any, Final

import changelog
from packaging.version import InvalidVersion, Version
from repository import Repository

PACKAGES: Final[Mapping[str, str]] = {
    "chassis": "services/chassis",
    "content": "services/content",
    "screening": "services/screening",
    "gateway": "gateway",
    "tryout": "deploy/tryout",
}
"""Package -> its folder. What is installed elsewhere needs the chassis first."""
SCREENING: Final = "services/screening/src/screening"
RULES: Final = f"{SCREENING}/domain"
VALUE_SETS: Final = f"{SCREENING}/knowledge/valuesets"
SNAPSHOTS: Final = f"{SCREENING}/pages/studio_snapshots"
MIGRATIONS: Final = f"{SCREENING}/store/migrations/versions"
_VERSION: Final = re.compile(r'^__version__ = "([^"]+)"$', re.MULTILINE)
_RULES_VERSION: Final = re.compile(r'^RULES_VERSION = "([^"]+)"$', re.MULTILINE)
_RULES_DATE: Final = re.compile(r'^RULES_DATE = "([^"]+)"$', re.MULTILINE)
_MOST_NAMED: Final = 5
_CHECK_SECONDS: Final = 300


def quick(repository: Repository, wanted: str, today: date) -> Iterator[str]:
    """What can be seen at once: version, tree, changelog, and what was changed since the release before."""
    try:
        version = Version(wanted)
    except InvalidVersion:
        version = Version("0")
    if not re.fullmatch(r"(0|[1-9]\d*)(\.(0|[1-9]\d*)){2}", wanted):
        yield f"'{wanted}' is no version of ours: three numbers, such as 1.2.0 (docs/versioning.md)"
        return
    if not repository.is_whole():
        yield "this is no whole clone, so what was released before cannot be seen: git fetch --unshallow --tags"
        return
    if changed := repository.changed():
        yield f"the tree is not as it was committed ({_some(changed)}): commit it, or put it away"
    yield from _numbers(repository.root, wanted)
    found = changelog.sections((repository.root / changelog.FILE).read_text("utf-8"))
    yield from changelog.faults(found, wanted, today)
    yield from _tags(repository, version, found)
    section = next((one for one in found if one.version == wanted), None)
    before = former(repository, version)
    if before is not None:
        yield from _since(repository, before, section)


def former(repository: Repository, version: Version) -> Version | None:
    """The release before a version, in the history of what is released now; None for the first."""
    return max((one for one in repository.releases() if one < version), default=None)


def rules_version(root: Path) -> str:
    """The version of the clinical rules."""
    return _said(_RULES_VERSION, (root / RULES / "__init__.py").read_text("utf-8"))


def _numbers(root: Path, wanted: str) -> Iterator[str]:
    for package, folder in PACKAGES.items():
        file = Path(folder, "src", package, "__init__.py")
        said = _said(_VERSION, (root / file).read_text("utf-8"))
        if said != wanted:
            yield f'{file} says __version__ = "{said}": all packages are released together, as "{wanted}"'


def _tags(repository: Repository, version: Version, found: list[changelog.Section]) -> Iterator[str]:
    """That a version is released once, after those before it, and that the tags of these are here."""
    tagged = repository.tagged(version)
    if tagged and tagged != repository.commit():
        yield f"v{version} is tagged already, at {tagged[:12]}: a version is released once; take the next number"
    releases = repository.releases()
    if releases and releases[-1] > version:
        yield f"v{releases[-1]} is released already: the next version is greater than {version}"
    missing = [
        one.version for one in found if one.version != str(version) and not repository.tagged(Version(one.version))
    ]
    if missing:
        yield f"there is no tag of {_some(missing)}, which {changelog.FILE} calls released: git fetch --tags"


def _since(repository: Repository, before: Version, section: changelog.Section | None) -> Iterator[str]:
    """That what was released with `before` is left alone, and that other rules have another number."""
    tag, root = f"v{before}", repository.root
    for folder, why in (
        (SNAPSHOTS, f"what the cards of a released version said stays; raise RULES_VERSION in {RULES}/__init__.py"),
        (MIGRATIONS, "databases have run it; write a further migration"),
    ):
        for path in repository.differing(tag, folder, added=False):
            yield f"{path} is not as {tag} had it: {why}"
    first = f"{RULES}/__init__.py"
    then, now = (
        {name: _said(pattern, text) for name, pattern in (("version", _RULES_VERSION), ("date", _RULES_DATE))}
        for text in (repository.text(tag, first), (root / first).read_text("utf-8"))
    )
    if now["version"] == then["version"]:
        if changed := [*_decide_differently(repository, tag)]:
            yield (
                f"rules are still {now['version']}, and since {tag} they decide or say something else"
                f" ({_some(changed)}): raise RULES_VERSION and RULES_DATE in {first}, and run make fix"
            )
        return
    if Version(now["version"]) < Version(then["version"]):
        yield f"rules are {now['version']}, and {tag} had {then['version']}: the number only grows"
    if now["date"] == then["date"]:
        yield f"RULES_VERSION was raised since {tag}, and RULES_DATE is still {then['date']}: set it in {first}"
    if section is not None and section.says_no_clinical_change:
        yield (
            f"rules are {now['version']}, {tag} had {then['version']}, and {changelog.FILE} says"
            f" '{changelog.NO_CHANGE}': say what changed"
        )


def _decide_differently(repository: Repository, tag: str) -> Iterator[str]:
    """The rules and value sets that mean something else than at a tag; comments and docstrings mean nothing."""
    for folder, suffix, meaning in ((RULES, ".py", _program), (VALUE_SETS, ".json", _content)):
        for path in repository.differing(tag, folder):
            file = repository.root / path
            now = file.read_text("utf-8") if file.is_file() else ""
            if path.endswith(suffix) and meaning(repository.text(tag, path)) != meaning(now):
                yield path


def _content(text: str) -> Any:
    return json.loads(text or "null")


def _program(text: str) -> Any:
    """What a module does: its syntax without comments, layout and docstrings."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [one for one in body if not _is_words(one)]  # type: ignore[attr-defined]
    return ast.dump(tree)


def _is_words(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def generated(root: Path) -> Iterator[str]:
    """That what is made from the rules is of these rules: the snapshot of the cards, the page on mutants."""
    with tempfile.TemporaryDirectory() as folder:
        texts = str(Path(folder, "texts.json"))
        python = sys.executable
        for what, *commands in (
            (
                "the snapshot of the cards (make studio-snapshot)",
                [python, "-m", "content.card_texts", texts],
                [python, "-m", "screening.studio_files", "check", "--texts", texts],
            ),
            ("docs/mutation.md (make mutate)", [python, "deploy/mutation/report.py", "--check"]),
        ):
            for command in commands:
                done = run(root, command)
                if done.returncode:
                    said = " ".join((done.stdout + done.stderr).split())
                    yield f"{what} is not of these rules: {said[:500]}"
                    break


def run(root: Path, command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a command on the sources in this tree, whichever ones are installed."""
    sources = os.pathsep.join(str(root / folder / "src") for folder in PACKAGES.values())
    environ = {**os.environ, "PYTHONPATH": sources, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(  # noqa: S603 - commands of ours
        command, cwd=root, env=environ, capture_output=True, text=True, check=False, timeout=_CHECK_SECONDS
    )


def _said(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found[1] if found else ""


def _some(names: list[str]) -> str:
    more = len(names) - _MOST_NAMED
    return ", ".join(names[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
