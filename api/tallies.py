"""Numbers that many threads add to, and their Prometheus text.

`prometheus_client` writes the text and is imported when the first text is asked for: loading it
takes ten milliseconds, and most functions that Lambda starts are never asked.
"""

import threading
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


class Count:
    """How often something happened, by the values of its labels.

    Without labels it starts at 0, with labels it starts empty.
    """

    def __init__(self, name: str, meaning: str, labels: Sequence[str] = ()) -> None:
        self._about = (name, meaning, None, labels)
        self._lock = threading.Lock()
        self._counts: dict[tuple[str, ...], float] = {} if labels else {(): 0.0}

    def add(self, *labels: str, n: float = 1) -> None:
        """Count `n` more."""
        with self._lock:
            self._counts[labels] = self._counts.get(labels, 0.0) + n

    def collect(self) -> "Iterator[Metric]":
        """Give what `prometheus_client` writes."""
        from prometheus_client.metrics_core import CounterMetricFamily  # noqa: PLC0415

        family = CounterMetricFamily(*self._about)
        with self._lock:
            for labels, n in self._counts.items():
                family.add_metric(labels, n)
        yield family


@dataclass
class _Spread:
    counts: list[int]
    seconds: float = 0.0


class Times:
    """What something took, by the value of its label: counts up to each of some bounds."""

    def __init__(self, name: str, meaning: str, label: str, bounds: Sequence[float]) -> None:
        self._about = (name, meaning, None, None, [label])
        self._bounds = bounds
        self._lock = threading.Lock()
        self._spreads: dict[str, _Spread] = {}

    def add(self, label: str, seconds: float) -> None:
        """Count one more. A bound counts what took as long."""
        with self._lock:
            spread = self._spreads.get(label)
            if spread is None:
                spread = self._spreads[label] = _Spread([0] * (len(self._bounds) + 1))
            spread.counts[bisect_left(self._bounds, seconds)] += 1
            spread.seconds += seconds

    def collect(self) -> "Iterator[Metric]":
        """Give what `prometheus_client` writes."""
        from prometheus_client.metrics_core import HistogramMetricFamily  # noqa: PLC0415

        family = HistogramMetricFamily(*self._about)
        names = [*(str(bound) for bound in self._bounds), "+Inf"]
        with self._lock:
            for label, spread in self._spreads.items():
                cumulated = zip(names, accumulate(spread.counts), strict=True)
                family.add_metric([label], list(cumulated), spread.seconds)
        yield family


@dataclass(frozen=True)
class Level:
    """How high something stands, by the value of its label, or without one."""

    name: str
    meaning: str
    values: Mapping[str, float] | float
    label: str = ""

    def collect(self) -> "Iterator[Metric]":
        """Give what `prometheus_client` writes."""
        from prometheus_client.metrics_core import GaugeMetricFamily  # noqa: PLC0415

        if not isinstance(self.values, Mapping):
            yield GaugeMetricFamily(self.name, self.meaning, self.values)
            return
        family = GaugeMetricFamily(self.name, self.meaning, labels=[self.label])
        for label, value in self.values.items():
            family.add_metric([label], value)
        yield family


Tally = Count | Times | Level


@dataclass(frozen=True, eq=False)
class _All:
    tallies: Sequence[Tally]

    def collect(self) -> "Iterator[Metric]":
        for tally in self.tallies:
            yield from tally.collect()


def to_text(tallies: Iterable[Tally]) -> bytes:
    """Return tallies, in order, in the Prometheus text format."""
    from prometheus_client import CollectorRegistry, generate_latest  # noqa: PLC0415

    registry = CollectorRegistry(auto_describe=False)
    registry.register(_All(list(tallies)))
    text: bytes = generate_latest(registry)
    return text
