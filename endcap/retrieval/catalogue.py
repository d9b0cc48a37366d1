"""What candidate sources know of the items besides their events."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False, repr=False)
class Catalogue:
    """Category and price of n items as of a cut, and the tree of c categories.

    `category` int32 (n,): category codes, -1 where not known; `category_parent` int32 (c,): -1 for
    a root; `log_price` float32 (n,): NaN where not known.
    """

    category: NDArray[np.int32]
    category_parent: NDArray[np.int32]
    log_price: NDArray[np.float32]

    @classmethod
    def unknown(cls, n_items: int) -> Self:
        """Return a catalogue of `n_items` that tells nothing."""
        return cls(
            category=np.full(n_items, -1, dtype=np.int32),
            category_parent=np.zeros(0, dtype=np.int32),
            log_price=np.full(n_items, np.nan, dtype=np.float32),
        )

    @property
    def n_categories(self) -> int:
        """How many categories there are."""
        return len(self.category_parent)

    def levels(self) -> list[NDArray[np.int32]]:
        """Return each category's ancestors: itself, its parent, and so on; int32 (c,) a level.

        -1 past the root. A tree of depth d has d levels; no category, none.
        """
        level = np.arange(self.n_categories, dtype=np.int32)
        found: list[NDArray[np.int32]] = []
        # A damaged tree may hold a cycle; no real one is deeper than it has categories.
        while np.any(level >= 0) and len(found) < self.n_categories:
            found.append(level)
            level = np.where(level >= 0, self.category_parent[level], np.int32(-1))
        return found
