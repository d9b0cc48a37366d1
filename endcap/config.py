"""The configuration of one training run: validated once, frozen, hashed into every step's key.

A TOML or JSON file gives any part of it; what it leaves out has these defaults. What a setting
means stands below it: `endcap.config_text` reads it there.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, field_validator

from endcap.errors import ConfigError


class Section(BaseModel):
    """Base of every section: unknown keys are errors, and nothing changes after construction."""

    # Built when first used: most processes read one configuration, and some none.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class CleaningConfig(Section):
    """How the raw log is cleaned."""

    max_quarantine_share: float = Field(default=0.2, ge=0, le=1)
    """Past this share of bad rows in any one file the run stops."""
    bot_max_events_per_day: int = Field(default=1000, ge=1)
    """A visitor with more events than this on one UTC day is flagged a bot from that moment on."""
    bot_max_events_per_minute: int = Field(default=60, ge=1)
    """A visitor with more events than this in one UTC minute is flagged too."""
    earliest_event: AwareDatetime = datetime(2000, 1, 1, tzinfo=UTC)
    """An event before this is impossible."""
    max_property_number: float = Field(default=1e9, gt=0)
    """A number of an item property beyond this is damaged: kept as text, not as a number."""
    other_properties: tuple[str, ...] = ()
    """Item properties that are kept beside price, category and availability, which features read;
    ``["*"]`` keeps all. Rows of the others are checked and counted all the same."""
    session_timeout_minutes: float = Field(default=30.0, gt=0)


class SplitConfig(Section):
    """Where the cuts in time lie. Each window is at most ``max_window_share`` of the log's span."""

    as_of: AwareDatetime | None = None
    """Nothing at or after this time is used; the end of the log if unset."""
    ranking_days: float = Field(default=7.0, gt=0)
    calibration_days: float = Field(default=7.0, gt=0)
    test_days: float = Field(default=7.0, gt=0)
    max_window_share: float = Field(default=0.12, gt=0, le=0.3)


class FeatureConfig(Section):
    """Item-side and user-side features."""

    view_half_life_days: float = Field(default=7.0, gt=0)
    """In an item's decayed popularity, a view this old counts half."""
    cart_half_life_days: float = Field(default=7.0, gt=0)
    purchase_half_life_days: float = Field(default=14.0, gt=0)
    affinity_view_half_life_days: float = Field(default=3.0, gt=0)
    """Half-life of views, and of types that the shop added, in what a visitor is drawn to."""
    affinity_cart_half_life_days: float = Field(default=7.0, gt=0)
    affinity_purchase_half_life_days: float = Field(default=30.0, gt=0)
    rate_prior_views: float = Field(default=20.0, gt=0)
    """Views' worth of the shop's mean rate that smooth an item's own conversion rate."""
    rate_prior_carts: float = Field(default=5.0, gt=0)
    """Carts' worth of the shop's mean rate that smooth an item's own purchases per cart."""
    shape_prior_events: float = Field(default=10.0, gt=0)
    """Events' worth of the shop's mean share that smooth an item's shares of hours and days."""
    max_price: float = Field(default=1e9, gt=0)
    """A higher price is damaged and counts as missing; up to 1e24 occur in real data."""
    min_discount: float = Field(default=0.05, gt=0, lt=1)
    """An item is discounted if its price is at least this share below its highest of 30 days."""
    transition_prior: float = Field(default=5.0, ge=0)
    """Transitions out of an item are taken to be this many more, so that few prove little."""
    transitions_per_item: int = Field(default=100, ge=1)
    """The best supported ones are kept."""
    transitions_per_pair: int = Field(default=20, ge=1)
    """The same for what follows two items in a row."""
    transitions_per_category: int = Field(default=200, ge=1)
    """The same from category to category."""
    pair_min_support: int = Field(default=2, ge=1)
    """What follows two items in a row is kept if it was seen this often."""


class AlsConfig(Section):
    """Implicit alternating least squares."""

    factors: int = Field(default=128, ge=1, le=1024)
    iterations: int = Field(default=15, ge=1)
    regularization: float = Field(default=10.0, gt=0)
    alpha: float = Field(default=500.0, gt=0)
    """Confidence of an item: alpha times the weights of the visitor's events on it."""
    recency_half_life_events: float = Field(default=1.5, gt=0)
    """At fold-in, an event this many events back counts half."""
    max_items: int = Field(default=50000, ge=1)
    """Items with the most events that are proposed; a request's time grows with their number."""
    near_items: int = Field(default=200, ge=0)
    """Of a large catalogue, the items listed for each one as those that come first for who touched
    it; a visitor's best are looked for there. With 0 they are looked for among all, which takes a
    millisecond more."""


