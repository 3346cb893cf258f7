"""Known vulnerabilities of what we pin: asks pip-audit and npm, and tells "none known" from "could not be asked".

When its source cannot be reached, pip-audit says of every package that it is not on PyPI, and then that it found no
known vulnerabilities. Here a package counts as audited only if an answer about it came.
"""

import json
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

SOURCES: Final = ("pypi", "osv")
LIMIT_S: Final = 120


_ADDRESS: Final = re.compile(r"(?:https?|file)://[^\s'\")]+|/pypi/[^\s'\")]+")
_HOST: Final = re.compile(r"(host=|port=|resolve )[^\s,)]+")


@dataclass(frozen=True)
class Vulnerability:
    """A known vulnerability of a package that we pin."""

    package: str
    version: str
    ids: frozenset[str]
    fixed: str


@dataclass(frozen=True)
class Answer:
    """What came of asking.

    Attributes:
        what: the set that was asked about, in words.
        asked: names of its packages.
        audited: names about which an answer came.
        known: vulnerabilities.
        why: why others were not audited.
    """

    what: str
    asked: frozenset[str]
    audited: frozenset[str]
    known: tuple[Vulnerability, ...]
    why: str = ""

    @property
    def missed(self) -> str:
        """What was not audited, on one line; empty when everything was."""
        left = sorted(self.asked - self.audited)
        if not left:
            return ""
        if not self.audited:
            return f"NOT AUDITED: none of {len(self.asked)} {self.what}: {_without_addresses(self.why)}"
        missing = ", ".join(left)
        return f"NOT AUDITED: {len(left)} of {len(self.asked)} {self.what} ({missing}): {_without_addresses(self.why)}"


def _without_addresses(why: str) -> str:
    """A tool's words without hosts and addresses: where this machine gets its packages is nobody's business."""
    return _HOST.sub(r"\1...", _ADDRESS.sub("...", why))


def of_python(files: Sequence[Path], names: Iterable[str], tool: Path) -> Answer:
    """Ask pip-audit about requirement files: PyPI's source first, and OSV about what that left open.

    Args:
        files: requirement files with pins and hashes.
        names: canonical names of what they pin.
        tool: the pip-audit to run.
    """
    asked = frozenset(names)
    audited: set[str] = set()
    known: dict[tuple[str, frozenset[str]], Vulnerability] = {}
    reasons = []
    for source in SOURCES:
        answered, found, why = _pip_audit(files, source, tool)
        audited |= answered & asked
        known |= {(one.package, one.ids): one for one in found}
        if audited == asked:
            break
        reasons.append(f"{source}: {why}")
    return Answer("Python packages", asked, frozenset(audited), tuple(known.values()), "; ".join(reasons))


def _pip_audit(files: Sequence[Path], source: str, tool: Path) -> tuple[set[str], list[Vulnerability], str]:
    command = [str(tool), "--format=json", "--progress-spinner=off", "--disable-pip", "--require-hashes",
               f"--vulnerability-service={source}",
               *(part for file in files for part in ("-r", str(file)))]  # fmt: skip
    document, why = _said(command, Path.cwd())
    if "dependencies" not in document:
        return set(), [], why or "no list of dependencies in its answer"
    answered, found, skipped = set(), [], []
    for one in document["dependencies"]:
        if "skip_reason" in one:
            skipped.append(str(one["skip_reason"]))
            continue
        answered.add(str(one["name"]))
        found += [
            Vulnerability(one["name"], one["version"], frozenset({vuln["id"], *vuln.get("aliases", ())}),
                          ", ".join(vuln.get("fix_versions", ())))
            for vuln in one["vulns"]
        ]  # fmt: skip
    return answered, found, f"said of {len(skipped)} packages, such as: {skipped[0]}" if skipped else ""


def of_npm(folder: Path) -> Answer:
    """Ask npm about the package-lock.json in a folder; nothing is installed for it."""
    lock = json.loads((folder / "package-lock.json").read_text(encoding="utf-8"))
    asked = frozenset(place.rpartition("node_modules/")[2] for place in lock["packages"] if place)
    what = f"npm packages of {folder.name}"
    document, why = _said(["npm", "audit", "--json", "--package-lock-only"], folder)
    if "vulnerabilities" not in document:
        return Answer(what, asked, frozenset(), (), str(document.get("message") or why or "npm gave no report"))
    return Answer(what, asked, asked, tuple(_npm_vulnerabilities(document["vulnerabilities"])))


def _npm_vulnerabilities(found: Mapping[str, Any]) -> Iterator[Vulnerability]:
    for name, one in found.items():
        for cause in one["via"]:
            if isinstance(cause, dict):  # a text names another package of this list
                ids = frozenset({str(cause["url"]).rpartition("/")[2]})
                yield Vulnerability(name, str(one.get("range", "")), ids, str(one.get("fixAvailable", "")))


def _said(command: Sequence[str], folder: Path) -> tuple[dict[str, Any], str]:
    """The JSON object that a command prints, or an empty one and why; its exit status says nothing beside that."""
    try:
        done = subprocess.run(  # noqa: S603
            command, cwd=folder, capture_output=True, text=True, timeout=LIMIT_S, check=False
        )
    except FileNotFoundError:
        return {}, f"{command[0]} is not installed"
    except subprocess.TimeoutExpired:
        return {}, f"no answer within {LIMIT_S} s"
    try:
        document = json.loads(done.stdout)
    except json.JSONDecodeError:
        last = (done.stderr.strip().splitlines() or ["it printed nothing"])[-1]
        return {}, last[:200]
    return (document, "") if isinstance(document, dict) else ({}, "its answer is no object")


def faults(answers: Iterable[Answer], ignored: Sequence[Mapping[str, Any]], today: date) -> Iterator[str]:
    """What must be repaired: vulnerabilities that nobody has looked at, and decisions that have run out.

    Args:
        answers: what came of asking.
        ignored: the tables `ignored` of policy.toml.
        today: after whose `until` a decision no longer holds.
    """
    for decision in ignored:
        if missing := {"id", "package", "reason", "reviewed", "until"} - {*decision}:
            yield f"policy.toml: an ignored vulnerability lacks {', '.join(sorted(missing))}"
            return
        if decision["until"] < today:
            yield f"policy.toml: what was decided on {decision['id']} has run out on {decision['until']}"
    decided = {(one["package"], one["id"]) for one in ignored if one["until"] >= today}
    for answer in answers:
        for one in answer.known:
            if not any((one.package, name) in decided for name in one.ids):
                ids = ", ".join(sorted(one.ids))
                yield f"{one.package} {one.version}: {ids}; repaired in: {one.fixed or 'no version yet'}"
