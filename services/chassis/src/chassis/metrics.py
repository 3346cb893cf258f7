"""Metrics: what a service counts and times, for Prometheus. Numbers and names of ours, nothing of a patient.

A metric is made once, at the top of a module, and is told of an event with its label values in the order of its
labels. Values of labels are ours: the id of a service, the name of a client in the clients file, a word of a fixed
list. What comes from outside never becomes one. Should they be many all the same, from a bound on all further ones are
counted as `other`, so that no caller can fill the memory.

gunicorn's workers each write to files of their own, which the process that they come from adds up
(`chassis.serving.metrics_port`). Where no port is set for metrics, they are counted in memory and nobody reads them.

What a metric costs was measured: 1 to 2 microseconds to count, 3 to time, on a machine of the project's kind.
docs/metrics.md lists all of them.
"""

import os
from collections.abc import Sequence
from typing import Final, Literal

import prometheus_client

MOST_SERIES: Final = 10_000
"""How many combinations of label values a metric may have in one process; further ones are `other`."""
OTHER: Final = "other"
READ: Final = "PROMETHEUS_MULTIPROC_DIR" in os.environ
"""Whether there is a port at which somebody may ask (`chassis.serving.metrics_port` was there before us)."""

SECONDS: Final = (
    0.005, 0.01, 0.02, 0.035, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.35, 0.4, 0.5, 0.75, 1.0, 2.0, 5.0,
)  # fmt: skip
"""Upper ends of the buckets of all times, in seconds. A card should come within 0.5; the EHR gets 0.35 of that."""

Mode = Literal["livesum", "livemax", "livemin"]
"""How the levels of the worker processes that live become one: added up, the highest, or the lowest."""


class _Metric:
    """What is the same for all kinds of metrics."""

    kind = ""

    def __init__(self, name: str, text: str, labels: Sequence[str]) -> None:
        self.name = name
        self.text = text
        self.labels = tuple(labels)

    @property
    def _stands_for_the_rest(self) -> tuple[str, ...]:
        return (OTHER,) * len(self.labels)


class Count(_Metric):
    """Something that happens. The name ends in `_total`."""

    kind = "counter"

    def __init__(self, name: str, text: str, *labels: str) -> None:
        super().__init__(name, text, labels)
        self._metric = prometheus_client.Counter(name, text, labels)
        self._series: dict[tuple[str, ...], prometheus_client.Counter] = {}

    def add(self, *values: str, by: float = 1) -> None:
        """It has happened: `by` times, or for so many seconds."""
        series = self._series.get(values)
        if series is None:
            if len(self._series) >= MOST_SERIES:
                values = self._stands_for_the_rest
            series = self._series[values] = self._metric.labels(*values) if values else self._metric
        series.inc(max(by, 0))

    def expect(self, *values: str) -> None:
        """Have it at 0 from the start, or Prometheus sees no rise when it happens for the first time."""
        self.add(*values, by=0)


class Times(_Metric):
    """How long something takes. The name ends in `_seconds`."""

    kind = "histogram"

    def __init__(self, name: str, text: str, *labels: str) -> None:
        super().__init__(name, text, labels)
        self._metric = prometheus_client.Histogram(name, text, labels, buckets=SECONDS)
        self._series: dict[tuple[str, ...], prometheus_client.Histogram] = {}

    def took(self, seconds: float, *values: str) -> None:
        """It has taken so long."""
        series = self._series.get(values)
        if series is None:
            if len(self._series) >= MOST_SERIES:
                values = self._stands_for_the_rest
            series = self._series[values] = self._metric.labels(*values) if values else self._metric
        series.observe(max(seconds, 0.0))


class Level(_Metric):
    """How something stands now. It has to be set in each worker, after the fork (`chassis.start.in_each_worker`)."""

    kind = "gauge"

    def __init__(self, name: str, text: str, *labels: str, mode: Mode) -> None:
        super().__init__(name, text, labels)
        self.mode = mode
        self._metric = prometheus_client.Gauge(name, text, labels, multiprocess_mode=mode)
        self._series: dict[tuple[str, ...], prometheus_client.Gauge] = {}

    def set(self, level: float, *values: str) -> None:
        """It stands so."""
        self._of(values).set(level)

    def change(self, by: float, *values: str) -> None:
        """It rises, or falls if `by` is negative."""
        self._of(values).inc(by)

    def _of(self, values: tuple[str, ...]) -> prometheus_client.Gauge:
        series = self._series.get(values)
        if series is None:
            if len(self._series) >= MOST_SERIES:
                values = self._stands_for_the_rest
            series = self._series[values] = self._metric.labels(*values) if values else self._metric
        return series


BUILD: Final = Level("cds_build_info", "1, for the version of the service that runs.", "version", mode="livemax")
READY: Final = Level(
    "cds_ready",
    "1 while the service can serve, as its `/readyz` says; 0 if one of its workers cannot.",
    mode="livemin",
)
REQUESTS: Final = Count(
    "cds_http_requests_total",
    "Requests answered, without those about health. `route` is the pattern of the address, empty where there is none.",
    "route", "status",
)  # fmt: skip
REQUEST_SECONDS: Final = Times(
    "cds_http_request_seconds",
    "From the moment at which a request was here whole until its answer is ready. `service` is that of a CDS call.",
    "route", "service",
)  # fmt: skip
WAITED: Final = Count(
    "cds_http_waited_seconds_total", "For how long requests that were here whole have waited for their turn."
)
REFUSED_EARLY: Final = Count(
    "cds_http_refused_early_total",
    "Requests refused before the application saw them: too slow, too large, or no room for them.",
    "status", "reason",
)  # fmt: skip
