"""`python -m tryout doctor`: what the running service says of the data that EHRs send, as text."""

import sys
from dataclasses import dataclass
from pathlib import Path

from tryout import operators, terminal
from tryout.exits import Exit


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
    asked = {"client": options.client} if options.client else {}
    try:
        print(operators.page(options.url, "/prefetch-doctor", asked, options.token_file), end="", flush=True)
    except operators.NoPage as error:
        print(terminal.line(error), file=sys.stderr)
        return error.code
    return Exit.FINE
