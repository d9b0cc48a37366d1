"""Whether the traffic of late is still like what the champion was tested on."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from endcap.config import MonitoringConfig
from endcap.dataset.histories import EventTypes, Histories
from endcap.drift.comparison import compare
from endcap.drift.traffic import traffic_columns
from endcap.features.item_table import ItemTable
from endcap.features.registry import names
from endcap.ports import Lake, RecordLog, VisitorEvent
from endcap.use_cases.champions import require_champion
from endcap.use_cases.clean_log import read_event_types, read_item_ids, read_log
from endcap.use_cases.folds import SERVING, TEST
from endcap.use_cases.item_tables import item_table
from endcap.use_cases.lake_layout import LATEST_DRIFT, monitoring_path
from endcap.use_cases.live_traffic import read_events
from endcap.use_cases.runs import Run, checked_run_id, open_run, to_json

DRIFT: Final = "drift.json"

_POPULARITY: Final = names("item").index("views_30d")
_DAY_MS: Final = 86_400_000


def detect_drift(
    request: Mapping[str, Any], lake: Lake, log: RecordLog, *, now_ms: int
) -> dict[str, Any]:
    """Compare the window before `now_ms` (UTC epoch ms) with the champion's test window.

    Either is described by what was known of items when it began: the item table as of the test cut
    for the one, that of the champion for the other. ``request``: ``run_id``, and optionally
    ``monitoring``, settings of `MonitoringConfig`. The report is kept, the latest one also where
    the service looks for it, and its ``drifted_share``, ``is_conclusive`` and the names of the
    ``drifted`` columns are returned. Raises `NotFoundError` if there is no champion, or what its
    run left is gone; `RecordLogUnavailableError`.
    """
    run_id = checked_run_id(str(request["run_id"]))
    config = MonitoringConfig.parse(request.get("monitoring"))
    champion = require_champion(lake)
    run = open_run(champion.run_id, lake)
    since_ms = now_ms - int(config.window_days * _DAY_MS)
    events = read_events(log, since_ms=since_ms, until_ms=now_ms)
    report = compare(
        _tested_columns(run, config.seed),
        _live_columns(run, events, now_ms, config.seed),
        level=config.level,
        min_statistic=config.min_statistic,
        min_values=config.min_visitors,
    )
    content = {
        "run_id": run_id,
        "model_version": champion.version,
        "reference_from_ms": run.fold(TEST).cut_ms,
        "reference_to_ms": run.fold(SERVING).cut_ms,
        "from_ms": since_ms,
        "to_ms": now_ms,
        **report.to_dict(),
    }
    for path in (monitoring_path(run_id, DRIFT), LATEST_DRIFT):
        lake.write(path, to_json(content))
    return {
        "drifted_share": report.drifted_share,
        "is_conclusive": report.is_conclusive,
        "drifted": [column.column for column in report.columns if column.drifted],
    }


def _tested_columns(run: Run, seed: int) -> Mapping[str, NDArray[np.float64]]:
    """Return the traffic between the test cut and the end of the champion's log."""
    test_ms, end_ms = run.fold(TEST).cut_ms, run.fold(SERVING).cut_ms
    log, items = read_log(run, before_ms=end_ms), item_table(run, TEST)
    kept = log.time_ms >= test_ms
    ptr = np.append(0, np.cumsum(np.bincount(log.user[kept], minlength=log.n_users)))
    traffic = Histories(
        ptr=ptr.astype(np.int64),
        item=np.where(log.item[kept] < items.n_items, log.item[kept], -1).astype(np.int32),
        event_type=log.event_type[kept],
        time_ms=log.time_ms[kept],
        now_ms=np.full(log.n_users, end_ms, dtype=np.int64),
    )
    return _columns(traffic, items, seed)


def _live_columns(
    run: Run, events: Sequence[VisitorEvent], now_ms: int, seed: int
) -> Mapping[str, NDArray[np.float64]]:
    end_ms = run.fold(SERVING).cut_ms
    items = item_table(run, SERVING)
    codes = {item_id: code for code, item_id in enumerate(read_item_ids(run, before_ms=end_ms))}
    traffic = _histories(events, codes, read_event_types(run), now_ms)
    return _columns(traffic, items, seed)


def _histories(
    events: Sequence[VisitorEvent], codes: Mapping[str, int], types: EventTypes, now_ms: int
) -> Histories:
    """Return events, sorted by visitor and time, as arrays in the codes of an item table."""
    users = np.array([event.user_id for event in events], dtype=object)
    is_first = np.append([True], users[1:] != users[:-1])[: len(users)]
    firsts = np.flatnonzero(is_first)
    return Histories(
        ptr=np.append(firsts, len(users)).astype(np.int64),
        item=np.array([codes.get(event.item_id, -1) for event in events], dtype=np.int32),
        event_type=np.array([types.code(event.event_type) for event in events], dtype=np.int8),
        time_ms=np.array([event.time_ms for event in events], dtype=np.int64),
        now_ms=np.full(len(firsts), now_ms, dtype=np.int64),
    )


def _columns(traffic: Histories, items: ItemTable, seed: int) -> Mapping[str, NDArray[np.float64]]:
    return traffic_columns(traffic, items, items.features[:, _POPULARITY], seed=seed)
