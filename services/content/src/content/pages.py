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
from markupsafe import Markup

from content import bands, render
from content.frontmatter import AUDIENCES, PARTS
from content.languages import ORIGINAL, WORDS
from content.library import RED_FLAGS_HEADING, SAFETY, STATEMENTS_HEADING, Explanation, Library, Reference
from content.settings import DEFAULT_REPORT_CONTACT

OPENING: Final = WORDS[ORIGINAL].opening
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
    """All card texts, their sign-off status, what is unconfirmed of each source: one JSON document for screening."""
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
    references = {key: {"unconfirmed": list(one.unconfirmed)} for key, one in library.references.items()}
    return _json({"version": library.version, "explanations": explanations, "references": references})


def index(
    library: Library, stylesheet: str, on: date, *, language: str = ORIGINAL, missed: str = ""
) -> Mapping[str, Document]:
    """The list of all explanations, by media type: in a language of translations, of what there is in it.

    Args:
        library: what is listed.
        stylesheet: as in `explanation`.
        on: as in `explanation`.
        language: of the page; the JSON is the same in all of them.
        missed: as in `explanation`.
    """
    pages = _for_clinicians(library)
    audiences = {slug: [a for s, a in sorted(library.explanations) if s == slug] for slug in pages}
    listing = [
        {
            "slug": slug,
            "title": page.title,
            "path": path_of(slug),
            "audiences": audiences[slug],
            "languages": {audience: list(library.languages(slug, audience)) for audience in audiences[slug]},
            **_sign_off(page),
        }
        for slug, page in pages.items()
    ]
    html = _page(
        "index.html" if language == ORIGINAL else "index_translated.html",
        stylesheet,
        "./",
        language=language,
        addresses={one: f"explanations?lang={one}" for one in languages_of(library)},
        pages=list(pages.values()) if language == ORIGINAL else _translated(library, language),
        library=library,
        notes=[(missed, WORDS[missed].only_original)] if missed else [],
        on=on,
    )
    return {HTML: html, JSON: _json({"version": library.version, "explanations": listing})}


def languages_of(library: Library) -> tuple[str, ...]:
    """The languages in which there is any page, the original first."""
    return (ORIGINAL, *sorted({language for each in library.translations.values() for language in each}))


def _translated(library: Library, language: str) -> list[Explanation]:
    pages = [each[language] for each in library.translations.values() if language in each]
    return sorted(pages, key=lambda page: page.title)


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


def explanation(
    library: Library, page: Explanation, stylesheet: str, contact: str, on: date, *, missed: str = ""
) -> Mapping[str, Document]:
    """One explanation, by media type.

    Args:
        library: where `page` comes from.
        page: the explanation for one audience, in one language.
        stylesheet: file name of the stylesheet with its version, as in `site.css?v=1`.
        contact: whom a reader tells about a wrong card.
        on: the day for which it is said whether the review is overdue.
        missed: the language in which it is said that the page is not there in the one that was asked for.
    """
    words = WORDS[page.language]
    languages = library.languages(page.slug, page.audience)
    text = whole(library, page)
    references = [library.references[key] for key in render.cited(text)]
    numbers = {one.key: number for number, one in enumerate(references, start=1)}
    red_flags = render.anchor_of(RED_FLAGS_HEADING[page.audience])
    rendered = render.to_html(
        render.cite(text, lambda key: f"[\\[{numbers[key]}\\]](#ref-{key})"),
        box=red_flags,
        link=lambda target: _in_language(library, target, page.language),
        table=words.table,
    )
    notes = _notes(library, page, missed)
    scales = library.scales.get(page.slug, ())
    place = Markup("<p>{}</p>\n").format(render.BANDS)
    shown = Markup(_templates.get_template("bands.html").render(scales=scales))  # noqa: S704 - made by the template
    html = _page(
        "explanation.html",
        stylesheet,
        "../",
        language=page.language,
        addresses={language: address_of(page.slug, page.audience, language) for language in languages},
        page=page,
        content=rendered.html.replace(place, shown),
        rendered=rendered,
        red_flags=red_flags,
        references=references,
        audiences=[audience for slug, audience in sorted(library.explanations) if slug == page.slug],
        notes=notes,
        contact=contact,
        overdue=page.overdue(on),
        on=on,
    )
    markdown = "\n".join(
        [
            f"# {page.title}\n",
            f"{words.opening}\n",
            f"{_status(page, on)}\n",
            *(f"{text}\n" for _, text in notes),
            render.without_anchors(render.cite(text, lambda key: f"[{numbers[key]}]")).replace(
                render.BANDS, bands.in_markdown(scales)
            ),
            *_references_in_markdown(references),
            f"## {words.about}\n",
            *(f"- {name}: {value}" for name, value in about(page, on).items()),
            "- {}: {}".format(*report_line(page, contact)),
            "",
        ]
    )
    return {HTML: html, MARKDOWN: document(markdown, MARKDOWN, page.language)}


