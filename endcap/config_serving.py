"""The part of a run's configuration that serving reads."""

from collections.abc import Mapping
from typing import Final, Protocol, Self

from pydantic import ConfigDict, Field, ValidationError

from endcap.config_features import FeatureConfig
from endcap.config_retrieval import RetrievalConfig
from endcap.config_section import Section, explain
from endcap.errors import ConfigError

REMEDY: Final = "serve it with the release that made it, or train anew"
"""What helps with a model of another release."""


class ServedConfig(Protocol):
    """What serving reads: of a `ServingConfig`, or of a whole run's configuration."""

    @property
    def features(self) -> FeatureConfig:
        """How features are computed."""

    @property
    def retrieval(self) -> RetrievalConfig:
        """What the sources are asked for."""


class ServingConfig(Section):
    """Two sections of a run's configuration; the others end with the run."""

    model_config = ConfigDict(extra="ignore")

    features: FeatureConfig = Field(default_factory=FeatureConfig)
    retrieval: RetrievalConfig = Field(default_factory=RetrievalConfig)

    @classmethod
    def of(cls, settings: Mapping[str, object], *, name: str) -> Self:
        """Return the part of a run's `settings`. Raises `ConfigError`, which names `name`."""
        try:
            return cls.model_validate(settings)
        except ValidationError as exc:
            raise ConfigError(
                f"{name} has settings that this release of Endcap does not accept "
                f"({explain(exc)}): {REMEDY}"
            ) from exc
