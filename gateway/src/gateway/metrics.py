"""What the gateway counts and times besides what every service does (`chassis.metrics`); docs/metrics.md lists it.

A client is its name in the clients file, or `anonymous`, or `refused` where nobody was let in, or `unknown` where that
was not looked at. A service is one that
is announced. Whatever else a caller sends is no label.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from chassis.metrics import OTHER, Count, Level, Times

UNKNOWN: Final = "unknown"
_REASONS: Final = frozenset(
    {
        "invalid", "structure", "required", "value", "invariant", "security", "login", "unknown", "expired",
        "forbidden", "suppressed", "processing", "not-supported", "duplicate", "multiple-matches", "not-found",
        "deleted", "too-long", "code-invalid", "extension", "too-costly", "business-rule", "conflict", "transient",
        "lock-error", "no-store", "exception", "timeout", "incomplete", "throttled", "informational",
    }
)  # fmt: skip
"""http://hl7.org/fhir/issue-type: what an OperationOutcome may give as its code."""

CALLS: Final = Count(
    "cds_calls_total",
    "Calls, feedback and discovery, by who asked and what came of it. `reason` is the code of the OperationOutcome"
    " with which one was refused or failed, empty for those that were answered.",
    "kind", "service", "client", "outcome", "status", "reason",
)  # fmt: skip
IN_FLIGHT: Final = Level(
    "cds_calls_in_flight", "Requests that wait for a service behind the gateway now.", "upstream", mode="livesum"
)
UPSTREAM_SECONDS: Final = Times(
    "cds_upstream_seconds", "How long a service behind the gateway took to answer, or to fail.", "upstream"
)
UPSTREAM_FAILURES: Final = Count(
    "cds_upstream_failures_total",
    "Requests to which a service behind the gateway gave no proper answer: `down`, `late`, `bad` or `not-believed`.",
    "upstream", "reason",
)  # fmt: skip
DISCOVERY_READINGS: Final = Count(
    "cds_discovery_readings_total",
    "Readings of what a service behind the gateway announces: `read` or `failed`.",
    "upstream", "outcome",
)  # fmt: skip
REPLAY_STORE_SECONDS: Final = Times(
    "cds_replay_store_seconds", "How long it took to write down that a token was used, or not to be able to."
)
REPLAY_STORE_ERRORS: Final = Count(
    "cds_replay_store_errors_total",
    "Tokens whose use could not be written down, so that the call was not let in: `broken`, `busy` (its turn did not"
    " come) or `resting` (it has just failed).",
    "reason",
)  # fmt: skip
for _reason in ("broken", "busy", "resting"):
    REPLAY_STORE_ERRORS.expect(_reason)
KEY_READINGS: Final = Count(
    "cds_key_readings_total", "Readings of the keys that a client publishes: `read` or `failed`.", "client", "outcome"
)
CLIENTS_FILE_FAULTS: Final = Level(
    "cds_clients_file_faults",
    "What is wrong with the clients file as it is now; while it is above 0, a former version is in force.",
    mode="livemax",
)
AUDIT_LINES_LOST: Final = Count("cds_audit_lines_lost_total", "Audit lines that could not be written.")


def expect(upstream: str) -> None:
    """Requests will go to this service."""
    for reason in ("down", "late", "bad", "not-believed"):
        UPSTREAM_FAILURES.expect(upstream, reason)


def answered(kind: str, service: str, client: str, *, outcome: str, status: int, reason: str) -> None:
    """A request to the CDS routes has its answer. `reason` is what an OperationOutcome says; it may be from behind."""
    known = reason if not reason or reason in _REASONS else OTHER
    CALLS.add(kind, service, client, outcome, str(status), known)


@contextmanager
def writing_down() -> Iterator[None]:
    """Around writing down that a token was used."""
    began = time.perf_counter()
    try:
        yield
    finally:
        REPLAY_STORE_SECONDS.took(time.perf_counter() - began)


@contextmanager
def waiting_for(upstream: str) -> Iterator[None]:
    """Around waiting for a service behind the gateway."""
    began = time.perf_counter()
    IN_FLIGHT.change(1, upstream)
    try:
        yield
    finally:
        IN_FLIGHT.change(-1, upstream)
        UPSTREAM_SECONDS.took(time.perf_counter() - began, upstream)
