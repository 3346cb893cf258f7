"""The audit trail: one JSON line for each discovery, call and feedback, refused ones too, on a stream of its own.

A line holds fields of `FIELDS`, in that order, and of each only what its pattern lets through: who called which
service with which outcome, and nothing about a patient, a user or a token. Lines are appended whole, so that several
processes may share one file; a file that was moved away is opened anew. Where a line cannot be written, the call is
answered all the same, and the log says how many are missing. docs/audit.md describes the fields.
"""

import errno
import json
import os
import re
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from flask import Flask, Response, g, request

from chassis.logs import Log
from gateway import metrics
from gateway.messages import UUID

HEADER: Final = "Cds-Audit"
"""In which a service behind us says what it found, as compact JSON; it is not passed on."""

STANDARD_OUTPUT: Final = "-"
_COMPLAIN_EVERY_S: Final = 60.0
_MAX_HEADER: Final = 4_000
_MAX_NAMES: Final = 50
_PATH: Final = "/cds-services"
_KINDS: Final = {
    "/cds-services": "discovery",
    "/cds-services/<service_id>": "call",
    "/cds-services/<service_id>/feedback": "feedback",
}
_EPIC: Final = "com.epic.cdshooks.request."
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
_log = Log("audit")

Check = Callable[[Any], bool]


def _like(pattern: str) -> Check:
    compiled = re.compile(pattern)
    return lambda value: isinstance(value, str) and compiled.fullmatch(value) is not None


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1_000_000_000


def _is_time(value: Any) -> bool:
    return isinstance(value, float)


def _are_counts(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and len(value) <= _MAX_NAMES
        and all(isinstance(name, str) and _NAME.fullmatch(name) and _is_count(value[name]) for name in value)
    )


FIELDS: Final[Mapping[str, Check]] = {
    "time": _like(r"[0-9TZ:.-]{20,30}"),
    "request_id": _like(r"[0-9A-Fa-f-]{32,36}"),
    "kind": _like(r"discovery|call|feedback"),
    "client": _like(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"),
    "tenant": _like(r"[A-Za-z0-9._:/@+=-]{1,200}"),
    "dialect": _like(r"[a-z]{1,20}"),
    "service": _like(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}"),
    "hook": _like(r"[a-z][a-z0-9.-]{0,63}"),
    "hook_instance": _like(UUID),
    "criteria_id": _like(r"[0-9]{1,20}"),
    "trigger_action": _like(r"[0-9]{1,4}"),
    "epic_version": _like(r"[0-9]{1,4}(?:\.[0-9]{1,4}){0,3}"),
    "outcome": _like(r"answered|refused|failed"),
    "status": _is_count,
    "reason": _like(r"[a-z-]{1,40}"),
    "words": _like(r"[ -~]{1,1000}"),
    "cards": _is_count,
    "topics": _are_counts,
    "rules_version": _like(r"[0-9A-Za-z][0-9A-Za-z.+_-]{0,99}"),
    "data": _are_counts,
    "fetched": _is_count,
    "store": _like(r"down|off"),
    "feedback": _are_counts,
    "reasons": _are_counts,
    "ms": _is_time,
}
"""Every field that a line may have, in its order, and what it may hold. What does not fit is left out."""


class Stream:
    """Where audit lines go. One per process; threads may share it, and processes may share the file."""

    def __init__(self, path: str) -> None:
        """`path` is a file's, or `STANDARD_OUTPUT`."""
        self._path = path
        self._file = 1 if path == STANDARD_OUTPUT else -1
        self._lock = threading.Lock()
        self._torn = False
        self._complain_at = 0.0
        self.lost = 0
        """How many lines could not be written since the log last said so."""

    def write(self, line: Mapping[str, Any]) -> None:
        """Append one line. Never fails: what cannot be written is counted, and told to the log once a minute."""
        text = json.dumps(line, separators=(",", ":")).encode() + b"\n"
        with self._lock:
            try:
                self._append(text)
            except OSError as error:
                self._complain(error)
            else:
                self._relieve()

    def _append(self, text: bytes) -> None:
        if self._path != STANDARD_OUTPUT and not self._is_current():
            self._close()
            self._file = open_for_appending(self._path)
        if self._torn:  # what came before broke off in the middle of a line
            text = b"\n" + text
        written = os.write(self._file, text)
        self._torn = written != len(text)
        if self._torn:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _is_current(self) -> bool:
        """Whether the open file is still the one at the path: whoever rotates it moves it away."""
        if self._file < 0:
            return False
        try:
            there = os.stat(self._path)
        except FileNotFoundError:
            return False
        return os.path.samestat(there, os.fstat(self._file))

    def _close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _complain(self, error: OSError) -> None:
        self.lost += 1
        metrics.AUDIT_LINES_LOST.add()
        if time.monotonic() >= self._complain_at:
            _log.error(
                "audit lines could not be written", count=self.lost, reason=errno.errorcode.get(error.errno or 0, "")
            )
            self._complain_at = time.monotonic() + _COMPLAIN_EVERY_S
            self.lost = 0

    def _relieve(self) -> None:
        if self._complain_at:
            _log.warning("audit lines are written again", count=self.lost)
            self._complain_at = 0.0
            self.lost = 0


def open_for_appending(path: str) -> int:
    """The descriptor of the file at `path`, made for its owner alone if it is new.

    Raises:
        OSError: it cannot be opened for writing.
    """
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)


