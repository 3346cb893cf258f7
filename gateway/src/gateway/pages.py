"""Pages under the public base URL: those of content and screening, passed on for reading."""

import re
import time
from collections.abc import Mapping
from typing import Final

from flask import Blueprint, Response, g, jsonify, request
from markupsafe import Markup

from chassis.problems import Problem
from gateway import __version__, bodies, frame, limits, operators, refusals, sign_in
from gateway.auth import is_loopback
from gateway.messages import UUID
from gateway.outcomes import first_issue
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
_MAX_FILTERS: Final = 2_000
"""The studio finds words, 200 characters of them, of which each may be several bytes, and each of these `%C3`."""
_REPORT_S: Final = 25.0
_OPERATOR: Final = {"operator": True}
"""What a service behind us is told of an operator."""
_NOT_THERE: Final = frozenset({404, 502, 503, 504})
"""Statuses by which the workbench is not there."""
_QUERY: Final = re.compile(rb"[A-Za-z0-9*._~%=&+-]*")
"""What browsers make of a form."""
_MAX_SEARCH: Final = 1_000
_SEARCH: Final = re.compile(rb"[A-Za-z0-9._~%=&+:/|,-]*")
"""A FHIR search names canonical URLs, and many clients leave their slashes as they are."""

_FRONT: Final = Markup("""<p>A CDS Hooks service that screens for treatable causes of dystonia. This instance is a
try-out: it is for synthetic patients, it answers unidentified calls from this machine, and nothing that it says has
been signed off for care.</p>
<p class="note">The workbench belongs here. The service that makes it cannot be reached just now: the log in STATE_DIR
says why.</p>
<ul>
<li><a href="cds-services">Discovery</a>: give this address to a CDS client: <code>{}/cds-services</code></li>
<li><a href="explanations">Explanations</a>: what the cards mean, with the evidence</li>
<li><a href="openapi.json">All addresses</a>, as OpenAPI</li>
<li><a href="readyz">Whether it is ready</a>, and what it waits for</li>
</ul>""")
"""Stands in for the workbench."""


def blueprint(settings: Settings, content: Upstream, screening: Upstream | None) -> Blueprint:
    """The routes of all pages. Most are public reading; those for operators ask who wants to know, and the workbench is
    for this machine, in a try-out.

    Args:
        settings: of the gateway.
        content: the service that explains.
        screening: the service that decides; None when there is none of this name.
    """
    pages = Blueprint("pages", __name__)
    pages.register_error_handler(Problem, sign_in.refused)
    known, slow = settings.trust.operator_tokens, max(settings.call_deadline, _REPORT_S)

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
        """The numbers that decide, from the service that decides; operators find the way to their pages there."""
        if screening is None:
            raise Problem(404, "There is no such page.")
        made = _pass_on(screening, request.path, caller=_OPERATOR if is_operator() else None)
        made.vary.add("Cookie")
        return made

    @pages.get("/pages-assets/<path:rest>")
    def assets(rest: str) -> Response:
        """What the pages of the service that decides are drawn with."""
        if screening is None or not _SEGMENTS.fullmatch(rest):
            raise Problem(404, "There is no such file.")
        return _pass_on(screening, request.path)

    @pages.get("/fhir")
    @pages.get("/fhir/")
    @pages.get("/fhir/<path:rest>")
    def fhir(rest: str = "") -> Response:
        """The rules as FHIR resources, from the service that decides; the base address says what there is."""
        if screening is None or (rest and not _SEGMENTS.fullmatch(rest)):
            raise Problem(404, "There is no such resource.")
        return _pass_on(screening, request.path, _SEARCH, _MAX_SEARCH)

    def is_operator() -> bool:
        return operators.is_one(sign_in.shown(settings), known, time.time(), try_out=settings.try_out)

    def for_operators() -> Upstream:
        """The service that decides, whose pages for operators name clients and their codes, if this is an operator."""
        operators.check(sign_in.shown(settings), known, time.time(), try_out=settings.try_out)
        g.operator, g.workbench = True, settings.try_out
        if screening is None:
            raise Problem(404, "There is no such page.")
        return screening

    @pages.get("/prefetch-doctor")
    @pages.get("/trace")
    def operators_page() -> Response:
        """What came of the data that screening asks for; the latest calls."""
        return _pass_on(for_operators(), request.path, caller=_OPERATOR)

    @pages.get("/report")
    @pages.get("/report.csv")
    def report() -> Response:
        """How cards are answered. Counting may take longer than a call may."""
        return _pass_on(for_operators(), request.path, deadline=slow, caller=_OPERATOR)

    @pages.get("/studio")
    @pages.get("/studio/<path:rest>")
    def studio(rest: str = "") -> Response:
        """Every card that there can be. Making them all may take longer than a call may."""
        service = for_operators()
        if rest and not _SEGMENTS.fullmatch(rest):
            raise Problem(404, "There is no such page.")
        return _pass_on(service, request.path, longest=_MAX_FILTERS, deadline=slow, caller=_OPERATOR)

    @pages.get("/trace/<hook_instance>")
    def trace(hook_instance: str) -> Response:
        """Why a call was answered as it was."""
        service = for_operators()
        if not _HOOK_INSTANCE.fullmatch(hook_instance):
            raise Problem(404, "There is no such trace: /trace/ is followed by the hookInstance of a call, a UUID.")
        return _pass_on(service, request.path, caller=_OPERATOR)

    @pages.get("/version")
    def version() -> Response:
        """Which version of the gateway this is."""
        return jsonify(component="gateway", version=__version__, deployment=settings.deployment)

    if settings.try_out:
        _add_workbench(pages, settings, screening)
    return pages


