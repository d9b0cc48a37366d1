"""The configuration of retrieval: its sources, how much each may give, and the search for that."""

from typing import Final

from pydantic import Field

from endcap.config_section import Section

MOST_HISTORY: Final = 1000
"""Newest events of a visitor that are kept for an answer; no run may look at more."""


class AlsConfig(Section):
    """Implicit alternating least squares."""

    factors: int = Field(default=128, ge=1, le=1024)
    iterations: int = Field(default=15, ge=1)
    regularization: float = Field(default=10.0, gt=0)
    alpha: float = Field(default=500.0, gt=0)
    """Confidence of an item: alpha times the weights of the visitor's events on it."""
    min_user_events: int = Field(default=2, ge=1)
    """Visitors with fewer events are not learned from: who did one thing does not say what goes
    together, and such visitors are most of many a log."""
    query_events: int = Field(default=50, ge=1)
    """Newest events of a visitor that are folded in."""
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
    norm_exponent: float = Field(default=1.0, ge=0, le=1)
    """1: items are compared by cosine. Less than 1 lets popular items stand out; 0: by the product
    of their weights alone."""
    events_per_visitor: int = Field(default=200, ge=1)
    """Newest events of a visitor that are learnt from."""
    query_events: int = Field(default=20, ge=1)
    recency_half_life_events: float = Field(default=3.0, gt=0)


class Rp3BetaConfig(Section):
    """Items by the chance to walk from one to a visitor to another."""

    neighbours: int = Field(default=100, ge=1)
    alpha: float = Field(default=0.8, gt=0)
    """Sharpens the steps of the walk."""
    beta: float = Field(default=0.2, ge=0)
    """Holds popular items back."""
    events_per_visitor: int = Field(default=200, ge=1)
    """Newest events of a visitor that are learnt from."""
    query_events: int = Field(default=20, ge=1)
    recency_half_life_events: float = Field(default=2.0, gt=0)


class ItemWalkConfig(Section):
    """Neighbours of neighbours, by the pairs that co-visitation counts."""

    steps_per_item: int = Field(default=50, ge=1)
    """Likeliest next items that a step may go to."""
    prior_weight: float = Field(default=2.0, ge=0)
    """Weight of leaving an item for none of its neighbours, so that few pairs prove little."""
    neighbours: int = Field(default=100, ge=1)
    query_events: int = Field(default=10, ge=1)
    recency_half_life_events: float = Field(default=1.0, gt=0)


class SequenceConfig(Section):
    """Vectors of items, learned from what came next."""

    factors: int = Field(default=128, ge=2, le=1024)
    epochs: int = Field(default=6, ge=1)
    learning_rate: float = Field(default=0.003, gt=0)
    temperature: float = Field(default=0.08, gt=0)
    """What cosines are divided by: the lower, the more the best ones count."""
    query_events: int = Field(default=10, ge=1)
    """Newest events of a visitor that are looked at."""
    dropout: float = Field(default=0.2, ge=0, lt=1)
    """Share of the events before a moment, drawn anew each time, that it is learned without."""
    max_items: int = Field(default=50000, ge=1)
    """Items with the most events that are proposed; twice as many have vectors."""
    near_items: int = Field(default=40, ge=0)
    """As for ALS: of a large catalogue, the items listed for each one, among which a visitor's
    best are looked for. At least twice the quota, else all items are looked at."""
    max_moments: int = Field(default=600000, ge=0)
    """Newest moments that are learned from; the time to fit grows with their number."""


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
    item_knn: int = Field(default=0, ge=0)
    rp3beta: int = Field(default=100, ge=0)
    item_walk: int = Field(default=100, ge=0)
    sequence: int = Field(default=20, ge=0)
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
    rp3beta: Rp3BetaConfig = Field(default_factory=Rp3BetaConfig)
    item_walk: ItemWalkConfig = Field(default_factory=ItemWalkConfig)
    sequence: SequenceConfig = Field(default_factory=SequenceConfig)
    category: CategoryConfig = Field(default_factory=CategoryConfig)
    trending: TrendingConfig = Field(default_factory=TrendingConfig)
    cold: ColdItemsConfig = Field(default_factory=ColdItemsConfig)
    popularity_half_life_days: float = Field(default=14.0, gt=0)
    own_decay: float = Field(default=0.5, ge=0)
    """In the list of the visitor's own items an event counts ``(age + 1)**-own_decay``."""
    candidates_per_source: int = Field(default=200, ge=1)
    """No quota but popularity's is larger than this."""
    popular_candidates: int = Field(default=50, ge=0)
    max_history: int = Field(default=MOST_HISTORY, ge=1, le=MOST_HISTORY)
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
