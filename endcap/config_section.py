"""What every section of the configuration has in common."""

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Base of every section: unknown keys are errors, and nothing changes after construction."""

    # Built when first used: most processes read one configuration, and some none.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)
