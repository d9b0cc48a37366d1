"""Raw files in; canonical tables, quarantine and data report out."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from endcap.columns import (
    AVAILABLE_PROPERTY,
    CATEGORY_PROPERTY,
    PRICE_PROPERTY,
)
from endcap.config import CleaningConfig
from endcap.dataset.categories import find_faults, write_categories
from endcap.dataset.event_rows import EventRows
from endcap.dataset.histories import EventTypes
from endcap.dataset.intake import Intake
from endcap.dataset.interactions import build_events, write_codes, write_interactions
from endcap.dataset.mapping import RETAILROCKET, LogMapping
from endcap.dataset.properties import write_intervals
from endcap.dataset.property_rows import PropertyRows
from endcap.dataset.quarantine import Quarantine
from endcap.dataset.report import assemble_report, write_report
from endcap.dataset.summary import PropertyItems, iso, summarise_events
from endcap.dataset.validation import LATEST_POSSIBLE_MS, TimeBounds
from endcap.errors import DatasetError, EndcapError


def clean(
    raw: Path,
    out: Path,
    *,
    mapping: LogMapping | None,
    cleaning: CleaningConfig,
    as_of_ms: int | None,
    now_ms: int | None = None,
    threads: int = 2,
) -> dict[str, Any]:
    """Clean the log in folder `raw` into folder `out` and return the data report.

    Written to `out`: ``interactions/event_date=YYYY-MM-DD/part-0.parquet``, ``items.parquet``,
    ``users.parquet``, ``item_properties/part-0.parquet``, ``categories/part-0.parquet``,
    ``quarantine/part-0.parquet`` (columns: see `endcap.columns`), ``event_types.json``,
    ``report.json`` and ``report.html``. The same input gives the same bytes.

    Parameters
    ----------
    mapping
        How the log is spelled; RetailRocket's files if None.
    as_of_ms
        Rows at or after this time (epoch ms) are left out, and counted, as if not yet written.
    now_ms
        Times after this moment are impossible; None: after the year 2100.
    threads
        How many read a file and write the events; while they write, properties may take one more.
        They change no byte.

    Raises
    ------
    TooManyBadRowsError
        A file has more bad rows than `cleaning` allows. Report and quarantine are there even so.
    DatasetError
        The folder has no events, or a file cannot be read or lacks a column.
    """
    if not raw.is_dir():
        raise DatasetError(f"{raw}: is not a folder; it must be the folder of the shop's log")
    out.mkdir(parents=True, exist_ok=True)
    mapping = RETAILROCKET if mapping is None else mapping
    types = mapping.to_event_types()
    bounds = TimeBounds(
        earliest_ms=int(cleaning.earliest_event.timestamp() * 1000),
        latest_ms=LATEST_POSSIBLE_MS if now_ms is None else min(now_ms, LATEST_POSSIBLE_MS),
        as_of_ms=as_of_ms,
    )
    with Quarantine(out / "quarantine" / "part-0.parquet") as quarantine:
        intake = Intake(raw, mapping, bounds, cleaning.max_quarantine_share, quarantine, threads)
        try:
            facts = _clean_tables(intake, out, types, cleaning)
        except EndcapError as exc:
            write_report(assemble_report(intake, {}, stopped=str(exc)), out)
            raise
    _write_event_types(types, out)
    report = assemble_report(intake, facts, stopped=None)
    write_report(report, out)
    return report


def _clean_tables(
    intake: Intake, out: Path, types: EventTypes, cleaning: CleaningConfig
) -> dict[str, Any]:
    read = intake.read_events()
    _require_events(intake, read)
    intake.read_categories()
    write_categories(intake.parents, out)
    style = intake.mapping.item_properties
    rows = PropertyRows(renamed={} if style is None else style.names, wanted=_wanted(cleaning))
    intake.read_properties(rows)
    # Reading and writing take all threads. Between them, events are put in order in one, and
    # properties, for about as long, in another.
    with ThreadPoolExecutor(1) as beside:
        properties = beside.submit(_clean_properties, intake, rows, out, cleaning)
        columns = read.columns()
        bad = beside.submit(intake.read_duplicates, columns.duplicates)
        events = build_events(columns, cleaning)
        del columns
        facts = summarise_events(
            events, types, session_timeout_minutes=cleaning.session_timeout_minutes
        )
        joins = beside.submit(lambda: properties.result()[0].joins(events.items.ids))
        write_codes(events, out)
        write_interactions(events, types, out, threads=intake.threads)
    intake.quarantine_duplicates(bad.result())
    item_properties = joins.result() | properties.result()[1]
    _warn(intake, facts, item_properties, cleaning)
    return {"events": facts, "item_properties": item_properties}


def _clean_properties(
    intake: Intake, rows: PropertyRows, out: Path, cleaning: CleaningConfig
) -> tuple[PropertyItems, dict[str, int]]:
    """Write the intervals; return which items have properties, and the counts of intervals."""
    wanted = rows.columns()
    style = intake.mapping.item_properties
    counts = write_intervals(
        wanted,
        out,
        numbers="plain" if style is None else style.numbers,
        max_number=cleaning.max_property_number,
    )
    return PropertyItems.of(rows, wanted, intake.parents), counts


def _wanted(cleaning: CleaningConfig) -> frozenset[str] | None:
    """Return the properties whose intervals are kept; None for all."""
    if "*" in cleaning.other_properties:
        return None
    read = (PRICE_PROPERTY, CATEGORY_PROPERTY, AVAILABLE_PROPERTY)
    return frozenset((*read, *cleaning.other_properties))


def _require_events(intake: Intake, read: EventRows) -> None:
    if len(read):
        return
    names = ", ".join(tally.file for tally in intake.tallies)
    if any(tally.after_as_of for tally in intake.tallies) and intake.bounds.as_of_ms is not None:
        raise DatasetError(f"{names}: no event before the as-of time {iso(intake.bounds.as_of_ms)}")
    raise DatasetError(f"{names}: holds no usable event")


def _warn(
    intake: Intake, events: dict[str, Any], properties: dict[str, Any], cleaning: CleaningConfig
) -> None:
    """Say what is missing or odd, and what follows from it."""
    for name, count in events["by_type"].items():
        if not count:
            intake.warn("event_type_never_occurs", f"no event of type {name}")
    bots = events["bots"]
    if bots["visitors"]:
        intake.warn(
            "bots",
            f"{bots['visitors']:,} visitors were flagged as bots ({bots['events']:,} events): more "
            f"than {cleaning.bot_max_events_per_day} events on a day or "
            f"{cleaning.bot_max_events_per_minute} in a minute, transactions not counted",
        )
    _warn_of_properties(intake, properties)
    _warn_of_tree(intake, properties)


def _warn_of_properties(intake: Intake, facts: dict[str, Any]) -> None:
    if not facts["rows"]:
        intake.warn(
            "no_item_properties",
            "no item properties: features of price, category and availability stay empty",
        )
    elif not facts["event_items_with_properties"]:
        intake.warn(
            "item_properties_join_no_item",
            f"item properties join to no item: none of the {facts['items']:,} items with "
            "properties has an event",
        )
    if facts["numbers_too_large"]:
        intake.warn(
            "numbers_too_large",
            f"{facts['numbers_too_large']:,} numbers of item properties are beyond the limit and "
            "were kept as text only",
        )
    if facts["superseded"]:
        intake.warn(
            "conflicting_values",
            f"{facts['superseded']:,} item property rows were replaced by a later row for the same "
            "moment",
        )


def _warn_of_tree(intake: Intake, facts: dict[str, Any]) -> None:
    if not intake.parents:
        intake.warn("no_category_tree", "no category tree: features of the tree stay empty")
        return
    if not facts["event_items_in_category_tree"]:
        intake.warn(
            "category_tree_joins_no_item",
            f"category tree joins to no item: none of its {len(intake.parents):,} categories is "
            "the category of an item with events",
        )
    faults = find_faults(intake.parents)
    for code, names, what in (
        ("category_own_parent", faults.own_parent, "are their own parent"),
        ("category_cycle", faults.in_cycle, "lie on a cycle of parents"),
        ("category_orphans", faults.orphans, "have a parent that is not in the tree"),
    ):
        if names:
            shown = ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
            intake.warn(code, f"{len(names):,} categories {what}: {shown}")


def _write_event_types(types: EventTypes, out: Path) -> None:
    content = {
        "names": list(types.names),
        "weights": list(types.weights),
        "aliases": dict(types.aliases),
    }
    text = json.dumps(content, sort_keys=True, indent=1) + "\n"
    (out / "event_types.json").write_text(text, encoding="utf-8")
