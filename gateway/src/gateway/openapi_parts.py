"""What the OpenAPI document is put together from: operations, answers, refusals, parameters."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

Json = dict[str, Any]

OUTCOME: Final = "OperationOutcome"
MEANINGS: Final[Mapping[int, str]] = {
    400: "The request is not what CDS Hooks says; the words tell what to change, the expression where.",
    401: "No token where one is needed, or one that does not hold; the words tell which check failed.",
    403: "Known, but not allowed: the service was not agreed for this client, the cards of the feedback were shown to"
    " another one, or a try-out is called from elsewhere.",
    404: "There is nothing at this address, or there is no such service.",
    405: "This method is not allowed at this address.",
    406: "The page or resource does not exist in a form that is accepted.",
    408: "The request took too long to arrive.",
    412: "Neither the prefetch nor the FHIR server gave what is needed to decide; the expression says which key.",
    413: "The body, or something in it, is more than a limit allows; the words name the limit and its setting.",
    415: "The body is not plain JSON in UTF-8 by its Content-Type or Content-Encoding.",
    429: "More calls than were agreed with this client, or too many attempts to sign in; Retry-After says when.",
    500: "The service failed on this request; the request id finds it in the log.",
    501: "The service does not do this: whoever runs it has given it no place to keep feedback.",
    502: "A service behind the gateway did not answer properly.",
    503: "A service behind the gateway, what it keeps feedback in, or what the gateway needs to trust tokens, cannot be"
    " reached.",
    504: "A service behind the gateway did not answer in time.",
}
_HEADERS: Final[Mapping[int, Sequence[str]]] = {401: ("WWW-Authenticate",), 405: ("Allow",), 429: ("Retry-After",)}
ANY: Final = (400, 404, 405, 408)
KNOWN_CALLER: Final = (*ANY, 401, 403, 429, 500, 503)
WITH_BODY: Final = (*KNOWN_CALLER, 413, 415, 502, 504)
PASSED_ON: Final = (*ANY, 500, 502, 503, 504)


def operation(
    name: str, tag: str, summary: str, *, answers: Mapping[int, Json], refusals: Iterable[int], description: str = "",
    parameters: Sequence[Json] = (), body: Json | None = None, form: Json | None = None,
    security: list[Json] | None = None,
) -> Json:  # fmt: skip
    """One operation: its refusals by status, and its answers, which outweigh them."""
    made: Json = {"operationId": name, "tags": [tag], "summary": summary}
    if description:
        made["description"] = description
    if parameters:
        made["parameters"] = list(parameters)
    if body is not None:
        made["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    if form is not None:
        sent = {"application/x-www-form-urlencoded": {"schema": form}}
        made["requestBody"] = {"required": True, "content": sent}
    refused = {str(status): {"$ref": f"#/components/responses/Refused{status}"} for status in sorted(set(refusals))}
    made["responses"] = {**refused, **{str(status): answer for status, answer in answers.items()}}
    made["security"] = security if security is not None else []
    return made


def json_answer(description: str, schema: str, *, headers: Sequence[str] = ()) -> Json:
    """An answer in JSON that follows a schema of the components."""
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return {"description": description, "headers": header_refs(headers), "content": content}


def refusal(status: int) -> Json:
    """The component for a refusal with this status."""
    content = {"application/fhir+json": {"schema": {"$ref": f"#/components/schemas/{OUTCOME}"}}}
    return {"description": MEANINGS[status], "headers": header_refs(_HEADERS.get(status, ())), "content": content}


def header_refs(names: Sequence[str]) -> Json:
    """The headers of an answer, besides the one that all have."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in ("X-Request-Id", *names)}


def header_components() -> Json:
    """All headers that answers may have."""
    meanings = {
        "X-Request-Id": "The id of this request; the audit trail and the logs have it, too.",
        "Server-Timing": "Where the time went.",
        "WWW-Authenticate": "How to identify oneself.",
        "Allow": "The methods that are allowed.",
        "Location": "Where to go on, relative to this address.",
        "Retry-After": "In how many seconds to try again.",
    }
    return {name: {"description": words, "schema": {"type": "string"}} for name, words in meanings.items()}


def parameter(name: str, description: str, pattern: str = "^[A-Za-z0-9_-]+$") -> Json:
    """A segment of the path."""
    schema = {"type": "string", "pattern": pattern, "maxLength": 100}
    return {"name": name, "in": "path", "required": True, "description": description, "schema": schema}


def query(name: str, description: str, schema: Json) -> Json:
    """A parameter of the query."""
    return {"name": name, "in": "query", "description": description, "schema": {"type": "string", **schema}}
