"""Codes as tokens of a FHIR search: escaped, then encoded."""

import re
from typing import Final
from urllib.parse import quote

LONGEST_TOKEN: Final = 300
"""Characters. A longer code of a site is refused: few of them would fill a search."""

_SEPARATOR: Final = re.compile(r"[\\,$|]")


def token(system: str, code: str) -> str:
    """`system|code` as it stands in a search.

    Raises:
        UnicodeEncodeError: a part holds half of a surrogate pair, which no URL can carry.
    """
    return f"{_part(system)}|{_part(code)}"


def _part(text: str) -> str:
    """A system or code: FHIR's separators escaped, then what URLs cannot carry encoded."""
    return quote(_SEPARATOR.sub(r"\\\g<0>", text), safe=":/.-_~")
