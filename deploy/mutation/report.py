"""The report on the mutants: figures, and every survivor with the reason why no test notices it.

`python report.py` writes docs/mutation.md again from results.json (after a change to explained.yaml); with `--check` it
says whether the results are about the domain as it is now, whether each survivor is explained and whether the page says
what they say, and changes nothing.
"""

import re
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import results
import yaml
from results import Entry, Results

PAGE: Final = results.ROOT / "docs" / "mutation.md"
EXPLAINED: Final = Path(__file__).parent / "explained.yaml"
BEGIN: Final = "<!-- measured: begin (written by make mutate) -->"
END: Final = "<!-- measured: end -->"
_ENDS: Final = (results.BY_SCENARIO, results.BY_TEST, results.OUT_OF_TIME, results.SURVIVED)
NOT_EXPLAINED: Final = "Not explained yet"


@dataclass(frozen=True)
class Kind:
    """Survivors that an explanation is about: `file`, `definition`, `operator` as globs, `after` searched for.

    `after` is a regular expression, looked for in the changed line.
    """

    file: str
    definition: str = "*"
    operator: str = "*"
    after: str = ""

    def holds(self, entry: Entry) -> bool:
        """Whether a survivor is of this kind."""
        asked = ((entry.file, self.file), (entry.definition, self.definition), (entry.operator, self.operator))
        return all(fnmatchcase(said, wanted) for said, wanted in asked) and bool(re.search(self.after, entry.after))


@dataclass(frozen=True)
class Reason:
    """Why some survivors may survive: those with these keys (`Entry.key`), and those of these kinds."""

    because: str
    mutants: frozenset[str]
    kinds: tuple[Kind, ...]

    def holds(self, entry: Entry) -> bool:
        """Whether it explains a survivor."""
        return entry.key in self.mutants or any(kind.holds(entry) for kind in self.kinds)


def reasons() -> list[Reason]:
    """What explained.yaml says, in its order. Raises ValueError for a mutant that is named twice."""
    said: list[dict[str, Any]] = yaml.safe_load(EXPLAINED.read_text("utf-8")) or []
    keys = Counter(key for group in said for key in group.get("mutants", ()))
    if twice := [key for key, times in keys.items() if times > 1]:
        raise ValueError(f"explained twice: {twice}")
    return [
        Reason(
            " ".join(group["because"].split()),
            frozenset(group.get("mutants", ())),
            tuple(Kind(**kind) for kind in group.get("kinds", ())),
        )
        for group in said
    ]


def _by_reason(found: Iterable[Entry]) -> dict[str, list[Entry]]:
    """Every survivor under the first reason that holds; those without come first."""
    known = reasons()
    groups: dict[str, list[Entry]] = {NOT_EXPLAINED: [], **{reason.because: [] for reason in known}}
    for entry in found:
        groups[next((r.because for r in known if r.holds(entry)), NOT_EXPLAINED)].append(entry)
    return groups


def in_short(now: Results) -> str:
    """The outcome in a few lines, for the terminal."""
    open_ = _by_reason(now.survivors)[NOT_EXPLAINED]
    lines = [f"{e.file}:{e.line} {e.definition} {e.operator}\n    - {e.before}\n    + {e.after}" for e in open_]
    total, alive = _total(now), len(now.survivors)
    left = sum(one.not_tried for one in now.files.values())
    figures = f"{total} mutants, {total - alive} noticed, {alive} survived ({len(lines)} not explained)"
    figures += f", {left} more not tried" if left else ""
    return "\n".join([*lines, figures])


def measured(now: Results) -> str:
    """The part of the page that a run writes."""
    return "\n\n".join((_figures(now), _by_file(now), _by_operator(now), _survivors(now)))


def _page(now: Results) -> str:
    page = PAGE.read_text("utf-8")
    before, after = page[: page.index(BEGIN) + len(BEGIN)], page[page.index(END) :]
    return f"{before}\n\n{measured(now)}\n\n{after}"


def write(now: Results) -> None:
    """Put results into the page, between the marks."""
    PAGE.write_text(_page(now), "utf-8")


