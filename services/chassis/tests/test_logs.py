"""Log lines: one JSON object each, listed fields only, and of an exception its type and place."""

import io
import json
import logging
import warnings
from decimal import Decimal
from typing import Any

import pytest

from chassis import logs
from chassis.logs import FIELDS, JsonLines, Log, place_of

MARK = "zz-patient-data"


def failing(error: Exception) -> None:
    raise error from KeyError(MARK)


@pytest.fixture
def stream() -> io.StringIO:
    made = io.StringIO()
    logs.configure("example", "DEBUG", made)
    return made


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_says_when_who_and_what(stream: io.StringIO) -> None:
    Log("place").info("something happened", status=200, ms=1.5)
    (line,) = lines(stream)
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "info", "component": "example", "logger": "cds.place", "event": "something happened",
        "status": 200, "ms": 1.5,
    }  # fmt: skip


@pytest.mark.parametrize("name", ["patient", "body", "summary", "token", "query", "STATUS", "status ", "user", "time2"])
def test_a_field_that_is_not_listed_is_dropped_and_counted(stream: io.StringIO, name: str) -> None:
    Log("place").warning("something happened", **{name: MARK, "status": 400, "other": MARK})
    (line,) = lines(stream)
    assert name not in line
    assert line["status"] == 400
    assert line["fields_dropped"] == 2
    assert MARK not in stream.getvalue()


@pytest.mark.parametrize("name", ["time", "level", "component", "logger", "event", "fields_dropped"])
def test_a_field_cannot_stand_in_for_a_part_of_the_line(stream: io.StringIO, name: str) -> None:
    logging.getLogger("cds.place").info("something happened", extra={"fields": {name: MARK}})
    (line,) = lines(stream)
    assert line["event"] == "something happened"
    assert line["level"] == "info"
    assert MARK not in stream.getvalue()


def test_the_listed_fields_name_nothing_personal() -> None:
    personal = {
        "patient",
        "patient_id",
        "user",
        "user_id",
        "name",
        "body",
        "query",
        "token",
        "authorization",
        "subject",
    }
    assert not FIELDS & personal


def test_an_exception_is_told_by_its_type_and_place(stream: io.StringIO) -> None:
    try:
        failing(ValueError(MARK))
    except ValueError as error:
        Log("place").error("something failed", error, request_id="r-12345678")
    (line,) = lines(stream)
    assert line["error_type"] == "ValueError"
    assert line["error_place"].startswith("test_logs.py:")
    assert line["request_id"] == "r-12345678"
    assert MARK not in stream.getvalue()


def test_the_place_names_files_and_not_folders() -> None:
    try:
        json.loads("{")
    except ValueError as error:
        place = place_of(error)
    assert "/" not in place
    assert place.count(" < ") == 2
    assert place.split(" < ")[0].startswith("decoder.py:")
    assert place_of(None) == ""
    assert place_of(ValueError()) == ""


def test_an_exception_group_and_a_noted_one_stay_silent(stream: io.StringIO) -> None:
    inner = ValueError(MARK)
    inner.add_note(MARK)
    try:
        failing(ExceptionGroup(MARK, [inner]))
    except ExceptionGroup as error:
        Log("place").error("something failed", error)
    assert lines(stream)[0]["error_type"] == "ExceptionGroup"
    assert MARK not in stream.getvalue()


def test_a_librarys_message_is_replaced_by_its_name(stream: io.StringIO) -> None:
    logging.getLogger("library.part").warning("could not fetch %s", MARK)
    (line,) = lines(stream)
    assert line["event"] == line["logger"] == "library.part"
    assert MARK not in stream.getvalue()


def test_a_librarys_ready_made_message_is_replaced_by_its_name(stream: io.StringIO) -> None:
    logging.getLogger("library.part").warning(f"could not fetch {MARK}")
    assert lines(stream)[0]["event"] == "library.part"
    assert MARK not in stream.getvalue()


def test_a_librarys_exception_stays_silent(stream: io.StringIO) -> None:
    try:
        failing(RuntimeError(MARK))
    except RuntimeError:
        logging.getLogger("library").exception("failed on %s", MARK, stack_info=True)
    (line,) = lines(stream)
    assert line["error_type"] == "RuntimeError"
    assert MARK not in stream.getvalue()
    assert "Traceback" not in stream.getvalue()


def test_libraries_speak_from_warning_on(stream: io.StringIO) -> None:
    logging.getLogger("urllib3.connectionpool").info("GET %s", MARK)
    logging.getLogger("werkzeug").info("GET %s", MARK)
    assert stream.getvalue() == ""


@pytest.mark.parametrize("message", [5, None, ["x"], {"patient": MARK}, ValueError(MARK)])
def test_a_message_that_is_no_text_is_replaced(stream: io.StringIO, message: Any) -> None:
    logging.getLogger("cds.place").warning(message)
    assert lines(stream)[0]["event"] == "cds.place"
    assert MARK not in stream.getvalue()


def test_values_cannot_break_the_line(stream: io.StringIO) -> None:
    Log("place").info("something happened", reason='a\n{"level": "error"}\r\u2028')
    assert stream.getvalue().count("\n") == 1
    assert len(stream.getvalue().splitlines()) == 1
    assert lines(stream)[0]["reason"] == 'a\n{"level": "error"}\r\u2028'


class Patient:
    def __str__(self) -> str:
        return MARK

    __repr__ = __str__


@pytest.mark.parametrize(
    "value",
    [object, Patient(), [MARK], {MARK: 1}, (MARK,), {MARK}, MARK.encode(), ValueError(MARK), float("inf"), float("nan"),
     MARK * 100, Decimal(1), 1j],
)  # fmt: skip
def test_what_is_not_plain_is_dropped_and_counted(stream: io.StringIO, value: Any) -> None:
    Log("place").info("something happened", reason=value, count=1)
    (line,) = (
        json.loads(text, parse_constant=lambda _: pytest.fail("not JSON")) for text in stream.getvalue().splitlines()
    )
    assert "reason" not in line
    assert (line["count"], line["fields_dropped"]) == (1, 1)
    assert MARK not in stream.getvalue()


@pytest.mark.parametrize("value", ["", "x" * 1_000, 0, -5, 1.5, True, None])
def test_what_is_plain_passes(stream: io.StringIO, value: Any) -> None:
    Log("place").info("something happened", reason=value)
    assert lines(stream)[0]["reason"] == value
    assert "fields_dropped" not in lines(stream)[0]


def test_the_level_is_respected() -> None:
    stream = io.StringIO()
    logs.configure("example", "ERROR", stream)
    Log("place").info("a")
    Log("place").warning("b")
    Log("place").error("c")
    assert [line["event"] for line in lines(stream)] == ["c"]


def test_the_formatter_stands_alone() -> None:
    record = logging.LogRecord("x", logging.WARNING, __file__, 1, "text %s", (MARK,), None)
    record.fields = "not a mapping"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert json.loads(JsonLines("example").format(record))["event"] == "x"
