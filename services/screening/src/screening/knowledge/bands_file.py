"""Writes the bands that the explanations draw, from the rules: `python -m screening.knowledge.bands_file [--check]`.

Run from the repository root. The content service shows these numbers and never types one itself. `--check` writes
nothing and exits with 1 when the file is not what it should be.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from screening.domain import RULES_VERSION
from screening.domain.chart import Chart
from screening.domain.labs import Band, Scale
from screening.knowledge import drawn_scales
from screening.knowledge.threshold_index import index

FILE: Final = Path("services", "content", "src", "content", "bands.json")


LIMITS_DRAWN: Final = drawn_scales.of_pages(Chart(datetime.min.replace(tzinfo=UTC)))
"""Limits of results that are no bands of a scale in the rules, as the rules have them."""


def rendered(scales: Iterable[Scale], drawn: Iterable[Scale] = LIMITS_DRAWN) -> str:
    """The file: the scales of the rules, then the limits that are drawn as scales, by page."""
    order = {scale.id: place for place, scale in enumerate((*scales, *drawn))}
    listed = sorted((*scales, *drawn), key=lambda scale: (_page(scale), order[scale.id]))
    return json.dumps({"rules": RULES_VERSION, "scales": list(map(_scale, listed))}, indent=1) + "\n"


def _page(scale: Scale) -> str:
    return scale.id.partition(".")[0]


def _scale(scale: Scale) -> dict[str, Any]:
    reassuring = scale.reassuring or {scale.bands[-1].name}
    first = scale.bands[0].upper
    printed = list(first.printed) if first is not None else []
    return {
        "id": scale.id,
        "page": _page(scale),
        "label": f"{scale.analyte.label} {scale.whom}".strip(),
        "units": printed,
        "bands": [_band(band, printed, band.name in reassuring) for band in scale.bands],
        "source": scale.cite.text,
    }


def _band(band: Band, units: Sequence[str], reassuring: bool) -> dict[str, Any]:
    known: dict[str, Any] = {"name": band.name, "reassuring": reassuring}
    if band.upper is None:
        return known
    return {**known, "upper": [str(band.upper.printed[unit]) for unit in units], "inclusive": band.inclusive}


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m screening.knowledge.bands_file", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 when the file is stale")
    options = parser.parse_args(arguments)
    wanted = rendered(index().scales)
    present = FILE.read_text(encoding="utf-8") if FILE.is_file() else ""
    if present == wanted:
        return 0
    if not options.check:
        FILE.write_text(wanted, encoding="utf-8")
    sys.stdout.write(f"{'stale' if options.check else 'wrote'}: {FILE}\n")
    return 1 if options.check else 0


if __name__ == "__main__":
    sys.exit(main())
