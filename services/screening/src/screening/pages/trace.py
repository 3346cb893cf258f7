"""GET /trace/{hookInstance}: why a call was answered as it was; GET /trace: the latest calls.

For the operator: the gateway asks who wants to know.
"""

import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from flask import Blueprint, Response, request

from chassis.problems import Problem
from chassis.serving import turns
from screening.pages import look, trace_html, trace_text
from screening.pages.trace_words import OUTCOMES
from screening.recorder import INTERVAL, Recorder
from screening.store import StoreDown, TraceRow

_HOOK_INSTANCE: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_CLIENT: Final = re.compile(r"[A-Za-z0-9._-]{0,100}")
_WAIT_S: Final = 3 * INTERVAL
"""For so long other processes may not have written down a call that has just been answered."""
_LOOK_EVERY_S: Final = 0.05
_LATEST: Final = 50

_Told = dict[str, Any]
_Forms = Mapping[str, Callable[[Mapping[str, Any]], str]]
_ONE: Final[_Forms] = {look.HTML: trace_html.one, look.JSON: json.dumps, look.TEXT: trace_text.one}
_MANY: Final[_Forms] = {look.HTML: trace_html.latest, look.JSON: json.dumps, look.TEXT: trace_text.latest}


def blueprint(recorder: Recorder, hours: int, clock: Callable[[], datetime]) -> Blueprint:
    """The pages.

    Args:
        recorder: keeps the traces.
        hours: for how long; 0: there are none.
        clock: the moment.
    """
    views = Blueprint("trace", __name__)

    @views.before_request
    def kept_at_all() -> None:
        if not hours:
            raise Problem(
                404,
                "No traces are kept: TRACE_HOURS is 0, or there is no store. Set TRACE_HOURS to a number of hours, and"
                " STATE_DIR or STORE_URL.",
            )

    @views.get("/trace/<hook_instance>")
    def one(hook_instance: str) -> Response:
        """The calls of a hookInstance, newest first, as HTML, JSON or plain text."""
        rows = _found(recorder, hook_instance, clock) if _HOOK_INSTANCE.fullmatch(hook_instance) else []
        if not rows:
            raise Problem(
                404,
                f"No trace of this hookInstance is kept. Each call leaves one under its own, for {_told(hours)}."
                " What the gateway refused leaves none: see the audit trail. GET /trace lists the latest.",
            )
        calls = [json.loads(row.body) for row in rows]
        return _page(_ONE, {"hookInstance": hook_instance.lower(), "about": _about(hours), "traces": calls})

    @views.get("/trace")
    def latest() -> Response:
        """The latest calls."""
        client, outcome = request.args.get("client", ""), request.args.get("outcome", "")
        if not _CLIENT.fullmatch(client):
            raise Problem(400, "client must be the name of a client, as the clients file has it.", expression="client")
        if outcome not in ("", *OUTCOMES):
            raise Problem(400, f"outcome must be one of {', '.join(OUTCOMES)}.", expression="outcome")
        rows = _reading(lambda: recorder.latest(client, outcome, _LATEST))
        told = {
            "about": f"{_about(hours)} At most {_LATEST} are listed, newest first.",
            "client": client,
            "outcome": outcome,
            "dropped": recorder.dropped,
            "calls": [_in_short(row) for row in rows],
        }
        return _page(_MANY, told)

    return views


def _found(recorder: Recorder, hook_instance: str, clock: Callable[[], datetime]) -> Sequence[TraceRow]:
    """What there is, once every process has had the time to write down the calls of this moment."""
    ends = time.monotonic() + _WAIT_S
    while True:
        rows = _reading(lambda: recorder.find(hook_instance))
        settled = bool(rows) and clock() - rows[0].at > timedelta(seconds=_WAIT_S)
        if settled or time.monotonic() >= ends:
            return rows
        with turns.aside():
            time.sleep(_LOOK_EVERY_S)


def _reading(read: Callable[[], Sequence[TraceRow]]) -> Sequence[TraceRow]:
    try:
        return read()
    except StoreDown:
        raise Problem(
            503,
            "The traces cannot be read now: the store is down. Its log says why; calls are answered all the same.",
            headers={"Retry-After": "5"},
        ) from None


def _in_short(row: TraceRow) -> _Told:
    told = json.loads(row.body)
    return {name: told[name] for name in ("hookInstance", "at", "client", "service", "outcome", "sentence")}


def _about(hours: int) -> str:
    return f"Traces are kept for {_told(hours)}; nothing of a patient is in them but what the operator has switched on."


def _told(hours: int) -> str:
    return "1 hour" if hours == 1 else f"{hours} hours"


def _page(forms: _Forms, told: _Told) -> Response:
    chosen = look.preferred(*forms)
    response = Response(forms[chosen](told), headers=look.GUARD)
    response.headers["Content-Type"] = look.content_type(chosen)
    return response
