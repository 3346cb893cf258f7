"""What the gateway's public addresses are, as an OpenAPI 3.1 document: `GET /openapi.json`.

The document is made from what the services announce, so that each has its own path, its hook, and its prefetch keys;
from the patterns by which `messages` judges a call; and from JSON Schemas in `schemas/`. Three of these are copies of
the ones in contract-tests/schemas; a test holds them to each other, and another one holds the paths here to the routes
of the application.
"""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final

import msgspec
from flask import Blueprint, Response

from gateway import __version__, messages, openapi_pages, sessions, sign_in
from gateway.discovery import Catalog, Directory
from gateway.openapi_parts import (
    KNOWN_CALLER,
    MEANINGS,
    OUTCOME,
    WITH_BODY,
    Json,
    header_components,
    json_answer,
    operation,
    refusal,
)
from gateway.settings import Settings

_SCHEMAS: Final[Mapping[str, str]] = {
    "Discovery": "discovery", "Cards": "cards", "Feedback": "feedback", "FeedbackAnswer": "feedback-answer",
    OUTCOME: "operation-outcome",
}  # fmt: skip


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
    paths = {**_hooks(settings, catalog, security), **openapi_pages.paths(settings)}
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
            "responses": {f"Refused{status}": refusal(status) for status in MEANINGS},
            "headers": header_components(),
            "securitySchemes": {
                "clientToken": {
                    "type": "http", "scheme": "bearer", "bearerFormat": "JWT",
                    "description": "A JWT signed by the client (ES384 or RS384, unless agreed otherwise) with iss, exp,"
                    " iat, jti, and as aud the URL that is called.",
                },
                "operatorSession": {
                    "type": "apiKey", "in": "cookie", "name": sessions.name(secure=sign_in.is_secure(settings)),
                    "description": "What a browser gets for the operator's secret at /sign-in.",
                },
                "operatorToken": {"type": "http", "scheme": "bearer", "description": "The operator's secret."},
            },
        },
    }  # fmt: skip


def _hooks(settings: Settings, catalog: Catalog, security: list[Json]) -> Json:
    paths: Json = {
        "/cds-services": {
            "get": operation(
                "discovery", "hooks", "What services there are",
                security=security,
                answers={200: json_answer("The services that this client may call.", "Discovery")},
                refusals=KNOWN_CALLER,
            )
        }
    }  # fmt: skip
    announced = msgspec.json.decode(catalog.document, type=_Announced).services
    for entry in announced:
        hook = catalog.services[entry.id].hook
        paths[f"/cds-services/{entry.id}"] = {
            "post": operation(
                f"call-{entry.id}", "hooks", entry.title or entry.id,
                description=entry.description,
                security=security,
                body=_call(hook, entry.prefetch, settings),
                answers={200: json_answer("Cards, or none.", "Cards", headers=("Server-Timing",))},
                refusals=(*WITH_BODY, 412),
            )
        }  # fmt: skip
        paths[f"/cds-services/{entry.id}/feedback"] = {
            "post": operation(
                f"feedback-{entry.id}", "hooks", f"What became of cards of {entry.id}",
                security=security,
                body={"$ref": "#/components/schemas/Feedback"},
                answers={200: json_answer("What became of each item. What is kept is on the disk.", "FeedbackAnswer")},
                refusals=(*WITH_BODY, 501),
            )
        }  # fmt: skip
    return paths


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
