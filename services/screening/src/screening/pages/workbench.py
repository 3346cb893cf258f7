"""The workbench, in a try-out only: synthetic patients, each with story, record, timeline and cards, and their data.

What runs in the browser plays the EHR with these data and the public API. Without a script the page is for reading.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import msgspec
from flask import Blueprint, Response, jsonify, request
from markupsafe import Markup

from chassis import shell
from chassis.problems import Problem
from screening import messages, problems, services
from screening.cards import topics
from screening.domain.codes import CodeBook
from screening.fhir.reading import Call
from screening.pages import card_html, look, record_html, timeline_html, workbench_page
from screening.preview import Preview
from screening.slices import UNREADABLE
from screening.synthetic import cases
from screening.synthetic.cases import Case
from screening.synthetic.charts import Display, patient_id

_HOOKS: Final = frozenset(service.hook for service in services.SERVICES)


class _Named(msgspec.Struct):
    """The part of a call that says which hook it is about."""

    hook: str


@dataclass(frozen=True, slots=True)
class Parts:
    """What the workbench works with; joined in `app`.

    Attributes:
        preview: reads records and makes their cards.
        display: of a code that is written without one.
        clock: the moment.
    """

    preview: Preview
    display: Display
    clock: Callable[[], datetime]

    def today(self) -> date:
        """The UTC calendar day on which the records end."""
        return self.clock().date()


def blueprint(parts: Parts) -> Blueprint:
    """The page and its data."""
    views = Blueprint("workbench", __name__)

    @views.get("/")
    def front() -> Response:
        """The first of the cases."""
        return _page(parts, cases.packaged().cases[0], depth=0)

    @views.get("/workbench/cases.json")
    def listed() -> Response:
        """All cases, and the draft orders that can be added."""
        return _guarded(jsonify(_document(parts)))

    @views.get("/workbench/<name>")
    def one(name: str) -> Response:
        """One case."""
        return _page(parts, _known(name), depth=1)

    @views.get("/workbench/<name>/bundle.json")
    def bundle(name: str) -> Response:
        """The record of a case as a FHIR R4 Bundle, dated back from today."""
        resources = _known(name).record(parts.today(), parts.display)
        entries = [{"fullUrl": f"urn:example:{one['resourceType']}/{one['id']}", "resource": one} for one in resources]
        made = {"resourceType": "Bundle", "type": "collection", "entry": entries}
        return _guarded(Response(msgspec.json.encode(made), content_type="application/fhir+json"))

    @views.post("/workbench/timeline")
    def drawn() -> Response:
        """The results that a CDS call brings, against the criteria."""
        read = _call(shell.body())
        chart, _ = parts.preview.reader.chart(read, parts.clock())
        return _guarded(jsonify(timeline_html.document(chart)))

    return views


def _known(name: str) -> Case:
    found = cases.packaged().of(name)
    if found is None:
        raise Problem(404, "There is no case of this name. GET /workbench/cases.json lists them.")
    return found


def _guarded(response: Response) -> Response:
    response.headers.update({name: value for name, value in look.GUARD.items() if name != "Vary"})
    return response


# --- the page ---


def _page(parts: Parts, case: Case, depth: int) -> Response:
    hook = request.args.get("hook", case.hook)
    if hook not in _HOOKS:
        raise Problem(400, f"hook must be one of {', '.join(sorted(_HOOKS))}.", expression="hook")
    today = parts.today()
    told = [_told(one, parts, today) for one in cases.packaged().cases]
    reading = _reading(parts, case, hook, today)
    return Response(workbench_page.page(told, reading, today, depth), headers=look.RUNNING, mimetype=look.HTML)


def _reading(parts: Parts, case: Case, hook: str, today: date) -> workbench_page.Reading:
    resources = case.record(today, parts.display)
    drafts = case.drafts(today, parts.display) if hook != services.PATIENT_VIEW else []
    selections = case.selections(today) if hook == services.ORDER_SELECT else []
    now, missing = parts.clock(), case.not_delivered
    found = parts.preview.cards(
        resources, hook, drafts=drafts, selections=selections or None, as_of=now, not_delivered=missing
    )
    chart = parts.preview.chart(resources, as_of=now, not_delivered=missing)
    return workbench_page.Reading(
        case=_told(case, parts, today),
        hook=hook,
        drafts=record_html.drafts(drafts, selections),
        cards=card_html.cards(found, level=4) if found else Markup(""),
        timeline=timeline_html.section(chart),
        record=record_html.record(resources),
    )


# --- the data ---


def _document(parts: Parts) -> dict[str, Any]:
    today, all_of_them = parts.today(), cases.packaged()
    return {
        "today": today.isoformat(),
        "groups": list(all_of_them.groups),
        "cases": [_told(case, parts, today) for case in all_of_them.cases],
        "orders": [
            {"label": order.label, "resource": order.resource}
            for order in all_of_them.ready_orders(today, parts.display)
        ],
    }


def _told(case: Case, parts: Parts, today: date) -> Mapping[str, Any]:
    """A case as in cases.json."""
    return {
        "id": case.id,
        "title": case.title,
        "story": case.story,
        "group": case.group,
        "hook": case.hook,
        "user": case.user,
        "patient": patient_id(case.scenario),
        "expects": list(case.expects),
        "cards": [
            {"indicator": card["indicator"], "topic": topics.topic_code(card["module"], card.get("state", ""))}
            for card in case.scenario["expect"]["cards"]
        ],
        "notDelivered": _keys(parts.preview, case.not_delivered),
        "drafts": case.drafts(today, parts.display),
        "selections": case.selections(today),
    }


def _keys(preview: Preview, names: Sequence[str]) -> list[str]:
    """The prefetch keys of these keys and workups."""
    return [key for key, asked in preview.reader.keys.items() if key in names or asked.name in names]


def _call(body: bytes) -> Call:
    """The parts of a CDS call that make a chart.

    Raises:
        chassis.problems.Problem: 400, it is none.
    """
    try:
        hook = msgspec.json.decode(body, type=_Named).hook
    except UNREADABLE:
        raise problems.not_json() from None
    if hook not in _HOOKS:
        raise problems.invalid("hook", f"hook must be one of {', '.join(sorted(_HOOKS))}.")
    read = messages.read(body, hook)
    return Call(
        patient_id=read.patient_id,
        prefetch=read.prefetch,
        draft_orders=read.draft_orders,
        selections=read.selections,
    )


def displays(book: CodeBook) -> Display:
    """The reviewed displays of exactly the listed codes: that of a prefix is not the display of a longer code."""
    known = {(entry.system, entry.code): entry.display for entries in book.members.values() for entry in entries}
    return lambda system, code: known.get((system, code), "")
