"""Writes docs/thresholds.md from the rules: `python -m screening.knowledge.thresholds_page [--check]`.

Run from the repository root. `--check` writes nothing and exits with 1 when the page is not what it should be.
"""

import argparse
import sys
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Final

from screening.domain import RULES_VERSION
from screening.domain.thresholds import AnyThreshold
from screening.knowledge.site_values import APART
from screening.knowledge.threshold_index import index, shown

PAGE: Final = Path("docs", "thresholds.md")
_INTRODUCTION: Final = f"""# Thresholds

Generated from the rules by `make fix`; `make check` fails when it is stale. Clinical rules {RULES_VERSION}, awaiting
clinical sign-off. Each number stands beside its rule in `screening.domain`, with its unit, direction and source.

A site sets another number only in one versioned TOML file, which `SITE_VALUES_FILE` names
([example](site-values.example.toml)). It says who approved it, when, and the reason for each value. The service checks
it at start and does not start with any fault in it:

* a limit is given in every unit that its default is printed in, and these are the same amount within {APART:.0%};
* a value lies between half and double the default: a wrong unit or a slip of the keyboard does not;
* the bands of a scale keep their order; look-backs and ages are whole and positive;
* "not lower": a safety floor. A lower limit would miss patients for whom minutes count;
* "no": the number defines a term, or an emergency.

What is in force stands in the evidence of every card (code `site-value`), in its `rulesVersion`, and on `/thresholds`.
A lengthened look-back lengthens the searches of the prefetch.
"""
_HEAD: Final = "| Id | What it decides | Default | Source | May a site set it? |\n|---|---|---|---|---|"


def rendered(thresholds: Iterable[AnyThreshold]) -> str:
    """The page for thresholds in the order of their ids."""
    parts = [_INTRODUCTION]
    for subject, group in groupby(thresholds, key=lambda one: one.id.partition(".")[0]):
        parts.append(f"\n## {subject}\n\n{_HEAD}\n" + "".join(_row(one) for one in group))
    return "".join(parts)


def _row(threshold: AnyThreshold) -> str:
    may = "no" if threshold.fixed else "not lower" if threshold.floor else "yes"
    default = "<br>".join(shown(threshold.value, threshold.unit))
    cells = (f"`{threshold.id}`", threshold.means, default, threshold.cite.text, may)
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m screening.knowledge.thresholds_page", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 when the page is stale")
    options = parser.parse_args(arguments)
    wanted = rendered(index().thresholds.values())
    present = PAGE.read_text(encoding="utf-8") if PAGE.is_file() else ""
    if present == wanted:
        return 0
    if not options.check:
        PAGE.write_text(wanted, encoding="utf-8")
    sys.stdout.write(f"{'stale' if options.check else 'wrote'}: {PAGE}\n")
    return 1 if options.check else 0


if __name__ == "__main__":
    sys.exit(main())
