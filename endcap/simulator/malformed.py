"""Rows that a cleaner must catch, each made from a well-formed one by one mutilation."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

Fields = Sequence[str]
Mutilation = Callable[[Fields], Fields]


def _with(place: int, text: str) -> Mutilation:
    return lambda fields: [*fields[:place], text, *fields[place + 1 :]]


EVENT_MUTILATIONS: Final[Mapping[str, Mutilation]] = MappingProxyType(
    {
        "bad timestamp": _with(0, "yesterday"),
        "missing timestamp": _with(0, ""),
        "impossible timestamp": _with(0, "-1430622004384"),
        "missing visitor": _with(1, ""),
        "non-integer visitor": _with(1, "visitor-7"),
        "missing event": _with(2, ""),
        "unknown event": _with(2, "swipe"),
        "missing item": _with(3, ""),
        "non-integer item": _with(3, "12.5kg"),
        "missing column": lambda fields: fields[:3],
        "extra column": lambda fields: [*fields, "left over"],
    }
)
"""Kinds of broken rows in ``events.csv``: timestamp,visitorid,event,itemid,transactionid."""

PROPERTY_MUTILATIONS: Final[Mapping[str, Mutilation]] = MappingProxyType(
    {
        "bad timestamp": _with(0, "last week"),
        "missing timestamp": _with(0, ""),
        "missing item": _with(1, ""),
        "non-integer item": _with(1, "item-7"),
        "missing property": _with(2, ""),
        "missing column": lambda fields: fields[:3],
        "extra column": lambda fields: [*fields, "left over"],
    }
)
"""Kinds of broken rows in the property files: timestamp,itemid,property,value."""


@dataclass(frozen=True)
class BrokenRows:
    """Where the broken rows of a file go, and the kind of each.

    `before`: index of the well-formed row that each is made from and goes before; ascending.
    """

    kinds: list[str]
    before: NDArray[np.int64]

    @property
    def row_numbers(self) -> NDArray[np.int64]:
        """Return the place of each in the file; 1 is the first row after the header."""
        return self.before + np.arange(len(self.before)) + 1

    def within(self, start: int, stop: int) -> "BrokenRows":
        """Return those that go before rows [start, stop), counted from `start`."""
        low, high = np.searchsorted(self.before, [start, stop])
        return BrokenRows(self.kinds[low:high], self.before[low:high] - start)


def plan_broken_rows(
    rows: int, share: float, mutilations: Mapping[str, Mutilation], rng: np.random.Generator
) -> BrokenRows:
    """Scatter ``round(rows * share)`` broken rows over a file, all kinds equally often."""
    count = round(rows * share)
    before = np.sort(rng.integers(max(rows, 1), size=count))
    names = list(mutilations)
    kinds = [names[i] for i in rng.permutation(np.arange(count) % len(names))]
    return BrokenRows(kinds, before)


def mutilate(
    lines: Sequence[str], kinds: Sequence[str], mutilations: Mapping[str, Mutilation]
) -> list[str]:
    """Return each line (ended by a newline) with its kind of mutilation done to it."""
    return [
        ",".join(mutilations[kind](line.rstrip("\n").split(","))) + "\n"
        for line, kind in zip(lines, kinds, strict=True)
    ]
