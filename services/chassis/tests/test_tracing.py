"""The trace context of a call: read strictly, passed on, told in the access line, and with nothing of the caller's."""

import io
import json
import logging
from collections.abc import Iterator

import pytest
from flask import Response, jsonify

from chassis import logs, shell, tracing

TRACE = "0af7651916cd43dd8448eb211c80319c"
SENT = f"00-{TRACE}-b7ad6b7169203331-01"
MARK = "zz-patient-data"


@pytest.fixture(autouse=True)
def no_trace() -> Iterator[None]:
    tracing.use(None)
    tracing.received("", "")
    yield
    tracing.received("", "")


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (SENT, SENT),
        (SENT.replace("00-", "cc-", 1) + "-what-the-future-adds", SENT.replace("00-", "cc-", 1)),
        (SENT + "-more", ""),
        (SENT.upper(), ""),
        (SENT.replace(TRACE, "0" * 32), ""),
        (SENT.replace("b7ad6b7169203331", "0" * 16), ""),
        ("ff" + SENT[2:], ""),
        (SENT[:-1], ""),
        (SENT + "\n", ""),
        (MARK, ""),
        ("cc" + SENT[2:] + "-" + "x" * 500, ""),
    ],
)
def test_a_context_is_read_as_w3c_has_it(sent: str, read: str) -> None:
    assert tracing.read(sent) == read


def test_it_is_passed_on_and_told_in_the_access_line_and_ends_with_its_request() -> None:
    app = shell.build("traced", version="1", max_body=10, not_ready=lambda: ())

    @app.get("/asks")
    def asks() -> Response:
        with tracing.span("ask somebody", cds_upstream="x"):
            return jsonify(tracing.passed_on())

    root, before = logging.getLogger(), logging.getLogger().handlers[:]
    stream = io.StringIO()
    logs.configure("traced", stream=stream)
    try:
        client = app.test_client()
        told = client.get("/asks", headers={"traceparent": SENT, "tracestate": MARK, "baggage": MARK}).get_json()
        nothing = [client.get("/asks", headers=h).get_json() for h in ({"traceparent": MARK}, {})]
    finally:
        root.handlers[:] = before
    assert told == {"traceparent": SENT}
    assert nothing == [{}, {}]
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line.get("trace_id") for line in lines] == [TRACE, None, None]
    assert MARK not in stream.getvalue()
