"""Problems: every refusal is an OperationOutcome with words for the integrator, a request id, and no stack.

A service lists its own problems in its `problems.py`; this module turns them, and whatever else goes wrong,
into answers. The wording of HTTP errors that Flask raises itself is fixed here, because Werkzeug's
descriptions are HTML and may quote input.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

from flask import Flask, Response, g, json
from werkzeug.exceptions import HTTPException

from chassis.logs import Log

MEDIA_TYPE: Final = "application/fhir+json"
_log = Log("problems")

_ISSUE_CODES: Final[Mapping[int, str]] = {
    400: "invalid", 401: "login", 403: "forbidden", 404: "not-found", 405: "not-supported", 406: "not-supported",
    408: "timeout", 409: "conflict", 410: "deleted", 412: "required", 413: "too-long", 414: "too-long",
    415: "not-supported", 422: "processing", 429: "throttled", 431: "too-long", 500: "exception",
    501: "not-supported", 502: "transient", 503: "transient", 504: "timeout",
}  # fmt: skip
"""HTTP status -> code of http://hl7.org/fhir/issue-type."""

_PUBLIC_WORDS: Final[Mapping[int, str]] = {
    400: "The request could not be read.",
    404: "There is nothing at this address.",
    405: "This method is not allowed at this address.",
    408: "The request took too long to arrive.",
    413: "The request body is too large.",
    414: "The address is too long.",
    415: "The body must be JSON (Content-Type: application/json).",
    431: "The request headers are too large.",
    500: "The service failed on this request. The request id finds it in the service's log.",
}


@dataclass(eq=False)
class Problem(Exception):
    """Something that a caller is told about.

    Attributes:
        status: HTTP status of the answer.
        words: one or two public sentences; never patient data, never a library's message.
        code: code of http://hl7.org/fhir/issue-type; by default the one that goes with the status.
        expression: FHIRPath-like place in the request, e.g. `context.patientId`.
        headers: further response headers, e.g. Retry-After.
        others: what else is wrong with the same request; each becomes an issue of its own.
    """

    status: int
    words: str
    code: str = ""
    expression: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    others: tuple["Problem", ...] = ()

    def __post_init__(self) -> None:
        super().__init__(self.words)

    def outcome(self, request_id: str = "") -> dict[str, Any]:
        """The FHIR R4 OperationOutcome that says this."""
        issues = [one.issue(request_id) for one in (self, *self.others)]
        return {"resourceType": "OperationOutcome", "issue": issues}

    def issue(self, request_id: str = "") -> dict[str, Any]:
        """The one issue that says this."""
        issue: dict[str, Any] = {
            "severity": "error",
            "code": self.code or _ISSUE_CODES.get(self.status, "processing"),
            "details": {"text": self.words},
        }
        if request_id:
            issue["diagnostics"] = f"Request id: {request_id}"
        if self.expression:
            issue["expression"] = [self.expression]
        return issue


def answer(problem: Problem) -> Response:
    """The HTTP answer for a problem, inside a request."""
    body = json.dumps(problem.outcome(g.get("request_id", "")))
    headers = {"Cache-Control": "no-store", **problem.headers}
    return Response(body, status=problem.status, headers=headers, content_type=MEDIA_TYPE)


def of(error: HTTPException) -> Problem:
    """What a failure of HTTP is in our words."""
    status = error.code or 500
    words = _PUBLIC_WORDS.get(status) or HTTPStatus(status).phrase + "."
    headers = {"Allow": ", ".join(sorted(allow))} if (allow := getattr(error, "valid_methods", None)) else {}
    return Problem(status, words, headers=headers)


def install(app: Flask) -> None:
    """Make `app` answer every failure with an OperationOutcome."""

    def on_problem(problem: Problem) -> Response:
        g.problem_code = problem.code or _ISSUE_CODES.get(problem.status, "processing")
        g.problem_words = problem.words
        return answer(problem)

    def on_http(error: HTTPException) -> Response:
        return on_problem(of(error))

    def on_anything(error: Exception) -> Response:
        _log.error("unexpected failure", error, request_id=g.get("request_id", ""))
        return on_problem(Problem(500, _PUBLIC_WORDS[500]))

    app.register_error_handler(Problem, on_problem)
    app.register_error_handler(HTTPException, on_http)
    app.register_error_handler(Exception, on_anything)
