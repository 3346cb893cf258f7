"""Markdown to HTML: CommonMark and tables, raw HTML off, headings with anchors that stay the same."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from markdown_it import MarkdownIt
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from markupsafe import Markup, escape

CITATION: Final = re.compile(r"\[@([a-z0-9-]+)\]")
"""How a text cites: `[@key]`."""

BANDS: Final = "{bands}"
"""The line that stands where a page shows the bands of its laboratory results."""

_ANCHOR: Final = re.compile(r"[ ]*\{#([a-z0-9]+(?:-[a-z0-9]+)*)\}[ ]*$", re.MULTILINE)
"""How a heading names its anchor itself: `## Die Tests {#the-tests}`."""

_md: Final = MarkdownIt("commonmark", {"html": False}).enable("table")
_md_seeing_html: Final = MarkdownIt("commonmark", {"html": True}).enable("table")


@dataclass(frozen=True)
class Heading:
    """A heading of level 2, for the table of contents."""

    anchor: str
    text: str


@dataclass(frozen=True)
class Rendered:
    """HTML that is safe to put on a page, and its headings of level 2.

    Attributes:
        html: the whole text, or what stands before the section that was asked to be boxed.
        boxed: that section with its heading; empty without one.
    """

    html: Markup
    headings: tuple[Heading, ...]
    boxed: Markup


@dataclass(frozen=True)
class Section:
    """What a heading stands over, up to the next one: to compare a translation with its original.

    Attributes:
        anchor: of the heading; empty for what stands before the first one.
        level: of the heading; 0 before the first one.
        items: how many list items there are.
        rows: how many rows of tables.
    """

    anchor: str
    level: int
    items: int
    rows: int


def anchor_of(text: str, taken: Iterable[str] = ()) -> str:
    """The anchor of a heading: its words in lower case, joined by hyphens; a number tells equal headings apart."""
    stem = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "section"
    used = set(taken)
    number, anchor = 1, stem
    while anchor in used:
        number += 1
        anchor = f"{stem}-{number}"
    return anchor


def to_html(markdown: str, *, box: str = "", link: Callable[[str], str] = str, table: str = "Table") -> Rendered:
    """Render Markdown whose citations are already links or numbers.

    Args:
        markdown: the text.
        box: anchor of the last section, where it is wanted apart from the rest.
        link: what a link to a page of ours becomes.
        table: the word before the name of a table, for screen readers.
    """
    tokens = _md.parse(markdown)
    headings: list[Heading] = []
    anchors: list[str] = []
    tables: list[str] = []
    label, boxed_from = "", len(tokens)
    for position, token in enumerate(tokens):
        if token.type == "heading_open":
            label = _text(tokens[position + 1])
            anchors.append(str(token.meta.get("anchor") or anchor_of(label, anchors)))
            token.attrSet("id", anchors[-1])
            if token.tag == "h2":
                headings.append(Heading(anchors[-1], label))
                boxed_from = position if anchors[-1] == box else boxed_from
        elif token.type == "table_open":
            tables.append(label)
            number = tables.count(label)
            token.meta["label"] = f"{table}: {label or table}" + (f" ({number})" if number > 1 else "")
        elif token.type == "th_open":
            token.attrSet("scope", "col")
        elif token.type == "inline":
            for child in token.children or ():
                if child.type == "link_open":
                    _open_link(child, link)
    before, boxed = (
        Markup(_md.renderer.render(part, _md.options, {}))  # noqa: S704 - made by the renderer with raw HTML off
        for part in (tokens[:boxed_from], tokens[boxed_from:])
    )
    return Rendered(before, tuple(headings), boxed)


def _open_link(token: Token, link: Callable[[str], str]) -> None:
    target = str(token.attrGet("href"))
    if target.startswith("https://"):
        token.attrSet("rel", "noopener noreferrer")
    elif not target.startswith("#"):
        token.attrSet("href", link(target))


def to_html_inline(markdown: str) -> Markup:
    """Render one line of Markdown without a paragraph around it."""
    return Markup(_md.renderInline(markdown))  # noqa: S704 - made by the renderer with raw HTML off


def cite(markdown: str, link: Callable[[str], str]) -> str:
    """Replace every `[@key]` by what `link` makes of the key."""
    return CITATION.sub(lambda found: link(found[1]), markdown)


def cited(markdown: str) -> tuple[str, ...]:
    """The keys that a text cites, each once, in the order of first citation."""
    return tuple(dict.fromkeys(CITATION.findall(markdown)))


def has_raw_html(markdown: str) -> bool:
    """Whether a text holds HTML tags, which would be printed as text."""
    if "<" not in markdown:  # as in nearly all texts, which need not be parsed once more
        return False
    return any(token.type in ("html_block", "html_inline") for token in _flat(_md_seeing_html.parse(markdown)))


def is_one_paragraph(markdown: str) -> bool:
    """Whether a text is a single paragraph without links and images."""
    tokens = _read(markdown)
    blocks = [token.type for token in tokens]
    inline = {child.type for token in tokens for child in token.children or ()}
    return blocks == ["paragraph_open", "inline", "paragraph_close"] and not inline & {"link_open", "image"}


def headings(markdown: str) -> Sequence[tuple[int, str]]:
    """Level and text of every heading."""
    tokens = _read(markdown)
    return [(int(t.tag[1]), _text(tokens[i + 1])) for i, t in enumerate(tokens) if t.type == "heading_open"]


def outline(markdown: str) -> Sequence[Section]:
    """The sections of a text, in order, with what they hold."""
    found = [Section("", 0, 0, 0)]
    tokens = _read(markdown)
    for position, token in enumerate(tokens):
        last = found[-1]
        if token.type == "heading_open":
            taken = [section.anchor for section in found]
            anchor = str(token.meta.get("anchor") or anchor_of(_text(tokens[position + 1]), taken))
            found.append(Section(anchor, int(token.tag[1]), 0, 0))
        elif token.type == "list_item_open":
            found[-1] = replace(last, items=last.items + 1)
        elif token.type == "tr_open":
            found[-1] = replace(last, rows=last.rows + 1)
    return found


def without_anchors(markdown: str) -> str:
    """A text whose headings do not show the anchors that they name."""
    return "\n".join(_ANCHOR.sub("", line) if line.startswith("#") else line for line in markdown.split("\n"))


def links(markdown: str) -> Sequence[str]:
    """The targets of all links and images."""
    attribute = {"link_open": "href", "image": "src"}
    return [str(token.attrGet(attribute[token.type])) for token in _flat(_read(markdown)) if token.type in attribute]


def plain(markdown: str) -> Sequence[str]:
    """The words of a text without its marks: one string for each paragraph, list item, heading and table cell."""
    return [_text(token) for token in _read(markdown) if token.type == "inline"]


@lru_cache(maxsize=256)
def _read(markdown: str) -> tuple[Token, ...]:
    """The tokens of a text, to look at and not to change: the same text is looked at for several reasons."""
    return tuple(_md.parse(markdown))


def _flat(tokens: Iterable[Token]) -> Iterable[Token]:
    for token in tokens:
        yield token
        yield from token.children or ()


def _text(inline: Token) -> str:
    words = (" " if t.type in ("softbreak", "hardbreak") else t.content for t in inline.children or ())
    return "".join(words)


def _open_table(
    _renderer: object, tokens: Sequence[Token], position: int, _options: object, _env: Mapping[str, object]
) -> str:
    label = escape(tokens[position].meta["label"])
    return f'<div class="table" role="region" tabindex="0" aria-label="{label}">\n<table>\n'


def _close_table(
    _renderer: object, _tokens: Sequence[Token], _position: int, _options: object, _env: Mapping[str, object]
) -> str:
    return "</table>\n</div>\n"


def _name_anchors(state: StateCore) -> None:
    """Take the anchor that a heading names itself out of its words."""
    for heading, inline in zip(state.tokens, state.tokens[1:], strict=False):
        if heading.type != "heading_open" or not inline.children:
            continue
        last = inline.children[-1]
        named = _ANCHOR.search(last.content) if last.type == "text" else None
        if named is not None:
            heading.meta["anchor"] = named[1]
            last.content = last.content[: named.start()]


_md.core.ruler.push("anchors", _name_anchors)
_md.add_render_rule("table_open", _open_table)
_md.add_render_rule("table_close", _close_table)
