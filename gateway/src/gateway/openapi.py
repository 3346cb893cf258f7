"""What the gateway's public addresses are, as an OpenAPI 3.1 document: `GET /openapi.json`.

The document is made from what the services announce, so that each has its own path, its hook, and its prefetch keys;
from the patterns by which `messages` judges a call; and from JSON Schemas in `schemas/`. Three of these are copies of
the ones in contract-tests/schemas; a test holds them to each other, and another one holds the paths here to the routes
of the application.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from importlib.resources import files
from typing import Any, Final

import msgspec
from flask import Blueprint, Response

from gateway import __version__, messages
from gateway.discovery import Catalog, Directory
from gateway.settings import Settings

Json = dict[str, Any]

_OUTCOME: Final = "OperationOutcome"
_SCHEMAS: Final[Mapping[str, str]] = {
    "Discovery": "discovery", "Cards": "cards", "Feedback": "feedback", "FeedbackAnswer": "feedback-answer",
    _OUTCOME: "operation-outcome",
}  # fmt: skip
_MEANINGS: Final[Mapping[int, str]] = {
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
    429: "More calls than were agreed with this client; Retry-After says when to go on.",
    500: "The service failed on this request; the request id finds it in the log.",
    501: "The service does not do this: whoever runs it has given it no place to keep feedback.",
    502: "A service behind the gateway did not answer properly.",
    503: "A service behind the gateway, what it keeps feedback in, or what the gateway needs to trust tokens, cannot be"
    " reached.",
    504: "A service behind the gateway did not answer in time.",
}
_HEADERS: Final[Mapping[int, Sequence[str]]] = {401: ("WWW-Authenticate",), 405: ("Allow",), 429: ("Retry-After",)}
_ANY: Final = (400, 404, 405, 408)
_KNOWN_CALLER: Final = (*_ANY, 401, 403, 429, 500, 503)
_WITH_BODY: Final = (*_KNOWN_CALLER, 413, 415, 502, 504)
_PASSED_ON: Final = (*_ANY, 500, 502, 503, 504)
_REST: Final = "One or more segments of letters, digits, dots, hyphens and underscores, separated by slashes."


class _Service(msgspec.Struct):
    """What we take from a service's entry in discovery."""

    id: str
    title: str = ""
    description: str = ""
    prefetch: dict[str, str] = {}


class _Announced(msgspec.Struct):
    services: list[_Service]


def blueprint(settings: Settings, directory: Directory) -> Blueprint:
    """The document's route. It is public reading."""
    openapi = Blueprint("openapi", __name__)
    made: dict[bytes, bytes] = {}

    @openapi.get("/openapi.json")
    def served() -> Response:
        """The document, of the services that are announced now; made anew when these change."""
        catalog = directory.announced()
        body = made.get(catalog.document)
        if body is None:
            body = msgspec.json.encode(document(settings, catalog))
            made.clear()
            made[catalog.document] = body
        return Response(body, content_type="application/json")

    return openapi


def document(settings: Settings, catalog: Catalog) -> Json:
    """The OpenAPI document of a gateway with these settings in front of the services in `catalog`."""
    security: list[Json] = [{"clientToken": []}, *([{}] if settings.try_out else [])]
    paths = {**_hooks(settings, catalog, security), **_pages(settings)}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "dystonia-cds",
            "version": __version__,
            "description": "CDS Hooks services that screen for treatable causes of dystonia. Each refusal is an"
            " OperationOutcome with words for the integrator and a request id; it carries CORS headers where the origin"
            " is agreed. Not a medical device; all clinical content awaits clinical sign-off.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": settings.public_url}],
        "tags": [
            {"name": "hooks", "description": "CDS Hooks: discovery, calls and feedback."},
            {"name": "pages", "description": "Public reading: what stands behind the cards."},
            {"name": "operations", "description": "For those who run the service."},
        ],
        "paths": paths,
        "components": {
            "schemas": _components(),
            "responses": {f"Refused{status}": _refusal(status) for status in _MEANINGS},
            "headers": _header_components(),
            "securitySchemes": {
                "clientToken": {
                    "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
                    "description": "A JWT signed by the client (ES384 or RS384, unless agreed otherwise) with iss, exp,"
                    " iat, jti, and as aud the URL that is called.",
                },
                "operatorToken": {"type": "http", "scheme": "bearer", "description": "The operator's secret."},
            },
        },
    }  # fmt: skip


