"""What is asked for, and what comes back."""

from dataclasses import dataclass
from typing import Final

from endcap.errors import UserInputError

CATALOGUE: Final = "catalogue"
"""Source of an item that only its being in the catalogue speaks for: the last rung of the fill."""


@dataclass(frozen=True)
class SlateRequest:
    """What every visitor of a batch asks for.

    `k` items; `include_seen`: may items of the visitor's own history come back; `exclude`: item
    codes that must not; `confidence` of the intervals, the calibration's own if None.

    Raises `UserInputError` if `k` is not positive or the confidence not between 0 and 1.
    """

    k: int = 20
    include_seen: bool = False
    exclude: frozenset[int] = frozenset()
    confidence: float | None = None

    def __post_init__(self) -> None:
        """Check the numbers."""
        if self.k < 1:
            raise UserInputError(f"k is the number of items asked for, at least 1, not {self.k}")
        if self.confidence is not None and not 0 < self.confidence < 1:
            raise UserInputError(
                f"a confidence lies between 0 and 1, and {self.confidence} does not"
            )


@dataclass(frozen=True)
class SlateItem:
    """One recommended item.

    `score` orders a slate and means nothing between models; `probability` of an interaction within
    the horizon; `lower` and `upper` end of the relevance in [0, 1] at the confidence asked for;
    `source` of candidates that ranked the item best.
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
