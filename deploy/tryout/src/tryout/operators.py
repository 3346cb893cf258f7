"""The running service's pages for operators, as plain text."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import requests

from chassis import outgoing
from tryout import terminal
from tryout.exits import Exit

_LONGEST: Final = 10_000_000
"""Characters of an answer that are printed."""


class NoPage(Exception):
    """The page cannot be shown; one line for the user, and the exit code."""

    def __init__(self, words: str, code: Exit) -> None:
        super().__init__(words)
        self.code = code


def page(url: str, path: str, params: Mapping[str, str], token_file: Path | None, media: str = "text/plain") -> str:
    """A page, without what could steer a terminal.

    Args:
        url: base URL of the gateway.
        path: of the page.
        params: of its query.
        token_file: holds the operators' token; None in a try-out, where this machine needs none.
        media: the form of the page that is asked for.

    Raises:
        NoPage: the token cannot be read, the gateway cannot be reached, or it refuses.
    """
    headers = {"Accept": media}
    if token_file is not None:
        try:
            lines = token_file.read_text(encoding="utf-8").split()
        except (OSError, UnicodeDecodeError):
            raise NoPage(f"{token_file}: the operators' token cannot be read", Exit.USAGE) from None
        headers["Authorization"] = f"Bearer {lines[0] if lines else ''}"
    session = outgoing.session(connect=3, read=30, headers=headers)
    address = f"{url}{path}"
    try:
        answer = session.get(address, params=dict(params))
    except (requests.RequestException, ValueError):
        raise NoPage(f"The gateway is not reachable at {url}; start it: make run", Exit.UNREACHABLE) from None
    if answer.status_code != requests.codes.ok:
        raise NoPage(f"{address} answers {answer.status_code}: {_words(answer)}", Exit.REFUSED)
    answer.encoding = "utf-8"
    return terminal.clean(answer.text[:_LONGEST])


def _words(answer: requests.Response) -> str:
    """What an OperationOutcome says."""
    try:
        return str(answer.json()["issue"][0]["details"]["text"])
    except (ValueError, KeyError, IndexError, TypeError):
        return "no reason given; is it our gateway?"