def complaints() -> list[str]:
    """What keeps the page from being true of the domain as it is now; empty when nothing does."""
    now = results.load()
    told = []
    if stale := now.out_of_date():
        told.append(f"not as they were when their mutants were tried: {', '.join(stale)}. Run make mutate.")
    groups = _by_reason(now.survivors)
    for entry in groups.pop(NOT_EXPLAINED):
        told.append(f"survives without a reason, write a test or explain it in explained.yaml: {entry.key}")
    told += [f"explains no survivor any more: {because}" for because, explained in groups.items() if not explained]
    keys = {entry.key for entry in now.survivors}
    told += [f"explained, but no survivor: {key}" for r in reasons() for key in sorted(r.mutants - keys)]
    if PAGE.read_text("utf-8") != _page(now):
        told.append("docs/mutation.md does not say what results.json says: run deploy/mutation/report.py.")
    return told


def _figures(now: Results) -> str:
    total, alive = _total(now), len(now.survivors)
    share = 100 * (total - alive) / total if total else 0.0
    lines = [f"**{total:,} mutants, {total - alive:,} noticed ({share:.1f} %), {alive} survived.**", ""]
    if left := sum(one.not_tried for one in now.files.values()):
        lines += [f"**{left:,} more were not tried**: the run had no time for them (the next one goes on there).", ""]
    lines += [
        f"* {now.seconds // 60} min {now.seconds % 60} s for the last whole run and what was tried again since,"
        f" {now.jobs} at a time; processor time {now.cpu_seconds // 60} min",
        f"* {now.tool}, Python {now.python}",
    ]
    return "\n".join(lines)


def _total(now: Results) -> int:
    return sum(one.ends().total() for one in now.files.values())


def _by_file(now: Results) -> str:
    rows = ["| file | sha256 | tried | a scenario noticed | a test noticed | out of time | survived | not tried |"]
    rows.append("|---|---|---|---|---|---|---|---|")
    all_ends: Counter[str] = Counter()
    for name, one in sorted(now.files.items()):
        ends: Counter[str] = Counter()
        for (_, letter), number in one.ends().items():
            ends[letter] += number
        all_ends += ends
        if one.outcomes:
            rows.append(_row(f"`{name}`", f"`{one.sha256[:12]}`", ends, one.not_tried))
    return "\n".join([*rows, _row("all", "", all_ends, sum(one.not_tried for one in now.files.values()))])


def _row(name: str, sha256: str, ends: Counter[str], not_tried: int) -> str:
    return "| " + " | ".join(map(str, (name, sha256, ends.total(), *(ends[e] for e in _ENDS), not_tried))) + " |"


def _by_operator(now: Results) -> str:
    counts: Counter[str] = Counter()
    for one in now.files.values():
        for (operator, _), number in one.ends().items():
            counts[operator] += number
    alive = Counter(entry.operator for entry in now.survivors)
    rows = ["| change | mutants | survived |", "|---|---|---|"]
    ordered = sorted(counts.items(), key=lambda one: (-one[1], one[0]))
    return "\n".join([*rows, *(f"| {name} | {number} | {alive[name]} |" for name, number in ordered)])


def _survivors(now: Results) -> str:
    parts = ["## Survivors and why"]
    for because, entries in _by_reason(now.survivors).items():
        if not entries:
            continue
        lines = [f"### {because} ({len(entries)})", ""]
        for (file, definition), some in groupby(entries, key=lambda e: (e.file, e.definition)):
            lines += [f"* `{file}` {definition}", "", "  ```diff"]
            for entry in some:
                lines += [f"  @@ line {entry.line} @@", f"  - {entry.before}", f"  + {entry.after}"]
            lines += ["  ```", ""]
        parts.append("\n".join(lines).rstrip())
    return "\n\n".join(parts)


def main(arguments: list[str]) -> int:
    """Write the page again, or check it; the exit code."""
    if arguments != ["--check"]:
        write(results.load())
        return 0
    told = complaints()
    for line in told:
        sys.stderr.write(line + "\n")
    return 1 if told else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
