"""Spans by OpenTelemetry, with the extra `otel`. Where they go, and how many of them, its own settings say (OTEL_...).

Made in each worker, after the fork: the thread that sends spans does not survive one. A span holds no exception's
message and no stack, which may quote a body: of a failure only its type.
"""

import atexit
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, set_span_in_context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from chassis.tracing import HEADER, Attributes

_SERVER_FAULT: Final = 500
_UNNAMED: Final = "unknown_service"


class OpenTelemetry:
    """Makes spans and gives them to a processor."""

    def __init__(self, component: str, processor: SpanProcessor) -> None:
        """OTEL_SERVICE_NAME, if it is set, stands for `component`."""
        resource = Resource.create()
        if str(resource.attributes[SERVICE_NAME]).startswith(_UNNAMED):
            resource = resource.merge(Resource({SERVICE_NAME: f"dystonia-cds-{component}"}))
        provider = TracerProvider(resource=resource)
        provider.add_span_processor(processor)
        atexit.register(provider.shutdown)
        self._tracer = provider.get_tracer("chassis")
        self._propagator = TraceContextTextMapPropagator()
        self._server: ContextVar[Span | None] = ContextVar("server span", default=None)

    @classmethod
    def for_service(cls, component: str) -> "OpenTelemetry":
        """Sends spans in batches by OTLP over HTTP, as the OTEL_ settings say."""
        return cls(component, BatchSpanProcessor(OTLPSpanExporter()))

    def received(self, name: str, traceparent: str) -> str:
        """A request has come; gives the `traceparent` for requests that are made for it."""
        parent = self._propagator.extract({HEADER: traceparent}) if traceparent else Context()
        span = self._tracer.start_span(name or "unknown address", parent, SpanKind.SERVER)
        self._server.set(span)
        return self._header(span)

    def answered(self, attributes: Attributes) -> None:
        """The request that came last in this thread has its answer."""
        span = self._server.get()
        if span is None:
            return
        span.set_attributes(attributes)
        status = attributes.get("http.response.status_code")
        if isinstance(status, int) and status >= _SERVER_FAULT:
            span.set_status(Status(StatusCode.ERROR))
        span.end()
        self._server.set(None)

    @contextmanager
    def span(self, name: str, attributes: Attributes) -> Iterator[str]:
        """Around a piece of work; gives the `traceparent` for requests that are made within."""
        server = self._server.get()
        parent = set_span_in_context(server, Context()) if server is not None else Context()
        span = self._tracer.start_span(name, parent, SpanKind.CLIENT, attributes=attributes)
        try:
            yield self._header(span)
        except BaseException as error:  # whatever ends the work is noted on the span, and raised again
            span.set_attribute("error.type", type(error).__name__)
            span.set_status(Status(StatusCode.ERROR))
            raise
        finally:
            span.end()

    def _header(self, span: Span) -> str:
        carrier: dict[str, str] = {}
        self._propagator.inject(carrier, set_span_in_context(span, Context()))
        return carrier.get(HEADER, "")
