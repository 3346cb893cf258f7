"""GET /thresholds: every number that decides, the one in force here, and what the site has set itself."""

import json
from collections.abc import Callable, Iterable, Mapping
from itertools import groupby
from typing import Any, Final

from flask import Blueprint, Response, request
from markupsafe import Markup

from screening.domain.thresholds import AnyThreshold, SiteValue, SiteValues
from screening.knowledge.threshold_index import index, shown
from screening.pages import look
from screening.pages.look import LINES, table

_BODY: Final = Markup("""<p>Every number that decides, as it holds here. Rules version {version}. The rules are a draft:
awaiting clinical sign-off. A site may set a number only in its own file, with a reason and the name of who approved
it.</p>
<h2>Set by this site</h2>
{own}
<h2>All thresholds</h2>
<nav class="contents" aria-label="Subjects"><ul class="columns">
{contents}
</ul></nav>
{rows}""")
_OWN: Final = Markup("""<p>File version {version}, approved by {approver} on {approved}. Every card shows these
values.</p>
{rows}""")
_ENTRY: Final = Markup('<li><a href="#{}">{}</a></li>')
_GROUP: Final = Markup('<h3 id="{}">{}</h3>\n{}')
_CODE: Final = Markup("<code>{}</code>")
_NOTHING: Final = Markup("<p>Nothing: the defaults hold.</p>")
_MAY: Final = {"no": "no", "not-lower": "yes, but not lower", "yes": "yes"}


def blueprint(site_values: SiteValues, rules_version: str) -> Blueprint:
    """The page. What it says is made here, once: what holds is settled at start. Its frame depends on who reads it."""
    views = Blueprint("thresholds", __name__)
    told = described(site_values, rules_version)
    written, body = json.dumps(told, ensure_ascii=False), _body(told)
    forms: Mapping[str, Callable[[], str]] = {look.HTML: lambda: _framed(body), look.JSON: lambda: written}

    @views.get("/thresholds")
    def thresholds() -> Response:
        """All thresholds, as HTML or JSON."""
        chosen = look.preferred(*forms)
        response = Response(forms[chosen](), headers={**look.GUARD, "Cache-Control": "no-cache"})
        response.headers["Content-Type"] = look.content_type(chosen)
        response.add_etag()
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


def _framed(body: Markup) -> str:
    return look.page("Thresholds", body, current=look.THRESHOLDS)


def _body(told: Mapping[str, Any]) -> Markup:
    """The document of `described` as HTML; everything that a site wrote is escaped."""
    own = told["siteValues"]
    subjects = {name: list(group) for name, group in groupby(told["thresholds"], key=_subject)}
    return _BODY.format(
        version=told["rulesVersion"],
        own=_own(own) if own else _NOTHING,
        contents=LINES.join(_ENTRY.format(name, name) for name in subjects),
        rows=LINES.join(_GROUP.format(name, name, _rows(group)) for name, group in subjects.items()),
    )


def _subject(threshold: Mapping[str, Any]) -> str:
    """The workup that a threshold belongs to, or another word with which its id begins."""
    return str(threshold["id"]).partition(".")[0]


def _rows(thresholds: Iterable[Mapping[str, Any]]) -> Markup:
    return table(
        ("Id", "What it decides", "In force here", "Default", "Source of the default", "May a site set it?"),
        (
            (
                _CODE.format(t["id"]),
                t["means"],
                _listed(t["inForce"]),
                _listed(t["default"]),
                t["citation"],
                _MAY[t["openToSites"]],
            )
            for t in thresholds
        ),
        stacks=True,
    )


def _own(own: list[dict[str, Any]]) -> Markup:
    rows = table(
        ("Id", "What it decides", "Set to", "Instead of", "Reason"),
        ((_CODE.format(o["id"]), o["means"], _listed(o["value"]), _listed(o["default"]), o["reason"]) for o in own),
        stacks=True,
    )
    head = own[0]
    return _OWN.format(version=head["version"], approver=head["approver"], approved=head["approved"], rows=rows)


def _listed(numbers: list[str]) -> str:
    return " / ".join(numbers)