def _add_workbench(pages: Blueprint, settings: Settings, screening: Upstream | None) -> None:
    """The routes of the workbench, which shows synthetic patients to whoever sits at this machine."""

    def for_this_machine() -> Upstream:
        if not is_loopback(request.environ.get("REMOTE_ADDR")):
            raise refusals.loopback_only()
        g.operator = g.workbench = True
        if screening is None:
            raise Problem(404, "There is no such page.")
        return screening

    @pages.get("/")
    def front() -> Response:
        """The workbench, or where to go while there is none."""
        try:
            made = _pass_on(for_this_machine(), request.path)
        except Problem as problem:
            if problem.status not in _NOT_THERE:
                raise
            return frame.page("Dystonia CDS: try-out", _FRONT.format(settings.public_url))
        if made.status_code in _NOT_THERE:
            return frame.page("Dystonia CDS: try-out", _FRONT.format(settings.public_url))
        return made

    @pages.get("/workbench/<path:rest>")
    def workbench(rest: str) -> Response:
        """The workbench of one case, and its data."""
        service = for_this_machine()
        if not _SEGMENTS.fullmatch(rest):
            raise Problem(404, "There is no such page.")
        return _pass_on(service, request.path)

    @pages.post("/workbench/timeline")
    def timeline() -> Response:
        """The results of a call, drawn over time. Nothing of it is kept."""
        body = bodies.receive(settings.max_body)
        service = for_this_machine()
        bodies.check_type()
        limits.check_call(bodies.read(body, settings.limits), settings.limits)
        return _pass_on(service, request.path, body=body)


def _pass_on(
    content: Upstream,
    path: str,
    allowed: re.Pattern[bytes] = _QUERY,
    longest: int = _MAX_QUERY,
    *,
    deadline: float | None = None,
    body: bytes | None = None,
    caller: Mapping[str, bool] | None = None,
) -> Response:
    """Ask a service for what the request at hand asks us for: to read, or with a JSON body to make."""
    query = request.query_string
    if len(query) > longest or not allowed.fullmatch(query):
        raise Problem(400, "The query of this address cannot be read.")
    headers = {name: request.headers[name] for name in _SENT if name in request.headers}
    headers["X-Request-Id"] = g.request_id  # a refusal from inside names the request by the same id as our header
    if body is not None:
        headers["Content-Type"] = "application/json"
    method = "GET" if body is None else "POST"
    answer = content.call(
        method, f"{path}?{query.decode()}" if query else path, headers, body, caller, deadline=deadline
    )
    if answer.status >= 500 and not answer.headers.get("Content-Type", "").startswith("application/fhir+json"):
        raise upstream_bad()
    if answer.status >= 400 and frame.wanted() and (issue := first_issue(answer.body)) is not None:
        made = sign_in.cannot(answer.status, issue.details.text)
        if "Retry-After" in answer.headers:
            made.headers["Retry-After"] = answer.headers["Retry-After"]
        return made
    return _page(answer)


def _page(answer: Answer) -> Response:
    response = Response(answer.body, status=answer.status)
    response.headers.pop("Content-Type", None)
    for name in _RETURNED:
        if name in answer.headers:
            response.headers[name] = answer.headers[name]
    return response
