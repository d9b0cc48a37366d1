"""What callers get: the schemas of the OpenAPI document, which the answers' bytes keep to."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Reply(BaseModel):
    """An answer. More fields may come in later releases."""

    model_config = ConfigDict(extra="allow")


class Complaint(Reply):
    """What is wrong with one part of a request."""

    at: Annotated[str, Field(description="Where: ``query/k``, ``body/events/0/item_id``.")]
    complaint: str


class Problem(Reply):
    """What went wrong (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    errors: Annotated[
        list[Complaint] | None, Field(description="Of a request that cannot be read, the first 20.")
    ] = None
    problems: Annotated[
        list[str] | None, Field(description="Of a service that is not ready, why.")
    ] = None


class Explanation(Reply):
    """Why an item stands where it stands."""

    features: Annotated[
        dict[str, float | None], Field(description="All that was known, null where missing.")
    ]
    contributions: Annotated[
        dict[str, float],
        Field(description="How far the score would fall without this feature, largest first."),
    ]


class Item(Reply):
    """A recommended item."""

    item_id: str
    rank: int
    score: Annotated[float, Field(description="Orders an answer; never rises with the rank.")]
    probability: Annotated[
        float,
        Field(
            ge=0,
            le=1,
            description="Of an interaction, or the outcome asked for, within the horizon.",
        ),
    ]
    interval: Annotated[
        list[float],
        Field(
            min_length=2,
            max_length=2,
            description="Of the relevance, 0 nothing to 1 the strongest event; the probability "
            "is on another scale and may lie outside.",
        ),
    ]
    source: Annotated[str, Field(description="Who proposed it, or which rung filled its place.")]
    explanation: Annotated[Explanation | None, Field(description="Only where asked for.")] = None


class Recommendations(Reply):
    """Items for one visitor, best first."""

    recommendation_id: str
    model_version: str | None
    generated_at: str
    items: list[Item]
    degraded: Annotated[list[str], Field(description="What was not as it should be.")]
    ignored_events: dict[str, int]


class BatchResult(Reply):
    """One entry's answer, or what was wrong with it."""

    status: int
    recommendations: Recommendations | None = None
    problem: Problem | None = None


class BatchReply(Reply):
    """One result an entry, in order."""

    results: list[BatchResult]


class Ranking(Recommendations):
    """The given items in the visitor's order."""

    unknown_items: Annotated[list[str], Field(description="Given, and unknown to the model.")]


class SimilarItem(Reply):
    """An item like the one asked for."""

    item_id: str
    rank: int
    score: float
    source: str


class Similar(Reply):
    """Items like another one, most alike first."""

    item_id: str
    model_version: str
    items: list[SimilarItem]


class TrendingItem(Reply):
    """An item in demand; the demand is its events' weights in the window."""

    item_id: str
    rank: int
    demand: float


class Trending(Reply):
    """Items in demand, most wanted first."""

    model_version: str | None
    window: str
    items: list[TrendingItem]


class EventResult(Reply):
    """What became of one event."""

    event_id: str | None
    status: Literal["accepted", "refused"]
    reason: str | None


class EventsReply(Reply):
    """What became of each event, in order. An accepted one is durable."""

    accepted: int
    refused: int
    history: Literal["updated", "pending"]
    results: list[EventResult]


class Erased(Reply):
    """A visitor's history is erased, or that is queued, and so is the erasure from the log."""

    status: Literal["erased", "queued"]


class Model(Reply):
    """A model of the lake."""

    version: str
    cut: str | None
    champion: bool
    digest: str | None
    metrics: dict[str, float | None]
    problem: Annotated[str | None, Field(description="Why nothing is known of it.")]


class Models(Reply):
    """The models of the lake, newest data first, and what this service serves."""

    serving: str | None
    problem: str | None
    models: list[Model]


class ChampionReply(Reply):
    """The champion record as it is now."""

    version: str
    promoted_from: str | None
    promoted_at: str
    reasons: list[str]


class Performance(Reply):
    """A scoreboard: mean, low and high by task, slice of the traffic, system and metric."""

    cut_ms: Annotated[int, Field(description="The test window's begin, UTC epoch ms.")]
    end_ms: Annotated[int, Field(description="Its end.")]
    n_queries: int
    n_visitors: int
    n_items: int
    unknown_target_share: float | None
    systems: list[str]
    tasks: dict[str, dict[str, Any]]
    confidence: float
    bootstrap_samples: int
    seed: int
    query_fingerprint: str
    anatomy: Annotated[
        dict[str, Any] | None, Field(description="What the sources and features contribute.")
    ] = None


class PerformanceReply(Reply):
    """How well the last run's model recommends, beside the baselines, on its test window."""

    report: Performance


class ColumnDrift(Reply):
    """One column's Kolmogorov-Smirnov test; the p-value is adjusted for the number of columns."""

    column: str
    n_reference: int
    n_current: int
    mean_reference: float | None
    mean_current: float | None
    statistic: float | None
    p_value: float | None
    drifted: bool


class Drift(Reply):
    """The traffic of a window beside the one that the model was tested on."""

    run_id: str
    model_version: str
    reference_from_ms: int
    reference_to_ms: int
    from_ms: int
    to_ms: int
    is_conclusive: Annotated[bool, Field(description="Whether there was enough traffic to tell.")]
    drifted_share: float
    columns: list[ColumnDrift]


class DriftReply(Reply):
    """How far the data have drifted, as monitoring last found."""

    report: Drift


class Traffic(Reply):
    """A window's events and answers, and how old the model is."""

    from_ms: int
    to_ms: int
    events: int
    visitors: int
    exposures: Annotated[int, Field(description="Answers that showed something.")]
    followed_share: Annotated[
        float | None, Field(description="Of the exposures, those that led to an event.")
    ]
    shown_items: int
    model_version: str
    model_age_days: float
    data_age_days: float
    coverage_gap: Annotated[
        float | None, Field(description="How far intervals fell short of their confidence.")
    ]


class TrafficReply(Reply):
    """What monitoring last measured."""

    report: Traffic


class Alive(Reply):
    """The process answers."""

    status: Literal["ok"]


class Ready(Reply):
    """Whether answers are as they should be."""

    status: Literal["ok", "degraded"]
    serving: str | None
    champion: str | None
    problems: list[str]
