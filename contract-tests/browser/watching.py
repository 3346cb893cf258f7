"""What a page must not do while a test looks at it: complain, fail, ask elsewhere, or open a box."""

from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

TELLS_VIOLATIONS: Final = """
document.addEventListener("securitypolicyviolation", (event) => {
  console.error(`security policy: ${event.violatedDirective} refused ${event.blockedURI} ${event.sample}`);
});
"""
"""Runs before every page: the browser's own words on a violation may go to a worker's or a frame's console."""

_LEFT: Final = "net::ERR_ABORTED"
"""The page was left before the answer had come."""

_OWN_SCHEMES: Final = frozenset({"about", "blob", "data"})


class Watch:
    """Everything wrong that happened in one browser context.

    Attributes:
        faults: in words, in the order in which they happened.
        visited: the addresses of pages that were opened, without origin and fragment.
        asked: every address that was asked for.
    """

    def __init__(self, origin: str) -> None:
        self.faults: list[str] = []
        self.visited: set[str] = set()
        self.asked: list[str] = []
        self._origin = origin
        self._statuses: set[int] = set()
        self._words: list[str] = []

    def expect(self, *statuses: int, words: str = "") -> None:
        """Answers with these statuses are what the test is about; so are messages on the console with these words."""
        self._statuses |= set(statuses)
        self._words += [f"status of {status}" for status in statuses]
        self._words += [words] if words else []

    def follow(self, context: Any) -> None:
        """Watch all pages of this context of Playwright's."""
        context.add_init_script(TELLS_VIOLATIONS)
        heard: dict[str, Callable[[Any], None]] = {
            "request": self._requested,
            "requestfailed": self._failed,
            "response": self._answered,
            "console": self._said,
            "weberror": lambda error: self.faults.append(f"error in a script: {error.error}"),
            "dialog": self._opened,
        }
        for event, what in heard.items():
            context.on(event, what)

    def _requested(self, request: Any) -> None:
        self.asked.append(request.url)
        parts = urlsplit(request.url)
        if parts.scheme not in _OWN_SCHEMES and f"{parts.scheme}://{parts.netloc}" != self._origin:
            self.faults.append(f"asked elsewhere: {request.url[:200]}")
        if request.is_navigation_request() and parts.scheme not in _OWN_SCHEMES:
            self.visited.add(parts._replace(scheme="", netloc="", fragment="").geturl())

    def _failed(self, request: Any) -> None:
        if request.failure == _LEFT:
            return
        self.faults.append(f"failed: {request.method} {request.url[:200]}: {request.failure}")

    def _answered(self, response: Any) -> None:
        if response.status >= 400 and response.status not in self._statuses:
            self.faults.append(f"answered with {response.status}: {response.request.method} {response.url[:200]}")

    def _said(self, message: Any) -> None:
        if message.type in ("error", "warning") and not any(words in message.text for words in self._words):
            self.faults.append(f"{message.type} on the console: {message.text[:400]}")

    def _opened(self, dialog: Any) -> None:
        self.faults.append(f"opened a box: {dialog.type} {dialog.message[:100]!r}")
        dialog.dismiss()
