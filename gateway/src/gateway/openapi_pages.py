"""The pages and the addresses for operations in the OpenAPI document."""

from collections.abc import Mapping
from typing import Final

from gateway import messages
from gateway.openapi_parts import ANY, PASSED_ON, Json, header_refs, operation, parameter, query
from gateway.settings import Settings

_REST: Final = "One or more segments of letters, digits, dots, hyphens and underscores, separated by slashes."


def paths(settings: Settings) -> Json:
    """All paths but those of CDS Hooks."""
    html, markdown, plain = "text/html", "text/markdown", "application/json"
    rest = parameter("rest", _REST)
    audience = query(
        "audience", "Whom the page speaks to; the clinician when left out.", {"enum": ["clinician", "patient"]}
    )
    lang = query(
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
    found: Json = {}
    for path, name, tag, summary, media, parameters in table:
        answers: dict[int, Json] = {
            200: {"description": summary, "headers": header_refs(()), "content": {m: {} for m in media}}
        }
        if tag == "pages":
            answers[304] = {"description": "What the client has is current."}
        found[path] = {
            "get": operation(name, tag, summary, answers=answers, parameters=parameters, refusals=(*PASSED_ON, 406))
        }
    ready = {status: {"description": words, "content": {plain: {}}} for status, words in _READY.items()}
    found["/readyz"] = {"get": operation("readyz", "operations", "Whether it can serve", answers=ready, refusals=ANY)}
    found |= _for_operators(settings) | _SIGNING_IN
    if settings.try_out:
        found |= _workbench(rest)
    return found


def _workbench(rest: Json) -> Json:
    """The pages of a try-out: an EHR to play with, for this machine only."""
    html: Json = {"text/html": {}}
    json_: Json = {"application/json": {}}
    page: dict[int, Json] = {200: {"description": "The page.", "content": html}}
    data = html | json_ | {"application/fhir+json": {}}
    either: dict[int, Json] = {200: {"description": "The page, or data of it.", "content": data}}
    hook = query("hook", "Whose cards the page shows; that of the case when left out.", {"enum": list(_HOOKS)})
    drawn: dict[int, Json] = {200: {"description": "The plots, as SVG in JSON.", "content": json_}}
    record: Json = {"type": "object", "description": "A call, as it is sent to a service."}
    refusals = (*PASSED_ON, 403)
    return {
        "/": {
            "get": operation(
                "front", "pages", "The workbench", answers=page, parameters=(hook,), refusals=(*ANY, 403, 500)
            )
        },
        "/workbench/{rest}": {
            "get": operation(
                "workbench",
                "pages",
                "The workbench of one case",
                answers=either,
                parameters=(rest, hook),
                refusals=refusals,
            )
        },
        "/workbench/timeline": {
            "post": operation(
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
    """The pages that name clients: as HTML, JSON and plain text, but for a table that is CSV and for the studio."""
    day: Json = {"format": "date"}
    asked = (
        query("from", "A day of the first week; by default twelve weeks before the last.", day),
        query("to", "A day of the last week; by default today.", day),
        _client(),
        query("module", "Only cards of this module or order rule, such as B12.", {"pattern": "^[A-Z0-9_]*$"}),
    )
    instance = parameter("hook_instance", "As the call had it.", f"^{messages.UUID}$".replace("(?:", "("))
    outcome = query("outcome", "Only calls that came to this.", {"enum": ["", "cards", "silent", "refused", "failed"]})
    table = (
        ("/prefetch-doctor", "prefetch-doctor", "What came of the data that is asked for", (_client(),)),
        ("/trace", "traces", "The latest calls", (_client(), outcome)),
        ("/trace/{hook_instance}", "trace", "Why a call was answered as it was", (instance,)),
        ("/studio", "studio", "Every card that there can be", _FILTERS),
        ("/studio/{rest}", "studio-files", "The same, to keep", (parameter("rest", _REST), *_FILTERS)),
        ("/report", "report", "How cards are answered", asked),
        ("/report.csv", "report-csv", "The same, a line for each count", asked),
    )
    media: Json = {"text/html": {}, "application/json": {}, "text/plain": {}}
    others: Json = {
        "report-csv": _CSV,
        "studio": {"text/html": {}, "application/json": {}},
        "studio-files": {"text/html": {}},
    }
    security: list[Json] = [{"operatorToken": []}, {"operatorSession": []}, *([{}] if settings.try_out else [])]
    refusals = (*PASSED_ON, 401, 403)
    return {
        path: {
            "get": operation(
                name,
                "operations",
                summary,
                security=security,
                parameters=given,
                refusals=refusals,
                answers={200: {"description": "The page.", "content": others.get(name, media)}},
            )
        }
        for path, name, summary, given in table
    }


_HOOKS: Final = ("patient-view", "order-select", "order-sign")
_FILTERS: Final = (
    query("module", "Only cards of this module or order rule, such as B12.", {"pattern": "^[A-Z0-9_]*$"}),
    query("indicator", "Only cards with this one.", {"enum": ["", "info", "warning", "critical"]}),
    query("hook", "Only cards that come on this hook.", {"enum": ["", *_HOOKS]}),
    query("text", "Only cards in which all these words stand.", {"maxLength": 200}),
    query("changed", "`1`: only cards that differ from what they are compared with.", {"enum": ["", "1"]}),
    query("dialect", "As the cards go to EHRs of this kind: a `dialect` of the clients file.", {}),
    query("client", "With the order codes of this client, if it has some of its own.", {}),
    query("against", "A release, such as 1.1.0, `delivered` or `nothing`; the release before when left out.", {}),
)
_LED_ON: Final[Mapping[int, Json]] = {303: {"description": "Where to go on.", "headers": header_refs(("Location",))}}
_FORM: Final[Json] = {
    "type": "object",
    "required": ["token"],
    "properties": {
        "token": {"type": "string", "description": "The operator's secret."},
        "next": {"type": "string", "description": "The page for operators to go on to; else Referer says it."},
    },
}
_SIGNING_IN: Final[Json] = {
    "/sign-in": {
        "get": operation(
            "sign-in-form", "operations", "Where operators sign in with a browser",
            answers={200: {"description": "The page.", "content": {"text/html": {}}}},
            refusals=(*ANY, 500),
        ),
        "post": operation(
            "sign-in", "operations", "Sign in: only from the page, by a browser",
            form=_FORM, answers=_LED_ON, refusals=(*ANY, 401, 403, 413, 415, 429, 500, 503),
        ),
    },
    "/sign-out": {
        "post": operation(
            "sign-out", "operations", "Sign out: only from our pages, by a browser",
            answers=_LED_ON, refusals=(*ANY, 403, 413, 500),
        ),
    },
}  # fmt: skip
_CSV: Final[Json] = {"text/csv": {}}
_READY: Final[Mapping[int, str]] = {200: "It can.", 503: "It cannot yet; the answer says what it waits for."}


def _client() -> Json:
    return {
        "name": "client", "in": "query", "required": False, "description": "Only this client of the clients file.",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{0,100}$"},
    }  # fmt: skip
