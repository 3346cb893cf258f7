"""What content counts besides what every service does (`chassis.metrics`); docs/metrics.md lists it."""

from typing import Final

from chassis.metrics import Count, Level

PAGES: Final = Count(
    "cds_pages_total",
    "Explanations read, by page and media type.",
    "slug",
    "audience",
    "language",
    "form",
)
VERSION: Final = Level("cds_content_info", "1, for the version of the texts.", "version", mode="livemax")
OVERDUE: Final = Level("cds_content_pages_overdue", "Pages that are past their review date.", mode="livemax")
OUTDATED: Final = Level(
    "cds_content_translations_outdated", "Translations that are of an older version of their page.", mode="livemax"
)


def loaded(version: str, *, overdue: int, outdated: int) -> None:
    """The texts with which a worker begins, or how they stand on another day."""
    VERSION.set(1, version)
    OVERDUE.set(overdue)
    OUTDATED.set(outdated)
