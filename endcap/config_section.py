"""What every section of the configuration has in common."""

from collections.abc import Iterator

from pydantic import BaseModel, ConfigDict, ValidationError


class Section(BaseModel):
    """Base of every section: unknown keys are errors, and nothing changes after construction."""

    # Built when first used: most processes read one configuration, and some none.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


def explain(error: Exception, *, whole: str = "the whole file", given: object = None) -> str:
    """Return the first complaint of a validation error as one line: the key and what is wrong.

    `whole` names what was validated, for a complaint that is about no key of it. `given`: what was
    validated; where it has one value that was read as a list of one, the key has no place in it.
    """
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        key = ".".join(_parts(first["loc"], given)) or whole
        return f"{key}: {first['msg']}"
    return str(error)


def _parts(place: tuple[int | str, ...], given: object) -> Iterator[str]:
    for part in place:
        if part == 0 and isinstance(given, (dict, str)):
            continue
        yield str(part)
        if isinstance(given, dict):
            given = given.get(part)
        elif isinstance(given, list) and isinstance(part, int):
            given = given[part]