def _hooks(settings: Settings, catalog: Catalog, security: list[Json]) -> Json:
    paths: Json = {
        "/cds-services": {
            "get": _operation(
                "discovery", "hooks", "What services there are",
                security=security,
                answers={200: _json("The services that this client may call.", "Discovery")},
                refusals=_KNOWN_CALLER,
            )
        }
    }  # fmt: skip
    announced = msgspec.json.decode(catalog.document, type=_Announced).services
    for entry in announced:
        hook = catalog.services[entry.id].hook
        paths[f"/cds-services/{entry.id}"] = {
            "post": _operation(
                f"call-{entry.id}", "hooks", entry.title or entry.id,
                description=entry.description,
                security=security,
                body=_call(hook, entry.prefetch, settings),
                answers={200: _json("Cards, or none.", "Cards", headers=("Server-Timing",))},
                refusals=(*_WITH_BODY, 412),
            )
        }  # fmt: skip
        paths[f"/cds-services/{entry.id}/feedback"] = {
            "post": _operation(
                f"feedback-{entry.id}", "hooks", f"What became of cards of {entry.id}",
                security=security,
                body={"$ref": "#/components/schemas/Feedback"},
                answers={200: _json("What became of each item. What is kept is on the disk.", "FeedbackAnswer")},
                refusals=(*_WITH_BODY, 501),
            )
        }  # fmt: skip
    return paths


def _pages(settings: Settings) -> Json:
    html, markdown, plain = "text/html", "text/markdown", "application/json"
    rest = _parameter("rest", _REST)
    audience = _query(
        "audience", "Whom the page speaks to; the clinician when left out.", {"enum": ["clinician", "patient"]}
    )
    lang = _query(
        "lang", "A language tag, such as `de`. It outweighs Accept-Language; a page that has no such translation is in"
        " English and says so.", {"pattern": "^[A-Za-z]{2,3}(-[A-Za-z0-9]{1,8}){0,4}$"},
    )  # fmt: skip
    table = (
        ("/explanations", "explanations", "pages", "The index of explanations", (html, plain), (lang,)),
        ("/explanations/{rest}", "explanation", "pages", "What a card means, with the evidence", (html, markdown),
         (rest, audience, lang)),
        ("/explanations-assets/{rest}", "asset", "pages", "What pages need", ("text/css",), (rest,)),
        ("/bibliography", "bibliography", "pages", "The sources", (html, plain), ()),
        ("/thresholds", "thresholds", "pages", "Every number that decides", (html, plain), ()),
        ("/pages-assets/{rest}", "pages-asset", "pages", "What the pages of screening need",
         ("text/css", "text/javascript", "image/svg+xml"), (rest,)),
        ("/fhir", "fhir", "pages", "What can be read as FHIR resources", ("application/fhir+json",), ()),
        ("/fhir/", "fhir-base", "pages", "The same", ("application/fhir+json",), ()),
        ("/fhir/{rest}", "fhir-resources", "pages", "The rules as FHIR resources", ("application/fhir+json",), (rest,)),
        ("/openapi.json", "openapi", "pages", "This document", (plain,), ()),
        ("/version", "version", "operations", "Which version this is", (plain,), ()),
        ("/healthz", "healthz", "operations", "Whether the process runs", (plain,), ()),
    )  # fmt: skip
    paths: Json = {}
    for path, name, tag, summary, media, parameters in table:
        answers: dict[int, Json] = {
            200: {"description": summary, "headers": _headers(()), "content": {m: {} for m in media}}
        }
        if tag == "pages":
            answers[304] = {"description": "What the client has is current."}
        paths[path] = {
            "get": _operation(name, tag, summary, answers=answers, parameters=parameters, refusals=(*_PASSED_ON, 406))
        }
    ready = {status: {"description": words, "content": {plain: {}}} for status, words in _READY.items()}
    paths["/readyz"] = {"get": _operation("readyz", "operations", "Whether it can serve", answers=ready, refusals=_ANY)}
    paths |= _for_operators(settings)
    if settings.try_out:
        paths |= _workbench(rest)
    return paths


