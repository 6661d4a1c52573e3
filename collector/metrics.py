"""The collector's own numbers, in Prometheus' form."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

PREFIX = "beacon_collector_"


class Metrics:
    """One set of metrics in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.received = self._counter("batches", "Batches received.")
        self.values = self._counter("values", "Values stored.")
        self.events = self._counter("register_events", "Register events stored.")
        self.rejected = self._counter("rejected", "Payloads that became dead letters.")
        self.queued = self._gauge("queued_batches", "Batches waiting for the store.")
        self.store_up = self._gauge("store_up", "1 while the store answers.")
        self.connected = self._gauge("broker_connected", "1 while connected to the broker.")
        self.dirty_days = self._gauge("dirty_days", "Building days that wait for their rollup.")
        self.write_seconds = Histogram(
            f"{PREFIX}write_seconds", "Time of one store write.", registry=self.registry
        )

    def _counter(self, name: str, text: str) -> Counter:
        return Counter(PREFIX + name, text, registry=self.registry)

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(PREFIX + name, text, registry=self.registry)

    def serve(self, host: str, port: int) -> None:
        """Answer GET /metrics in a daemon thread."""
        start_http_server(port, host, self.registry)
