"""The frame of the gateway's own pages, in the looks of the others: their style sheet comes through the same door."""

from typing import Final

from flask import Response, g, request
from markupsafe import Markup

_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'self';"
        " frame-ancestors 'none'"
    ),
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""A form tells us its origin only where there may be a referrer."""
_PAGE: Final = Markup("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>{title} · Dystonia CDS</title>
<link rel="stylesheet" href="{up}explanations-assets/site.css">
<link rel="icon" href="{up}explanations-assets/icon.svg" type="image/svg+xml">
</head>
<body>
<a class="skip" href="#main">Skip to content</a>
<header class="site">
<a class="name" href="{up}explanations">Dystonia CDS</a>
<nav aria-label="Pages">{navigation}</nav>
</header>
<main id="main" tabindex="-1">
<h1>{title}</h1>
{body}
</main>
<footer class="site">
<p>Dystonia CDS screens for treatable causes of dystonia. It supports a clinician's decision and makes none. All
clinical content awaits clinical sign-off.</p>
</footer>
</body>
</html>
""")
_LINK: Final = Markup('<a href="{}{}">{}</a>')
_PUBLIC: Final = {"thresholds": "Thresholds", "explanations": "Explanations"}
_OPERATORS: Final = {"trace": "Trace", "report": "Report", "prefetch-doctor": "Prefetch doctor", "studio": "Studio"}


def page(title: str, body: Markup, *, status: int = 200, depth: int = 0) -> Response:
    """A whole page; it leads an operator (`g.operator`) to the pages for operators, in a try-out (`g.workbench`) to the
    workbench.

    Args:
        title: plain text.
        body: what stands below the title.
        status: of the answer.
        depth: how many segments the page's address has after the first: links of ours are relative.
    """
    up = "../" * depth
    names = {
        **({"": "Workbench"} if g.get("workbench") else {}),
        **(_OPERATORS if g.get("operator") else {}),
        **_PUBLIC,
    }
    navigation = Markup(" ").join(_LINK.format(up or "./", name, words) for name, words in names.items())
    text = _PAGE.format(title=title, body=body, up=up, navigation=navigation)
    return Response(text, status=status, headers=_HEADERS, content_type="text/html; charset=utf-8")


def wanted() -> bool:
    """Whether the request at hand likes a page better than JSON, as browsers do."""
    liked = request.accept_mimetypes
    return liked["text/html"] > max(liked["application/json"], liked["application/fhir+json"])
