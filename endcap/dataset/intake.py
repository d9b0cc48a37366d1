"""Every input file of a raw folder, read, checked and staged; what is bad goes to quarantine."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

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
from endcap.dataset.event_rows import EventRows, place_of
from endcap.dataset.mapping import (
    RECORDED_EVENTS,
    RETAILROCKET,
    EventsMapping,
    FileSet,
    ItemPropertiesMapping,
    LogMapping,
    TimeUnit,
)
from endcap.dataset.plain_checks import (
    EVENT_KINDS,
    PROPERTY_KINDS,
    plain_events,
    plain_properties,
)
from endcap.dataset.plain_reading import judged, may_be_plain
from endcap.dataset.property_rows import PropertyRows
from endcap.dataset.quarantine import BadRow, FileTally, Quarantine
from endcap.dataset.reading import (
    RawBatch,
    find_files,
    has_typed_times,
    raw_rows,
    read_batches,
)
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
    quarantine: Quarantine
    threads: int = 1
    tallies: list[FileTally] = field(default_factory=list)
    warnings: list[dict[str, str]] = field(default_factory=list)
    parents: dict[str, str | None] = field(default_factory=dict)
    _event_files: dict[int, tuple[Path, EventsMapping]] = field(default_factory=dict)

    def warn(self, code: str, message: str) -> None:
        """Add a warning to the report: a stable code, and one sentence."""
        self.warnings.append({"code": code, "message": message})

    def read_events(self) -> EventRows:
        """Return the valid events. Raises `DatasetError` if a table of events has no file."""
        tables = [(find_files(self.raw, events), events) for events in self.mapping.events]
        for paths, events in tables:
            if not paths:
                raise DatasetError(_what_is_expected(self.raw, self.mapping, events))
        rows = EventRows()
        for paths, events in tables:
            self._read_event_files(rows, paths, events)
        self._read_event_files(rows, find_files(self.raw, RECORDED_EVENTS), RECORDED_EVENTS)
        return rows

    def _read_event_files(
        self, rows: EventRows, paths: Iterable[Path], events: EventsMapping
    ) -> None:
        for path in paths:
            tally = self._start(path, "events")
            file_index = len(self.tallies) - 1
            self._event_files[file_index] = (path, events)
            unit = _unit_of(path, events, events.columns.time, events.time_unit)
            for batch in self._event_batches(rows, tally, path, events):
                checked = check_events(
                    _with_event_types(batch, events),
                    unit=unit,
                    id_format=events.id_format,
                    types=self.mapping.to_event_types(),
                    ignored_types=self.mapping.ignored_event_types,
                    require_transaction_id=events.require_transaction_id,
                    bounds=self.bounds,
                )
                self._count(tally, batch, checked)
                rows.add_checked(checked, file_index)
            self._refuse_if_bad(tally)

    def _event_batches(
        self, rows: EventRows, tally: FileTally, path: Path, events: EventsMapping
    ) -> Iterator[RawBatch]:
        """Yield what is to be judged row by row; of a plain file, all that is not plain."""
        columns = _event_columns(events)
        if EVENT_TYPE not in columns or not _is_plain(path, events, columns):
            yield from read_batches(path, events, columns)
            return
        types, file_index = self.mapping.to_event_types(), len(self.tallies) - 1
        judge = partial(
            plain_events,
            events=events,
            types=types,
            ignored_types=self.mapping.ignored_event_types,
            bounds=self.bounds,
        )
        for found in judged(path, events, columns, EVENT_KINDS, judge, threads=self.threads):
            tally.add_plain(len(found.time_ms), found.after_as_of, found.ignored)
            rows.add_plain(found, file_index)
            if found.others is not None:
                yield found.others

    def read_properties(self, rows: PropertyRows) -> None:
        """Add the valid item properties to `rows`, if the folder has any."""
        mapping = self.mapping.item_properties
        if mapping is None:
            return
        done = 0
        for path in self._optional_files(mapping):
            time = mapping.columns.time
            unit = (
                TimeUnit.MILLISECONDS
                if time is None
                else _unit_of(path, mapping, time, mapping.time_unit)
            )
            tally = self._start(path, "item_properties")
            for batch in self._property_batches(rows, tally, path, mapping, done):
                parts = list(_properties_of(batch, mapping))
                for place, part in enumerate(parts):
                    checked = check_properties(
                        part, unit=unit, id_format=mapping.id_format, bounds=self.bounds
                    )
                    if place == 0:
                        self._count(tally, batch, checked)
                    row_number = checked.row_number + done
                    table = checked.table
                    if mapping.wide:
                        given = pc.not_equal(table.column(VALUE), "")
                        table = table.filter(given)
                        row_number = row_number[given.to_numpy()] * len(parts) + place
                    rows.add_checked(table, row_number)
            done += tally.rows
            self._refuse_if_bad(tally)

    def _property_batches(
        self,
        rows: PropertyRows,
        tally: FileTally,
        path: Path,
        mapping: ItemPropertiesMapping,
        done: int,
    ) -> Iterator[RawBatch]:
        columns = _property_columns(mapping)
        if mapping.wide or mapping.columns.time is None or not _is_plain(path, mapping, columns):
            yield from read_batches(path, mapping, columns)
            return
        wanted = rows.wanted_as_written
        judge = partial(plain_properties, wanted=wanted, bounds=self.bounds)
        for found in judged(path, mapping, columns, PROPERTY_KINDS, judge, threads=self.threads):
            tally.add_plain(found.usable, found.after_as_of)
            rows.add_plain(found, first_position=done)
            if found.others is not None:
                yield found.others

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

    def read_duplicates(self, positions: NDArray[np.int64]) -> dict[int, list[BadRow]]:
        """Return the events at these positions, in ascending order, as bad rows, by file."""
        numbers: dict[int, list[int]] = {}
        for position in positions.tolist():
            index, number = place_of(position)
            numbers.setdefault(index, []).append(number)
        found = {}
        for index, of_file in numbers.items():
            path, events = self._event_files[index]
            texts = raw_rows(path, events, _event_columns(events), of_file)
            found[index] = [BadRow(n, "duplicate", t) for n, t in zip(of_file, texts, strict=True)]
        return found

    def quarantine_duplicates(self, duplicates: Mapping[int, list[BadRow]]) -> None:
        """Move what `read_duplicates` returned from kept to quarantined."""
        for index, found in duplicates.items():
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


def _is_plain(
    path: Path, files: EventsMapping | ItemPropertiesMapping, columns: Mapping[str, str]
) -> bool:
    """Return whether rows of the file may be read as plain ones: whole numbers, milliseconds."""
    return (
        files.id_format == "integer"
        and files.time_unit is TimeUnit.MILLISECONDS
        and may_be_plain(path, files, columns)
    )


def _event_columns(events: EventsMapping) -> dict[str, str]:
    columns = {
        EVENT_TIME: events.columns.time,
        USER_ID: events.columns.user,
        ITEM_ID: events.columns.item,
    }
    if events.columns.event_type is not None:
        columns[EVENT_TYPE] = events.columns.event_type
    if events.columns.transaction is not None:
        columns[TRANSACTION_ID] = events.columns.transaction
    return columns


def _with_event_types(batch: RawBatch, events: EventsMapping) -> RawBatch:
    """Return the batch with a column of event types, where every row is of the same."""
    if events.event_type is None:
        return batch
    same = pa.repeat(pa.scalar(events.event_type, pa.string()), len(batch.row_number))
    return replace(batch, columns={**batch.columns, EVENT_TYPE: same})


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


def _what_is_expected(raw: Path, mapping: LogMapping, events: EventsMapping) -> str:
    if mapping is not RETAILROCKET:
        wanted = ", ".join(events.files)
        return f"{raw}: no file matches the mapping's `events.files` ({wanted})"
    return (
        f"{raw}: has no events.csv; without a mapping file the folder must hold RetailRocket's "
        "files: events.csv (timestamp,visitorid,event,itemid,transactionid) and, if there are any, "
        "item_properties_part1.csv, ... (timestamp,itemid,property,value) and category_tree.csv "
        "(categoryid,parentid); docs/mapping.md tells how to describe another log"
    )
