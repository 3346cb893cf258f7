"""Spans with OpenTelemetry: one trace through all hops, and no word in it that is not ours.

`make tracing` installs what this needs and runs it; without that it is skipped.
"""

import os
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Response, jsonify

from chassis import shell, tracing
from chassis.problems import Problem

if not os.environ.get("REQUIRE_OTEL"):
    pytest.importorskip("opentelemetry.sdk", reason="the extra otel is not installed here; make tracing does it")

from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from chassis.spans import OpenTelemetry

TRACE = "0af7651916cd43dd8448eb211c80319c"
SENT = f"00-{TRACE}-b7ad6b7169203331-01"
MARK = "zz-patient-data"


@pytest.fixture
def exporter() -> Iterator[InMemorySpanExporter]:
    made = InMemorySpanExporter()
    tracing.use(OpenTelemetry("tests", SimpleSpanProcessor(made)))
    yield made
    tracing.use(None)
    tracing.received("", "")


@pytest.fixture
def client() -> Any:
    app = shell.build("spanned", version="1", max_body=10, not_ready=lambda: ())

    @app.get("/asks/<patient>")
    def asks(patient: str) -> Response:
        with tracing.span("ask somebody", cds_upstream="x", cds_fetched=3, patient=patient):
            return jsonify(tracing.passed_on())

    @app.get("/fails")
    def fails() -> Response:
        with tracing.span("ask somebody"):
            raise Problem(503, MARK)

    return app.test_client()


def test_a_call_and_what_it_asks_are_one_trace(exporter: Any, client: Any) -> None:
    told = client.get(f"/asks/{MARK}?q={MARK}", headers={"traceparent": SENT}).get_json()
    asked, served = exporter.get_finished_spans()
    assert served.name == "GET /asks/<patient>"
    assert served.parent.span_id == int("b7ad6b7169203331", 16)
    assert asked.parent.span_id == served.context.span_id
    assert {format(span.context.trace_id, "032x") for span in (asked, served)} == {TRACE}
    assert told["traceparent"] == f"00-{TRACE}-{asked.context.span_id:016x}-01"
    assert dict(served.attributes) == {
        "http.route": "/asks/<patient>", "http.request.method": "GET", "http.response.status_code": 200,
    }  # fmt: skip
    assert dict(asked.attributes) == {"cds.upstream": "x", "cds.fetched": 3}
    assert served.resource.attributes["service.name"] == "dystonia-cds-tests"


def test_a_failure_says_its_type_and_not_its_words(exporter: Any, client: Any) -> None:
    assert client.get("/fails", headers={"traceparent": MARK}).status_code == 503
    asked, served = exporter.get_finished_spans()
    assert dict(asked.attributes) == {"error.type": "Problem"}
    assert not asked.events
    assert {span.status.status_code.name for span in (asked, served)} == {"ERROR"}
    assert MARK not in "".join(span.to_json() for span in (asked, served))


def test_requests_without_a_trace_begin_one_each(exporter: Any, client: Any) -> None:
    for _ in range(2):
        client.get("/asks/1")
    spans = exporter.get_finished_spans()
    assert len(spans) == 4
    assert len({span.context.trace_id for span in spans}) == 2
    assert {name for span in spans for name in span.attributes} <= tracing.ATTRIBUTES


def test_a_caller_that_is_not_sampled_stays_so(exporter: Any, client: Any) -> None:
    told = client.get("/asks/1", headers={"traceparent": SENT[:-1] + "0"}).get_json()
    assert told["traceparent"].startswith(f"00-{TRACE}-")
    assert told["traceparent"].endswith("-00")
    assert exporter.get_finished_spans() == ()
