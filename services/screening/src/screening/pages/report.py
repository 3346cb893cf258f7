"""GET /report and GET /report.csv: how cards are answered.

For the operator: the gateway asks who wants to know. Counts only, small ones not at all, nothing of a patient.
"""

import json
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from typing import Any, Final

from flask import Blueprint, Response, request

from chassis.problems import Problem
from screening import report
from screening.pages import look, report_csv, report_html, report_text
from screening.pages.report_html import MODULES
from screening.report import Question, Terms
from screening.store import Store, StoreDown, lanes, report_rows

_CLIENT: Final = re.compile(r"[A-Za-z0-9._-]{0,100}")
_FORMS: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    look.HTML: report_html.page,
    look.JSON: lambda one: json.dumps(one, ensure_ascii=False),
    look.TEXT: report_text.page,
}
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")


def blueprint(store: Store, terms: Terms, clock: Callable[[], datetime]) -> Blueprint:
    """The pages.

    Args:
        store: has the cards and the answers.
        terms: how the report judges.
        clock: the moment.
    """
    views = Blueprint("report", __name__)

    def told() -> dict[str, Any]:
        """The report that this request asks for."""
        if not store.exists:
            raise Problem(404, "There is no report, because no cards are kept: set STATE_DIR or STORE_URL.")
        now = clock()
        asked = _question(now.date())
        wanted = asked.wanted(now, terms)
        try:
            kinds = store.run(lanes.PAGES, lambda connection: report_rows.kinds(connection, wanted))
        except StoreDown:
            raise Problem(
                503,
                "The report cannot be made now: the store is down or was too slow; its log says which. Calls are"
                " answered all the same. If this goes on, ask for fewer weeks.",
                headers={"Retry-After": "10"},
            ) from None
        except report_rows.TooManyKinds:
            raise Problem(400, "There is too much to tell apart: ask for fewer weeks.") from None
        return report.build(kinds, asked, terms)

    @views.get("/report")
    def page() -> Response:
        """The report as HTML, JSON or plain text."""
        form = look.preferred(*_FORMS)
        response = Response(_FORMS[form](told()), headers=look.GUARD)
        response.headers["Content-Type"] = look.content_type(form)
        return response

    @views.get("/report.csv")
    def as_csv() -> Response:
        """The report as CSV."""
        document = told()
        response = Response(report_csv.written(document), headers=look.GUARD)
        response.headers["Content-Type"] = "text/csv; charset=utf-8; header=present"
        name = f"dystonia-cds-{document['from']}-{document['to']}.csv"
        response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
        return response

    return views


def _question(today: date) -> Question:
    """What the query asks for.

    Raises:
        Problem: 400, it cannot be answered.
    """
    client, module = request.args.get("client", ""), request.args.get("module", "")
    if not _CLIENT.fullmatch(client):
        raise Problem(400, "client must be the name of a client, as the clients file has it.", expression="client")
    if module not in ("", *MODULES):
        raise Problem(400, f"module must be one of {', '.join(MODULES)}.", expression="module")
    asked = report.question(today, _day("from"), _day("to"), client, module)
    if not asked.weeks:
        raise Problem(400, "from must not be later than to; without to, that is this week.", expression="from")
    if len(asked.weeks) > report.MOST_WEEKS:
        raise Problem(400, f"A report covers at most {report.MOST_WEEKS} weeks: bring from and to closer.")
    return asked


def _day(name: str) -> date | None:
    text = request.args.get(name, "")
    if not text:
        return None
    try:
        day = date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None or not 2000 <= day.year <= 2200:
        raise Problem(400, f"{name} must be a day, such as 2026-11-23.", expression=name)
    return day