def checked(path: str) -> str:
    """`path`, if audit lines can go there.

    Raises:
        ValueError: they cannot; in words.
    """
    if path != STANDARD_OUTPUT:
        try:
            os.close(open_for_appending(path))
        except OSError as error:
            raise ValueError(f"cannot be opened for appending: {os.strerror(error.errno or 0)}") from error
    return path


def note(**known: Any) -> None:
    """Add what is known of the request at hand to its audit line."""
    g.audit = {**g.get("audit", {}), **known}


def note_call(document: Mapping[str, Any]) -> None:
    """Add what a call says of itself and of its place in the EHR, for those who look for it there."""
    extension = document.get("extension")
    said = extension if isinstance(extension, dict) else {}
    note(
        hook_instance=document.get("hookInstance"),
        criteria_id=said.get(_EPIC + "criteria-id"),
        trigger_action=said.get(_EPIC + "bpa-trigger-action"),
        epic_version=said.get(_EPIC + "epic-version"),
    )


def note_answer(header: str | None) -> None:
    """Add what the service behind us says of its answer, as compact JSON in its Cds-Audit header."""
    if header is None or len(header) > _MAX_HEADER:
        return
    try:
        told = json.loads(header)
    except (ValueError, RecursionError):
        return
    if isinstance(told, dict):
        topics = told.get("topics")
        cards = sum(topics.values()) if isinstance(topics, dict) and _are_counts(topics) else None
        note(
            cards=cards,
            topics=topics,
            rules_version=told.get("rulesVersion"),
            data=told.get("data"),
            fetched=told.get("fetched"),
            store=told.get("store"),
            feedback=told.get("feedback"),
            reasons=told.get("reasons"),
        )


def install(app: Flask, stream: Stream) -> None:
    """Have `app` leave a line in `stream` for every request to discovery, to a service or to feedback."""

    @app.after_request
    def leave(response: Response) -> Response:
        if request.method != "OPTIONS" and (request.path == _PATH or request.path.startswith(_PATH + "/")):
            stream.write(_line(response))
        return response


def kind_of_request() -> str:
    """`discovery`, `call` or `feedback` if the request at hand is one of these; else empty."""
    rule = request.url_rule
    return _KINDS.get(rule.rule, "") if rule is not None and request.method != "OPTIONS" else ""


def reason_of_refusal() -> str:
    """With which code the request at hand was refused, by us or by the service behind; empty if it was not."""
    noted = g.get("audit", {}).get("reason")
    return noted if isinstance(noted, str) else str(g.get("problem_code", ""))


def _line(response: Response) -> dict[str, Any]:
    """The line of the request at hand: of everything known the fields that are listed and fit."""
    now = time.time()
    fields = g.get("access_fields", {})
    known = {
        **fields,
        "client": fields.get("client") if g.get("caller") is not None else None,  # a refused one has no name
        "reason": g.get("problem_code"),
        "words": g.get("problem_words"),
        **g.get("audit", {}),
        "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now)) + f".{int(now % 1 * 1000):03d}Z",
        "request_id": g.get("request_id"),
        "kind": _KINDS.get(request.url_rule.rule) if request.url_rule is not None else None,
        "status": response.status_code,
        "ms": round((time.perf_counter() - g.started) * 1000, 2) if "started" in g else None,
    }
    return {name: known[name] for name, fits in FIELDS.items() if name in known and fits(known[name])}
