"""HTTP in, HTTP out: the snapshot for machines, the pages for people."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from functools import lru_cache
from typing import Final

from flask import Blueprint, Response, g, request

from chassis import problems as answers
from chassis.problems import Problem
from content import languages, metrics, pages, problems
from content import library as shelf
from content.frontmatter import AUDIENCES
from content.settings import Settings

ASSET_TYPES: Final[Mapping[str, str]] = {".css": "text/css", ".svg": "image/svg+xml"}
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_FRESH: Final = "public, max-age=300"
_KEPT: Final = "public, max-age=86400"
_ALWAYS_ASK: Final = "no-cache"


def blueprint(settings: Settings, library: shelf.Library, today: Callable[[], date]) -> Blueprint:
    """The addresses of the content service.

    Args:
        settings: whom to tell about a wrong card.
        library: what is served.
        today: the day for which a page says that its review is overdue.

    Every page is rendered once here, so that one that cannot be rendered stops the start.
    """
    views = Blueprint("content", __name__)
    assets = _assets()
    stylesheet = f"site.css?v={_version(assets['site.css'])}"
    snapshot = pages.snapshot(library)
    bibliography = pages.bibliography(library, stylesheet)

    @lru_cache(maxsize=8)
    def index_on(day: date, choice: languages.Choice) -> Mapping[str, pages.Document]:
        return pages.index(library, stylesheet, day, language=choice.language, missed=choice.missed)

    @lru_cache(maxsize=4 * len(library.pages))
    def page_on(slug: str, audience: str, day: date, choice: languages.Choice) -> Mapping[str, pages.Document]:
        page = library.languages(slug, audience)[choice.language]
        return pages.explanation(library, page, stylesheet, settings.report_contact, day, missed=choice.missed)

    for page in library.pages:
        page_on(page.slug, page.audience, today(), languages.Choice(page.language))

    @views.get("/snapshot")
    def get_snapshot() -> Response:
        """All card texts as one JSON document. Screening asks every half minute, so a new day is noticed here."""
        metrics.OVERDUE.set(len(library.overdue(today())))
        return _send(snapshot, _ALWAYS_ASK)

    @views.get("/explanations")
    def get_index() -> Response:
        """The list of explanations, HTML or JSON, in the language of the reader."""
        offered = {language: f"explanations?lang={language}" for language in pages.languages_of(library)}
        return _negotiate(index_on(today(), _language(offered)), offered)

    @views.get("/explanations/<slug>")
    def get_explanation(slug: str) -> Response:
        """One explanation, HTML or Markdown, for clinicians or for patients, in the language of the reader."""
        if slug not in library.slugs:
            raise problems.no_such_explanation()
        audience = request.args.get("audience", AUDIENCES[0])
        if audience not in AUDIENCES:
            raise problems.no_such_audience()
        if (slug, audience) not in library.explanations:
            raise problems.not_for_this_audience()
        offered = {
            language: pages.address_of(slug, audience, language) for language in library.languages(slug, audience)
        }
        choice = _language(offered)
        answer = _negotiate(page_on(slug, audience, today(), choice), offered)
        metrics.PAGES.add(slug, audience, choice.language, answer.mimetype or "")
        return answer

    @views.get("/bibliography")
    def get_bibliography() -> Response:
        """All references, HTML or JSON."""
        return _negotiate(bibliography, {})

    @views.get("/explanations-assets/<name>")
    def get_asset(name: str) -> Response:
        """The stylesheet and the icon: to be kept for a day under the version that they have, else asked for anew."""
        if name not in assets:
            raise problems.no_such_asset()
        fits = request.args.get("v") == _version(assets[name])
        return _send(assets[name], _KEPT if fits else _ALWAYS_ASK)

    @views.errorhandler(Problem)
    def refuse(problem: Problem) -> Response:
        """An OperationOutcome for machines; a readable page for who asks for HTML first."""
        accepted = request.accept_mimetypes
        wants_page = accepted.best_match([pages.JSON, answers.MEDIA_TYPE, pages.HTML]) == pages.HTML
        if not wants_page or accepted[pages.HTML] <= accepted[pages.JSON]:
            response = answers.answer(problem)
        else:
            page = pages.error(problem.status, problem.words, stylesheet, request.path.count("/") - 1)
            response = Response(page.body, status=problem.status, content_type=_content_type(page))
            response.headers["Content-Language"] = page.language
        g.problem_code = problem.outcome()["issue"][0]["code"]
        response.headers["Vary"] = "Accept"
        response.headers["Cache-Control"] = "no-store"
        return response

    return views


def guard(response: Response) -> Response:
    """Put the headers on an answer that keep a page from loading or being loaded by anything else."""
    response.headers["Content-Security-Policy"] = CONTENT_SECURITY_POLICY
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _language(offered: Iterable[str]) -> languages.Choice:
    """The language for the reader, from the address or else from what the browser prefers."""
    asked = request.args.get("lang")
    if asked is not None and not languages.is_tag(asked):
        raise problems.no_language_tag()
    return languages.choose(asked, request.accept_languages, offered)


def _negotiate(forms: Mapping[str, pages.Document], offered: Mapping[str, str]) -> Response:
    """The form that the caller likes best; HTML when it likes none or all the same.

    Args:
        forms: the page by media type.
        offered: the addresses of the page by language; none when there is no choice.
    """
    liked = request.accept_mimetypes
    chosen = max(forms, key=lambda form: (liked[form], form == pages.HTML))
    headers = {"Vary": "Accept, Accept-Language" if offered else "Accept"}
    if len(offered) > 1:
        links = (f'<{address}>; rel="alternate"; hreflang="{language}"' for language, address in offered.items())
        headers["Link"] = ", ".join(links)
    return _send(forms[chosen], _FRESH, headers)


def _send(page: pages.Document, cache: str, headers: Mapping[str, str] | None = None) -> Response:
    response = Response(page.body, content_type=_content_type(page), headers=dict(headers or {}))
    response.headers["Content-Language"] = page.language
    response.headers["Cache-Control"] = cache
    response.set_etag(page.etag)
    response.make_conditional(request)
    return response


def _version(asset: pages.Document) -> str:
    return asset.etag[:12]


def _content_type(page: pages.Document) -> str:
    return page.media_type if page.media_type == pages.JSON else f"{page.media_type}; charset=utf-8"


def _assets() -> dict[str, pages.Document]:
    assets = {}
    for path in sorted((shelf.PACKAGED / "assets").iterdir()):
        body = path.read_bytes()
        assets[path.name] = pages.Document(body, ASSET_TYPES[path.suffix], "en", hashlib.sha256(body).hexdigest()[:32])
    return assets