class CovisitationConfig(Section):
    """Item-to-item counts within a visitor's recent events."""

    max_gap_hours: float = Field(default=24.0, gt=0)
    gap_half_life_hours: float = Field(default=12.0, gt=0)
    """Two events this far apart count half."""
    max_steps: int = Field(default=10, ge=1)
    half_life_days: float = Field(default=60.0, gt=0)
    """A pair this old at the cut counts half."""
    backward_weight: float = Field(default=0.75, ge=0)
    """What the earlier item counts as a neighbour of the later one; the other way counts 1."""
    popularity_damping: float = Field(default=0.0, ge=0, le=1)
    """Counts are divided by the neighbour's total to this power: 0 counts, 1 lift."""
    neighbours: int = Field(default=100, ge=1)
    query_events: int = Field(default=10, ge=1)
    """Newest events of a visitor whose neighbours are proposed."""
    recency_half_life_events: float = Field(default=1.0, gt=0)
    """In the query, an event this many events back counts half."""


class SequentialRulesConfig(Section):
    """What came after an item within a session."""

    max_gap_hours: float = Field(default=24.0, gt=0)
    """Two events further apart than this are not one after the other."""
    max_steps: int = Field(default=10, ge=1)
    half_life_days: float = Field(default=60.0, gt=0)
    prior_weight: float = Field(default=2.0, ge=0)
    """Weight of unseen continuations of every item, so that few seen ones prove little."""
    neighbours: int = Field(default=100, ge=1)
    query_events: int = Field(default=4, ge=1)
    recency_half_life_events: float = Field(default=0.5, gt=0)


class SessionKnnConfig(Section):
    """Past sessions like the visitor's own."""

    session_gap_hours: float = Field(default=24.0, gt=0)
    """A visitor's session ends when nothing happens for longer."""
    session_events: int = Field(default=50, ge=2)
    """Newest events of a session that are kept."""
    sessions_per_item: int = Field(default=500, ge=1)
    half_life_days: float = Field(default=90.0, gt=0)
    neighbours: int = Field(default=300, ge=1)
    query_events: int = Field(default=10, ge=1)
    query_half_life_events: float = Field(default=1.4, gt=0)
    distance_half_life_steps: float = Field(default=1.4, gt=0)


class ItemKnnConfig(Section):
    """Items compared by their visitors."""

    neighbours: int = Field(default=100, ge=1)
    saturation: float = Field(default=1.2, gt=0)
    """BM25's k1: how soon a visitor's further events on an item stop counting."""
    length_weight: float = Field(default=0.3, ge=0, le=1)
    """BM25's b: how much an item that many touch counts less."""
    events_per_visitor: int = Field(default=200, ge=1)
    """Newest events of a visitor that are learnt from."""
    query_events: int = Field(default=20, ge=1)
    recency_half_life_events: float = Field(default=3.0, gt=0)


class ItemWalkConfig(Section):
    """Neighbours of neighbours, by the pairs that co-visitation counts."""

    steps_per_item: int = Field(default=50, ge=1)
    """Likeliest next items that a step may go to."""
    prior_weight: float = Field(default=2.0, ge=0)
    """Weight of leaving an item for none of its neighbours, so that few pairs prove little."""
    neighbours: int = Field(default=150, ge=1)
    query_events: int = Field(default=10, ge=1)
    recency_half_life_events: float = Field(default=1.0, gt=0)


class CategoryConfig(Section):
    """Popular items of the categories that a visitor looks at."""

    half_life_days: float = Field(default=7.0, gt=0)
    """An event this old counts half for what is popular in a category."""
    items: int = Field(default=100, ge=1)
    """Items of a category that are kept."""
    query_events: int = Field(default=5, ge=1)
    recency_half_life_events: float = Field(default=1.5, gt=0)
    levels: int = Field(default=3, ge=1)
    """How many categories up the tree are asked, the item's own counted."""
    parent_weight: float = Field(default=0.3, gt=0, le=1)
    """What a category counts against the one below it."""


class TrendingConfig(Section):
    """Items whose traffic grows."""

    half_life_days: float = Field(default=1.0, gt=0)
    against_half_life_days: float = Field(default=14.0, gt=0)
    prior_per_day: float = Field(default=1.0, gt=0)
    """Daily traffic that every item is taken to have had besides: few events prove little."""
    items: int = Field(default=200, ge=1)


class ColdItemsConfig(Section):
    """Items with few events, near in category and price to what a visitor looks at."""

    max_events: int = Field(default=5, ge=0)
    """An item with more events is not cold."""
    items_per_category: int = Field(default=200, ge=1)
    """The newest of a category that are kept."""
    query_events: int = Field(default=3, ge=1)
    recency_half_life_events: float = Field(default=1.0, gt=0)
    price_half_width: float = Field(default=0.3, gt=0)
    """A difference of prices' logarithms at which an item counts half."""


