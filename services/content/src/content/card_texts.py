"""Writes what the service answers to `GET /snapshot` into a file: `python -m content.card_texts FILE`."""

import sys
from collections.abc import Sequence
from pathlib import Path

from content import library, pages


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line; returns the exit code."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    if len(given) != 1:
        sys.stderr.write("Which file? python -m content.card_texts FILE\n")
        return 2
    file = Path(given[0])
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(pages.snapshot(library.load()).body)
    return 0


if __name__ == "__main__":
    sys.exit(main())
