"""What is asked for, and what comes back."""

from dataclasses import dataclass
from typing import Final, NamedTuple

from endcap.errors import UserInputError
from endcap.serving.filters import ItemFilter

CATALOGUE: Final = "catalogue"
"""Source of an item that only its being in the catalogue speaks for: the last rung."""


@dataclass(frozen=True)
class SlateRequest:
    """What every visitor of a batch asks for.

    `k` items; `include_seen`: may items of the visitor's own history come back; `seen_window_ms`
    and `bought_window_ms`: how far back seeing or buying an item forbids it, None for the whole
    history where seen items are forbidden and for not at all where bought ones are; `exclude`:
    item codes that must not come; `filters`: what the rest must be like; `max_per_category`: how
    many items of one category a slate may hold, those without a category not counted; `boosts`:
    (item code, by how much), see `boosted`; `confidence` of the intervals, the calibration's own
    if None; `outcome`: the weight of the event that probabilities are of, it or a weightier one,
    and any interaction if None.

    Raises `UserInputError` if a number is out of its range.
    """

    k: int = 20
    include_seen: bool = False
    exclude: frozenset[int] = frozenset()
    confidence: float | None = None
    seen_window_ms: int | None = None
    bought_window_ms: int | None = None
    filters: ItemFilter = ItemFilter()  # noqa: RUF009 -- frozen, as a value
    max_per_category: int | None = None
    boosts: tuple[tuple[int, float], ...] = ()
    outcome: float | None = None

    def __post_init__(self) -> None:
        """Check the numbers."""
        if self.k < 1:
            raise UserInputError(f"k is the number of items asked for, at least 1, not {self.k}")
        if self.confidence is not None and not 0 < self.confidence < 1:
            raise UserInputError(
                f"a confidence lies between 0 and 1, and {self.confidence} does not"
            )
        if self.max_per_category is not None and self.max_per_category < 1:
            raise UserInputError(
                f"a slate holds at least 1 item a category, not {self.max_per_category}"
            )


class SlateItem(NamedTuple):
    """One recommended item.

    `score` orders a slate and means nothing between models; `probability` of the outcome asked for
    within the horizon; `lower` and `upper` end of the relevance in [0, 1] at the confidence asked
    for; `source` of candidates that ranked the item best.
    """

    item_code: int
    score: float
    probability: float
    lower: float
    upper: float
    source: str


@dataclass(frozen=True)
class Slate:
    """One visitor's recommendations, best first, scores never rising."""

    items: tuple[SlateItem, ...]

    def __len__(self) -> int:
        """Return the number of items."""
        return len(self.items)

    def item_codes(self) -> list[int]:
        """Return the items in order."""
        return [item.item_code for item in self.items]
