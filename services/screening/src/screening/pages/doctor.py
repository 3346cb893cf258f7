"""GET /prefetch-doctor: what came of the data that we asked for, per client and key, and what to change.

For the operator: the gateway asks who wants to know. Codes, names and counts only, nothing of a patient.
"""

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from flask import Blueprint, Response, request

from chassis.problems import Problem
from screening import sheet
from screening.pages import look
from screening.pages.doctor_html import page as as_html
from screening.pages.doctor_text import page as as_text
from screening.pages.doctor_told import told
from screening.snapshots import Snapshots

_CLIENT: Final = re.compile(r"[A-Za-z0-9._-]{0,100}")
_FORMS: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    look.HTML: as_html,
    look.JSON: lambda one: json.dumps(one, ensure_ascii=False),
    look.TEXT: as_text,
}


def blueprint(
    snapshots: Snapshots, templates: Mapping[str, str], names: Mapping[str, str], clock: Callable[[], datetime]
) -> Blueprint:
    """The page in its three forms; `?client=` shows one client only.

    Args:
        snapshots: the counts.
        templates: prefetch key -> query.
        names: prefetch key -> name of its data.
        clock: the moment.
    """
    views = Blueprint("doctor", __name__)
    groups = sheet.groups(templates, names)

    @views.get("/prefetch-doctor")
    def doctor() -> Response:
        """What came of what we asked for, as HTML, JSON or plain text."""
        client = request.args.get("client", "")
        if not _CLIENT.fullmatch(client):
            raise Problem(400, "client must be the name of a client, as the clients file has it.", expression="client")
        document = told(snapshots.whole(), groups, templates, clock(), client)
        chosen = look.preferred(*_FORMS)
        response = Response(_FORMS[chosen](document), headers=look.GUARD)
        response.headers["Content-Type"] = look.content_type(chosen)
        return response

    return views
