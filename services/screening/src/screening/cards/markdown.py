"""Text for GitHub Flavored Markdown: everything that came from FHIR is escaped, our own words are not.

Some clients render raw HTML without a sanitizer, so `<` and `&` never pass; what Markdown would read as structure
loses its meaning; line breaks become spaces.
"""

import re
from typing import Final

_PLAIN: Final = re.compile(r"[A-Za-z][A-Za-z0-9,;()/%'?!-]*(?: [A-Za-z0-9,;()/%'?!-]+)*")
"""Words that nothing below would change, as most names are."""
_INLINE: Final = re.compile(r"([\\`*_{}\[\]|~])")
_AT_START: Final = re.compile(r"^([#+=>-]|\d+[.)](?=\s|$))")
_SPACE: Final = re.compile(r"[\s\x00-\x1f\x7f\u2028\u2029]+")
_INVISIBLE: Final = re.compile(r"[\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]")
"""Marks that turn the direction of writing or hide in a text."""
_AUTOLINK: Final = re.compile(r"(?i)(https?|ftp|mailto|xmpp|www)(?=[:.])|@")
_JOINER: Final = "\u200d"
"""Put behind a scheme or an at sign, it keeps clients from turning foreign text into a link."""
LONGEST: Final = 200


def escaped(text: str, longest: int | None = LONGEST) -> str:
    """Foreign text, cut to a sensible length, that renders as exactly these characters (invisible ones are left out).

    `longest` None is for sentences of ours into which a foreign name may have been put.
    """
    if _PLAIN.fullmatch(text) and (longest is None or len(text) <= longest):
        return text
    text = _SPACE.sub(" ", _INVISIBLE.sub("", text)).strip()
    if longest is not None and len(text) > longest:
        text = text[: longest - 1] + "…"
    text = text.replace("&", "&amp;").replace("<", "&lt;")
    text = _AT_START.sub(lambda match: f"{match[1][:-1]}\\{match[1][-1]}", _INLINE.sub(r"\\\1", text))
    return _AUTOLINK.sub(lambda match: match[0] + _JOINER, text)
