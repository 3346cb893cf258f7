"""`python -m tryout report`: what the running service says of how cards are answered, as text or CSV."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tryout import operators, terminal
from tryout.exits import Exit


@dataclass(frozen=True)
class Options:
    """What the user asked for.

    Attributes:
        url: base URL of the gateway.
        asked: parameters of the page: client, module, from, to; what is empty is left out.
        csv: as CSV.
        token_file: holds the operators' token; None in a try-out, where this machine needs none.
    """

    url: str
    asked: Mapping[str, str]
    csv: bool = False
    token_file: Path | None = None


def run(options: Options) -> int:
    """Print the page; the exit code."""
    asked = {name: value for name, value in options.asked.items() if value}
    path, media = ("/report.csv", "text/csv") if options.csv else ("/report", "text/plain")
    try:
        print(operators.page(options.url, path, asked, options.token_file, media), end="", flush=True)
    except operators.NoPage as error:
        print(terminal.line(error), file=sys.stderr)
        return error.code
    return Exit.FINE
