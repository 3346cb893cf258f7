"""The report on the mutants: figures, and every survivor with the reason why no test notices it.

`python report.py` writes docs/mutation.md again from the last run (after a change to explained.yaml); with `--check`
it says whether the page is about the domain as it is now and explains every survivor, and changes nothing.
"""

import hashlib
import json
import re
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

import yaml

ROOT: Final = Path(__file__).resolve().parents[2]
DOMAIN: Final = ROOT / "services" / "screening" / "src" / "screening" / "domain"
PAGE: Final = ROOT / "docs" / "mutation.md"
EXPLAINED: Final = Path(__file__).parent / "explained.yaml"
LAST_RUN: Final = ROOT / "build" / "mutation-run.json"
BEGIN: Final = "<!-- measured: begin (written by make mutate) -->"
END: Final = "<!-- measured: end -->"
_DIGEST: Final = re.compile(r"^\* domain code: sha256 `([0-9a-f]{64})`$", re.MULTILINE)
_SURVIVED: Final = "SURVIVED"
_NOTICED: Final = ("KILLED_BY_SCENARIO", "KILLED_BY_TEST", "OUT_OF_TIME")
NOT_EXPLAINED: Final = "not explained yet"


@dataclass(frozen=True)
class Entry:
    """A mutant and what came of it: `outcome` is a name of `trial.Outcome`; the lines are empty unless it survived."""

    file: str
    line: int
    definition: str
    operator: str
    outcome: str
    before: str = ""
    after: str = ""

    @property
    def key(self) -> str:
        """How explained.yaml names it: stays the same when lines move."""
        return f"{self.file} {self.definition}: {self.after}"


@dataclass(frozen=True)
class Run:
    """One whole run. `seconds` is wall-clock time, `cpu_seconds` the processor time of all trials."""

    digest: str
    seconds: int
    cpu_seconds: int
    jobs: int
    python: str
    tool: str
    entries: list[Entry]

    def save(self) -> None:
        """Keep it, so that the page can be written again."""
        LAST_RUN.parent.mkdir(exist_ok=True)
        LAST_RUN.write_text(json.dumps(asdict(self)), "utf-8")

    @property
    def survivors(self) -> list[Entry]:
        """Those that no test noticed."""
        return [entry for entry in self.entries if entry.outcome == _SURVIVED]


def load() -> Run:
    """The last run. Raises FileNotFoundError when there was none."""
    run = Run(**json.loads(LAST_RUN.read_text("utf-8")))
    return replace(run, entries=[Entry(**entry) for entry in json.loads(LAST_RUN.read_text("utf-8"))["entries"]])


