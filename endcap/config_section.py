"""What every section of the configuration has in common."""

from pydantic import BaseModel, ConfigDict, ValidationError


class Section(BaseModel):
    """Base of every section: unknown keys are errors, and nothing changes after construction."""

    # Built when first used: most processes read one configuration, and some none.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


def explain(error: Exception, *, whole: str = "the whole file") -> str:
    """Return the first complaint of a validation error as one line: the key and what is wrong.

    `whole` names what was validated, for a complaint that is about no key of it.
    """
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or whole
        return f"{key}: {first['msg']}"
    return str(error)
