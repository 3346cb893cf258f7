"""The library: every explanation and reference, loaded and checked whole at start.

A file that is wrong stops the start; the error lists every fault of every file: file, field, what is wrong.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Final

from marshmallow import RAISE, ValidationError

from content import bands, render, translations
from content.frontmatter import AWAITING, BibliographyEntry, FrontMatter, read_yaml, split
from content.languages import ORIGINAL

PACKAGED: Final = Path(__file__).parent
"""Where the texts of this package lie: `explanations/*.md` and `references.yaml`."""

SAFETY: Final = "safety"
"""The page whose statements every other page repeats."""

STATEMENTS_HEADING: Final[Mapping[str, str]] = {"clinician": "Safety statements", "patient": "Stay safe"}
"""Heading of the section of the safety page that every page of that audience repeats."""

RED_FLAGS_HEADING: Final[Mapping[str, str]] = {"clinician": "Red flags", "patient": "When to get help fast"}
"""Heading of the last section of every page."""


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong in one file."""

    file: str
    field: str
    wrong: str

    def __str__(self) -> str:
        return f"{self.file}: {self.field}: {self.wrong}"


class LibraryError(Exception):
    """Texts are at fault; the message lists every fault on a line of its own."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("the explanations are at fault\n" + "\n".join(f"  {fault}" for fault in self.faults))


@dataclass(frozen=True)
class Reference:
    """A source. Parts that are named in `unconfirmed` were written from memory and are shown as such.

    Attributes:
        seen: where the entry was seen, or looked for in vain.
        of_rules: the rules rest on it, so that it may stand in the bibliography before a page cites it.
    """

    key: str
    source: str
    confirmed: bool
    authors: str | None = None
    title: str | None = None
    year: int | None = None
    pages: str | None = None
    doi: str | None = None
    pmid: str | None = None
    url: str | None = None
    unconfirmed: tuple[str, ...] = ()
    seen: str | None = None
    of_rules: bool = False
    note: str | None = None


@dataclass(frozen=True)
class Explanation:
    """One page for one audience, in one language.

    Attributes:
        translates: the version of the original that this page is a translation of; empty for an original.
        body: Markdown between the title and the red flags, with `[@key]` citations.
        red_flags: Markdown of the last section, with its heading.
        card_text: the paragraph for cards, Markdown; empty on pages for patients.
        written: the day on which this version was written.
    """

    slug: str
    audience: str
    title: str
    language: str
    version: str
    written: date
    author: str
    checker: str
    reviewed: date | None
    review_by: date
    evidence_grade: str
    evidence_reason: str
    references: tuple[str, ...]
    card_text: str
    body: str
    red_flags: str
    translates: str = ""

    @property
    def file(self) -> str:
        """The file that it is read from."""
        language = "" if self.language == ORIGINAL else f".{self.language}"
        return f"{self.slug}.{self.audience}{language}.md"

    @property
    def signed(self) -> bool:
        """Whether a person has signed this page off."""
        return self.checker != AWAITING

    def overdue(self, on: date) -> bool:
        """Whether this page should have been reviewed before `on`."""
        return on > self.review_by


@dataclass(frozen=True)
class Library:
    """All explanations by slug and audience, their translations, all references by key.

    Attributes:
        version: hash of all texts; equal texts have equal versions.
        explanations: the originals.
        translations: by slug and audience, the translations by language.
        statements: by audience and language, the Markdown of the safety statements without their heading.
        scales: by slug, the bands that its page for clinicians shows.
    """

    version: str
    explanations: Mapping[tuple[str, str], Explanation]
    translations: Mapping[tuple[str, str], Mapping[str, Explanation]]
    references: Mapping[str, Reference]
    statements: Mapping[tuple[str, str], str]
    scales: Mapping[str, tuple[bands.Scale, ...]]

    @property
    def slugs(self) -> tuple[str, ...]:
        """All slugs, sorted."""
        return tuple(sorted({slug for slug, _ in self.explanations}))

    @property
    def pages(self) -> tuple[Explanation, ...]:
        """Every page in every language."""
        return (*self.explanations.values(), *(page for each in self.translations.values() for page in each.values()))

    def languages(self, slug: str, audience: str) -> Mapping[str, Explanation]:
        """A page by language, the original first."""
        return {ORIGINAL: self.explanations[slug, audience], **self.translations.get((slug, audience), {})}

    def overdue(self, on: date) -> tuple[Explanation, ...]:
        """The pages that should have been reviewed before `on`."""
        return tuple(page for page in self.pages if page.overdue(on))

    def outdated(self) -> tuple[Explanation, ...]:
        """The translations whose original has a newer version."""
        return tuple(
            page for page in self.pages
            if page.translates and page.translates != self.explanations[page.slug, page.audience].version
        )  # fmt: skip


def load(folder: Path = PACKAGED) -> Library:
    """Load and check `folder`.

    Raises:
        LibraryError: with every fault in every file.
    """
    faults: list[Fault] = []
    digest = hashlib.sha256()
    references = _load_references(folder / "references.yaml", faults, digest)
    pages: dict[tuple[str, str], Explanation] = {}
    translated: dict[tuple[str, str], dict[str, Explanation]] = {}
    for path in sorted((folder / "explanations").glob("*.md")):
        page = _load_explanation(path, faults, digest)
        if page is not None and page.language == ORIGINAL:
            pages[page.slug, page.audience] = page
        elif page is not None:
            translated.setdefault((page.slug, page.audience), {})[page.language] = page
    scales = _load_scales(folder / "bands.json", faults, digest)
    library = Library("", pages, translated, references, {}, scales)
    statements: dict[tuple[str, str], str] = {}
    if not faults:
        faults.extend(_check_together(library))
        statements = {(page.audience, page.language): _section(page) for page in library.pages if page.slug == SAFETY}
        for audience, language in sorted({(page.audience, page.language) for page in library.pages}):
            section = statements.get((audience, language), "")
            if not section or render.cited(section):
                wrong = f"needs a section '{STATEMENTS_HEADING[audience]}' without citations, as every page repeats it"
                faults.append(Fault(f"{SAFETY}.{audience}.md, {language}", "body", wrong))
    if faults:
        raise LibraryError(faults)
    return replace(library, version=digest.hexdigest()[:16], statements=statements)


def _load_scales(path: Path, faults: list[Fault], digest: Any) -> Mapping[str, tuple[bands.Scale, ...]]:
    try:
        text = path.read_text(encoding="utf-8")
        found = bands.read(text)
    except (OSError, ValueError) as error:
        faults.append(Fault(path.name, "file", _reason(error)))
        return {}
    digest.update(text.encode())
    return found


def _load_references(path: Path, faults: list[Fault], digest: Any) -> dict[str, Reference]:
    try:
        text = path.read_text(encoding="utf-8")
        entries = read_yaml(text)
    except (OSError, ValueError) as error:
        faults.append(Fault(path.name, "file", _reason(error)))
        return {}
    digest.update(text.encode())
    if not isinstance(entries, list):
        faults.append(Fault(path.name, "file", "is not a list of entries"))
        return {}
    references: dict[str, Reference] = {}
    for number, entry in enumerate(entries, start=1):
        name = str(entry.get("key") or f"entry {number}") if isinstance(entry, dict) else f"entry {number}"
        try:
            data = BibliographyEntry(unknown=RAISE).load(entry)
        except ValidationError as error:
            faults.extend(Fault(path.name, f"{name}.{field}", wrong) for field, wrong in _messages(error))
            continue
        if name in references:
            faults.append(Fault(path.name, name, "stands here twice"))
        references[name] = Reference(**{**data, "unconfirmed": tuple(data["unconfirmed"])})
    return references


def _load_explanation(path: Path, faults: list[Fault], digest: Any) -> Explanation | None:
    try:
        text = path.read_text(encoding="utf-8")
        front, markdown = split(text)
    except (OSError, ValueError) as error:
        faults.append(Fault(path.name, "front matter", _reason(error)))
        return None
    digest.update(f"{path.name}\n{text}".encode())
    try:
        data = FrontMatter(unknown=RAISE).load(front)
    except ValidationError as error:
        faults.extend(Fault(path.name, field, wrong) for field, wrong in _messages(error))
        return None
    body, flags = _at_heading(markdown, RED_FLAGS_HEADING[data["audience"]])
    page = Explanation(
        **{
            **data,
            "references": tuple(data["references"]),
            "card_text": " ".join(data.get("card_text", "").split()),
            "body": body.strip() + "\n",
            "red_flags": flags.strip() + "\n",
        }
    )
    found = [Fault(path.name, field, wrong) for field, wrong in _check_page(path, page)]
    faults.extend(found)
    return None if found else page


def _check_page(path: Path, page: Explanation) -> Iterator[tuple[str, str]]:
    if path.name != page.file:
        yield "file name", f"must be {page.file}, as slug, audience and language say"
    flags = RED_FLAGS_HEADING[page.audience]
    flag_headings = render.headings(page.red_flags)
    if not page.body.strip() or [level for level, _ in flag_headings].count(2) != 1:
        yield "body", f"must end with a section '## {flags}' and have text before it"
    for level, text in render.headings(page.body):
        if level not in (2, 3):
            yield "body", f"heading '{text}' has level {level}; the title is the only heading of level 1, then 2 and 3"
    for field, markdown in (("body", page.body), ("body", page.red_flags), ("card_text", page.card_text)):
        if render.has_raw_html(markdown):
            yield field, "holds raw HTML"
    if page.card_text and (not render.is_one_paragraph(page.card_text) or render.cited(page.card_text)):
        yield "card_text", "must be one paragraph without links and citations"
    in_text = set(render.cited(page.body + page.red_flags))
    listed = set(page.references)
    for key in sorted(in_text - listed):
        yield "references", f"lacks {key}, which the text cites"
    for key in sorted(listed - in_text):
        yield "references", f"lists {key}, which the text does not cite"


def _check_together(library: Library) -> Iterator[Fault]:
    slugs = set(library.slugs)
    for page in library.pages:
        file = page.file
        for key in page.references:
            if key not in library.references:
                yield Fault(file, "references", f"{key} is not in references.yaml")
        for target in render.links(page.body + page.red_flags):
            if not target.startswith(("https://", "#")) and target.partition("?")[0] not in slugs:
                yield Fault(file, "body", f"links to {target}, which is no page here")
        shown = page.audience == "clinician" and page.slug in library.scales
        if page.body.count(f"\n{render.BANDS}\n") != shown:
            yield Fault(file, "body", f"must hold the line {render.BANDS} {'once' if shown else 'nowhere'}: bands.json")
    for slug in sorted({*slugs, *library.scales}):
        if (slug, "clinician") not in library.explanations:
            yield Fault(f"{slug}.clinician.md", "file", "is missing; every subject has a page for clinicians")
    for key_of_page, by_language in library.translations.items():
        for page in by_language.values():
            for field, wrong in translations.faults(library.explanations.get(key_of_page), page):
                yield Fault(page.file, field, wrong)
    used = {key for page in library.explanations.values() for key in page.references}
    for key, reference in library.references.items():
        if key not in used and not reference.of_rules:
            yield Fault("references.yaml", key, "is cited by no page and carries no rule")


def _section(page: Explanation) -> str:
    """The text below the heading of the safety statements, up to the next heading of level 2."""
    _, section = _at_heading(page.body, STATEMENTS_HEADING[page.audience])
    return section.partition("\n")[2].partition("\n## ")[0].strip()


def _at_heading(markdown: str, heading: str) -> tuple[str, str]:
    """A text before and from the last heading of level 2 of these words, or with the anchor of these words."""
    anchor = render.anchor_of(heading)
    found = list(re.finditer(rf"^## (?:{re.escape(heading)}|[^\n]*\{{#{anchor}\}})[ ]*$", markdown, re.MULTILINE))
    return (markdown[: found[-1].start()], markdown[found[-1].start() :]) if found else ("", "")


def _messages(error: ValidationError) -> Iterator[tuple[str, str]]:
    messages: dict[Any, Any] = error.normalized_messages()  # type: ignore[no-untyped-call]
    for field in sorted(messages, key=str):
        wrong = messages[field]
        if isinstance(wrong, dict):
            wrong = [f"item {place}: {' '.join(map(str, texts))}" for place, texts in wrong.items()]
        yield str(field), " ".join(str(text) for text in wrong)


def _reason(error: OSError | ValueError) -> str:
    return "cannot be read" if isinstance(error, OSError | UnicodeError) else str(error)