class QuotaConfig(Section):
    """Candidates that a source may give a visitor; with 0 it is neither fitted nor asked.

    Popularity's is `RetrievalConfig.popular_candidates`.
    """

    als: int = Field(default=100, ge=0)
    covisitation: int = Field(default=100, ge=0)
    own: int = Field(default=100, ge=0)
    sequential_rules: int = Field(default=50, ge=0)
    session_knn: int = Field(default=100, ge=0)
    item_knn: int = Field(default=100, ge=0)
    item_walk: int = Field(default=100, ge=0)
    category: int = Field(default=30, ge=0)
    trending: int = Field(default=10, ge=0)
    cold: int = Field(default=10, ge=0)


class RetrievalConfig(Section):
    """Candidate sources and their union."""

    quotas: QuotaConfig = Field(default_factory=QuotaConfig)
    als: AlsConfig = Field(default_factory=AlsConfig)
    covisitation: CovisitationConfig = Field(default_factory=CovisitationConfig)
    sequential_rules: SequentialRulesConfig = Field(default_factory=SequentialRulesConfig)
    session_knn: SessionKnnConfig = Field(default_factory=SessionKnnConfig)
    item_knn: ItemKnnConfig = Field(default_factory=ItemKnnConfig)
    item_walk: ItemWalkConfig = Field(default_factory=ItemWalkConfig)
    category: CategoryConfig = Field(default_factory=CategoryConfig)
    trending: TrendingConfig = Field(default_factory=TrendingConfig)
    cold: ColdItemsConfig = Field(default_factory=ColdItemsConfig)
    popularity_half_life_days: float = Field(default=14.0, gt=0)
    own_half_life_events: float = Field(default=2.0, gt=0)
    """In the list of the visitor's own items, an event this many events back counts half."""
    candidates_per_source: int = Field(default=200, ge=1)
    """No quota but popularity's is larger than this."""
    popular_candidates: int = Field(default=50, ge=0)
    max_history: int = Field(default=50, ge=1)
    """Events of a visitor that are looked at, newest kept."""


class RetrievalTuningConfig(Section):
    """The search for decays and quotas with which the fitted sources are asked."""

    trials: int = Field(default=30, ge=0)
    minutes: float = Field(default=10.0, gt=0)
    max_queries: int = Field(default=3000, ge=1)
    """Moments of the ranking window: the older three fifths are searched on, the newer decide."""
    als_trials: int = Field(default=0, ge=0)
    """Of ALS's factors, regularization and alpha; each costs a fit, and two decide. None if 0."""
    als_minutes: float = Field(default=30.0, gt=0)


class RankingConfig(Section):
    """The CatBoost ranker and its tuning."""

    max_queries: int = Field(default=30000, ge=1)
    negatives_per_query: int = Field(default=30, ge=1)
    label_horizon_hours: float = Field(default=24.0, gt=0)
    trials: int = Field(default=5, ge=0)
    tuning_minutes: float = Field(default=10.0, gt=0)
    iterations: int = Field(default=200, ge=1)
    tuning_iterations: int = Field(default=100, ge=1)
    depth: int = Field(default=6, ge=1, le=10)
    learning_rate: float = Field(default=0.1, gt=0, le=1)
    l2_leaf_reg: float = Field(default=5.0, gt=0)
    random_strength: float = Field(default=1.0, ge=0)
    border_count: int = Field(default=64, ge=1, le=255)
    """The defaults of the search; they stay unless a trial is better by more than chance."""
    next_item_bonus: float = Field(default=2.0, ge=0)
    """Gain of the very next event's item, on top of its relevance (the strongest event's is 1)."""


class UncertaintyConfig(Section):
    """Calibrated probability and conformal interval."""

    confidence: float = Field(default=0.9, gt=0, lt=1)
    max_queries: int = Field(default=4000, ge=1)


class EvaluationConfig(Section):
    """The scoreboard."""

    cutoffs: tuple[int, ...] = (10, 20)
    max_queries: int = Field(default=4000, ge=1)
    bootstrap_samples: int = Field(default=1000, ge=10)
    confidence: float = Field(default=0.95, gt=0, lt=1)
    baseline_trials: int = Field(default=8, ge=1)
    """Settings that are tried for each baseline, those under ``retrieval`` first."""
    baseline_queries: int = Field(default=1000, ge=1)
    """Moments of the window before the test's that judge a trial."""
    baseline_events: int = Field(default=200000, ge=1)
    """Newest events that a trial is fitted on; what is evaluated is fitted on all."""


