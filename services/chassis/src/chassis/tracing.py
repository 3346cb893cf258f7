"""Traces through all hops: the W3C trace context of a call is passed on, and followed where OpenTelemetry is installed.

A caller may send `traceparent`. It goes with every request that is made for the call (to our services and to the EHR),
and its trace id stands in the access line. With the extra `otel` each service adds spans of its own (`chassis.spans`).

Nothing of a patient belongs into a trace: `ATTRIBUTES` is all that a span may say. `tracestate` and `baggage` of a
caller are not passed on: they can hold anything.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from importlib.util import find_spec
from typing import Final, Protocol

HEADER: Final = "traceparent"
ATTRIBUTES: Final = frozenset(
    {
        "cds.client", "cds.fetched", "cds.hook", "cds.outcome", "cds.service", "cds.upstream", "error.type",
        "http.request.method", "http.response.status_code", "http.route",
    }
)  # fmt: skip
"""What a span may say: words and numbers of ours."""

_CONTEXT: Final = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?")
_VERSION_0: Final = 55
_passed: ContextVar[str] = ContextVar("traceparent", default="")

Attributes = Mapping[str, str | int]


class Spans(Protocol):
    """What makes spans; `chassis.spans` with OpenTelemetry."""

    def span(self, name: str, attributes: Attributes) -> AbstractContextManager[str]:
        """Around a piece of work; gives the `traceparent` for requests that are made within."""

    def received(self, name: str, traceparent: str) -> str:
        """A request has come; gives the `traceparent` for requests that are made for it."""

    def answered(self, attributes: Attributes) -> None:
        """The request that came last in this thread has its answer."""


_spans: Spans | None = None


def use(spans: Spans | None) -> None:
    """Have spans made by `spans` from now on, in this process; None: what came is passed on as it is."""
    global _spans  # noqa: PLW0603 - there is one tracer in a process, as OpenTelemetry has it
    _spans = spans


def begin(component: str) -> None:
    """In a worker: make spans if OpenTelemetry is installed. Its OTEL_ settings say where they go."""
    if find_spec("opentelemetry") is not None and find_spec("opentelemetry.sdk") is not None:
        from chassis.spans import OpenTelemetry  # noqa: PLC0415 - an extra that need not be installed

        use(OpenTelemetry.for_service(component))


def read(sent: str) -> str:
    """The context that a caller sent, if it is one; else empty. Later versions are read as far as we know them."""
    found = _CONTEXT.fullmatch(sent) if len(sent) < 200 else None
    if found is None or (sent.startswith("00") and len(sent) != _VERSION_0):
        return ""
    return sent[:_VERSION_0]


def received(name: str, sent: str) -> str:
    """A request has come, with this header or none; gives its trace id, empty if it is in no trace."""
    context = read(sent) if sent else ""
    _passed.set(context if _spans is None else _spans.received(name, context))
    return _passed.get()[3:35]


def answered(**attributes: str | int) -> None:
    """The request at hand has its answer. Attributes are written with `_` for `.`; others than ours are left out."""
    if _spans is not None:
        _spans.answered(_ours(attributes))


@contextmanager
def span(name: str, **attributes: str | int) -> Iterator[None]:
    """Around asking somebody else; what is asked within belongs to it."""
    if _spans is None:
        yield
        return
    with _spans.span(name, _ours(attributes)) as context:
        token = _passed.set(context)
        try:
            yield
        finally:
            _passed.reset(token)


def passed_on() -> dict[str, str]:
    """The header for a request that is made for the one at hand; none if there is no trace."""
    context = _passed.get()
    return {HEADER: context} if context else {}


def _ours(given: Mapping[str, str | int]) -> Attributes:
    named = {_NAMES[name]: value for name, value in given.items() if name in _NAMES}
    return {name: value for name, value in named.items() if value != ""}


_NAMES: Final = {name.replace(".", "_"): name for name in ATTRIBUTES}
