"""HTTP in, HTTP out: `/fhir`, read-only."""

from collections.abc import Iterable
from typing import Any, Final

import msgspec
from flask import Blueprint, Response, request

from chassis.problems import MEDIA_TYPE, Problem
from screening.domain import RULES_DATE, RULES_VERSION
from screening.publishing import search
from screening.publishing.shelf import Shelf, etag

_JSON: Final = frozenset({MEDIA_TYPE, "application/json", "json", "text/json"})
_ACCEPTED: Final = frozenset({MEDIA_TYPE, "application/json", "application/*", "*/*"})
_R4: Final = frozenset({"", "4.0", "4.0.1"})
_FRESH: Final = "public, max-age=300"


def blueprint(shelf: Shelf, public_url: str) -> Blueprint:
    """The addresses under which the rules are published. `public_url`: base of all links."""
    views = Blueprint("publishing", __name__, url_prefix="/fhir")
    statement = _capability_statement(shelf, public_url)

    @views.get("")
    @views.get("/")
    @views.get("/metadata")
    def metadata() -> Response:
        """What can be read here."""
        return _send(statement)

    @views.get("/<kind>")
    def find(kind: str) -> Response:
        """The resources of a kind that fit the query."""
        _known(shelf, kind)
        strict = "handling=strict" in request.headers.get("Prefer", "").replace(" ", "")
        asked = search.read(request.args.items(multi=True), strict=strict)
        found = [resource for resource in shelf.all(kind) if all(one.fits(resource) for one in asked.criteria)]
        return _send(search.bundle(found, asked, f"{public_url}/fhir/{kind}"))

    @views.get("/<kind>/<id>")
    def read(kind: str, id: str) -> Response:
        """One resource."""
        _known(shelf, kind)
        resource = shelf.resources[kind].get(id)
        if resource is None:
            raise Problem(404, f"There is no {kind} with this id.")
        return _send(resource.body)

    return views


def _known(shelf: Shelf, kind: str) -> None:
    if kind not in shelf.resources:
        raise Problem(404, f"Published here: {', '.join(shelf.resources)}. GET /fhir/metadata says how to read them.")


def _send(body: bytes) -> Response:
    """The answer, once the caller can be told to understand it.

    Raises:
        Problem: 406 when the caller wants something else than FHIR R4 as JSON.
    """
    _check_format()
    response = Response(body, content_type=MEDIA_TYPE)
    response.headers["Cache-Control"] = _FRESH
    response.headers["Vary"] = "Accept, Prefer"
    response.set_etag(etag(body))
    response.make_conditional(request)
    return response


def _check_format() -> None:
    asked = request.args.get("_format")
    if asked is not None:  # it outranks the header
        if asked.partition(";")[0].strip().replace(" ", "+") not in _JSON:
            raise _only_json()
        return
    accepted = [entry for entry, quality in request.accept_mimetypes if quality > 0]
    if request.headers.get("Accept") and not any(_acceptable(entry) for entry in accepted):
        raise _only_json()


def _acceptable(entry: str) -> bool:
    """Whether an entry of the Accept header, e.g. `application/fhir+json; fhirVersion=4.0`, takes what we send."""
    media_type, *parameters = (part.strip() for part in entry.split(";"))
    told = dict(parameter.lower().split("=", 1) for parameter in parameters if "=" in parameter)
    return media_type.lower() in _ACCEPTED and told.get("fhirversion", "").strip('"') in _R4


def _only_json() -> Problem:
    return Problem(406, "What is published here is FHIR R4 (4.0.1) as JSON: application/fhir+json.")


def _capability_statement(shelf: Shelf, public_url: str) -> bytes:
    """The CapabilityStatement: kinds, interactions, search parameters."""
    statement: dict[str, Any] = {
        "resourceType": "CapabilityStatement",
        "name": "DystoniaCdsKnowledge",
        "title": "dystonia-cds: the rules as FHIR resources",
        "status": "active",
        "date": RULES_DATE,
        "publisher": "dystonia-cds project",
        "description": "Value sets, code systems, rules and libraries of dystonia-cds, to be read. There are no patient"
        " data here.",
        "kind": "instance",
        "software": {"name": "dystonia-cds", "version": RULES_VERSION},
        "implementation": {"description": "dystonia-cds, published rules", "url": f"{public_url}/fhir"},
        "fhirVersion": "4.0.1",
        "format": [MEDIA_TYPE, "json"],
        "rest": [
            {
                "mode": "server",
                "security": {"description": "Public reading: no token is asked for."},
                "resource": [_resource(kind) for kind in _kinds(shelf)],
            }
        ],
    }
    return msgspec.json.encode(statement)


def _kinds(shelf: Shelf) -> Iterable[str]:
    return (kind for kind, found in shelf.resources.items() if found)


def _resource(kind: str) -> dict[str, Any]:
    return {
        "type": kind,
        "interaction": [{"code": "read"}, {"code": "search-type"}],
        "versioning": "no-version",
        "searchParam": [{"name": name, "type": told.type} for name, told in search.PARAMETERS.items()],
    }
