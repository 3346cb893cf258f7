"""Pages: what a reader gets, in each form, made from the library. No HTTP.

Every page of an explanation begins with `OPENING` and ends with the red flags and with who wrote it, who
checked it, when, and how sure it is; these parts are put there here, so no text can lack them.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from content import render
from content.frontmatter import PARTS
from content.library import SAFETY, STATEMENTS_HEADING, Explanation, Library, Reference

OPENING: Final = "This is information to support a clinician's decision. It is not a diagnosis."
HTML: Final = "text/html"
MARKDOWN: Final = "text/markdown"
JSON: Final = "application/json"

_templates: Final = Environment(
    loader=PackageLoader("content"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
)


@dataclass(frozen=True)
class Document:
    """A body ready to send.

    Attributes:
        media_type: without parameters.
        language: BCP 47 tag of the text.
        etag: strong entity tag, without quotes.
    """

    body: bytes
    media_type: str
    language: str
    etag: str


def document(text: str, media_type: str, language: str = "en") -> Document:
    """A document from its text."""
    body = text.encode()
    return Document(body, media_type, language, hashlib.sha256(body).hexdigest()[:32])


def path_of(slug: str) -> str:
    """Where the explanation of `slug` is served, below the public base URL."""
    return f"/explanations/{slug}"


def snapshot(library: Library) -> Document:
    """All card texts and their sign-off status as one JSON document, for the screening service."""
    explanations = {
        slug: {
            "title": page.title,
            "card_text": page.card_text,
            "evidence_grade": page.evidence_grade,
            "evidence_reason": page.evidence_reason,
            **_sign_off(page),
            "path": path_of(slug),
        }
        for slug, page in _for_clinicians(library).items()
    }
    return _json({"version": library.version, "explanations": explanations})


def index(library: Library, stylesheet: str, on: date) -> Mapping[str, Document]:
    """The list of all explanations, by media type."""
    pages = _for_clinicians(library)
    audiences = {slug: [a for s, a in sorted(library.explanations) if s == slug] for slug in pages}
    listing = [
        {"slug": slug, "title": page.title, "path": path_of(slug), "audiences": audiences[slug], **_sign_off(page)}
        for slug, page in pages.items()
    ]
    html = _page("index.html", stylesheet, "./", pages=list(pages.values()), library=library, on=on)
    return {HTML: html, JSON: _json({"version": library.version, "explanations": listing})}


def bibliography(library: Library, stylesheet: str) -> Mapping[str, Document]:
    """All references with the pages that cite them, by media type."""
    cited_by = {
        key: [page for page in _for_clinicians(library).values() if key in page.references]
        for key in library.references
    }
    references = sorted(library.references.values(), key=lambda one: ((one.authors or one.source).lower(), one.key))
    listing = [
        {
            **{part: value for part in ("key", *PARTS) if (value := getattr(one, part)) is not None},
            "confirmed": one.confirmed,
            "unconfirmed": list(one.unconfirmed),
            "seen": one.seen,
            "note": one.note,
            "cited_by": [page.slug for page in cited_by[one.key]],
        }
        for one in references
    ]
    html = _page("bibliography.html", stylesheet, "./", references=references, cited_by=cited_by)
    return {HTML: html, JSON: _json({"version": library.version, "references": listing})}


def explanation(library: Library, page: Explanation, stylesheet: str, contact: str, on: date) -> Mapping[str, Document]:
    """One explanation, by media type.

    Args:
        library: where `page` comes from.
        page: the explanation for one audience.
        stylesheet: file name of the stylesheet with its version, as in `site.css?v=1`.
        contact: whom a reader tells about a wrong card.
        on: the day for which it is said whether the review is overdue.
    """
    whole = _body(library, page)
    references = [library.references[key] for key in render.cited(whole)]
    numbers = {one.key: number for number, one in enumerate(references, start=1)}
    rendered = render.to_html(render.cite(whole, lambda key: f"[\\[{numbers[key]}\\]](#ref-{key})"))
    others = [audience for slug, audience in sorted(library.explanations) if slug == page.slug]
    html = _page(
        "explanation.html",
        stylesheet,
        "../",
        language=page.language,
        page=page,
        opening=OPENING,
        content=rendered.html,
        headings=rendered.headings,
        references=references,
        audiences=others,
        contact=contact,
        overdue=page.overdue(on),
        on=on,
    )
    markdown = "\n".join(
        [
            f"# {page.title}\n",
            f"{OPENING}\n",
            f"{_status(page, on)}\n",
            render.cite(whole, lambda key: f"[{numbers[key]}]"),
            *_references_in_markdown(references),
            "## About this page\n",
            *(f"- {name}: {value}" for name, value in about(page, on).items()),
            "- {}: {}".format(*report_line(page, contact)),
            "",
        ]
    )
    return {HTML: html, MARKDOWN: document(markdown, MARKDOWN, page.language)}


def error(status: int, words: str, stylesheet: str, depth: int) -> Document:
    """A refusal for a person: the same public words as in the OperationOutcome.

    Args:
        status: HTTP status.
        words: public words.
        stylesheet: as in `explanation`.
        depth: how many slashes the address has below the public base, to point back to the list.
    """
    return _page("error.html", stylesheet, "../" * depth or "./", status=status, words=words)


def about(page: Explanation, on: date) -> Mapping[str, str]:
    """What every page says of itself, in the order in which it is shown."""
    return {
        "Sign-off": _status(page, on),
        "Author": page.author,
        "Checker": page.checker,
        "Version": page.version,
        "Date of this version": page.written.isoformat(),
        "Last clinical review": page.reviewed.isoformat() if page.reviewed else "none yet",
        "Next review due by": page.review_by.isoformat(),
        "Evidence grade": page.evidence_grade,
        "Why this grade": page.evidence_reason,
    }


def report_line(page: Explanation, contact: str) -> tuple[str, str]:
    """How to report a wrong card: the question and what to do, for the audience of `page`."""
    if page.audience == "patient":
        return (
            "Is something wrong here?",
            f"Tell your clinician or {contact}. They can report a wrong card. Say which page you read and its version. "
            "Do not post facts about your health on the web pages of this project.",
        )
    return (
        "How to report a wrong card",
        "Answer the card with the override reason that fits, such as “Coded problem or result is wrong” (wrong-data). "
        f"Then tell {contact}: the clinical safety lead or the IT service, by the usual route of your site. "
        "Name the card's title, its time and the version of this page; send patient details only where your site "
        "allows it. The project's public issue tracker must never get patient data.",
    )


def _body(library: Library, page: Explanation) -> str:
    """The text of a page with the safety statements before the red flags."""
    if page.slug == SAFETY:
        return f"{page.body}\n{page.red_flags}"
    statements = f"## {STATEMENTS_HEADING[page.audience]}\n\n{library.statements[page.audience]}\n"
    return f"{page.body}\n{statements}\n{page.red_flags}"


def _status(page: Explanation, on: date) -> str:
    signed = f"Checked by {page.checker} on {page.reviewed}." if page.signed else "Awaiting clinical sign-off."
    return f"{signed} Past its review date: {page.review_by}." if page.overdue(on) else signed


def _sign_off(page: Explanation) -> dict[str, str | None]:
    return {
        "version": page.version,
        "reviewed": page.reviewed.isoformat() if page.reviewed else None,
        "review_by": page.review_by.isoformat(),
        "checker": page.checker,
    }


def _for_clinicians(library: Library) -> dict[str, Explanation]:
    return {slug: library.explanations[slug, "clinician"] for slug in library.slugs}


def _references_in_markdown(references: Sequence[Reference]) -> list[str]:
    if not references:
        return []
    lines = [f"{number}. {citation(one)}" for number, one in enumerate(references, start=1)]
    return ["## References\n", *lines, ""]


def citation(reference: Reference) -> str:
    """A reference as plain text; parts that are not confirmed say so."""
    parts = []
    for name in PARTS:
        value = getattr(reference, name)
        if value is not None:
            text = {"doi": f"doi:{value}", "pmid": f"PMID {value}"}.get(name, str(value))
            parts.append(f"{text} (unconfirmed)" if name in reference.unconfirmed else text)
    if reference.note:
        parts.append(f"Note: {reference.note}")
    return " ".join(text if text.endswith(".") else f"{text}." for text in parts)


def _json(value: Mapping[str, Any]) -> Document:
    return document(json.dumps(value, ensure_ascii=False, sort_keys=True, indent=1) + "\n", JSON)


def _page(template: str, stylesheet: str, root: str, language: str = "en", **values: Any) -> Document:
    text = _templates.get_template(template).render(
        stylesheet=stylesheet, root=root, language=language, parts=PARTS, **values
    )
    return document(text, HTML, language)


_templates.globals.update(about=about, report_line=report_line)
_templates.filters["inline"] = render.to_html_inline
