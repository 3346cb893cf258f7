"""Text for GitHub Flavored Markdown: everything that came from FHIR is escaped, our own words are not.

Some clients render raw HTML without a sanitizer, so `<` and `&` never pass; what Markdown would read as structure
loses its meaning; line breaks become spaces.
"""

import re
from typing import Final

_INLINE: Final = re.compile(r"([\\`*_{}\[\]|~])")
_AT_START: Final = re.compile(r"^([#+=>-]|\d+[.)])")
_SPACE: Final = re.compile(r"[\s\x00-\x1f\x7f\u2028\u2029]+")
_AUTOLINK: Final = re.compile(r"(?i)\b(https?|ftp|mailto|www)(?=[:.])")
LONGEST: Final = 200


def escaped(text: str) -> str:
    """Foreign text, cut to a sensible length, that renders as exactly these characters."""
    text = _SPACE.sub(" ", text).strip()
    if len(text) > LONGEST:
        text = text[: LONGEST - 1] + "…"
    text = text.replace("&", "&amp;").replace("<", "&lt;")
    text = _AT_START.sub(lambda match: f"{match[1][:-1]}\\{match[1][-1]}", _INLINE.sub(r"\\\1", text))
    # A zero-width joiner keeps clients from turning foreign text into links.
    return _AUTOLINK.sub("\\1\u200d", text).replace("@", "&#64;")
