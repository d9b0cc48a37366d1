"""Every input file of a raw folder, read, checked and staged; what is bad goes to quarantine."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from duckdb import DuckDBPyConnection

from endcap.columns import (
    CATEGORY_ID,
    EVENT_TIME,
    EVENT_TYPE,
    ITEM_ID,
    PARENT_ID,
    PROPERTY,
    TRANSACTION_ID,
    USER_ID,
    VALID_FROM,
    VALUE,
)
from endcap.dataset.interactions import raw_text, stage_batch
from endcap.dataset.mapping import (
    RECORDED_EVENTS,
    RETAILROCKET,
    EventsMapping,
    FileSet,
    ItemPropertiesMapping,
    LogMapping,
    TimeUnit,
)
from endcap.dataset.properties import stage_properties
from endcap.dataset.quarantine import BadRow, FileTally, Quarantine, readable
from endcap.dataset.reading import RawBatch, find_files, has_typed_times, read_batches
from endcap.dataset.validation import (
    Checked,
    TimeBounds,
    check_categories,
    check_events,
    check_properties,
)
from endcap.errors import DatasetError, TooManyBadRowsError


@dataclass
class Intake:
    """The state of one reading: where rows go, and what was counted so far."""

    raw: Path
    mapping: LogMapping
    bounds: TimeBounds
    max_bad_share: float
    connection: DuckDBPyConnection
    quarantine: Quarantine
    tallies: list[FileTally] = field(default_factory=list)
    warnings: list[dict[str, str]] = field(default_factory=list)
    parents: dict[str, str | None] = field(default_factory=dict)
    property_rows: int = 0

    def warn(self, code: str, message: str) -> None:
        """Add a warning to the report: a stable code, and one sentence."""
        self.warnings.append({"code": code, "message": message})

    def read_events(self) -> None:
        """Stage the valid events. Raises `DatasetError` if there is no event file."""
        paths = find_files(self.raw, self.mapping.events)
        if not paths:
            raise DatasetError(_what_is_expected(self.raw, self.mapping))
        self._read_event_files(paths, self.mapping.events)
        self._read_event_files(find_files(self.raw, RECORDED_EVENTS), RECORDED_EVENTS)

    def _read_event_files(self, paths: Iterable[Path], events: EventsMapping) -> None:
        columns = {
            EVENT_TIME: events.columns.time,
            USER_ID: events.columns.user,
            ITEM_ID: events.columns.item,
            EVENT_TYPE: events.columns.event_type,
        }
        if events.columns.transaction is not None:
            columns[TRANSACTION_ID] = events.columns.transaction
        for path in paths:
            unit = _unit_of(path, events, events.columns.time, events.time_unit)
            tally = self._start(path, "events")
            for batch in read_batches(path, events, columns):
                checked = check_events(
                    batch,
                    unit=unit,
                    id_format=events.id_format,
                    types=self.mapping.to_event_types(),
                    ignored_types=self.mapping.ignored_event_types,
                    require_transaction_id=events.require_transaction_id,
                    bounds=self.bounds,
                )
                self._count(tally, batch, checked)
                stage_batch(
                    self.connection,
                    checked.table,
                    file_index=len(self.tallies) - 1,
                    row_number=checked.row_number,
                    raw=raw_text(batch.lines, checked.index),
                )
            self._refuse_if_bad(tally)

    def read_properties(self) -> None:
        """Stage the valid item properties, if the folder has any."""
        mapping = self.mapping.item_properties
        if mapping is None:
            return
        columns = _property_columns(mapping)
        for path in self._optional_files(mapping):
            time = mapping.columns.time
            unit = (
                TimeUnit.MILLISECONDS
                if time is None
                else _unit_of(path, mapping, time, mapping.time_unit)
            )
            tally = self._start(path, "item_properties")
            for batch in read_batches(path, mapping, columns):
                for place, part in enumerate(_properties_of(batch, mapping)):
                    checked = check_properties(
                        part, unit=unit, id_format=mapping.id_format, bounds=self.bounds
                    )
                    if place == 0:
                        self._count(tally, batch, checked)
                    self._stage_properties(checked.table, mapping)
            self._refuse_if_bad(tally)

    def read_categories(self) -> None:
        """Read the category tree into `parents`, if the folder has one."""
        mapping = self.mapping.category_tree
        if mapping is None:
            return
        columns = {CATEGORY_ID: mapping.columns.category, PARENT_ID: mapping.columns.parent}
        for path in self._optional_files(mapping):
            tally = self._start(path, "category_tree")
            for batch in read_batches(path, mapping, columns):
                checked = check_categories(batch, id_format=mapping.id_format)
                self._count(tally, batch, checked)
                self._add_categories(tally, batch, checked)
            self._refuse_if_bad(tally)

    def quarantine_duplicates(self) -> None:
        """Move what the table ``duplicates`` lists from kept to quarantined."""
        reader = self.connection.sql(
            "SELECT file_index, row_number, raw FROM duplicates ORDER BY file_index, row_number"
        ).to_arrow_reader(65_536)
        for batch in reader:
            rows: dict[int, list[BadRow]] = {}
            for index, number, raw in zip(*(column.to_pylist() for column in batch), strict=True):
                rows.setdefault(index, []).append(BadRow(number, "duplicate", readable(raw)))
            for index, found in rows.items():
                self.tallies[index].kept -= len(found)
                self.quarantine.add(self.tallies[index], found)

    def unread_files(self) -> list[str]:
        """Return the files at the top of the raw folder that were not read, sorted.

        A misspelled file name shows here.
        """
        read = {tally.file for tally in self.tallies}
        return sorted(p.name for p in self.raw.iterdir() if p.is_file() and p.name not in read)

    def _start(self, path: Path, table: str) -> FileTally:
        self.tallies.append(FileTally(path.relative_to(self.raw).as_posix(), table))
        return self.tallies[-1]

    def _count(self, tally: FileTally, batch: RawBatch, checked: Checked) -> None:
        tally.rows += batch.rows
        tally.kept += len(checked.row_number)
        tally.after_as_of += checked.after_as_of
        tally.ignored += checked.ignored
        self.quarantine.add(tally, checked.bad)

    def _refuse_if_bad(self, tally: FileTally) -> None:
        if tally.bad_share <= self.max_bad_share:
            return
        reason, count = tally.worst()
        example = tally.examples[reason]
        raise TooManyBadRowsError(
            f"{tally.file}: {tally.bad:,} of {tally.rows - tally.after_as_of:,} rows "
            f"({tally.bad_share:.1%}) are bad, and at most {self.max_bad_share:.1%} may be; the "
            f"worst reason is {reason} ({count:,} rows), for example row {example.row_number}: "
            f"{example.raw[:200]!r}{_hint(reason)}"
        )

    def _optional_files(self, files: FileSet) -> Iterator[Path]:
        for path in find_files(self.raw, files):
            if path.stat().st_size:
                yield path
            else:
                name = path.relative_to(self.raw).as_posix()
                self.warn("empty_file", f"{name} is empty and was not read")

    def _stage_properties(self, table: pa.Table, mapping: ItemPropertiesMapping) -> None:
        if mapping.wide:
            table = table.filter(pc.not_equal(table.column(VALUE), ""))
        elif mapping.names:
            own = pa.array(list(mapping.names))
            canonical = pa.array(list(mapping.names.values()))
            names = table.column(PROPERTY)
            renamed = pc.coalesce(canonical.take(pc.index_in(names, own).combine_chunks()), names)
            table = table.set_column(1, PROPERTY, renamed)
        stage_properties(self.connection, table, first_position=self.property_rows)
        self.property_rows += len(table)

    def _add_categories(self, tally: FileTally, batch: RawBatch, checked: Checked) -> None:
        again: list[BadRow] = []
        pairs = zip(
            checked.index.tolist(),
            checked.table.column(CATEGORY_ID).to_pylist(),
            checked.table.column(PARENT_ID).to_pylist(),
            strict=True,
        )
        for index, category, parent in pairs:
            if category not in self.parents:
                self.parents[category] = parent
                continue
            same = self.parents[category] == parent
            again.append(batch.reject(index, "duplicate" if same else "conflicting_parent"))
        tally.kept -= len(again)
        self.quarantine.add(tally, again)


def _unit_of(path: Path, files: FileSet, column: str, stated: TimeUnit) -> TimeUnit:
    return TimeUnit.MILLISECONDS if has_typed_times(path, files, column) else stated


def _property_columns(mapping: ItemPropertiesMapping) -> dict[str, str]:
    columns = {ITEM_ID: mapping.columns.item}
    if mapping.columns.time is not None:
        columns[VALID_FROM] = mapping.columns.time
    if mapping.wide:
        return columns | {f"wide {own}": own for own in mapping.names}
    assert mapping.columns.property is not None  # noqa: S101  the mapping's validation says so
    assert mapping.columns.value is not None  # noqa: S101
    return columns | {PROPERTY: mapping.columns.property, VALUE: mapping.columns.value}


def _properties_of(batch: RawBatch, mapping: ItemPropertiesMapping) -> Iterator[RawBatch]:
    """Yield the batch in long form: itself, or once for each column of a wide table."""
    if not mapping.wide:
        yield batch
        return
    shared = {name: c for name, c in batch.columns.items() if name in {ITEM_ID, VALID_FROM}}
    for own, name in mapping.names.items():
        long: Mapping[str, Any] = {
            PROPERTY: pa.array([name] * len(batch.row_number), pa.string()),
            VALUE: batch.columns[f"wide {own}"],
        }
        yield RawBatch(batch.row_number, {**shared, **long}, batch.lines, batch.bad)


def _hint(reason: str) -> str:
    if reason == "impossible_time":
        return "; are these times in another unit (see `time_unit` in docs/mapping.md)?"
    if reason == "unknown_event_type":
        return "; other event types need a mapping file (docs/mapping.md)"
    return ""


def _what_is_expected(raw: Path, mapping: LogMapping) -> str:
    if mapping is not RETAILROCKET:
        wanted = ", ".join(mapping.events.files)
        return f"{raw}: no file matches the mapping's `events.files` ({wanted})"
    return (
        f"{raw}: has no events.csv; without a mapping file the folder must hold RetailRocket's "
        "files: events.csv (timestamp,visitorid,event,itemid,transactionid) and, if there are any, "
        "item_properties_part1.csv, ... (timestamp,itemid,property,value) and category_tree.csv "
        "(categoryid,parentid); docs/mapping.md tells how to describe another log"
    )
