"""Two samples of traffic, compared column by column with the Kolmogorov-Smirnov test."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Columns = Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True)
class ColumnDrift:
    """One column's test.

    `statistic`: the largest distance between the two empirical distribution functions, 0 to 1.
    `p_value` is adjusted for the number of columns (Holm 1979), so that the chance of finding any
    drift where there is none stays below the level. A column without enough values on both sides
    has neither, and has not drifted.
    """

    column: str
    n_reference: int
    n_current: int
    mean_reference: float | None
    mean_current: float | None
    statistic: float | None
    p_value: float | None
    drifted: bool


@dataclass(frozen=True)
class DriftReport:
    """All columns' tests. `is_conclusive`: whether there was enough traffic to say anything."""

    columns: tuple[ColumnDrift, ...]
    is_conclusive: bool

    @property
    def drifted_share(self) -> float:
        """The share of the columns that have drifted."""
        return sum(column.drifted for column in self.columns) / max(len(self.columns), 1)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain JSON."""
        return {
            "is_conclusive": self.is_conclusive,
            "drifted_share": self.drifted_share,
            "columns": [asdict(column) for column in self.columns],
        }


def compare(
    reference: Columns, current: Columns, *, level: float, min_statistic: float, min_values: int
) -> DriftReport:
    """Return which columns of `current` are distributed unlike those of `reference`.

    Values are taken to be independent; NaN is left out.

    Parameters
    ----------
    reference, current
        The same columns; float64, of any lengths.
    level
        Chance, over all columns together, of finding drift where there is none.
    min_statistic
        A smaller distance is no drift, however sure: much traffic makes every trifle significant.
    min_values
        Fewer values of a column on either side prove nothing.
    """
    # Here: scipy.stats is heavy, and whoever only reads reports has no use for it.
    from scipy.stats import ks_2samp  # noqa: PLC0415

    sides = {name: (_present(reference[name]), _present(current[name])) for name in reference}
    tested = {
        name: ks_2samp(*pair, method="auto")
        for name, pair in sides.items()
        if min(map(len, pair)) >= min_values
    }
    adjusted = _holm({name: float(result.pvalue) for name, result in tested.items()})
    columns = tuple(
        ColumnDrift(
            column=name,
            n_reference=len(before),
            n_current=len(now),
            mean_reference=_mean(before),
            mean_current=_mean(now),
            statistic=float(tested[name].statistic) if name in tested else None,
            p_value=adjusted.get(name),
            drifted=(
                name in tested
                and adjusted[name] < level
                and float(tested[name].statistic) >= min_statistic
            ),
        )
        for name, (before, now) in sides.items()
    )
    return DriftReport(columns, is_conclusive=bool(tested))


def _present(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return values[~np.isnan(values)]


def _mean(values: NDArray[np.float64]) -> float | None:
    return float(values.mean()) if len(values) else None


def _holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Return the step-down adjusted p-values (Holm 1979)."""
    adjusted: dict[str, float] = {}
    highest = 0.0
    for place, name in enumerate(sorted(p_values, key=lambda name: p_values[name])):
        highest = max(highest, min((len(p_values) - place) * p_values[name], 1.0))
        adjusted[name] = highest
    return adjusted