def _workbench(rest: Json) -> Json:
    """The pages of a try-out: an EHR to play with, for this machine only."""
    html: Json = {"text/html": {}}
    json_: Json = {"application/json": {}}
    page: dict[int, Json] = {200: {"description": "The page.", "content": html}}
    either: dict[int, Json] = {200: {"description": "The page, or data of it.", "content": html | json_}}
    drawn: dict[int, Json] = {200: {"description": "The plots, as SVG in JSON.", "content": json_}}
    record: Json = {"type": "object", "description": "A call, as it is sent to a service."}
    refusals = (*_PASSED_ON, 403)
    return {
        "/": {"get": _operation("front", "pages", "The workbench", answers=page, refusals=(*_ANY, 403, 500))},
        "/workbench/{rest}": {
            "get": _operation(
                "workbench", "pages", "The workbench of one case", answers=either, parameters=(rest,), refusals=refusals
            )
        },
        "/workbench/timeline": {
            "post": _operation(
                "timeline",
                "pages",
                "The laboratory results of a call, drawn over time",
                body=record,
                answers=drawn,
                refusals=(*refusals, 413, 415),
            )
        },
    }


def _for_operators(settings: Settings) -> Json:
    """The pages that name clients: all as HTML, JSON and plain text, but for a table that is CSV."""
    day: Json = {"format": "date"}
    asked = (
        _query("from", "A day of the first week; by default twelve weeks before the last.", day),
        _query("to", "A day of the last week; by default today.", day),
        _client(),
        _query("module", "Only cards of this module or order rule, such as B12.", {"pattern": "^[A-Z0-9_]*$"}),
    )
    instance = _parameter("hook_instance", "As the call had it.", f"^{messages.UUID}$".replace("(?:", "("))
    outcome = _query("outcome", "Only calls that came to this.", {"enum": ["", "cards", "silent", "refused", "failed"]})
    table = (
        ("/prefetch-doctor", "prefetch-doctor", "What came of the data that is asked for", (_client(),)),
        ("/trace", "traces", "The latest calls", (_client(), outcome)),
        ("/trace/{hook_instance}", "trace", "Why a call was answered as it was", (instance,)),
        ("/studio", "studio", "Every card that there can be", ()),
        ("/studio/{rest}", "studio-files", "The same, to keep", (_parameter("rest", _REST),)),
        ("/report", "report", "How cards are answered", asked),
        ("/report.csv", "report-csv", "The same, a line for each count", asked),
    )
    media: Json = {"text/html": {}, "application/json": {}, "text/plain": {}}
    security: list[Json] = [{"operatorToken": []}, *([{}] if settings.try_out else [])]
    refusals = (*_PASSED_ON, 401, 403)
    return {
        path: {
            "get": _operation(
                name,
                "operations",
                summary,
                security=security,
                parameters=given,
                refusals=refusals,
                answers={200: {"description": "The page.", "content": _CSV if path.endswith(".csv") else media}},
            )
        }
        for path, name, summary, given in table
    }


_CSV: Final[Json] = {"text/csv": {}}
_READY: Final[Mapping[int, str]] = {200: "It can.", 503: "It cannot yet; the answer says what it waits for."}


