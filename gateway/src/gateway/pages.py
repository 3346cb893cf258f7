"""Pages under the public base URL: those of content and screening, passed on for reading, and our own front page."""

import re
from typing import Final

import msgspec
from flask import Blueprint, Response, g, jsonify, request
from markupsafe import Markup

from chassis.problems import Problem
from gateway import __version__, operators
from gateway.messages import UUID
from gateway.problems import upstream_bad
from gateway.routing import Answer, Upstream
from gateway.settings import Settings

_SENT: Final = ("Accept", "Accept-Language", "If-None-Match", "Prefer")
_RETURNED: Final = (
    "Content-Type", "ETag", "Cache-Control", "Vary", "Content-Security-Policy", "Content-Language",
    "Last-Modified", "Link", "Referrer-Policy", "Retry-After", "Content-Disposition",
)  # fmt: skip
_SEGMENTS: Final = re.compile(r"(?!.*(?:^|/)\.{1,2}(?:/|$))[A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+)*")
_HOOK_INSTANCE: Final = re.compile(UUID)
_MAX_QUERY: Final = 200
_REPORT_S: Final = 25.0
_QUERY: Final = re.compile(rb"[A-Za-z0-9._~%=&+-]*")
_MAX_SEARCH: Final = 1_000
_SEARCH: Final = re.compile(rb"[A-Za-z0-9._~%=&+:/|,-]*")
"""A FHIR search names canonical URLs, and many clients leave their slashes as they are."""

_FRONT: Final = Markup("""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>dystonia-cds: try-out</title>
<h1>dystonia-cds: try-out</h1>
<p>A CDS Hooks service that screens for treatable causes of dystonia. This instance is a try-out: it is for
synthetic patients, it answers unidentified calls from this machine, and nothing that it says has been signed off
for care.</p>
<ul>
<li><a href="{base}/cds-services">{base}/cds-services</a>: discovery; give this address to a CDS client</li>
<li><a href="{base}/explanations">{base}/explanations</a>: what the cards mean, with the evidence</li>
<li><a href="{base}/bibliography">{base}/bibliography</a>: the sources</li>
<li><a href="{base}/thresholds">{base}/thresholds</a>: every number that decides, and what this site has set itself</li>
<li><a href="{base}/prefetch-doctor">{base}/prefetch-doctor</a>: what came of the data that we ask for, and what an
EHR has to send</li>
<li><a href="{base}/trace">{base}/trace</a>: the latest calls, and why each was answered as it was</li>
<li><a href="{base}/report">{base}/report</a>: how cards are answered, and which rules nobody follows</li>
<li><a href="{base}/fhir/metadata">{base}/fhir/metadata</a>: the rules as FHIR resources, and how to read them</li>
<li><a href="{base}/openapi.json">{base}/openapi.json</a>: all addresses, as OpenAPI</li>
<li><a href="{base}/readyz">{base}/readyz</a>: whether it is ready; <a href="{base}/healthz">{base}/healthz</a>:
whether it runs; <a href="{base}/version">{base}/version</a>: which version</li>
</ul>
<h2>Set by this site</h2>
{own}
</html>
""")
_OWN: Final = Markup("<ul>\n{}\n</ul>")
_VALUE: Final = Markup("<li><code>{}</code> ({}): {} instead of {}. {} Approved by {} on {}, file version {}.</li>")
_NOT_KNOWN: Final = Markup("<p>Not known: the screening service does not say.</p>")
_NOTHING: Final = Markup("<p>No threshold: the defaults hold.</p>")


class _SiteValue(msgspec.Struct):
    """What screening says of a threshold that the site has set."""

    id: str
    means: str
    value: list[str]
    default: list[str]
    reason: str
    approver: str
    approved: str
    version: str


class _Thresholds(msgspec.Struct):
    siteValues: list[_SiteValue]  # noqa: N815  as the wire has it


_thresholds: Final = msgspec.json.Decoder(_Thresholds)


