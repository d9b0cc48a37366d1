"""What the service counts and times, in the Prometheus text format."""

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from api.tallies import Count, Level, Times, to_text
from endcap.use_cases.answer_visitors import Answer
from endcap.use_cases.live_models import LiveStatus

_SECONDS: Final = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)


class Metrics:
    """One process's numbers."""

    def __init__(self) -> None:
        self.requests = Count("endcap_requests", "Requests answered.", ["route", "status"])
        self.seconds = Times(
            "endcap_request_seconds", "From a request's last byte to its answer.", "route", _SECONDS
        )
        self.stages = Times(
            "endcap_stage_seconds", "What an answer's stages took.", "stage", _SECONDS
        )
        self.items = Count("endcap_items", "Recommended items by their source.", ["source"])
        self.degraded = Count("endcap_degraded", "Answers poorer than they should be.", ["reason"])
        self.events = Count("endcap_events", "Events by what became of them.", ["outcome"])
        self.exposures_lost = Count("endcap_exposures_lost", "Exposures that the log did not take.")
        self.repaired = Count("endcap_history_repaired", "Events read again from the log.")

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage of an answer."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.stages.add(name, time.perf_counter() - start)

    def count_answers(self, answers: Iterable[Answer]) -> None:
        """Count what was recommended, from which source, and how well."""
        for answer in answers:
            for reason in answer.degraded:
                self.degraded.add(reason)
            for source, n in Counter(item["source"] for item in answer.items).items():
                self.items.add(source, n=n)

    def to_text(self, status: LiveStatus, *, now_ms: int) -> bytes:
        """Return all of it in the Prometheus text format, the models' state as of now."""
        return to_text([*vars(self).values(), *_levels(status, now_ms)])


def _levels(status: LiveStatus, now_ms: int) -> list[Level]:
    serving = {} if status.serving is None else {status.serving: 1.0}
    return [
        Level("endcap_model", "1 for the version that serves.", serving, "version"),
        Level(
            "endcap_model_loaded_seconds",
            "Since the model was loaded.",
            _seconds_since(status.loaded_at_ms, now_ms),
        ),
        Level(
            "endcap_champion_checked_seconds",
            "Since the champion was read.",
            _seconds_since(status.checked_at_ms, now_ms),
        ),
        Level(
            "endcap_model_problem",
            "1 while the champion cannot be served.",
            float(status.problem is not None),
        ),
    ]


def _seconds_since(time_ms: int | None, now_ms: int) -> float:
    return float("nan") if time_ms is None else max(now_ms - time_ms, 0) / 1000
