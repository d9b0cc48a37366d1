"""What a visitor's page asks for, in the shop's own spelling."""

from dataclasses import dataclass
from typing import Final

from endcap.errors import NotFoundError
from endcap.serving.filters import ItemFilter
from endcap.serving.model import ServingModel
from endcap.serving.slates import SlateRequest

DAY_MS: Final = 86_400_000


@dataclass(frozen=True)
class Wish:
    """A `SlateRequest` in the shop's own ids; windows are in days, the outcome is an event type.

    `exclude` and `boosts` may name items that the model does not know: there is nothing to leave
    out or to lift then.
    """

    k: int = 20
    include_seen: bool = False
    exclude: tuple[str, ...] = ()
    confidence: float | None = None
    seen_window_days: float | None = None
    bought_window_days: float | None = None
    in_stock: bool = False
    categories: tuple[str, ...] = ()
    lowest_price: float | None = None
    highest_price: float | None = None
    max_per_category: int | None = None
    boosts: tuple[tuple[str, float], ...] = ()
    outcome: str | None = None

    def to_request(self, model: ServingModel) -> SlateRequest:
        """Return what is asked for in the model's codes.

        Raises `NotFoundError` for a category or an event type that the model does not know,
        `UserInputError` for a number out of its range, or an outcome that an older model cannot
        tell from others.
        """
        codes = model.item_codes
        return SlateRequest(
            k=self.k,
            include_seen=self.include_seen,
            exclude=frozenset(codes[item] for item in self.exclude if item in codes),
            confidence=self.confidence,
            seen_window_ms=_days_ms(self.seen_window_days),
            bought_window_ms=_days_ms(self.bought_window_days),
            filters=ItemFilter(
                in_stock=self.in_stock,
                categories=frozenset(category_code(name, model) for name in self.categories),
                lowest_price=self.lowest_price,
                highest_price=self.highest_price,
            ),
            max_per_category=self.max_per_category,
            boosts=tuple((codes[item], by) for item, by in self.boosts if item in codes),
            outcome=None if self.outcome is None else _outcome_weight(self.outcome, model),
        )


def category_code(name: str, model: ServingModel) -> int:
    """Return a category's code. Raises `NotFoundError`."""
    code = model.category_codes.get(name)
    if code is None:
        raise NotFoundError(f"the model knows no category {name!r}")
    return code


def item_code(item_id: str, model: ServingModel) -> int:
    """Return an item's code. Raises `NotFoundError`."""
    code = model.item_codes.get(item_id)
    if code is None:
        raise NotFoundError(f"the model knows no item {item_id!r}")
    return code


def _outcome_weight(name: str, model: ServingModel) -> float:
    code = model.event_types.code(name)
    if code < 0:
        raise NotFoundError(
            f"the model knows no event type {name!r}; it knows {', '.join(model.event_types.names)}"
        )
    model.calibration.require_outcomes()
    return float(model.event_types.weights[code])


def _days_ms(days: float | None) -> int | None:
    return None if days is None else int(days * DAY_MS)
