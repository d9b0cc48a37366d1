"""What the service counts and times, in the Prometheus text format."""

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from endcap.use_cases.answer_visitors import Answer
from endcap.use_cases.live_models import LiveStatus

CONTENT_TYPE: Final = CONTENT_TYPE_PLAIN_0_0_4
_SECONDS: Final = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)


class Metrics:
    """One process's numbers, in a registry of their own."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = registry = CollectorRegistry()
        self.requests = Counter(
            "endcap_requests", "Requests answered.", ["route", "status"], registry=registry
        )
        self.seconds = Histogram(
            "endcap_request_seconds",
            "From a request's last byte to its answer.",
            ["route"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.stages = Histogram(
            "endcap_stage_seconds",
            "What an answer's stages took.",
            ["stage"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.items = Counter(
            "endcap_items", "Recommended items by their source.", ["source"], registry=registry
        )
        self.degraded = Counter(
            "endcap_degraded", "Answers poorer than they should be.", ["reason"], registry=registry
        )
        self.events = Counter(
            "endcap_events", "Events by what became of them.", ["outcome"], registry=registry
        )
        self.exposures_lost = Counter(
            "endcap_exposures_lost", "Exposures that the log did not take.", registry=registry
        )
        self.repaired = Counter(
            "endcap_history_repaired", "Events read again from the log.", registry=registry
        )
        self.model = Gauge(
            "endcap_model", "1 for the version that serves.", ["version"], registry=registry
        )
        self.model_age = Gauge(
            "endcap_model_loaded_seconds", "Since the model was loaded.", registry=registry
        )
        self.checked_age = Gauge(
            "endcap_champion_checked_seconds", "Since the champion was read.", registry=registry
        )
        self.model_problem = Gauge(
            "endcap_model_problem", "1 while the champion cannot be served.", registry=registry
        )

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage of an answer."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.stages.labels(name).observe(time.perf_counter() - start)

    def count_answers(self, answers: Iterable[Answer]) -> None:
        """Count what was recommended, from which source, and how well."""
        for answer in answers:
            for reason in answer.degraded:
                self.degraded.labels(reason).inc()
            for source, n in _sources(answer.items).items():
                self.items.labels(source).inc(n)

    def to_text(self, status: LiveStatus, *, now_ms: int) -> bytes:
        """Return all of it in the Prometheus text format, the models' state as of now."""
        self.model.clear()
        if status.serving is not None:
            self.model.labels(status.serving).set(1)
        self.model_problem.set(status.problem is not None)
        for gauge, since_ms in (
            (self.model_age, status.loaded_at_ms),
            (self.checked_age, status.checked_at_ms),
        ):
            gauge.set(float("nan") if since_ms is None else max(now_ms - since_ms, 0) / 1000)
        text: bytes = generate_latest(self.registry)
        return text


def _sources(items: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for item in items:
        counts[item["source"]] = counts.get(item["source"], 0) + 1
    return counts