class GateConfig(Section):
    """What a challenger must show before it is promoted."""

    task: str = "next_interaction"
    metric: str = "ndcg@20"
    noninferiority_margin: float = Field(default=0.05, ge=0)
    """Relative loss against the champion that is still tolerated, at the interval's lower end."""
    min_queries: int = Field(default=50, ge=1)
    """With fewer comparable queries than this, nothing is concluded from a comparison."""


class PublishConfig(Section):
    """Batch recommendations written after a promotion."""

    max_users: int = Field(default=2000, ge=0)
    k: int = Field(default=20, ge=1)


class MonitoringConfig(Section):
    """What a monitoring run compares, and when it asks for training. No part of a training run."""

    window_days: float = Field(default=7.0, gt=0)
    """The traffic of the last days is compared with that of the champion's test window."""
    attribution_hours: float = Field(default=24.0, gt=0)
    """An event on a recommended item this long after it was shown counts for the recommendation."""
    level: float = Field(default=0.01, gt=0, lt=1)
    """Chance, over all columns together, of finding drift where there is none."""
    min_statistic: float = Field(default=0.1, gt=0, lt=1)
    """A smaller Kolmogorov-Smirnov distance is no drift, however sure."""
    min_visitors: int = Field(default=200, ge=10)
    """Fewer visitors on either side prove nothing."""
    drifted_share: float = Field(default=0.3, gt=0, le=1)
    """From this share of drifted columns on, training is asked for."""
    cooldown_days: float = Field(default=3.0, ge=0)
    """Not again within these days after a promotion or an earlier request."""
    max_per_month: int = Field(default=8, ge=0)
    """Not more often than this within 30 days."""
    seed: int = Field(default=42, ge=0)

    @classmethod
    def parse(cls, settings: object) -> Self:
        """Return the settings given as plain JSON, or the defaults for None.

        Raises `ConfigError`.
        """
        try:
            return cls.model_validate({} if settings is None else settings)
        except ValidationError as exc:
            raise ConfigError(f"monitoring: {explain(exc)}") from exc


class RunConfig(Section):
    """Everything that decides what a training run computes, data and code aside."""

    seed: int = Field(default=42, ge=0)
    threads: int = Field(default=2, ge=1)
    shards: int = Field(default=2, ge=1)
    cleaning: CleaningConfig = Field(default_factory=CleaningConfig)
    split: SplitConfig = Field(default_factory=SplitConfig)
    features: FeatureConfig = Field(default_factory=FeatureConfig)
    retrieval: RetrievalConfig = Field(default_factory=RetrievalConfig)
    retrieval_tuning: RetrievalTuningConfig = Field(default_factory=RetrievalTuningConfig)
    ranking: RankingConfig = Field(default_factory=RankingConfig)
    uncertainty: UncertaintyConfig = Field(default_factory=UncertaintyConfig)
    evaluation: EvaluationConfig = Field(default_factory=EvaluationConfig)
    gate: GateConfig = Field(default_factory=GateConfig)
    publish: PublishConfig = Field(default_factory=PublishConfig)

    @field_validator("evaluation")
    @classmethod
    def _has_cutoffs(cls, value: EvaluationConfig) -> EvaluationConfig:
        if not value.cutoffs or min(value.cutoffs) < 1:
            raise ValueError("evaluation.cutoffs needs at least one cut-off of 1 or more")
        return value

    @classmethod
    def parse(cls, text: str, *, name: str = "configuration") -> Self:
        """Return the configuration given as JSON text. Raises `ConfigError`."""
        try:
            return cls.model_validate(json.loads(text))
        except (ValueError, ValidationError) as exc:
            raise ConfigError(f"{name}: {explain(exc)}") from exc

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a ``.toml`` or ``.json`` file. Raises `ConfigError` naming the file and the key."""
        return cls.parse(json.dumps(read_settings(path), default=str), name=str(path))


def read_settings(path: Path) -> dict[str, object]:
    """Return the keys of a ``.toml`` or ``.json`` file. Raises `ConfigError`."""
    import tomllib  # noqa: PLC0415 -- serving reads no TOML

    try:
        text = path.read_text(encoding="utf-8")
        loaded = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (OSError, ValueError) as exc:
        raise ConfigError(f"{path}: cannot be read as a settings file: {exc}") from exc
    if not isinstance(loaded, dict):
        raise ConfigError(f"{path}: must hold a table of settings, not a {type(loaded).__name__}")
    return loaded


def explain(error: Exception, *, whole: str = "the whole file") -> str:
    """Return the first complaint of a validation error as one line: the key and what is wrong.

    `whole` names what was validated, for a complaint that is about no key of it.
    """
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or whole
        return f"{key}: {first['msg']}"
    return str(error)
