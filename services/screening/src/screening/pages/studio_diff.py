"""What changed between two records of a card, word by word."""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from markupsafe import Markup

from screening.pages.studio_snapshots import Record

ADDED: Final = "added"
REMOVED: Final = "removed"
CHANGED: Final = "changed"
SAME: Final = "same"
_TOKEN: Final = re.compile(r"\w+\s*|[^\w\s]\s*|\s+")
"""A word or a mark with the space behind it: words that change together are marked together."""
_KEPT: Final = Markup("{}")
_NEW: Final = Markup("<ins>{}</ins>")
_OLD: Final = Markup("<del>{}</del>")


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one record.

    Attributes:
        what: `added`, `removed`, `changed` or `same`.
        parts: of what changed, the name of the part and its words, the old ones marked as deleted, the new as inserted.
    """

    what: str
    parts: tuple[tuple[str, Markup], ...] = ()


def compared(old: Record | None, new: Record | None) -> Change:
    """What became of a record: None stands for one that was not or is not there."""
    if old is None:
        return Change(ADDED)
    if new is None:
        return Change(REMOVED)
    names = dict.fromkeys((*old, *new))
    parts = tuple((name, words(_text(old, name), _text(new, name))) for name in names if old.get(name) != new.get(name))
    return Change(CHANGED, parts) if parts else Change(SAME)


def all_compared(old: Mapping[str, Record], new: Mapping[str, Record]) -> dict[str, Change]:
    """What became of each record, by its name."""
    return {name: compared(old.get(name), new.get(name)) for name in dict.fromkeys((*new, *old))}


def words(old: str, new: str) -> Markup:
    """Both texts in one."""
    return Markup("").join(_marked(_TOKEN.findall(old), _TOKEN.findall(new)))


def _marked(old: list[str], new: list[str]) -> Iterator[Markup]:
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for what, start, end, from_, to in matcher.get_opcodes():
        if what == "equal":
            yield _KEPT.format("".join(old[start:end]))
            continue
        if start < end:
            yield _OLD.format("".join(old[start:end]))
        if from_ < to:
            yield _NEW.format("".join(new[from_:to]))


def _text(record: Record, name: str) -> str:
    value = record.get(name, "")
    return value if isinstance(value, str) else "\n".join(_lines(value))


def _lines(value: Iterable[Any]) -> Iterator[str]:
    for one in value:
        if isinstance(one, str):
            yield one
        else:
            first, *more = one
            yield first
            yield from (f"  {line}" for line in more)
