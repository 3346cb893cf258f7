"""The studio as one file for a review board: nothing is loaded from anywhere, nothing runs, and it prints well."""

import base64
import hashlib
from datetime import date
from typing import Final

from markupsafe import Markup

from screening.pages import assets, studio_html
from screening.pages.look import LINES
from screening.pages.studio_query import NOTHING
from screening.pages.studio_shown import Studio, View

_SHEETS: Final = ("cards.css", "studio.css")
_OWN: Final = """
:root { color-scheme: light dark; --ink: #17252b; --soft: #4a5b62; --paper: #fff; --wash: #f2f6f7; --line: #c9d5d9;
  --accent: #0b5563; --warn-ink: #6b3a00; --warn: #fff3df; --warn-line: #d99a3d; --stop-ink: #8a1420; --stop: #fdeced;
  --good-ink: #1d5a2e; --good: #e8f5eb; }
@media screen and (prefers-color-scheme: dark) { :root { --ink: #e6eef0; --soft: #aebfc5; --paper: #11191c;
  --wash: #1a2529; --line: #3a4a50; --accent: #7fd0de; --warn-ink: #ffd79a; --warn: #33270f; --warn-line: #a97a2c;
  --stop-ink: #ffb3ba; --stop: #38181c; --good-ink: #a9e0b8; --good: #15301d; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 70rem; padding: 0 1.25rem 3rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; overflow-wrap: break-word; }
a { color: var(--accent); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
h1, h2, h3, h4, h5 { line-height: 1.25; }
code { background: var(--wash); padding: 0.1em 0.3em; border-radius: 0.2em; }
.badge { display: inline-block; padding: 0.15rem 0.7rem; border: 1px solid var(--warn-line); border-radius: 1rem;
  background: var(--warn); color: var(--warn-ink); font-weight: 600; }
.unconfirmed { color: var(--warn-ink); background: var(--warn); }
.note { color: var(--soft); }
.table { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: 0.35rem 0.6rem; border: 1px solid var(--line); }
@page { size: A4 landscape; margin: 11mm 12mm 13mm; @bottom-right { content: counter(page) " / " counter(pages); } }
@media print { html { font-size: 8pt; } body { max-width: none; padding: 0; line-height: 1.4; } a { color: inherit; }
  h2, h3, h4 { break-after: avoid; } .cover { break-after: page; }
  .specimen { margin: 0 0 1.5rem; } .specimen .pair { grid-template-columns: minmax(0, 1fr) minmax(0, 1fr); }
  .card, .card .suggestion, .card .overrides { font-size: 0.95rem; line-height: 1.35; } .facts { font-size: 0.9rem; }
  .facts > div { grid-template-columns: 7rem minmax(0, 1fr); padding: 0.1rem 0; } .sign td { height: 1.8rem; } }
"""
"""What the site's own style sheet gives to the pages, as far as it is needed here."""

_FILE: Final = Markup("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>All cards of dystonia-cds, rules {version}</title>
<link rel="icon" href="data:,">
<style>{style}</style>
</head>
<body>
<header class="cover">
<h1>All cards of dystonia-cds</h1>
<p>{status} <strong>Clinical rules {version}</strong>, {day}. {count} cards of {specimens} synthetic patients, made by
the rules and the renderer that serve calls, as of {as_of}. This is not a medical device.</p>
<p class="note">{settings}</p>
<p>For a review board: beneath each card there is a place for the judgment. The sentence above a card says which patient
gives it; the name of the specimen beside it stays the same from release to release.</p>
<h2>Limits</h2>
{limits}
<h2>{compared}</h2>
{changes}
<h2>Contents</h2>
{index}
</header>
<main>
{cards}
</main>
</body>
</html>
""")
_DETAILS: Final = Markup("<p>{}</p>\n{}{}")
_GONE: Final = Markup("<p>No more: {}.</p>")


def style() -> str:
    """The style sheet of the file."""
    return _OWN + "".join((assets.FOLDER / name).read_text("utf-8") for name in _SHEETS)


def policy() -> str:
    """The Content-Security-Policy of the file: its own style, named by its hash, and nothing else."""
    digest = base64.b64encode(hashlib.sha256(style().encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"


def html(studio: Studio, view: View, day: date) -> str:
    """The file; `day` is the one on which it is made."""
    return _FILE.format(
        policy=policy(),
        style=Markup(style()),  # noqa: S704 - files of ours
        status=studio_html.status_badge(),
        version=studio.rules_version,
        day=day.isoformat(),
        count=len(view.shown),
        specimens=len({one.specimen.id for one in view.shown}),
        as_of=studio_html.as_of(),
        settings=" ".join(studio.settings()),
        limits=studio_html.limits(view.shown),
        compared=compared(view),
        changes=changes(view),
        index=studio_html.index(view.shown),
        cards=studio_html.specimens(view, version=studio.rules_version, base=f"{studio.public_url}/", sign=True),
    )


def compared(view: View) -> str:
    """What the cards are compared with, as a heading."""
    if view.against == NOTHING:
        return "Changes"
    return f"Changes since {view.against}" if view.against[0].isdigit() else "What this site's settings change"


def changes(view: View) -> Markup:
    """How many cards changed, those that are no more, and the paragraphs that changed."""
    if view.against == NOTHING:
        return Markup("<p>{}</p>").format(
            "This is the first release: there is nothing to compare it with."
            if not view.query.against
            else "Nothing was chosen to compare with."
        )
    gone = _GONE.format(", ".join(view.removed)) if view.removed else Markup("")
    texts = studio_html.text_changes(view.text_changes) if view.against[0].isdigit() else Markup("")
    return _DETAILS.format(f"Cards: {studio_html.counted(view.changes)}.", gone, LINES + texts)
