"""GET /thresholds: every number that decides, the one in force here, and what the site has set itself."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from flask import Blueprint, Response, request
from markupsafe import Markup

from screening.domain.thresholds import AnyThreshold, SiteValue, SiteValues
from screening.knowledge.threshold_index import index, shown

_HTML: Final = "text/html"
_JSON: Final = "application/json"
_GUARD: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
    "Vary": "Accept",
}

_PAGE: Final = Markup("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>Thresholds · Dystonia CDS</title>
<link rel="stylesheet" href="explanations-assets/site.css">
</head>
<body>
<main id="main">
<h1>Thresholds</h1>
<p>Every number that decides, as it holds here. Rules version {version}. The rules are a draft: awaiting clinical
sign-off. A site may set a number only in its own file, with a reason and the name of who approved it.</p>
<h2>Set by this site</h2>
{own}
<h2>All thresholds</h2>
<table>
<thead><tr><th scope="col">Id</th><th scope="col">What it decides</th><th scope="col">In force here</th>
<th scope="col">Default</th><th scope="col">Source of the default</th>
<th scope="col">May a site set it?</th></tr></thead>
<tbody>
{rows}
</tbody>
</table>
<p><a href="explanations">Explanations</a> · <a href="bibliography">Bibliography</a></p>
</main>
</body>
</html>
""")
_OWN: Final = Markup("""<p>File version {version}, approved by {approver} on {approved}. Every card shows these
values.</p>
<table>
<thead><tr><th scope="col">Id</th><th scope="col">What it decides</th><th scope="col">Set to</th>
<th scope="col">Instead of</th><th scope="col">Reason</th></tr></thead>
<tbody>
{rows}
</tbody>
</table>""")
_NOTHING: Final = Markup("<p>Nothing: the defaults hold.</p>")
_MAY: Final = {"no": "no", "not-lower": "yes, but not lower", "yes": "yes"}


@dataclass(frozen=True, slots=True)
class _Document:
    body: bytes
    etag: str


def blueprint(site_values: SiteValues, rules_version: str) -> Blueprint:
    """The page. Both its forms are made here, once: what holds is settled at start."""
    views = Blueprint("thresholds", __name__)
    told = described(site_values, rules_version)
    documents = {_HTML: _document(page(told)), _JSON: _document(json.dumps(told, ensure_ascii=False))}

    @views.get("/thresholds")
    def thresholds() -> Response:
        """All thresholds, as HTML or JSON."""
        liked = request.accept_mimetypes
        chosen = max(documents, key=lambda form: (liked[form], form == _HTML))
        response = Response(documents[chosen].body, headers=_GUARD)
        response.headers["Content-Type"] = _JSON if chosen == _JSON else f"{_HTML}; charset=utf-8"
        response.set_etag(documents[chosen].etag)
        response.make_conditional(request)
        return response

    return views


def described(site_values: SiteValues, rules_version: str) -> dict[str, Any]:
    """All thresholds as one JSON document; `siteValues` is there in any case, and empty where the defaults hold."""
    known = index().thresholds
    return {
        "rulesVersion": rules_version,
        "siteValues": [_site_value(own) for _, own in sorted(site_values.items())],
        "thresholds": [_threshold(one, site_values.get(one.id)) for one in known.values()],
    }


def _threshold(threshold: AnyThreshold, own: SiteValue | None) -> dict[str, Any]:
    value = threshold.value if own is None else own.value
    return {
        "id": threshold.id,
        "means": threshold.means,
        "inForce": list(shown(value, threshold.unit)),
        "default": list(shown(threshold.value, threshold.unit)),
        "citation": threshold.cite.text,
        "openToSites": open_to_sites(threshold),
    }


def _site_value(own: SiteValue) -> dict[str, Any]:
    return {
        "id": own.threshold.id,
        "means": own.threshold.means,
        "value": list(shown(own.value, own.threshold.unit)),
        "default": list(shown(own.threshold.value, own.threshold.unit)),
        "reason": own.reason,
        "approver": own.approver,
        "approved": own.approved.isoformat(),
        "version": own.version,
    }


def open_to_sites(threshold: AnyThreshold) -> str:
    """`yes`, `not-lower` or `no`."""
    if threshold.fixed:
        return "no"
    return "not-lower" if threshold.floor else "yes"


def page(told: Mapping[str, Any]) -> str:
    """The document of `described` as HTML; everything that a site wrote is escaped."""
    ours, own = told["thresholds"], told["siteValues"]
    rows = Markup("\n").join(
        _row(t["id"], t["means"], _listed(t["inForce"]), _listed(t["default"]), t["citation"], _MAY[t["openToSites"]])
        for t in ours
    )
    return _PAGE.format(version=told["rulesVersion"], own=_own(own) if own else _NOTHING, rows=rows)


def _own(own: list[dict[str, Any]]) -> Markup:
    rows = Markup("\n").join(
        _row(o["id"], o["means"], _listed(o["value"]), _listed(o["default"]), o["reason"]) for o in own
    )
    head = own[0]
    return _OWN.format(version=head["version"], approver=head["approver"], approved=head["approved"], rows=rows)


def _row(id_: str, *cells: str) -> Markup:
    rest = Markup("").join(Markup("<td>{}</td>").format(cell) for cell in cells)
    return Markup('<tr><th scope="row"><code>{}</code></th>{}</tr>').format(id_, rest)


def _listed(numbers: list[str]) -> str:
    return " / ".join(numbers)


def _document(text: str) -> _Document:
    body = text.encode()
    return _Document(body, hashlib.sha256(body).hexdigest()[:32])
