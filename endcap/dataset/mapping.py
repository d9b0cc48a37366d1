"""How a shop's own log is spelled: files, columns, event types, ids and time units."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import BeforeValidator, Field, ValidationError, field_validator, model_validator

from endcap.config import read_settings
from endcap.config_section import Section, explain
from endcap.dataset.histories import EventTypes
from endcap.errors import ConfigError

MAX_EVENT_TYPES: Final = 127


class TimeUnit(StrEnum):
    """How a time is written: a count since 1970-01-01 UTC, or ISO 8601 text."""

    SECONDS = "s"
    MILLISECONDS = "ms"
    MICROSECONDS = "us"
    NANOSECONDS = "ns"
    ISO = "iso"


class FileFormat(StrEnum):
    """How the rows of a file are written."""

    CSV = "csv"
    PARQUET = "parquet"
    JSON_LINES = "jsonl"


def _as_tuple(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _as_tables(value: object) -> object:
    return value if isinstance(value, (list, tuple)) else (value,)


Patterns = Annotated[tuple[str, ...], BeforeValidator(_as_tuple), Field(min_length=1)]
Name = Annotated[str, Field(min_length=1)]
TypeName = Annotated[str, Field(min_length=1, max_length=64)]
"""Of an event type: as long as the service takes, and short enough for keys of its histories."""


class FileSet(Section):
    """Files with the same columns. `files`: names or globs, relative to the raw folder."""

    files: Patterns
    format: FileFormat | None = None
    """Unset: told from the file's name, .csv, .tsv, .jsonl (each also .gz) or .parquet."""
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    quote: str = Field(default='"', max_length=1)
    """Empty: a quotation mark is text like any other, so that a stray one cannot swallow rows."""

    @field_validator("files")
    @classmethod
    def _stay_inside(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in value:
            if not pattern or Path(pattern).is_absolute() or ".." in Path(pattern).parts:
                raise ValueError(f"{pattern!r} must be a file name or glob inside the raw folder")
        return value

    @field_validator("delimiter", "quote")
    @classmethod
    def _single_byte(cls, value: str) -> str:
        if not value.isascii() or value in {"\n", "\r", "\0"}:
            raise ValueError("must be one ASCII character that does not end a line")
        return value


class EventColumns(Section):
    """The shop's own names of the columns of an event."""

    time: Name
    user: Name
    item: Name
    event_type: Name | None = None
    transaction: Name | None = None


class EventsMapping(FileSet):
    """The event log, or a part of it whose rows are of one event type."""

    columns: EventColumns
    event_type: TypeName | None = None
    """What every row is, if no column says so."""
    time_unit: TimeUnit = TimeUnit.MILLISECONDS
    id_format: Literal["text", "integer"] = "text"
    """``integer``: an id that is not a whole number is a bad row."""
    require_transaction_id: bool = False
    """A transaction without an id, or another event with one, is a bad row."""

    @model_validator(mode="after")
    def _column_or_one_type(self) -> Self:
        if (self.columns.event_type is None) == (self.event_type is None):
            raise ValueError(
                "either columns.event_type names the column of event types, or event_type says "
                "what every row is"
            )
        return self


class PropertyColumns(Section):
    """The shop's own names of the columns of an item property."""

    item: Name
    time: Name | None = None
    """Unset: the values hold for all time. Only for values that never change."""
    property: Name | None = None
    value: Name | None = None


class ItemPropertiesMapping(FileSet):
    """What is known of items: one row a property (long), or one column a property (wide)."""

    columns: PropertyColumns
    time_unit: TimeUnit = TimeUnit.MILLISECONDS
    id_format: Literal["text", "integer"] = "text"
    names: dict[str, Name] = Field(default_factory=dict)
    """The shop's property name -> ours. Of a wide table only the columns named here are read."""
    wide: bool = False
    numbers: Literal["prefixed", "plain"] = "plain"
    """``prefixed``: a number is written ``n552.000``, as RetailRocket does."""

    @model_validator(mode="after")
    def _long_or_wide(self) -> Self:
        long = self.columns.property is not None and self.columns.value is not None
        if self.wide and (self.columns.property or self.columns.value or not self.names):
            raise ValueError("a wide table needs `names`, and no property or value column")
        if not self.wide and not long:
            raise ValueError("columns.property and columns.value are needed unless `wide = true`")
        return self


class CategoryColumns(Section):
    """The shop's own names of the columns of the category tree."""

    category: Name
    parent: Name


class CategoryTreeMapping(FileSet):
    """The category tree: one row a category; a root has no parent."""

    columns: CategoryColumns
    id_format: Literal["text", "integer"] = "text"


class LogMapping(Section):
    """A whole raw folder. See ``docs/mapping.md`` for the file format, with examples.

    `events` are one table or several, each with columns of its own, that make up one log.
    `event_types` maps the shop's spelling of an event type to a name: ``view``, ``addtocart``,
    ``transaction``, or a name of the shop's own, which then needs an entry in `weights`.
    `weights` are confidence weights and relevance gains. Rows whose event type is listed in
    `ignored_event_types` are left out and counted, without being bad.
    """

    name: str = "mapped"
    events: Annotated[tuple[EventsMapping, ...], BeforeValidator(_as_tables), Field(min_length=1)]
    item_properties: ItemPropertiesMapping | None = None
    category_tree: CategoryTreeMapping | None = None
    event_types: dict[str, TypeName] = Field(default_factory=dict)
    weights: dict[TypeName, Annotated[float, Field(gt=0, le=1e6, allow_inf_nan=False)]] = Field(
        default_factory=dict
    )
    ignored_event_types: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _types_have_weights(self) -> Self:
        known = {*EventTypes().names, *self.weights}
        for spelled, name in self.event_types.items():
            if name not in known:
                raise ValueError(
                    f"event type {name!r} (for {spelled!r}) needs a weight in `weights`"
                )
        for row_type in (table.event_type for table in self.events):
            if row_type is not None and row_type not in known | {*self.event_types}:
                raise ValueError(
                    f"event type {row_type!r} (of every row) needs a weight in `weights`"
                )
        both = sorted(set(self.ignored_event_types) & ({*self.event_types} | {*self.weights}))
        if both:
            raise ValueError(f"event type {both[0]!r} is both mapped and ignored")
        if len(self.to_event_types().names) > MAX_EVENT_TYPES:
            raise ValueError(f"more than {MAX_EVENT_TYPES} event types")
        return self

    def to_event_types(self) -> EventTypes:
        """Return the event types with their codes: the canonical three, then the shop's own."""
        default = EventTypes()
        own = sorted(set(self.weights) - set(default.names))
        weights = dict(zip(default.names, default.weights, strict=True)) | self.weights
        names = (*default.names, *own)
        return EventTypes(
            names=names,
            weights=tuple(weights[name] for name in names),
            aliases=tuple(sorted(self.event_types.items())),
        )

    @classmethod
    def parse(cls, text: str, *, name: str = "mapping") -> Self:
        """Return the mapping given as JSON text. Raises `ConfigError`."""
        given = None
        try:
            given = json.loads(text)
            return cls.model_validate(given)
        except (ValueError, ValidationError) as exc:
            raise ConfigError(f"{name}: {explain(exc, given=given)}") from exc

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a ``.toml`` or ``.json`` mapping file. Raises `ConfigError` naming file and key."""
        return cls.parse(json.dumps(read_settings(path), default=str), name=str(path))


RETAILROCKET: Final = LogMapping(
    name="retailrocket",
    events=(
        EventsMapping(
            files=("events.csv", "events.csv.gz"),
            quote="",
            columns=EventColumns(
                time="timestamp",
                user="visitorid",
                item="itemid",
                event_type="event",
                transaction="transactionid",
            ),
            id_format="integer",
            require_transaction_id=True,
        ),
    ),
    item_properties=ItemPropertiesMapping(
        files=(
            "item_properties.csv",
            "item_properties.csv.gz",
            "item_properties_part*.csv",
            "item_properties_part*.csv.gz",
        ),
        quote="",
        columns=PropertyColumns(
            item="itemid", time="timestamp", property="property", value="value"
        ),
        id_format="integer",
        numbers="prefixed",
    ),
    category_tree=CategoryTreeMapping(
        files=("category_tree.csv", "category_tree.csv.gz"),
        quote="",
        columns=CategoryColumns(category="categoryid", parent="parentid"),
        id_format="integer",
    ),
)
"""RetailRocket's public schema: what a raw folder without a mapping file must look like."""

__all__ = ["RETAILROCKET", "FileFormat", "FileSet", "LogMapping", "TimeUnit"]

RECORDED_EVENTS: Final = EventsMapping(
    files=("events-recorded.jsonl",),
    columns=EventColumns(
        time="time_ms",
        user="user_id",
        item="item_id",
        event_type="event_type",
        transaction="transaction_id",
    ),
)
"""Events that the prediction service recorded, beside any shop's log."""
