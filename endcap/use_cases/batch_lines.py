"""One line of a batch request: one visitor's history, as a shop writes it."""

import codecs
import math
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ValidationError
from pydantic_core import PydanticCustomError

from endcap.config_section import explain
from endcap.errors import DatasetError
from endcap.serving.requests import GivenEvent, GivenHistory

LATEST_MS: Final = 253_402_300_799_999
"""The end of the year 9999, UTC. A later number counts something other than milliseconds."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)


def _id_text(value: object) -> object:
    """Return an id as it stands in a log: a number is spelled without a fraction of zero."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise PydanticCustomError("id", "an id must be text or a number")
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip()


def _echoed(value: object) -> object:
    """Return a line's id as it is: it comes back as it was written."""
    if isinstance(value, list | dict) or (isinstance(value, float) and not math.isfinite(value)):
        raise PydanticCustomError("id", "an id must be text, a number or null")
    return value


def _type_name(value: object) -> object:
    return value.strip() if isinstance(value, str) else value


def _time_ms(value: object) -> object:
    """Return a time in epoch ms; an ISO time without an offset is UTC."""
    moment = value
    if isinstance(value, str):
        moment = _iso_ms(value.strip())
    elif isinstance(value, float) and value.is_integer():
        moment = int(value)
    if isinstance(moment, int) and not isinstance(moment, bool) and 0 <= moment <= LATEST_MS:
        return moment
    if value is None:
        return None
    raise PydanticCustomError(
        "time",
        "{given} is neither an ISO 8601 time nor epoch milliseconds, from 1970 to 9999",
        {"given": repr(value)[:60]},
    )


def _iso_ms(text: str) -> int | None:
    try:
        moment = datetime.fromisoformat(text.replace("z", "Z"))
    except ValueError:
        return None
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
    return (aware - _EPOCH) // _MS


ItemId = Annotated[str, BeforeValidator(_id_text)]
TimeMs = Annotated[int | None, BeforeValidator(_time_ms)]


class BatchEvent(BaseModel):
    """One event of a request line; keys that are not named here are passed over."""

    item_id: ItemId
    event_type: Annotated[str | None, BeforeValidator(_type_name)] = None
    """A view if unset."""
    event_time: TimeMs = None


class BatchLine(BaseModel):
    """One request line; keys that are not named here are passed over."""

    id: Annotated[Any, BeforeValidator(_echoed)] = None
    events: list[BatchEvent] | None = None
    """In any order; none for a visitor of whom nothing is known."""
    now: TimeMs = None
    """The moment to recommend for; right after the last event if unset."""

    def to_given(self) -> GivenHistory:
        """Return what serving reads."""
        events = [
            GivenEvent(event.item_id, event.event_type or "view", event.event_time)
            for event in self.events or ()
        ]
        return GivenHistory(events, self.now)


def parse_line(line: bytes, *, file: Path, number: int) -> BatchLine:
    """Return one line of a request file, JSON in UTF-8.

    `number` counts from 1. Raises `DatasetError` naming file and line, and what is wrong.
    """
    if number == 1:
        line = line.removeprefix(codecs.BOM_UTF8)
    try:
        return BatchLine.model_validate_json(line)
    except ValidationError as exc:
        complaint = explain(exc, whole="the whole line")
        raise DatasetError(f"{file}, line {number}: {complaint}") from exc
