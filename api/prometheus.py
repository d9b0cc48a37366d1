"""The service's numbers as Prometheus knows them."""

from collections.abc import Sequence
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
)
from prometheus_client.exposition import generate_latest

from api import metrics
from endcap.use_cases.live_models import LiveStatus

_SECONDS: Final = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)


class Registry:
    """One process's numbers, in a registry of their own."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = registry = CollectorRegistry()
        self._counters = {
            name: Counter(name, meaning, labels, registry=registry)
            for name, meaning, labels in (
                (metrics.REQUESTS, "Requests answered.", ["route", "status"]),
                (metrics.ITEMS, "Recommended items by their source.", ["source"]),
                (metrics.DEGRADED, "Answers poorer than they should be.", ["reason"]),
                (metrics.EVENTS, "Events by what became of them.", ["outcome"]),
                (metrics.EXPOSURES_LOST, "Exposures that the log did not take.", []),
                (metrics.REPAIRED, "Events read again from the log.", []),
            )
        }
        self._times = {
            name: Histogram(name, meaning, labels, buckets=_SECONDS, registry=registry)
            for name, meaning, labels in (
                (metrics.SECONDS, "From a request's last byte to its answer.", ["route"]),
                (metrics.STAGES, "What an answer's stages took.", ["stage"]),
            )
        }
        self._model = Gauge(
            "endcap_model", "1 for the version that serves.", ["version"], registry=registry
        )
        self._model_age = Gauge(
            "endcap_model_loaded_seconds", "Since the model was loaded.", registry=registry
        )
        self._checked_age = Gauge(
            "endcap_champion_checked_seconds", "Since the champion was read.", registry=registry
        )
        self._model_problem = Gauge(
            "endcap_model_problem", "1 while the champion cannot be served.", registry=registry
        )

    def take(self, name: str, labels: Sequence[str], value: float) -> None:
        """Take one number, as `metrics.Metrics.tell` was told it."""
        if name in self._counters:
            counter = self._counters[name]
            (counter.labels(*labels) if labels else counter).inc(value)
        else:
            self._times[name].labels(*labels).observe(value)

    def to_text(self, status: LiveStatus, *, now_ms: int) -> bytes:
        """Return all of it in the Prometheus text format, the models' state as of now."""
        self._model.clear()
        if status.serving is not None:
            self._model.labels(status.serving).set(1)
        self._model_problem.set(status.problem is not None)
        for gauge, since_ms in (
            (self._model_age, status.loaded_at_ms),
            (self._checked_age, status.checked_at_ms),
        ):
            gauge.set(float("nan") if since_ms is None else max(now_ms - since_ms, 0) / 1000)
        text: bytes = generate_latest(self._registry)
        return text
