"""The card texts of the content service, held in memory and revalidated in the background, never in a call.

Content down: cards go out without the explanatory paragraph, with the link. What is loaded at start the workers that
are forked later share; each of them then keeps its texts fresh itself.
"""

import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import requests

from chassis import outgoing, peers
from chassis.logs import Log
from screening import metrics

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
    """All card texts of one content version.

    Attributes:
        version: of the content; empty when there is none.
        texts: by slug of the explanation.
        unconfirmed: by key of the bibliography, the parts of a source that were written from memory.
    """

    version: str = ""
    texts: Mapping[str, CardText] = field(default_factory=dict)
    unconfirmed: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class Explanations:
    """Keeps the latest snapshot. It is read without a lock: it is replaced whole."""

    def __init__(self, base_url: str | None, refresh: float, keys: peers.Keys) -> None:
        self._snapshot = Snapshot()
        self._base_url = base_url
        self._refresh = refresh
        self._keys = keys
        self._etag = ""
        self._due = time.monotonic() + refresh
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._kept_in = 0
        self._checked = 0.0

    def start(self) -> None:
        """Load once. No thread is begun: the process may be about to fork."""
        if self._base_url is not None:
            self.look()

    @property
    def current(self) -> Snapshot:
        """The latest snapshot, without waiting for one."""
        self.keep()
        return self._snapshot

    def keep(self) -> None:
        """Revalidate from now on in a thread of this process; a content service that is not up is tried again soon."""
        if self._kept_in == os.getpid() or self._base_url is None:
            return
        with self._lock:
            if self._kept_in != os.getpid():
                self._measure()
                threading.Thread(target=self._keep, name="explanations", daemon=True).start()
                self._kept_in = os.getpid()

    def stop(self) -> None:
        """End the background thread."""
        self._stop.set()

    def _keep(self) -> None:
        while not self._stop.wait(max(0.0, self._due - time.monotonic())):
            self.look()

    def look(self) -> bool:
        """Ask content for its snapshot; whether it answered with a usable or an unchanged one."""
        before = self._snapshot.version
        found = self._look()
        if found:
            self._checked = time.time()
        self._measure(before)
        soon = not found and not self._snapshot.texts
        self._due = time.monotonic() + (min(1.0, self._refresh) if soon else self._refresh)
        return found

    def _measure(self, before: str = "") -> None:
        metrics.switched(metrics.CONTENT, before, self._snapshot.version)
        metrics.CONTENT_CHECKED.set(self._checked)

    def _look(self) -> bool:
        headers = {peers.HEADER: peers.sign(self._keys, "screening", "GET", "/snapshot")}
        if self._etag:
            headers["If-None-Match"] = self._etag
        try:
            # Over a connection of its own: one from before the fork would be everybody's.
            with outgoing.session(connect=_TIMEOUT, read=_TIMEOUT) as session:
                response = session.get(f"{self._base_url}/snapshot", headers=headers)
            if response.status_code == requests.codes.not_modified:
                return True
            response.raise_for_status()
            self._snapshot = snapshot_of(response.json())
        except (requests.RequestException, ValueError, KeyError, TypeError, AttributeError) as error:
            _log.warning("content not available", error_type=type(error).__name__)
            return False
        self._etag = response.headers.get("ETag", "")
        _log.info("card texts loaded", version=self._snapshot.version, count=len(self._snapshot.texts))
        return True


def snapshot_of(body: Any) -> Snapshot:
    """The snapshot in the JSON that content answers with; a content service of before says nothing of references.

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
    references = body.get("references", {}).items()
    unconfirmed = {key: tuple(_text(part) for part in entry["unconfirmed"]) for key, entry in references}
    return Snapshot(_text(body["version"]), texts, unconfirmed)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("not a text")
    return value
