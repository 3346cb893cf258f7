"""The card texts of the content service, held in memory and revalidated in the background, never in a call.

Content down: cards go out without the explanatory paragraph, with the link.
"""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import requests

from chassis import outgoing, peers
from chassis.logs import Log

_log = Log("explanations")
_TIMEOUT: Final = 2.0


@dataclass(frozen=True, slots=True)
class CardText:
    """What content says about a subject. `text` is Markdown of ours."""

    title: str
    text: str
    evidence_grade: str
    checker: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All card texts of one content version."""

    version: str = ""
    texts: Mapping[str, CardText] = field(default_factory=dict)


class Explanations:
    """Keeps the latest snapshot. `current` is read without a lock: the snapshot is replaced whole."""

    def __init__(self, base_url: str | None, refresh: float, keys: peers.Keys) -> None:
        self.current = Snapshot()
        self._base_url = base_url
        self._refresh = refresh
        self._keys = keys
        self._etag = ""
        self._stop = threading.Event()
        self._session = outgoing.session(connect=_TIMEOUT, read=_TIMEOUT)

    def start(self) -> None:
        """Load once, then revalidate in a daemon thread; a content service that is not up yet is tried again soon."""
        if self._base_url is None:
            return
        loaded = self.look()
        threading.Thread(target=self._keep, args=(loaded,), name="explanations", daemon=True).start()

    def stop(self) -> None:
        """End the background thread."""
        self._stop.set()

    def _keep(self, loaded: bool) -> None:
        while not self._stop.wait(self._refresh if loaded else min(1.0, self._refresh)):
            loaded = self.look() or loaded

    def look(self) -> bool:
        """Ask content for its snapshot; whether it answered with a usable or an unchanged one."""
        headers = {peers.HEADER: peers.sign(self._keys, "screening", "GET", "/snapshot")}
        if self._etag:
            headers["If-None-Match"] = self._etag
        try:
            response = self._session.get(f"{self._base_url}/snapshot", headers=headers)
            if response.status_code == requests.codes.not_modified:
                return True
            response.raise_for_status()
            self.current = _snapshot(response.json())
        except (requests.RequestException, ValueError, KeyError, TypeError, AttributeError) as error:
            _log.warning("content not available", error_type=type(error).__name__)
            return False
        self._etag = response.headers.get("ETag", "")
        _log.info("card texts loaded", version=self.current.version, count=len(self.current.texts))
        return True


def _snapshot(body: Any) -> Snapshot:
    """The snapshot in a response body.

    Raises:
        KeyError, TypeError, AttributeError: it does not have the agreed form.
    """
    texts = {
        slug: CardText(
            title=_text(entry["title"]),
            text=_text(entry["card_text"]),
            evidence_grade=_text(entry["evidence_grade"]),
            checker=_text(entry["checker"]),
        )
        for slug, entry in body["explanations"].items()
    }
    return Snapshot(_text(body["version"]), texts)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value
