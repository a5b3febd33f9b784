"""What Prometheus reads at ``/metrics``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from vibn.services.audit.entry import Entry

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60, 600)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Gauges = Callable[[], Mapping[str, tuple[str, float]]]
"""By name: what it says, and its value now."""


class Metrics:
    """In a registry of its own, so that two servers in one process keep theirs apart. Labels hold
    nothing that a caller can choose freely."""

    def __init__(self, gauges: Gauges) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call] # a second line for each series, that nobody reads
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        self._registry.register(_Now(gauges))
        self._requests = Counter(
            "vibn_http_requests",
            "Requests that were answered, by surface, method and status.",
            ["surface", "method", "status"],
            registry=self._registry,
        )
        self._request_seconds = Histogram(
            "vibn_http_request_seconds",
            "How long requests took, streams to their end.",
            ["surface"],
            buckets=SECONDS,
            registry=self._registry,
        )
        self._calls = Counter(
            "vibn_calls",
            "Calls of tools and resources, by their name and how they ended.",
            ["tool", "outcome"],
            registry=self._registry,
        )
        self._call_seconds = Histogram(
            "vibn_call_seconds",
            "How long calls took.",
            ["tool"],
            buckets=SECONDS,
            registry=self._registry,
        )

    def request(self, surface: str, method: str, status: int, seconds: float) -> None:
        known = method if method in _METHODS else "other"
        self._requests.labels(surface, known, str(status)).inc()
        self._request_seconds.labels(surface).observe(seconds)

    def call(self, entry: Entry) -> None:
        self._calls.labels(entry.tool, entry.outcome).inc()
        self._call_seconds.labels(entry.tool).observe(entry.ms / 1000)

    def text(self) -> bytes:
        return generate_latest(self._registry)


_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "WS"))


class _Now(Collector):
    def __init__(self, gauges: Gauges) -> None:
        self._gauges = gauges

    def collect(self) -> Iterable[Metric]:
        for name, (what, value) in self._gauges().items():
            yield GaugeMetricFamily(name, what, value=value)
