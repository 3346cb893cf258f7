"""How our pages look: one frame and one style for all, and headers to match. Nothing runs on them but in the workbench.

The style sheet is that of the explanations, through the same public door. Everything put into a page is escaped,
unless it is Markup of ours.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from flask import current_app, g, has_app_context, has_request_context, request
from markupsafe import Markup

from screening.pages import assets

HTML: Final = "text/html"
JSON: Final = "application/json"
TEXT: Final = "text/plain"

_ONLY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self'{}; base-uri 'none'; form-action 'self';{}"
    " frame-ancestors 'none'"
)
GUARD: Final = {
    "Content-Security-Policy": _ONLY.format("", ""),
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Vary": "Accept",
}
"""The headers of a page on which nothing runs. Its forms lead to this service, and are told from strange ones by the
origin that the browser names: without a referrer it would name none."""

RUNNING: Final = {
    **GUARD,
    "Content-Security-Policy": _ONLY.format(" data:", " script-src 'self'; connect-src 'self';"),
}
"""The headers of a page with scripts of ours: the workbench alone."""

TRY_OUT: Final = "TRY_OUT"
"""The key of the app's configuration that says whether this is a try-out, with a workbench and without a sign-in."""

WORKBENCH: Final = "workbench"
TRACE: Final = "trace"
REPORT: Final = "report"
DOCTOR: Final = "prefetch-doctor"
STUDIO: Final = "studio"
THRESHOLDS: Final = "thresholds"
EXPLANATIONS: Final = "explanations"
_TITLES: Final[Mapping[str, str]] = {
    WORKBENCH: "Workbench",
    TRACE: "Trace",
    REPORT: "Report",
    DOCTOR: "Prefetch doctor",
    STUDIO: "Studio",
    THRESHOLDS: "Thresholds",
    EXPLANATIONS: "Explanations",
}
"""The navigation in its order: what `current` of a page may be -> its name. The workbench is in a try-out only."""
_OPERATORS: Final = frozenset({TRACE, REPORT, DOCTOR, STUDIO})

_PAGE: Final = Markup("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>{named} · Dystonia CDS</title>
<link rel="stylesheet" href="{up}explanations-assets/site.css">
{styles}<link rel="icon" href="{up}explanations-assets/icon.svg" type="image/svg+xml">
{scripts}</head>
<body>
<a class="skip" href="#main">Skip to content</a>
<header class="site">
<a class="name" href="{home}">Dystonia CDS</a>
<nav aria-label="Pages">{navigation}</nav>{sign_out}
</header>
<main id="main" tabindex="-1">
<h1>{title}</h1>
{body}
</main>
<footer class="site">
<p>Dystonia CDS screens for treatable causes of dystonia. It supports a clinician's decision and makes none. All
clinical content awaits clinical sign-off.</p>
<p>{about}<a href="{up}cds-services">Discovery</a> · <a href="{up}fhir">Rules as FHIR</a> ·
<a href="{up}openapi.json">Addresses</a> · <a href="{up}bibliography">Bibliography</a> ·
<a href="{up}readyz">Readiness</a> · <a href="{up}version">Version</a></p>
</footer>
</body>
</html>
""")
_STYLE: Final = Markup('<link rel="stylesheet" href="{}">\n')
_SCRIPT: Final = Markup('<script type="module" src="{}"></script>\n')
_NAVIGATION: Final = Markup('<a href="{}"{}>{}</a>')
_HERE: Final = Markup(' aria-current="page"')
_SIGN_OUT: Final = Markup(
    '\n<form class="sign-out" method="post" action="{}sign-out"><button type="submit">Sign out</button></form>'
)
_TRY_OUT: Final = Markup("<strong>Try-out: synthetic patients only.</strong> ")
_TABLE: Final = Markup(
    '<div class="table" role="group" tabindex="0" aria-label="Table: {}"><table{}>\n<thead><tr>{}</tr></thead>\n'
    "<tbody>\n{}\n</tbody>\n</table></div>"
)
_CLASS: Final = Markup(' class="{}"')
_HEAD: Final = Markup('<th scope="col">{}</th>')
_ROW: Final = Markup('<tr><th scope="row">{}</th>{}</tr>')
_CELL: Final = Markup("<td>{}</td>")
_MOMENT: Final = Markup('<time datetime="{}">{}</time>')
_LABELED_CELL: Final = Markup('<td data-head="{}">{}</td>')
LINES: Final = Markup("\n")
"""Joins the parts of a page."""


def page(
    title: str,
    body: Markup,
    depth: int = 0,
    *,
    scripts: Sequence[str] = (),
    styles: Sequence[str] = (),
    current: str = "",
    named: str = "",
) -> str:
    """A whole page: the frame that all pages share, and `body` in it.

    Args:
        title: plain text.
        body: what stands below the title.
        depth: how many segments the page's address has after the first: links of ours are relative.
        scripts: modules to run, names of files in `pages/assets/`; such a page goes out with the headers `RUNNING`.
        styles: style sheets besides that of the site, names of files in `pages/assets/`.
        current: the page of the navigation that this is or belongs to.
        named: what the browser calls the page, where its title alone would not tell it from others.
    """
    up = "../" * depth
    return _PAGE.format(
        title=title,
        named=named or title,
        body=body,
        up=up,
        home=up or "./" if _is_try_out() else f"{up}{EXPLANATIONS}",
        styles=Markup("").join(_STYLE.format(assets.address(name, depth)) for name in styles),
        scripts=Markup("").join(_SCRIPT.format(assets.address(name, depth)) for name in scripts),
        navigation=_navigation(up, current),
        sign_out=Markup("") if _is_try_out() or not _for_operator() else _SIGN_OUT.format(up),
        about=_TRY_OUT if _is_try_out() else Markup(""),
    )


def _navigation(up: str, current: str) -> Markup:
    names = [
        name for name in _TITLES if (name != WORKBENCH or _is_try_out()) and (name not in _OPERATORS or _for_operator())
    ]
    links = (
        _NAVIGATION.format(
            (up or "./") if name == WORKBENCH else f"{up}{name}", _HERE if name == current else "", _TITLES[name]
        )
        for name in names
    )
    return Markup(" ").join(links)


def _is_try_out() -> bool:
    return has_app_context() and bool(current_app.config.get(TRY_OUT, False))


def _for_operator() -> bool:
    """Whether the gateway says that whoever reads this page may see those for operators; a page made without a request
    is for nobody in particular."""
    if not has_request_context():
        return False
    caller = g.get("claims", {}).get("caller")
    return _is_try_out() or (isinstance(caller, dict) and caller.get("operator") is True)


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
    return _TABLE.format(", ".join(heads), _CLASS.format(kind) if kind else "", head, body)


def moment(at: str) -> Markup:
    """A moment in UTC, such as 2026-11-23T08:09:00Z, as one reads it; the page says that it is UTC."""
    return _MOMENT.format(at, at.removesuffix("Z").replace("T", " "))


def preferred(*forms: str) -> str:
    """The form that this request likes best; the first one where it likes several alike."""
    liked = request.accept_mimetypes
    return max(forms, key=lambda form: (liked[form], form == forms[0]))


def content_type(form: str) -> str:
    """The Content-Type header of a form."""
    return JSON if form == JSON else f"{form}; charset=utf-8"
