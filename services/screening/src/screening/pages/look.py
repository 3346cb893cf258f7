"""How our pages look: one frame and one style for all, headers to match, and nothing on them runs.

The style sheet is that of the explanations, through the same public door. Everything put into a page is escaped,
unless it is Markup of ours.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from flask import request
from markupsafe import Markup

HTML: Final = "text/html"
JSON: Final = "application/json"
TEXT: Final = "text/plain"

GUARD: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none';"
        " frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Vary": "Accept",
}
"""The headers of a page for operators."""

_PAGE: Final = Markup("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{title} · Dystonia CDS</title>
<link rel="stylesheet" href="{up}explanations-assets/site.css">
</head>
<body>
<main id="main">
<h1>{title}</h1>
{body}
</main>
</body>
</html>
""")
_TABLE: Final = Markup(
    '<div class="table"><table{}>\n<thead><tr>{}</tr></thead>\n<tbody>\n{}\n</tbody>\n</table></div>'
)
_CLASS: Final = Markup(' class="{}"')
_HEAD: Final = Markup('<th scope="col">{}</th>')
_ROW: Final = Markup('<tr><th scope="row">{}</th>{}</tr>')
_CELL: Final = Markup("<td>{}</td>")
_LABELED_CELL: Final = Markup('<td data-head="{}">{}</td>')
LINES: Final = Markup("\n")
"""Joins the parts of a page."""


def page(title: str, body: Markup, depth: int = 0) -> str:
    """A whole page.

    Args:
        title: plain text.
        body: what stands below the title.
        depth: how many segments the page's address has after the first: links of ours are relative.
    """
    return _PAGE.format(title=title, body=body, up="../" * depth)


def table(
    heads: Sequence[str], rows: Iterable[Sequence[str | Markup]], *, narrow: bool = False, stacks: bool = False
) -> Markup:
    """A table that scrolls by itself where it is too wide; the first cell of a row is its head.

    `narrow`: it has many columns, mostly of numbers, which need no more width than these. `stacks`: it is mostly text,
    and where there is no room for its columns, the cells of a row stand one below the other with the column's head.
    """
    head = Markup("").join(_HEAD.format(one) for one in heads)
    body = LINES.join(
        _ROW.format(
            row[0],
            Markup("").join(
                _LABELED_CELL.format(label, cell) if stacks else _CELL.format(cell)
                for label, cell in zip(heads[1:], row[1:], strict=True)
            ),
        )
        for row in rows
    )
    kind = "narrow" if narrow else "stacks" if stacks else ""
    return _TABLE.format(_CLASS.format(kind) if kind else "", head, body)


def preferred(*forms: str) -> str:
    """The form that this request likes best; the first one where it likes several alike."""
    liked = request.accept_mimetypes
    return max(forms, key=lambda form: (liked[form], form == forms[0]))


def content_type(form: str) -> str:
    """The Content-Type header of a form."""
    return JSON if form == JSON else f"{form}; charset=utf-8"
