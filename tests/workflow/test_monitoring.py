"""The monitoring workflow, from what a service recorded to a decision on training."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from endcap.ports import VisitorEvent
from tests.workflow.command_line import succeed
from tests.workflow.live_events import DAY_MS, last_days, later, record, show

pytestmark = pytest.mark.slow


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    file = tmp_path / "monitoring.toml"
    file.write_text("min_visitors = 10\n")
    return file


def monitor(lake: Path, state: Path, now_ms: int, *more: str | Path) -> str:
    now = datetime.fromtimestamp(now_ms / 1000 + 1, tz=UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return succeed("monitor", "--lake", lake, "--state", state, "--now", now, *more)


def latest(lake: Path, name: str) -> dict[str, Any]:
    report: dict[str, Any] = json.loads((lake / "monitoring" / f"{name}.json").read_text())
    return report


def test_the_traffic_that_the_model_was_tested_on_has_not_drifted(
    lake: Path, settings: Path, tmp_path: Path
) -> None:
    now_ms = record(tmp_path / "state", last_days(lake, 7), lambda event: event)

    printed = monitor(lake, tmp_path / "state", now_ms, "--settings", settings)

    drift = latest(lake, "drift")
    assert drift["is_conclusive"]
    assert drift["drifted_share"] == 0
    assert "No training is asked for" in printed


def to_one_cheap_item_at_night(event: VisitorEvent) -> VisitorEvent:
    moved = later(30)(event)
    midnight = moved.time_ms - moved.time_ms % DAY_MS
    return replace(moved, item_id="never seen", event_type="addtocart", time_ms=midnight)


def test_a_changed_world_asks_for_training_once_and_then_waits(
    lake: Path, settings: Path, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    now_ms = record(state, last_days(lake, 7), to_one_cheap_item_at_night)

    first = monitor(lake, state, now_ms, "--settings", settings)
    again = monitor(lake, state, now_ms + 3_600_000, "--settings", settings)

    drifted = {c["column"] for c in latest(lake, "drift")["columns"] if c["drifted"]}
    assert {"known_item", "hour_of_day", "added_to_cart"} <= drifted
    assert "Training is asked for" in first
    assert "against it: the last training is too recent" in again
    assert "No training is asked for" in again
    (asked,) = json.loads((lake / "monitoring" / "retrainings.json").read_text())["asked_ms"]
    assert now_ms <= asked <= now_ms + 2000


def to_carts_at_another_hour(event: VisitorEvent) -> VisitorEvent:
    return replace(later(14.4)(event), event_type="addtocart")


def test_asked_for_training_learns_from_what_was_recorded(
    lake: Path, settings: Path, tmp_path: Path, tiny_shop: Path
) -> None:
    state, events = tmp_path / "state", last_days(lake, 14)
    now_ms = record(state, events, to_carts_at_another_hour)
    settings.write_text("min_visitors = 10\ndrifted_share = 0.2\n")
    (before,) = (lake / "runs").iterdir()

    printed = monitor(lake, state, now_ms, "--settings", settings, "--retrain-on", tiny_shop)

    assert "Training is asked for" in printed
    (run,) = set((lake / "runs").iterdir()) - {before}
    old, new = (
        json.loads((one / "steps" / "clean.json").read_text())["facts"] for one in (before, run)
    )
    assert new["events"] == old["events"] + len(events)
    assert new["last_event_ms"] == now_ms - 1
    assert (run / "gate.json").is_file()


def test_answers_that_led_to_something_are_counted(
    lake: Path, settings: Path, tmp_path: Path
) -> None:
    events = last_days(lake, 7)
    state = tmp_path / "state"
    now_ms = record(state, events, lambda event: event)
    show(state, "r1", events[-1], [events[-1].item_id, "other"])
    show(state, "r2", events[-1], ["other"])

    printed = monitor(lake, state, now_ms, "--settings", settings)

    metrics = latest(lake, "metrics")
    assert (metrics["exposures"], metrics["followed_share"]) == (2, 0.5)
    assert metrics["shown_items"] == 2
    assert metrics["events"] == len(events)
    assert "2 answers, 50.0% followed" in printed


def test_too_little_traffic_decides_nothing(lake: Path, tmp_path: Path) -> None:
    events = last_days(lake, 7)[-5:]
    now_ms = record(tmp_path / "state", events, to_one_cheap_item_at_night)

    printed = monitor(lake, tmp_path / "state", now_ms)

    assert "Too little traffic to tell" in printed
    assert not latest(lake, "drift")["is_conclusive"]
    assert "No training is asked for" in printed


def test_what_the_service_shows_is_the_report(lake: Path, settings: Path, tmp_path: Path) -> None:
    now_ms = record(tmp_path / "state", last_days(lake, 7), lambda event: event)
    monitor(lake, tmp_path / "state", now_ms, "--settings", settings)

    runs = list((lake / "monitoring" / "runs").iterdir())
    assert [sorted(file.name for file in run.iterdir()) for run in runs] == [
        ["decision.json", "drift.json", "metrics.json"]
    ]
