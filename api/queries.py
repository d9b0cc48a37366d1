"""What callers send, checked at the door."""

from typing import Annotated, Any, Final, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    WithJsonSchema,
)

from endcap.ports import VisitorEvent
from endcap.serving.requests import GivenEvent
from endcap.serving.wishes import Wish
from endcap.use_cases.lake_layout import VERSION

MOST_ITEMS: Final = 200
MOST_EVENTS: Final = 500
MOST_VISITS: Final = 100
MOST_RANKED: Final = 500
MOST_MODELS: Final = 100
MOST_EXPLAINED: Final = 200
"""Items of a batch: each takes a millisecond and 6 kB, and Lambda answers with 6 MB at most."""
LATEST_MS: Final = 253_402_300_799_999
"""The end of the year 9999, UTC."""

# No control character, no space at either end. Spelled out: what \s and the dot mean differs
# between the regular expressions of Rust, which checks, and of JSON Schema, which callers read.
_WORD = r"^[^\x00-\x20\x7f-\x9f]([^\x00-\x1f\x7f-\x9f]*[^\x00-\x20\x7f-\x9f])?$"
Id = Annotated[str, Field(min_length=1, max_length=128, pattern=_WORD)]
Name = Annotated[str, Field(min_length=1, max_length=64, pattern=_WORD)]
Version = Annotated[str, Field(min_length=1, max_length=128, pattern=f"^{VERSION}$")]


def _whole(value: object) -> object:
    """Take 3.0 for 3, as JSON does."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


TimeMs = Annotated[
    int, Field(ge=0, le=LATEST_MS, description="UTC epoch milliseconds"), BeforeValidator(_whole)
]
Count = Annotated[int, Field(ge=1, le=MOST_ITEMS), BeforeValidator(_whole)]
Days = Annotated[float, Field(ge=0, le=3650, allow_inf_nan=False)]
Price = Annotated[float, Field(ge=0, le=1e12, allow_inf_nan=False)]
Boost = Annotated[float, Field(ge=-10, le=10, allow_inf_nan=False)]
Boosts = Annotated[
    dict[Id, Boost],
    Field(
        max_length=MOST_RANKED,
        description="Item to standard deviations of the scores.",
        json_schema_extra={"additionalProperties": False},
    ),
]

_Excluded = Annotated[
    list[Id], Field(max_length=MOST_RANKED, description="Items that must not come.")
]
_InStock = Annotated[bool, Field(description="Only items not known to be out of stock.")]
_Categories = Annotated[
    list[Id], Field(max_length=50, description="Only of these, or of categories below them.")
]
_Limit = Annotated[Price | None, Field(description="Items of unknown price are out.")]

_WISH: Final = frozenset(
    {
        "k",
        "include_seen",
        "confidence",
        "seen_window_days",
        "bought_window_days",
        "in_stock",
        "max_per_category",
        "outcome",
    }
)


class Query(BaseModel):
    """What may be said of a slate in a URL."""

    model_config = ConfigDict(extra="forbid")

    k: Annotated[Count, Field(description="Number of items.")] = 20
    include_seen: Annotated[
        bool, Field(description="Whether items of the visitor's own history may come back.")
    ] = False
    seen_window_days: Annotated[
        Days | None, Field(description="How long an item counts as seen; for ever by default.")
    ] = None
    bought_window_days: Annotated[
        Days | None, Field(description="How long a bought item must not come back.")
    ] = None
    exclude: _Excluded = []
    in_stock: _InStock = False
    category: _Categories = []
    min_price: _Limit = None
    max_price: _Limit = None
    max_per_category: Annotated[Count | None, Field(description="For diversity.")] = None
    confidence: Annotated[
        float | None, Field(gt=0, lt=1, allow_inf_nan=False, description="Of the intervals.")
    ] = None
    outcome: Annotated[
        Name | None,
        Field(
            description="The event type that probabilities are of, it or a weightier one; any "
            "interaction by default."
        ),
    ] = None
    explain: Annotated[
        bool, Field(description="Whether items tell their features and what they contribute.")
    ] = False

    def to_wish(self, boosts: tuple[tuple[str, float], ...] = ()) -> Wish:
        """Return what the computation reads."""
        return Wish(
            **{name: getattr(self, name) for name in _WISH},
            exclude=tuple(self.exclude),
            categories=tuple(self.category),
            lowest_price=self.min_price,
            highest_price=self.max_price,
            boosts=boosts,
        )


class SessionEvent(BaseModel):
    """Something that the visitor did, told along with a request and not recorded."""

    model_config = ConfigDict(extra="forbid", strict=True)

    item_id: Id
    event_type: Name = "view"
    event_time: Annotated[TimeMs | None, Field(description="Right now if unset.")] = None

    def to_given(self) -> GivenEvent:
        """Return what the computation reads."""
        return GivenEvent(self.item_id, self.event_type, self.event_time)


class RecommendationRequest(Query):
    """A visitor, known or not, and what is asked for."""

    model_config = ConfigDict(extra="forbid", strict=True)

    user_id: Id | None = None
    events: Annotated[
        list[SessionEvent],
        Field(max_length=MOST_EVENTS, description="Merged with the user's own history."),
    ] = []
    boosts: Boosts = {}


class BatchRequest(BaseModel):
    """Many visitors at once. An entry that cannot be read fails alone."""

    model_config = ConfigDict(extra="forbid", strict=True)

    requests: Annotated[
        list[
            Annotated[
                Any,
                WithJsonSchema(
                    {"anyOf": [{"$ref": "#/components/schemas/RecommendationRequest"}, {}]}
                ),
            ]
        ],
        Field(min_length=1, max_length=MOST_VISITS),
    ]


class RankRequest(BaseModel):
    """A list of items to be put in a visitor's order."""

    model_config = ConfigDict(extra="forbid", strict=True)

    items: Annotated[list[Id], Field(min_length=1, max_length=MOST_RANKED)]
    user_id: Id | None = None
    events: Annotated[list[SessionEvent], Field(max_length=MOST_EVENTS)] = []
    confidence: Annotated[float | None, Field(gt=0, lt=1, allow_inf_nan=False)] = None
    outcome: Name | None = None
    boosts: Boosts = {}