def address_of(slug: str, audience: str, language: str) -> str:
    """Where a page is, seen from another one; relative, since nobody here knows the public base URL."""
    return f"{slug}?audience={audience}&lang={language}"


def error(status: int, words: str, stylesheet: str, depth: int) -> Document:
    """A refusal for a person: the same public words as in the OperationOutcome.

    Args:
        status: HTTP status.
        words: public words.
        stylesheet: as in `explanation`.
        depth: how many slashes the address has below the public base, to point back to the list.
    """
    return _page("error.html", stylesheet, "../" * depth or "./", status=status, said=words)


def about(page: Explanation, on: date) -> Mapping[str, str]:
    """What every page says of itself, in the order in which it is shown."""
    words = WORDS[page.language]
    values = (
        _status(page, on),
        page.author,
        page.checker if page.signed else words.checker_awaiting,
        page.version,
        words.day(page.written),
        words.day(page.reviewed) if page.reviewed else words.none_yet,
        words.day(page.review_by),
        words.grades[page.evidence_grade],
        page.evidence_reason,
    )
    rows = dict(zip(words.about_rows, values, strict=True))
    return {**rows, words.translated_from: words.translation_of.format(page.translates)} if page.translates else rows


def report_line(page: Explanation, contact: str) -> tuple[str, str]:
    """How to report a wrong card: the question and what to do, for the audience of `page`."""
    if page.audience == "patient":
        words = WORDS[page.language]
        whom = words.default_contact if contact == DEFAULT_REPORT_CONTACT else contact
        return words.report[0], words.report[1].format(whom)
    return (
        "How to report a wrong card",
        "Answer the card with the override reason that fits, such as “Coded problem or result is wrong” (wrong-data). "
        f"Then tell {contact}: the clinical safety lead or the IT service, by the usual route of your site. "
        "Name the card's title, its time and the version of this page; send patient details only where your site "
        "allows it. The project's public issue tracker must never get patient data.",
    )


def _notes(library: Library, page: Explanation, missed: str) -> tuple[tuple[str, str], ...]:
    """What a reader has to know of the language of a page: the language of each note, and its words."""
    notes = [(missed, WORDS[missed].only_original)] if missed else []
    original = library.explanations[page.slug, page.audience]
    if page.translates and page.translates != original.version:
        notes.append((page.language, WORDS[page.language].outdated.format(page.translates, original.version)))
    return tuple(notes)


def _in_language(library: Library, target: str, language: str) -> str:
    """A link to a page of ours, which keeps the language of the reader where that page has translations."""
    slug, _, query = target.partition("?")
    audience = query.removeprefix("audience=") if query else AUDIENCES[0]
    return address_of(slug, audience, language) if (slug, audience) in library.translations else target


def whole(library: Library, page: Explanation) -> str:
    """The text of a page with the safety statements before the red flags."""
    if page.slug == SAFETY:
        return f"{page.body}\n{page.red_flags}"
    heading = STATEMENTS_HEADING[page.audience]
    named = heading if page.language == ORIGINAL else WORDS[page.language].statements
    statements = library.statements[page.audience, page.language]
    return f"{page.body}\n## {named} {{#{render.anchor_of(heading)}}}\n\n{statements}\n\n{page.red_flags}"


def _status(page: Explanation, on: date) -> str:
    words = WORDS[page.language]
    signed = words.checked.format(page.checker, words.day(page.reviewed)) if page.reviewed else words.awaiting
    return f"{signed}. {words.overdue.format(words.day(page.review_by))}." if page.overdue(on) else f"{signed}."


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


def _page(
    template: str,
    stylesheet: str,
    root: str,
    language: str = ORIGINAL,
    addresses: Mapping[str, str] | None = None,
    **values: Any,
) -> Document:
    """A page from its template; `addresses` are those of the same page in each of its languages."""
    text = _templates.get_template(template).render(
        stylesheet=stylesheet,
        root=root,
        language=language,
        words=WORDS[language],
        addresses=addresses or {},
        parts=PARTS,
        **values,
    )
    return document(text, HTML, language)


_templates.globals.update(about=about, report_line=report_line, every_words=WORDS, address_of=address_of)
_templates.globals.update(
    drawn=bands.drawn, in_words=bands.in_words, said=bands.said, begins_at_zero=bands.begins_at_zero
)
_templates.filters["inline"] = render.to_html_inline
