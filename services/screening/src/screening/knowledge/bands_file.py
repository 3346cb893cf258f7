"""Writes the bands that the explanations draw, from the rules: `python -m screening.knowledge.bands_file [--check]`.

Run from the repository root. The content service shows these numbers and never types one itself. `--check` writes
nothing and exits with 1 when the file is not what it should be.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from screening.domain import RULES_VERSION, analytes
from screening.domain.analytes import Abnormal, Analyte
from screening.domain.citations import Citation
from screening.domain.labs import Band, Scale
from screening.domain.thresholds import Threshold
from screening.domain.units import Limit
from screening.domain.workups import (
    calcium_vitamin_d_cards,
    calcium_vitamin_d_facts,
    copper_wilson_facts,
    iron_nbia,
    iron_nbia_facts,
    manganese,
    vitamin_b12,
)
from screening.knowledge.threshold_index import index

FILE: Final = Path("services", "content", "src", "content", "bands.json")


def _cut(threshold: Threshold[Limit], analyte: Analyte, low: str, high: str, whom: str = "") -> Scale:
    """One limit as a scale of two bands; it belongs to the band that is not abnormal."""
    bands = (Band(low, threshold.value, inclusive=analyte.abnormal is Abnormal.HIGH), Band(high))
    reassuring = frozenset({low if analyte.abnormal is Abnormal.HIGH else high})
    return Scale(analyte, bands, threshold.cite, threshold.id, reassuring, whom)


def _times(limit: Limit, factor: Threshold[Any]) -> Limit:
    return Limit({unit: number * factor.value for unit, number in limit.printed.items()})


def _cited(*thresholds: Threshold[Any]) -> Citation:
    return Citation("; ".join(dict.fromkeys(threshold.cite.text for threshold in thresholds)))


NOTHING: Final = frozenset({""})
"""No band reassures."""

_b12, _mn, _fe = vitamin_b12, manganese, iron_nbia
LIMITS_DRAWN: Final[tuple[Scale, ...]] = (
    Scale(
        analytes.MMA,
        (
            Band("deficiency unlikely", _b12.MMA_UNLIKELY.value, inclusive=True),
            Band("indeterminate", _b12.MMA_HIGH.value, inclusive=True),
            Band("high if the kidneys work", _b12.MMA_HIGH_AT_ANY_EGFR.value, inclusive=True),
            Band("high"),
        ),
        _cited(_b12.MMA_UNLIKELY, _b12.MMA_HIGH),
        "vitamin-b12.mma",
        frozenset({"deficiency unlikely"}),
    ),
    _cut(_b12.HOMOCYSTEINE_RAISED, analytes.HOMOCYSTEINE, "not raised", "raised if the kidneys work"),
    _cut(calcium_vitamin_d_facts.MAGNESIUM_LOW, analytes.MAGNESIUM, "low", "not low"),
    Scale(
        analytes.VITAMIN_D,
        (
            Band("severely low", calcium_vitamin_d_cards.VITAMIN_D_SEVERE.value),
            Band("insufficient", calcium_vitamin_d_cards.VITAMIN_D_LOW.value),
            Band("sufficient"),
        ),
        _cited(calcium_vitamin_d_cards.VITAMIN_D_SEVERE, calcium_vitamin_d_cards.VITAMIN_D_LOW),
        "calcium-vitamin-d.vitamin-d",
        whom="(text only, never a card)",
    ),
    Scale(
        analytes.MANGANESE_BLOOD,
        (
            Band("not raised", _mn.UPPER_NORMAL.value, inclusive=True),
            Band("mildly high", _times(_mn.UPPER_NORMAL.value, _mn.RAISED), inclusive=True),
            Band("high with a source or found twice", _times(_mn.UPPER_NORMAL.value, _mn.HIGH), inclusive=True),
            Band("high"),
        ),
        _cited(_mn.UPPER_NORMAL),
        "manganese.blood",
        frozenset({"not raised"}),
        "where the laboratory prints no range of its own",
    ),
    replace(
        _cut(_mn.SERUM_NORMAL, analytes.MANGANESE_SERUM, "excludes nothing", "order whole blood"), reassuring=NOTHING
    ),
    _cut(iron_nbia_facts.FERRITIN_HIGH_MALE, analytes.FERRITIN, "not high", "high", "of men, and where sex is unknown"),
    _cut(iron_nbia_facts.FERRITIN_HIGH_FEMALE, analytes.FERRITIN, "not high", "high", "of women"),
    _cut(_fe.IRON_LOW, analytes.IRON, "low", "not low"),
    _cut(_fe.SATURATION_LOW, analytes.TRANSFERRIN_SATURATION, "low", "not low"),
    _cut(copper_wilson_facts.SERUM_LOW, analytes.COPPER_SERUM, "low", "not low"),
)
"""Limits of results that are no bands of a scale in the rules, and the order in which they follow those that are.

Not drawn, since they say something about risk or about another result: eGFR, MCV, hemoglobin, albumin, lipids, INR.
"""


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