def digest() -> str:
    """SHA-256 over the names and contents of the domain's Python files."""
    total = hashlib.sha256()
    for path in sorted(DOMAIN.rglob("*.py")):
        total.update(path.relative_to(DOMAIN).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return total.hexdigest()


def reasons() -> dict[str, str]:
    """Survivor -> why no test notices it, as explained.yaml has it. Raises ValueError for one that is named twice."""
    found: dict[str, str] = {}
    for group in yaml.safe_load(EXPLAINED.read_text("utf-8")) or ():
        for key in group["mutants"]:
            if key in found:
                raise ValueError(f"explained twice: {key}")
            found[key] = " ".join(group["because"].split())
    return found


def in_short(run: Run) -> str:
    """The outcome in a few lines, for the terminal."""
    known = reasons()
    lines = [f"{entry.file}:{entry.line} {entry.operator}\n    - {entry.before}\n    + {entry.after}"
             for entry in run.survivors if entry.key not in known]  # fmt: skip
    total, alive = len(run.entries), len(run.survivors)
    return "\n".join(
        [
            *lines,
            f"{total} mutants, {total - alive} noticed, {alive} survived ({len(lines)} not explained)",
            f"{run.seconds} s, processor time {run.cpu_seconds} s",
        ]
    )


def measured(run: Run) -> str:
    """The part of the page that a run writes."""
    known = reasons()
    return "\n\n".join((_figures(run), _by_file(run), _by_operator(run), _survivors(run, known)))


def write(run: Run) -> None:
    """Put a run into the page, between the marks."""
    page = PAGE.read_text("utf-8")
    before, after = page[: page.index(BEGIN) + len(BEGIN)], page[page.index(END) :]
    PAGE.write_text(f"{before}\n\n{measured(run)}\n\n{after}", "utf-8")


def complaints() -> list[str]:
    """What keeps the page from being true of the domain as it is now; empty when nothing does."""
    page = PAGE.read_text("utf-8")
    found = _DIGEST.search(page)
    told = []
    if found is None or found[1] != digest():
        told.append("docs/mutation.md is older than screening.domain: run make mutate and commit the page.")
    if f"### {NOT_EXPLAINED.capitalize()}" in page:
        told.append(
            "docs/mutation.md lists survivors without a reason: write a test, or explain them in explained.yaml."
        )
    return told


def _figures(run: Run) -> str:
    total, alive = len(run.entries), len(run.survivors)
    noticed = total - alive
    share = 100 * noticed / total if total else 0.0
    return "\n".join(
        (
            f"**{total:,} mutants, {noticed:,} noticed ({share:.1f} %), {alive} survived.**",
            "",
            f"* domain code: sha256 `{run.digest}`",
            f"* wall-clock time: {run.seconds // 60} min {run.seconds % 60} s, {run.jobs} at a time;"
            f" processor time: {run.cpu_seconds // 60} min",
            f"* {run.tool}, Python {run.python}",
        )
    )


def _by_file(run: Run) -> str:
    rows = [
        "| file | mutants | a scenario noticed | a test noticed | ran out of time | survived |",
        "|---|---|---|---|---|---|",
    ]
    for file in sorted({entry.file for entry in run.entries}):
        rows.append(_row(f"`{file}`", Counter(entry.outcome for entry in run.entries if entry.file == file)))
    rows.append(_row("all", Counter(entry.outcome for entry in run.entries)))
    return "\n".join(rows)


def _by_operator(run: Run) -> str:
    counts, alive = Counter(e.operator for e in run.entries), Counter(e.operator for e in run.survivors)
    rows = ["| change | mutants | survived |", "|---|---|---|"]
    rows.extend(f"| {name} | {number} | {alive[name]} |" for name, number in counts.most_common())
    return "\n".join(rows)


def _row(name: str, counts: Mapping[str, int]) -> str:
    cells = [sum(counts.values()), *(counts.get(outcome, 0) for outcome in (*_NOTICED, _SURVIVED))]
    return f"| {name} | " + " | ".join(map(str, cells)) + " |"


def _survivors(run: Run, known: Mapping[str, str]) -> str:
    groups: dict[str, list[Entry]] = {}
    for entry in run.survivors:
        groups.setdefault(known.get(entry.key, NOT_EXPLAINED), []).append(entry)
    parts = ["## Survivors and why"]
    for reason in sorted(groups, key=lambda reason: (reason != NOT_EXPLAINED, -len(groups[reason]), reason)):
        lines = [f"### {NOT_EXPLAINED.capitalize()}" if reason == NOT_EXPLAINED else f"**{reason}**", ""]
        for entry in groups[reason]:
            lines += [f"* `{entry.file}:{entry.line}` {entry.definition}", "", "  ```diff"]
            lines += [f"  - {entry.before}", f"  + {entry.after}", "  ```", ""]
        parts.append("\n".join(lines).rstrip())
    return "\n\n".join(parts)


def main(arguments: list[str]) -> int:
    """Write the page again, or check it; the exit code."""
    if arguments != ["--check"]:
        write(load())
        return 0
    told = complaints()
    for line in told:
        sys.stderr.write(line + "\n")
    return 1 if told else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
