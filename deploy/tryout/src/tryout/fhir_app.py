"""A small FHIR R4 server, read-only, for a CDS client in the browser that has none with a suitable patient.

Pages of the Sandbox and of this machine may read it, and it answers to the names of this machine only: a page of
somebody else must not read what was put here. It answers what the CDS Hooks Sandbox asks for (`metadata`, the list of
patients, reads) and the searches of our prefetch, by GET and by POST `_search`. What a strict server would refuse is
refused here, too: see `tryout.search`.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from flask import Flask, Response, json, render_template, request
from werkzeug.exceptions import NotFound

from chassis import problems
from chassis.problems import MEDIA_TYPE, Problem
from tryout import sandbox_links, search
from tryout.shelf import Shelf

BASE: Final = "/fhir"
"""Where FHIR begins on this server."""

_MAX_FORM: Final = 100_000
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_PREFLIGHT: Final = {
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": "Accept, Authorization, Content-Type, Prefer",
    "Access-Control-Max-Age": "600",
}
_PAGE: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}


def create_app(shelf: Shelf, links: sandbox_links.Places, today: date) -> Flask:
    """The server for what lies on the shelf.

    Args:
        shelf: patients and their records.
        links: where the things are that the page for people links.
        today: the day of the CapabilityStatement.
    """
    app = Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = _MAX_FORM
    app.json.sort_keys = False  # type: ignore[attr-defined]
    problems.install(app)

    @app.before_request
    def preflight() -> Response | None:
        if _host_of(f"//{request.host}") not in _LOOPBACK:
            raise Problem(403, "This server answers to localhost, 127.0.0.1 and [::1] only (Host header).")
        return Response(status=204, headers=_PREFLIGHT) if request.method == "OPTIONS" else None

    @app.after_request
    def name_origin(response: Response) -> Response:
        response.headers.update({"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"})
        response.vary.add("Origin")
        origin = request.headers.get("Origin", "")
        if origin == links.sandbox_origin or _host_of(origin) in _LOOPBACK:
            response.headers["Access-Control-Allow-Origin"] = origin
        return response

    @app.get("/")
    def patients() -> Response:
        listed = sandbox_links.listed(shelf.patients, links)
        page = render_template("patients.html", patients=listed, drugs=sandbox_links.DRUGS, links=links)
        return Response(page, headers=_PAGE, content_type="text/html; charset=utf-8")

    @app.get("/patients.css")
    def style() -> Response:
        return Response(render_template("patients.css"), content_type="text/css; charset=utf-8")

    @app.get(f"{BASE}/metadata")
    def metadata() -> Response:
        return _fhir(_capability(today))

    @app.get(f"{BASE}/<kind>/<name>")
    def read(kind: str, name: str) -> Response:
        if (found := shelf.record.read(f"{kind}/{name}")) is None:
            raise Problem(404, f"There is no {kind} with this id here." if kind.isalpha() else "There is none.")
        return _fhir(found)

    @app.get(f"{BASE}/<kind>")
    def searched(kind: str) -> Response:
        return _search(kind, request.query_string.decode("utf-8", "replace"))

    @app.post(f"{BASE}/<kind>/_search")
    def searched_by_post(kind: str) -> Response:
        if request.mimetype != "application/x-www-form-urlencoded":
            raise Problem(415, "A search by POST is a form (Content-Type: application/x-www-form-urlencoded).")
        form = request.get_data(cache=False).decode("utf-8", "replace")
        return _search(kind, "&".join(part for part in (request.query_string.decode("utf-8", "replace"), form) if part))

    def _search(kind: str, query: str) -> Response:
        if kind == "Patient" and not query:
            return _fhir(_searchset(shelf.record.of_type("Patient")))
        if not kind.isalpha():
            raise NotFound
        asked = dict(parse_qsl(query))
        if "patient" not in asked:
            raise Problem(400, "A search here needs the parameter patient; /Patient alone lists the patients.")
        if (kind, asked.get("code", "")) in shelf.withheld.get(asked["patient"], ()):
            raise Problem(503, "For this patient the laboratory does not answer. That is what the case is about.")
        try:
            return _fhir(search.search(shelf.record, f"{kind}?{query}"))
        except search.SearchRefused as refused:
            raise Problem(400, f"Search refused: {refused}.", code="not-supported") from None

    return app


def _host_of(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def _fhir(resource: Any) -> Response:
    return Response(json.dumps(resource), content_type=MEDIA_TYPE)


def _searchset(found: Sequence[Any]) -> dict[str, Any]:
    entries = [{"resource": resource, "search": {"mode": "match"}} for resource in found]
    return {"resourceType": "Bundle", "type": "searchset", "total": len(found), "entry": entries}


def _capability(today: date) -> dict[str, Any]:
    kinds = [{"type": kind, "interaction": [{"code": "read"}]} for kind in ("Patient", "Practitioner", "Medication")]
    kinds += [
        {
            "type": kind,
            "interaction": [{"code": "read"}, {"code": "search-type"}],
            "searchParam": [{"name": name, "type": what} for name, what in search.parameters(kind).items()],
        }
        for kind in search.TYPES
    ]
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": today.isoformat(),
        "kind": "instance",
        "software": {"name": "dystonia-cds try-out: synthetic patients, read-only"},
        "implementation": {"description": "Synthetic patients on this machine. No real persons."},
        "fhirVersion": "4.0.1",
        "format": ["json"],
        "rest": [{"mode": "server", "resource": kinds}],
    }
