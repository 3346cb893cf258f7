"""`python -m tryout doctor`: what the running service says of the data that EHRs send, as text."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import requests

from chassis import outgoing
from tryout import terminal
from tryout.demo import Exit

_LONGEST: Final = 10_000_000
"""Characters of an answer that are printed."""


@dataclass(frozen=True)
class Options:
    """What the user asked for.

    Attributes:
        url: base URL of the gateway.
        client: only this client; empty for all.
        token_file: holds the operators' token; None in a try-out, where this machine needs none.
    """

    url: str
    client: str = ""
    token_file: Path | None = None


def run(options: Options) -> int:
    """Print the page; the exit code."""
    headers = {"Accept": "text/plain"}
    if options.token_file is not None:
        try:
            lines = options.token_file.read_text(encoding="utf-8").split()
        except (OSError, UnicodeDecodeError):
            return _tell(f"{options.token_file}: the operators' token cannot be read", Exit.USAGE)
        headers["Authorization"] = f"Bearer {lines[0] if lines else ''}"
    session = outgoing.session(connect=3, read=30, headers=headers)
    address = f"{options.url}/prefetch-doctor"
    try:
        answer = session.get(address, params={"client": options.client} if options.client else {})
    except (requests.RequestException, ValueError):
        return _tell(f"The gateway is not reachable at {options.url}; start it: make run", Exit.UNREACHABLE)
    if answer.status_code != requests.codes.ok:
        return _tell(f"{address} answers {answer.status_code}: {_words(answer)}", Exit.REFUSED)
    answer.encoding = "utf-8"
    print(terminal.clean(answer.text[:_LONGEST]), end="", flush=True)
    return Exit.FINE


def _words(answer: requests.Response) -> str:
    """What an OperationOutcome says."""
    try:
        return str(answer.json()["issue"][0]["details"]["text"])
    except (ValueError, KeyError, IndexError, TypeError):
        return "no reason given; is it our gateway?"


def _tell(words: str, code: Exit) -> int:
    print(terminal.line(words), file=sys.stderr)
    return code
