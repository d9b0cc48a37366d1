"""Aligned columns and intervals in plain text."""

import math
from collections.abc import Sequence

from endcap.evaluation.bootstrap import Estimate


def interval(estimate: Estimate | None) -> str:
    """Return a difference with its interval as text."""
    if estimate is None or math.isnan(estimate.mean):
        return "-"
    return f"{estimate.mean:+.4f} [{estimate.low:+.4f}, {estimate.high:+.4f}]"


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows as lines: the first column left-aligned, the others right-aligned."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))] if rows else []
    return [
        "  " + "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip()
        for row in rows
    ]
