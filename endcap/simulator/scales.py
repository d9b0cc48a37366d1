"""How large a simulated shop is."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from endcap.errors import ConfigError

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
WEEK_MS: Final = 7 * DAY_MS
_OPENING: Final = datetime(2015, 5, 3, 3, tzinfo=UTC)


@dataclass(frozen=True)
class Scale:
    """The totals of one shop; they count well-formed rows, duplicates included.

    `active_items` can be looked at; the remaining `property_items` only have properties.
    `one_view_share` of the visitors look once; `new_session` is the chance that a visitor's next
    view opens a new session. `malformed_share` is the number of broken rows over that of
    well-formed ones.
    """

    name: str
    days: int
    views: int
    carts: int
    transactions: int
    visitors: int
    one_view_share: float
    new_session: float
    bots: int
    bot_views: int
    duplicates: int
    active_items: int
    property_items: int
    property_rows: int
    categories: int
    trees: int
    impressions: int
    malformed_share: float
    start: datetime = _OPENING

    @property
    def start_ms(self) -> int:
        """First moment of the log."""
        return round(self.start.timestamp() * 1000)

    @property
    def end_ms(self) -> int:
        """First moment after the log."""
        return self.start_ms + self.days * DAY_MS

    @property
    def snapshots(self) -> int:
        """Weekly property snapshots; the first is taken a week after the start."""
        return (self.days * DAY_MS - 1) // WEEK_MS


TINY: Final = Scale(
    name="tiny",
    days=60,
    views=3_600,
    carts=300,
    transactions=110,
    visitors=420,
    one_view_share=0.25,
    new_session=0.3,
    bots=1,
    bot_views=150,
    duplicates=6,
    active_items=220,
    property_items=330,
    property_rows=5_000,
    categories=30,
    trees=3,
    impressions=200,
    malformed_share=0.005,
)

DEMO: Final = Scale(
    name="demo",
    days=84,
    views=82_000,
    carts=5_200,
    transactions=1_900,
    visitors=6_500,
    one_view_share=0.25,
    new_session=0.3,
    bots=3,
    bot_views=1_100,
    duplicates=40,
    active_items=3_000,
    property_items=4_600,
    property_rows=110_000,
    categories=130,
    trees=8,
    impressions=4_000,
    malformed_share=0.001,
)

RETAILROCKET: Final = Scale(
    name="retailrocket",
    days=138,
    views=2_664_312,
    carts=69_332,
    transactions=22_457,
    visitors=1_407_580,
    one_view_share=0.72,
    new_session=0.18,
    bots=8,
    bot_views=4_000,
    duplicates=460,
    active_items=281_000,
    property_items=417_053,
    property_rows=20_275_902,
    categories=1_669,
    trees=25,
    impressions=50_000,
    malformed_share=0.0,
)
"""The published totals of the RetailRocket data set, which has no malformed row."""

SCALES: Final[Mapping[str, Scale]] = MappingProxyType(
    {scale.name: scale for scale in (TINY, DEMO, RETAILROCKET)}
)


def scale_named(name: str) -> Scale:
    """Return the scale called `name`. Raises `ConfigError` naming the ones there are."""
    if name not in SCALES:
        raise ConfigError(f"no scale is called {name!r}; choose one of {', '.join(SCALES)}")
    return SCALES[name]
