"""The configuration of one training run: validated once, frozen, hashed into every step's key.

A TOML or JSON file gives any part of it; what it leaves out has these defaults. What a setting
means stands below it: `endcap.config_text` reads it there.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from pydantic import AwareDatetime, Field, ValidationError, field_validator

from endcap.config_features import FeatureConfig
from endcap.config_retrieval import RetrievalConfig, RetrievalTuningConfig
from endcap.config_section import Section, explain
from endcap.errors import ConfigError


class CleaningConfig(Section):
    """How the raw log is cleaned."""

    max_quarantine_share: float = Field(default=0.2, ge=0, le=1)
    """Past this share of bad rows in any one file the run stops."""
    bot_max_events_per_day: int = Field(default=1000, ge=1)
    """A visitor with more events than this on one UTC day is flagged a bot from that moment on.

    Transactions do not count, here and below: an order is many at once, and bots do not pay.
    """
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
    max_ranking_days: float = Field(default=28.0, gt=0)
    """Where `ranking_days` hold fewer moments than ``ranking.max_queries``, the window that the
    ranker learns from is longer, up to this."""
    calibration_days: float = Field(default=7.0, gt=0)
    test_days: float = Field(default=7.0, gt=0)
    max_window_share: float = Field(default=0.12, gt=0, le=0.3)


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
    """Gain of the very next moment's items, beside their relevance (the strongest event's is 1)."""


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
    baseline_trials: int = Field(default=12, ge=1)
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
