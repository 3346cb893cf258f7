"""What the cards of the studio said in a release: one JSON file for each version of the rules, kept in the package.

A record holds no date but that of the specimens, which never changes, and no identifier, so that two of them differ
only where the cards do. The paragraphs of the explanations stand apart: one that is reworded is one change.
"""

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from screening.cards.explanations import Snapshot
from screening.pages import studio_facts
from screening.pages.studio_cards import Shown

FOLDER: Final = Path(__file__).parent / "studio_snapshots"
_VERSION: Final = re.compile(r"\d+(?:\.\d+)*")
Record = Mapping[str, Any]
Release = Mapping[str, Any]
"""`{"rulesVersion": ..., "cards": {anchor: Record}, "texts": {slug: Record}}`."""


def record(shown: Shown) -> Record:
    """What a card says and offers, without what differs from call to call."""
    card = shown.card
    return {
        "topic": card["source"]["topic"]["code"],
        "hook": shown.specimen.hook,
        "indicator": card["indicator"],
        "summary": card["summary"],
        "detail": card["detail"],
        "suggestions": [[one["label"], *studio_facts.orders(one)] for one in card.get("suggestions", ())],
        "overrideReasons": [one["code"] for one in card.get("overrideReasons", ())],
        "includes": list(shown.finding.includes),
    }


def release(version: str, cards: Iterable[Shown], texts: Snapshot) -> Release:
    """What is stored of a release."""
    return {
        "rulesVersion": version,
        "cards": {shown.anchor: record(shown) for shown in cards},
        "texts": {slug: text_record(texts, slug) for slug in sorted(texts.texts)},
    }


def text_record(texts: Snapshot, slug: str) -> Record:
    """The paragraph of an explanation, and what a card says with it."""
    text = texts.texts[slug]
    return {"title": text.title, "text": text.text, "grade": text.evidence_grade, "checker": text.checker}


def encoded(made: Release) -> str:
    """The text of the file: the order is that of the page, and a line holds one thing, so that diffs can be read."""
    return json.dumps(made, ensure_ascii=False, indent=1) + "\n"


def file_of(version: str, folder: Path = FOLDER) -> Path:
    """Where the snapshot of a version is kept."""
    return folder / f"{version}.json"


def versions(folder: Path = FOLDER) -> list[str]:
    """The versions of which there is a snapshot, the newest first."""
    found = [path.stem for path in folder.glob("*.json") if _VERSION.fullmatch(path.stem)]
    return sorted(found, key=_number, reverse=True)


def before(version: str, folder: Path = FOLDER) -> str:
    """The newest version with a snapshot that is older than this one; empty when this is the first release."""
    return next((one for one in versions(folder) if _number(one) < _number(version)), "")


def read(version: str, folder: Path = FOLDER) -> Release:
    """The snapshot of a version that `versions` names."""
    found: Release = json.loads(file_of(version, folder).read_text("utf-8"))
    return found


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