class Event(BaseModel):
    """Something that a visitor did. The same `event_id` again is the same event."""

    model_config = ConfigDict(extra="forbid", strict=True)

    event_id: Id
    user_id: Id
    item_id: Id
    event_type: Name = "view"
    event_time: Annotated[TimeMs | None, Field(description="Right now if unset.")] = None
    transaction_id: Id | None = None
    recommendation_id: Annotated[
        Id | None, Field(description="The answer that led to it, to attribute it to.")
    ] = None

    def to_visitor_event(self, now_ms: int) -> VisitorEvent:
        """Return what is recorded."""
        return VisitorEvent(
            event_id=self.event_id,
            user_id=self.user_id,
            item_id=self.item_id,
            event_type=self.event_type,
            time_ms=now_ms if self.event_time is None else self.event_time,
            transaction_id=self.transaction_id,
            recommendation_id=self.recommendation_id,
        )


class EventBatch(BaseModel):
    """Many events at once. An event that cannot be read is refused alone."""

    model_config = ConfigDict(extra="forbid", strict=True)

    events: Annotated[
        list[
            Annotated[Any, WithJsonSchema({"anyOf": [{"$ref": "#/components/schemas/Event"}, {}]})]
        ],
        Field(min_length=1, max_length=MOST_EVENTS),
    ]


def _one_or_many(body: object) -> str:
    return "many" if isinstance(body, dict) and "events" in body else "one"


OneOrManyEvents = Annotated[
    Annotated[Event, Tag("one")] | Annotated[EventBatch, Tag("many")],
    Discriminator(_one_or_many),
]


class TrendingQuery(BaseModel):
    """Which items in demand are asked for."""

    model_config = ConfigDict(extra="forbid")

    k: Annotated[Count, Field(description="Number of items.")] = 20
    window: Annotated[
        Literal["1d", "7d", "30d"], Field(description="Up to the end of the model's data.")
    ] = "7d"
    category: _Categories = []
    in_stock: _InStock = False


class SimilarQuery(BaseModel):
    """Which items like another one are asked for."""

    model_config = ConfigDict(extra="forbid")

    k: Annotated[Count, Field(description="Number of items.")] = 20
    exclude: _Excluded = []
    category: _Categories = []
    in_stock: _InStock = False
    min_price: _Limit = None
    max_price: _Limit = None

    def to_wish(self) -> Wish:
        """Return what the computation reads."""
        return Wish(
            k=self.k,
            in_stock=self.in_stock,
            exclude=tuple(self.exclude),
            categories=tuple(self.category),
            lowest_price=self.min_price,
            highest_price=self.max_price,
        )


class RollbackRequest(BaseModel):
    """Which model to go back to."""

    model_config = ConfigDict(extra="forbid", strict=True)

    version: Annotated[
        Version | None, Field(description="The one that the champion replaced, if unset.")
    ] = None
    reason: Annotated[str, Field(min_length=1, max_length=500)] = "asked for through the API"
