"""What the studio shows: the cards that were asked for, what they are compared with, and under which settings."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from screening.cards.explanations import Snapshot
from screening.domain import RULES_VERSION
from screening.pages import studio_cards, studio_diff, studio_snapshots
from screening.pages.studio_cards import Shown
from screening.pages.studio_diff import REMOVED, SAME, Change
from screening.pages.studio_query import DELIVERED, NOTHING, Query
from screening.pages.studio_snapshots import Release
from screening.preview import Preview


@dataclass(frozen=True, slots=True)
class View:
    """What one page shows.

    Attributes:
        query: what was asked.
        every: all cards, in the dialect that was asked for.
        shown: those that were asked for.
        against: what they are compared with: a version, `delivered` or `nothing`.
        changes: by anchor, what became of each card; empty without a comparison.
        text_changes: by slug, what became of each paragraph of an explanation.
        texts: the explanations.
    """

    query: Query
    every: tuple[Shown, ...]
    shown: tuple[Shown, ...]
    against: str
    changes: Mapping[str, Change]
    text_changes: Mapping[str, Change]
    texts: Snapshot

    @property
    def removed(self) -> list[str]:
        """The cards that are no more."""
        return [anchor for anchor, change in self.changes.items() if change.what == REMOVED]


class Studio:
    """Makes views. The cards are made once for each dialect and each version of the explanations."""

    def __init__(self, preview: Preview, rules_version: str, folder: Path = studio_snapshots.FOLDER) -> None:
        """`rules_version`: with that of the site's own values, where there are any; `folder`: of the snapshots."""
        self.rules_version = rules_version
        self._preview = preview
        self.folder = folder
        self._cards = lru_cache(maxsize=8)(self._made)
        self._delivered = cache(lambda: studio_cards.cards(studio_cards.plain(preview)))
        self._comparable = cache(lambda: studio_cards.cards(studio_cards.comparable(preview)))

    @property
    def clients(self) -> list[str]:
        """The clients with order codes of their own."""
        return sorted(self._preview.order_codes.catalogs)

    @property
    def public_url(self) -> str:
        """Where the pages of this service are read."""
        return self._preview.renderer.public_url

    @property
    def versions(self) -> list[str]:
        """The releases that can be compared with, the newest first."""
        return studio_snapshots.versions(self.folder)

    def release(self) -> Release:
        """What is stored of the rules as they are delivered, and of the explanations as they are."""
        return studio_snapshots.release(RULES_VERSION, self._delivered(), self._preview.texts())

    def view(self, query: Query) -> View:
        """What the page for a query shows."""
        texts = self._preview.texts()
        every = self._cards(texts.version, query.dialect, query.client)
        against = query.against or studio_snapshots.before(RULES_VERSION, self.folder) or NOTHING
        changes, text_changes = self._changes(against)
        fit = [one for one in every if query.fits(one)]
        if query.changed and against != NOTHING:
            fit = [one for one in fit if changes[one.anchor].what != SAME]
        return View(query, every, tuple(fit), against, changes, text_changes, texts)

    def settings(self) -> Iterator[str]:
        """In what this site differs from the rules as they are delivered, a sentence each."""
        if own := len(self._preview.reader.site_values):
            yield f"{own} threshold{'s are' if own > 1 else ' is'} set by this site, and every card names them."
        else:
            yield "All thresholds are the defaults."
        if clients := self.clients:
            yield f"Clients with order codes of their own: {', '.join(clients)}."
        texts = self._preview.texts()
        if texts.texts:
            yield f"The paragraphs of explanations are those of version {texts.version[:12]}."
        else:
            yield "The explanations are not loaded: the cards stand here without their paragraph."

    def _made(self, texts_version: str, dialect: str, client: str) -> tuple[Shown, ...]:
        del texts_version  # with other texts the cards are others
        return studio_cards.cards(self._preview, dialect=dialect, client=client)

    def _changes(self, against: str) -> tuple[Mapping[str, Change], Mapping[str, Change]]:
        """What became of cards and paragraphs since `against`."""
        if against == NOTHING:
            return {}, {}
        here = self.release()
        if against == DELIVERED:
            site = studio_snapshots.release(RULES_VERSION, self._comparable(), self._preview.texts())
            return studio_diff.all_compared(here["cards"], site["cards"]), {}
        old = studio_snapshots.read(against, self.folder)
        texts = here["texts"] or old["texts"]  # explanations that are not loaded have not been removed
        return studio_diff.all_compared(old["cards"], here["cards"]), studio_diff.all_compared(old["texts"], texts)