def blueprint(settings: Settings, content: Upstream, screening: Upstream | None) -> Blueprint:
    """The routes of all pages. They are public reading: no token is asked for.

    Args:
        settings: of the gateway.
        content: the service that explains.
        screening: the service that decides; None when there is none of this name.
    """
    pages = Blueprint("pages", __name__)

    @pages.get("/explanations")
    @pages.get("/bibliography")
    def index() -> Response:
        """A page of content."""
        return _pass_on(content, request.path)

    @pages.get("/explanations/<path:rest>")
    @pages.get("/explanations-assets/<path:rest>")
    def below(rest: str) -> Response:
        """A page of content below an index. Only plain segments are passed on, so that nothing else is reached."""
        if not _SEGMENTS.fullmatch(rest):
            raise Problem(404, "There is no such page.")
        return _pass_on(content, request.path)

    @pages.get("/thresholds")
    def thresholds() -> Response:
        """The numbers that decide, from the service that decides."""
        if screening is None:
            raise Problem(404, "There is no such page.")
        return _pass_on(screening, request.path)

    @pages.get("/fhir")
    @pages.get("/fhir/")
    @pages.get("/fhir/<path:rest>")
    def fhir(rest: str = "") -> Response:
        """The rules as FHIR resources, from the service that decides; the base address says what there is."""
        if screening is None or (rest and not _SEGMENTS.fullmatch(rest)):
            raise Problem(404, "There is no such resource.")
        return _pass_on(screening, request.path, _SEARCH, _MAX_SEARCH)

    def for_operators() -> Upstream:
        """The service that decides, whose pages for operators name clients and their codes, if this is an operator."""
        peer, known = request.environ.get("REMOTE_ADDR"), settings.trust.operator_tokens
        operators.check(request.headers.get("Authorization"), peer, known, try_out=settings.try_out)
        if screening is None:
            raise Problem(404, "There is no such page.")
        return screening

    @pages.get("/prefetch-doctor")
    @pages.get("/trace")
    def operators_page() -> Response:
        """What came of the data that screening asks for; the latest calls."""
        return _pass_on(for_operators(), request.path)

    @pages.get("/report")
    @pages.get("/report.csv")
    def report() -> Response:
        """How cards are answered. Counting may take longer than a call may."""
        return _pass_on(for_operators(), request.path, deadline=max(settings.call_deadline, _REPORT_S))

    @pages.get("/trace/<hook_instance>")
    def trace(hook_instance: str) -> Response:
        """Why a call was answered as it was."""
        service = for_operators()
        if not _HOOK_INSTANCE.fullmatch(hook_instance):
            raise Problem(404, "There is no such trace: /trace/ is followed by the hookInstance of a call, a UUID.")
        return _pass_on(service, request.path)

    @pages.get("/version")
    def version() -> Response:
        """Which version of the gateway this is."""
        return jsonify(component="gateway", version=__version__, deployment=settings.deployment)

    if settings.try_out:

        @pages.get("/")
        def front() -> Response:
            """What this is and where to go."""
            text = _FRONT.format(base=settings.public_url, own=_set_by_site(screening))
            return Response(text, content_type="text/html; charset=utf-8")

    return pages


def _set_by_site(screening: Upstream | None) -> Markup:
    """The thresholds that the site has set itself; the page does without them when they cannot be had."""
    try:
        if screening is None:
            return _NOT_KNOWN
        told = _thresholds.decode(screening.call("GET", "/thresholds", {"Accept": "application/json"}).body)
    except (Problem, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _NOT_KNOWN
    if not told.siteValues:
        return _NOTHING
    lines = (
        _VALUE.format(
            v.id, v.means, " / ".join(v.value), " / ".join(v.default), v.reason, v.approver, v.approved, v.version
        )
        for v in told.siteValues
    )
    return _OWN.format(Markup("\n").join(lines))


def _pass_on(
    content: Upstream,
    path: str,
    allowed: re.Pattern[bytes] = _QUERY,
    longest: int = _MAX_QUERY,
    deadline: float | None = None,
) -> Response:
    query = request.query_string
    if len(query) > longest or not allowed.fullmatch(query):
        raise Problem(400, "The query of this address cannot be read.")
    headers = {name: request.headers[name] for name in _SENT if name in request.headers}
    headers["X-Request-Id"] = g.request_id  # a refusal from inside names the request by the same id as our header
    answer = content.call("GET", f"{path}?{query.decode()}" if query else path, headers, deadline=deadline)
    if answer.status >= 500 and not answer.headers.get("Content-Type", "").startswith("application/fhir+json"):
        raise upstream_bad()
    return _page(answer)


def _page(answer: Answer) -> Response:
    response = Response(answer.body, status=answer.status)
    response.headers.pop("Content-Type", None)
    for name in _RETURNED:
        if name in answer.headers:
            response.headers[name] = answer.headers[name]
    return response
