"""Logs: one JSON object a line, and only fields on a list.

Patient data must not reach a log. So a record carries a fixed event text and fields from `FIELDS`; a field that is
not on the list, or that holds an object of any kind, is dropped and counted. An exception is reported by its type and
its place in our code, never by its message, which may quote the input that caused it.
"""

import json
import logging
import math
import sys
import time
import traceback
from collections.abc import Mapping
from typing import Any, Final, TextIO

FIELDS: Final = frozenset(
    {
        "request_id", "method", "route", "status", "ms", "bytes_in", "bytes_out", "code",
        "service", "hook", "upstream", "client", "tenant", "outcome", "cards", "topics", "version",
        "count", "reason", "port", "path", "attempt", "error_type", "error_place", "criteria_id", "line", "trace_id",
    }
)  # fmt: skip
"""Every field that may appear in a log line besides time, level, component, logger and event, if it is plain."""

_LONGEST_TEXT: Final = 1_000


class JsonLines(logging.Formatter):
    """Formats a record as one JSON object; `extra` fields pass only when `FIELDS` lists them."""

    def __init__(self, component: str) -> None:
        super().__init__()
        self._component = component

    def event_of(self, record: logging.LogRecord) -> str:
        """What happened, in words of ours; a library's words may quote input, so its name stands for them."""
        return record.msg if record.name.startswith("cds.") and isinstance(record.msg, str) else record.name

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created)) + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "component": self._component,
            "logger": record.name,
            "event": self.event_of(record),
        }
        fields = getattr(record, "fields", None)
        if isinstance(fields, Mapping):
            passed = {key: value for key, value in fields.items() if key in FIELDS and _is_plain(value)}
            line.update(passed)
            dropped = len(fields) - len(passed)
            if dropped:
                line["fields_dropped"] = dropped
        if record.exc_info and record.exc_info[0] is not None:
            line["error_type"] = record.exc_info[0].__name__
            line["error_place"] = place_of(record.exc_info[1])
        return json.dumps(line, separators=(",", ":"))


def _is_plain(value: Any) -> bool:
    """Whether a value may stand in a line: a short text, a finite number, a truth value, nothing. Never an object."""
    if isinstance(value, str):
        return len(value) <= _LONGEST_TEXT
    return value is None or isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))


def place_of(error: BaseException | None) -> str:
    """Where an exception came from, as `module.py:line` of its innermost frames; never its message."""
    if error is None:
        return ""
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    return " < ".join(f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}" for frame in reversed(frames))


def configure(component: str, level: str = "INFO", stream: TextIO | None = None) -> None:
    """Send all logging of this process to `stream` (standard error by default) as JSON lines.

    Records of libraries pass from WARNING on, with their text replaced by the logger's name, because a
    library's message may quote a URL or a body.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines(component))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("cds").setLevel(level)


class Log:
    """A logger whose calls take a fixed event text and listed fields as keywords."""

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(f"cds.{name}")

    def info(self, event: str, **fields: Any) -> None:
        """Log at level info."""
        self._logger.info(event, extra={"fields": fields})

    def warning(self, event: str, **fields: Any) -> None:
        """Log at level warning."""
        self._logger.warning(event, extra={"fields": fields})

    def error(self, event: str, error: BaseException | None = None, **fields: Any) -> None:
        """Log at level error, with the type and place of `error` if one is given."""
        self._logger.error(event, extra={"fields": fields}, exc_info=error)
