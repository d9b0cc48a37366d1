"""What the service did lately, counted from the record log."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from endcap.config import MonitoringConfig
from endcap.errors import NotFoundError
from endcap.ports import Lake, RecordLog, VisitorEvent
from endcap.registry.promotion import Champion
from endcap.use_cases.champions import require_champion
from endcap.use_cases.lake_layout import LATEST_METRICS, monitoring_path
from endcap.use_cases.live_traffic import Exposure, read_events, read_exposures
from endcap.use_cases.runs import checked_run_id, open_run, to_json

METRICS: Final = "metrics.json"
_COVERAGE_FILE: Final = "coverage.json"

_DAY_MS: Final = 86_400_000
_HOUR_MS: Final = 3_600_000


def collect_metrics(
    request: Mapping[str, Any], lake: Lake, log: RecordLog, *, now_ms: int
) -> dict[str, Any]:
    """Measure the window before `now_ms` (UTC epoch ms), keep it, and return it.

    ``request``: ``run_id``, and optionally ``monitoring``, settings of `MonitoringConfig`. Kept
    and returned are ``events``, ``visitors``, ``exposures``, ``followed_share`` (see the function
    of that name), ``shown_items`` (different ones), ``model_version``, ``model_age_days`` (since it
    was promoted), ``data_age_days`` (since its data end), ``coverage_gap`` (likewise). Raises
    `NotFoundError` without a champion, `RecordLogUnavailableError`.
    """
    run_id = checked_run_id(str(request["run_id"]))
    config = MonitoringConfig.parse(request.get("monitoring"))
    champion = require_champion(lake)
    since_ms = now_ms - int(config.window_days * _DAY_MS)
    events = read_events(log, since_ms=since_ms, until_ms=now_ms)
    exposures = list(read_exposures(log, since_ms=since_ms, until_ms=now_ms))
    metrics = {
        "from_ms": since_ms,
        "to_ms": now_ms,
        "events": len(events),
        "visitors": len({event.user_id for event in events}),
        "exposures": len(exposures),
        "followed_share": followed_share(
            exposures, events, horizon_ms=int(config.attribution_hours * _HOUR_MS)
        ),
        "shown_items": len({item for exposure in exposures for item in exposure.items}),
        "model_version": champion.version,
        "model_age_days": max(now_ms - champion.promoted_at_ms, 0) / _DAY_MS,
        "data_age_days": (now_ms - champion.cut_ms) / _DAY_MS,
        "coverage_gap": coverage_gap(lake, champion),
    }
    for path in (monitoring_path(run_id, METRICS), LATEST_METRICS):
        lake.write(path, to_json(metrics))
    return metrics


def followed_share(
    exposures: Sequence[Exposure], events: Iterable[VisitorEvent], *, horizon_ms: int
) -> float | None:
    """Return the share of exposures that led to something; None if there was no exposure.

    One did if an event names its recommendation id, or if its visitor touched one of its items
    within `horizon_ms` after it was shown.
    """
    if not exposures:
        return None
    named: set[str] = set()
    touched: dict[str, list[VisitorEvent]] = {}
    for event in events:
        touched.setdefault(event.user_id, []).append(event)
        if event.recommendation_id is not None:
            named.add(event.recommendation_id)
    followed = sum(
        exposure.recommendation_id in named
        or any(
            event.item_id in exposure.items and 0 <= event.time_ms - exposure.shown_ms <= horizon_ms
            for event in touched.get(exposure.user_id or "", ())
        )
        for exposure in exposures
    )
    return followed / len(exposures)


def coverage_gap(lake: Lake, champion: Champion) -> float | None:
    """Return how far the champion's intervals fell short of what they promise, on its test slice.

    Negative where they hold the truth more often; None where its run left no measurement.
    """
    try:
        path = open_run(champion.run_id, lake).ref("evaluation").path
        with lake.open(path, only=[_COVERAGE_FILE]) as folder:
            rows = json.loads((folder / _COVERAGE_FILE).read_bytes())["coverage"]
    except NotFoundError:  # a rolled-back champion may have outlived its run
        return None
    gaps = [row["confidence"] - row["coverage"] for row in rows if row["name"] == "all"]
    return max(gaps, default=None)
