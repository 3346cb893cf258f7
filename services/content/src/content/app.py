"""Composition root of the content service."""

from collections.abc import Callable
from datetime import UTC, date, datetime

from flask import Flask

from chassis import peers, shell
from chassis.logs import Log
from chassis.start import in_each_worker
from content import __version__, library, metrics, views
from content.settings import Settings

_log = Log("content")


def _today() -> date:
    return datetime.now(UTC).date()


def create_app(settings: Settings, *, today: Callable[[], date] = _today) -> Flask:
    """The content service, with every text loaded and checked.

    Args:
        settings: as from `content.settings.load`.
        today: the clock, in UTC calendar days.

    Raises:
        content.library.LibraryError: a text is at fault; the message names every one.
    """
    texts = library.load()
    overdue = texts.overdue(today())
    if overdue:
        _log.warning("pages are past their review date", count=len(overdue))
    outdated = texts.outdated()
    if outdated:
        _log.warning("translations are of an older version of their page", count=len(outdated))
    app = shell.build(__name__, version=__version__, max_body=1024, not_ready=lambda: ())
    peers.install(app, settings.internal_keys, by={"gateway", "screening"})

    def measure() -> None:
        metrics.loaded(texts.version, overdue=len(texts.overdue(today())), outdated=len(outdated))

    in_each_worker(app, measure)
    app.register_blueprint(views.blueprint(settings, texts, today))
    app.after_request(views.guard)
    _log.info("content loaded", version=texts.version, count=len(texts.explanations))
    return app
