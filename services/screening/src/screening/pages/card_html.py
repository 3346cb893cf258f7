"""A CDS Hooks card as an EHR shows it: for the studio, and for the workbench where no script runs.

Everything on a card is escaped; `detail` is GitHub Flavored Markdown, of which raw HTML and images stay text. The
script of the workbench makes the same elements and classes, so that one style sheet (`cards.css`) serves both.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from markdown_it import MarkdownIt
from markupsafe import Markup

Card = Mapping[str, Any]
INDICATORS: Final = {"info": "Information", "warning": "Warning", "critical": "Critical"}
"""How an indicator is called on the card: never told by color alone."""

_md: Final = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"]).disable("image")
_CARD: Final = Markup("""<article class="card" data-indicator="{indicator}">
<header><span class="indicator">{word}</span><h{level}>{summary}</h{level}></header>
{parts}
</article>""")
_DETAIL: Final = Markup('<div class="detail">\n{}</div>')
_SUGGESTIONS: Final = Markup('<ul class="suggestions">\n{}\n</ul>')
_SUGGESTION: Final = Markup('<li><span class="suggestion">{}</span></li>')
_OVERRIDES: Final = Markup('<div class="overrides"><p>Reasons not to follow it</p><ul>\n{}\n</ul></div>')
_ITEM: Final = Markup("<li>{}</li>")
_LINKS: Final = Markup('<ul class="links">\n{}\n</ul>')
_LINK: Final = Markup('<a href="{}" rel="noopener noreferrer">{}</a>')
_SOURCE: Final = Markup('<footer class="source">Source: {}</footer>')
_LINES: Final = Markup("\n")


def card(card: Card, *, level: int = 3, overrides: bool = True) -> Markup:
    """A card as HTML.

    Args:
        card: as in the answer of a CDS service.
        level: of the heading that holds the summary.
        overrides: whether the reasons not to follow it are listed.
    """
    indicator = card["indicator"] if card.get("indicator") in INDICATORS else "info"
    parts = [
        detail(card.get("detail", "")),
        _listed(_SUGGESTIONS, (_SUGGESTION.format(one["label"]) for one in card.get("suggestions", ()))),
        _listed(_OVERRIDES, (_ITEM.format(one["display"]) for one in card.get("overrideReasons", ()) if overrides)),
        _listed(_LINKS, (_ITEM.format(_link(one["url"], one["label"])) for one in card.get("links", ()))),
        _SOURCE.format(_link(card["source"].get("url", ""), card["source"]["label"])),
    ]
    return _CARD.format(
        indicator=indicator,
        word=INDICATORS[indicator],
        level=level,
        summary=card["summary"],
        parts=_LINES.join(part for part in parts if part),
    )


def cards(several: Sequence[Card], *, level: int = 3) -> Markup:
    """Cards, one below the other."""
    return _LINES.join(card(one, level=level) for one in several)


@lru_cache(maxsize=1024)
def detail(markdown: str) -> Markup:
    """The text of a card as HTML; nothing for an empty one."""
    if not markdown:
        return Markup("")
    return _DETAIL.format(Markup(_md.render(markdown)))  # noqa: S704 - made by the renderer with raw HTML off


def _listed(around: Markup, items: Iterable[Markup]) -> Markup:
    made = _LINES.join(items)
    return around.format(made) if made else Markup("")


def _link(url: str, label: str) -> Markup:
    """A link where the address is one of the web, else the label alone."""
    return _LINK.format(url, label) if url.startswith(("https://", "http://")) else Markup("{}").format(label)
