"""The CDS Hooks routes: HTTP in, HTTP out. Who calls, what there is and what is right is decided elsewhere."""

import re
import time
from collections.abc import Mapping
from typing import Any, Final

from flask import Blueprint, Response, g, request

from chassis import arrival
from gateway import audit, auth, bodies, cors, limits, messages
from gateway.discovery import Directory, Service
from gateway.introduction import introduce, introduce_for_feedback
from gateway.outcomes import first_issue
from gateway.problems import upstream_bad
from gateway.routing import Answer, Upstream
from gateway.settings import Settings

_OK: Final = 200
_OBJECT: Final = re.compile(rb"[ \t\r\n]*\{")
_RETURNED: Final = ("Content-Type", "Server-Timing", "Retry-After")


def blueprint(
    settings: Settings, policy: auth.Policy, directory: Directory, upstreams: Mapping[str, Upstream]
) -> Blueprint:
    """Discovery, calls and feedback."""
    hooks = Blueprint("hooks", __name__)

    def identify() -> None:
        """Refuse callers that we do not let in; put the name of the others into the access line."""
        g.access_fields = {"client": "refused"}
        authorization, peer, now = request.headers.get("Authorization"), request.environ.get("REMOTE_ADDR"), time.time()
        caller = auth.identify(authorization, peer, request.path, policy, now)
        g.access_fields = {"client": caller.name}
        g.caller, g.client = caller, caller.client
        cors.narrow(caller.client)
        audit.note(tenant=caller.tenant)
        auth.admit(caller, policy, now)
        g.auth_ms = round((time.time() - now) * 1000, 1)

    def received(service_id: str) -> tuple[Service, bytes, dict[str, Any]]:
        """The service that is called and the body, as it came and as JSON, when the caller is let in."""
        body = bodies.receive(settings.max_body)  # first: an unread body breaks the connection before the answer
        identify()
        service = directory.find(service_id, g.client.services if g.client else frozenset())
        g.access_fields |= {"service": service.id, "hook": service.hook, "upstream": service.upstream}
        bodies.check_type()
        document = bodies.read(body, settings.limits)
        audit.note_call(document)
        return service, body, document

    def forwarded(service: Service, path: str, body: bytes, caller: Mapping[str, Any]) -> Answer:
        headers = {"Content-Type": "application/json", "Accept": "application/json", "X-Request-Id": g.request_id}
        headers |= arrival.elapsed()
        audit.note(dialect=caller["dialect"])
        answer = upstreams[service.upstream].call("POST", path, headers, body, caller)
        audit.note_answer(answer.headers.get(audit.HEADER))
        return answer

    @hooks.after_request
    def say_where_the_time_went(response: Response) -> Response:
        """Add the gateway's shares to those of the service behind it."""
        if "auth_ms" in g:
            total_ms = round((time.perf_counter() - g.started) * 1000, 1)
            shares = [response.headers.get("Server-Timing"), f"auth;dur={g.auth_ms}", f"total;dur={total_ms}"]
            response.headers["Server-Timing"] = ", ".join(filter(None, shares))
        return response

    @hooks.get("/cds-services")
    def discovery() -> Response:
        """What there is."""
        identify()
        catalog = directory.announced()
        document = catalog.document_of(g.client.services) if g.client else catalog.document
        return Response(document, content_type="application/json")

    @hooks.post("/cds-services/<service_id>")
    def call(service_id: str) -> Response:
        """One call of a CDS service."""
        service, body, fhir_server = _checked(*received(service_id), settings.limits)
        caller = introduce(g.client, g.caller.tenant, fhir_server, try_out=settings.try_out)
        answer = forwarded(service, f"/cds-services/{service.id}", body, caller)
        if not _OBJECT.match(answer.body) or (answer.status == _OK and not _has_cards(answer.body)):
            raise upstream_bad()
        return _passed_on(answer)

    @hooks.post("/cds-services/<service_id>/feedback")
    def feedback(service_id: str) -> Response:
        """What became of cards. The service behind says what it has kept."""
        service, body = _checked_feedback(*received(service_id), settings.limits)
        caller = introduce_for_feedback(g.client, g.caller.tenant)
        return _passed_on(forwarded(service, f"/cds-services/{service.id}/feedback", body, caller))

    return hooks


def _checked(
    service: Service, body: bytes, document: Mapping[str, Any], within: limits.Limits
) -> tuple[Service, bytes, object]:
    """The service, the body and the `fhirServer` of a call that is right. Nobody keeps the document while the service
    is waited for: it is many times as large as the body.

    Raises:
        Problem: 400 or 413 if it is not right.
    """
    messages.check_call(document, service.hook)
    limits.check_call(document, within)
    return service, body, document.get("fhirServer")


def _checked_feedback(
    service: Service, body: bytes, document: Mapping[str, Any], within: limits.Limits
) -> tuple[Service, bytes]:
    """The service and the body of feedback that is right as a whole.

    Raises:
        Problem: 400 or 413 if it is not right.
    """
    messages.check_feedback(document)
    limits.check_feedback(document, within)
    return service, body


def _has_cards(body: bytes) -> bool:
    """Whether the answer to a call looks whole; it is passed on as it is, and a cut one must not be."""
    return b'"cards"' in body and body.rstrip().endswith(b"}")


def _passed_on(answer: Answer) -> Response:
    """The answer of an upstream: its status, bytes and content type, unless it is not fit to be passed on.

    Raises:
        Problem: 502 if it is not JSON, a redirection, or a failure that explains nothing.
    """
    headers = {name: answer.headers[name] for name in _RETURNED if name in answer.headers}
    if answer.status < 200 or 300 <= answer.status < 400:
        raise upstream_bad()
    if answer.body and not bodies.JSON_TYPE.fullmatch(headers.get("Content-Type", "").partition(";")[0].strip()):
        raise upstream_bad()
    if answer.status >= 400:
        issue = first_issue(answer.body)
        if issue is None and answer.status >= 500:
            raise upstream_bad()
        if issue is not None:
            audit.note(reason=issue.code, words=issue.details.text)
    return Response(answer.body, status=answer.status, headers=headers)