def _call(hook: str, prefetch: Mapping[str, str], settings: Settings) -> Json:
    """The body of a call of `hook`, as far as it is judged here: what may be missing or null may be so here as well."""
    context: Json = {"patientId": _string(messages.PATIENT_ID), "userId": _string(messages.USER_ID, nullable=True)}
    if hook.startswith("order-"):
        context["selections"] = {
            "type": ["array", "null"], "maxItems": settings.limits.selections, "items": {"type": "string"},
        }  # fmt: skip
        context["draftOrders"] = {
            "type": ["object", "null"],
            "required": ["resourceType"],
            "properties": {"resourceType": {"const": "Bundle"}},
        }
    return {
        "type": "object",
        "required": ["hook", "hookInstance", "context"],
        "properties": {
            "hook": {"const": hook},
            "hookInstance": _string(messages.UUID),
            "context": {"type": "object", "required": ["patientId"], "properties": context},
            "prefetch": {
                "type": ["object", "null"],
                "maxProperties": settings.limits.prefetch_keys,
                "properties": {key: {"description": query} for key, query in prefetch.items()},
            },
            "fhirServer": _string(messages.HTTP_URL, nullable=True),
            "fhirAuthorization": {"type": ["object", "null"]},
            "extension": {"description": "Read where it is known, else passed over."},
        },
        "if": {"required": ["fhirAuthorization"], "properties": {"fhirAuthorization": {"type": "object"}}},
        "then": {"required": ["fhirServer"], "properties": {"fhirServer": {"type": "string"}}},
    }


def _string(pattern: str, *, nullable: bool = False) -> Json:
    """A string that matches one of our patterns as a whole, in the dialect of regular expressions that JSON has."""
    plain = pattern.replace(r"\Z", "$").replace("(?:", "(")
    return {"type": ["string", "null"] if nullable else "string", "pattern": f"^{plain}$"}


def _operation(
    name: str, tag: str, summary: str, *, answers: Mapping[int, Json], refusals: Iterable[int], description: str = "",
    parameters: Sequence[Json] = (), body: Json | None = None, security: list[Json] | None = None,
) -> Json:  # fmt: skip
    operation: Json = {"operationId": name, "tags": [tag], "summary": summary}
    if description:
        operation["description"] = description
    if parameters:
        operation["parameters"] = list(parameters)
    if body is not None:
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    refused = {str(status): {"$ref": f"#/components/responses/Refused{status}"} for status in sorted(set(refusals))}
    operation["responses"] = {**refused, **{str(status): answer for status, answer in answers.items()}}
    operation["security"] = security if security is not None else []
    return operation


def _json(description: str, schema: str, *, headers: Sequence[str] = ()) -> Json:
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return {"description": description, "headers": _headers(headers), "content": content}


def _refusal(status: int) -> Json:
    content = {"application/fhir+json": {"schema": {"$ref": f"#/components/schemas/{_OUTCOME}"}}}
    return {"description": _MEANINGS[status], "headers": _headers(_HEADERS.get(status, ())), "content": content}


def _headers(names: Sequence[str]) -> Json:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in ("X-Request-Id", *names)}


def _header_components() -> Json:
    meanings = {
        "X-Request-Id": "The id of this request; the audit trail and the logs have it, too.",
        "Server-Timing": "Where the time went.",
        "WWW-Authenticate": "How to identify oneself.",
        "Allow": "The methods that are allowed.",
        "Retry-After": "In how many seconds to try again.",
    }
    return {name: {"description": words, "schema": {"type": "string"}} for name, words in meanings.items()}


def _parameter(name: str, description: str, pattern: str = "^[A-Za-z0-9_-]+$") -> Json:
    schema = {"type": "string", "pattern": pattern, "maxLength": 100}
    return {"name": name, "in": "path", "required": True, "description": description, "schema": schema}


def _client() -> Json:
    return {
        "name": "client", "in": "query", "required": False, "description": "Only this client of the clients file.",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{0,100}$"},
    }  # fmt: skip


def _query(name: str, description: str, schema: Json) -> Json:
    return {"name": name, "in": "query", "description": description, "schema": {"type": "string", **schema}}


@cache
def _components() -> Json:
    """All schemas; the definitions inside of one stand beside it under its name."""
    made: Json = {}
    for name, file in _SCHEMAS.items():
        text = files("gateway").joinpath(f"schemas/{file}.json").read_text(encoding="utf-8")
        schema = json.loads(text.replace("#/$defs/", f"#/components/schemas/{name}."))
        made |= {f"{name}.{inner}": part for inner, part in schema.pop("$defs", {}).items()}
        made[name] = {key: value for key, value in schema.items() if key not in ("$schema", "$id")}
    return made
