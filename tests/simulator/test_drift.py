from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pytest

from endcap.errors import ConfigError
from endcap.simulator.drift import Drift, DriftPlan, plan_drift
from endcap.simulator.scales import TINY
from endcap.simulator.shop import simulate
from tests.simulator import reading
from tests.simulator.conftest import Written
from tests.simulator.test_shop import DRIFT_DAY, DRIFT_MS


def test_without_drift_there_is_no_plan() -> None:
    assert plan_drift(None, None, TINY) is None


def test_a_date_is_midnight_utc_and_a_moment_is_itself() -> None:
    assert plan_drift(Drift.PRICE, DRIFT_DAY, TINY) == DriftPlan(Drift.PRICE, DRIFT_MS)
    abroad = datetime(2015, 6, 10, 2, tzinfo=timezone(timedelta(hours=2)))
    assert plan_drift(Drift.PRICE, abroad, TINY) == DriftPlan(Drift.PRICE, DRIFT_MS)
    assert datetime.fromtimestamp(DRIFT_MS / 1000, UTC).date() == date(2015, 6, 10)


def test_a_plan_has_begun_only_for_its_own_kind() -> None:
    plan = DriftPlan(Drift.PRICE, 7)
    assert plan.begun(Drift.PRICE) == 7
    assert plan.begun(Drift.CATALOGUE) is None


def test_price_drift_raises_the_price_level(clean_tiny: Written, tmp_path: Path) -> None:
    simulate(tmp_path, scale=TINY, seed=42, drift=Drift.PRICE, drift_at=DRIFT_DAY)
    calm = np.load(clean_tiny.folder / "truth" / "prices.npy")
    drifted = np.load(tmp_path / "truth" / "prices.npy")
    assert (drifted[:, -1] / calm[:, -1]).mean() > 1.1
    assert (drifted[:, 0] == calm[:, 0]).all()


def test_catalogue_drift_brings_unseen_items(tmp_path: Path) -> None:
    simulate(
        tmp_path,
        scale=TINY,
        seed=42,
        drift=Drift.CATALOGUE,
        drift_at=DRIFT_DAY,
        malformed_share=0.0,
    )
    events = reading.events(tmp_path)
    before = {event.item for event in events if event.time_ms < DRIFT_MS}
    after = [event.item for event in events if event.time_ms >= DRIFT_MS]
    assert np.mean([item not in before for item in after]) > 0.2


def test_behaviour_drift_repeats_less(clean_tiny: Written, tmp_path: Path) -> None:
    simulate(
        tmp_path,
        scale=TINY,
        seed=42,
        drift=Drift.BEHAVIOUR,
        drift_at=DRIFT_DAY,
        malformed_share=0.0,
    )
    assert repeat_share(tmp_path) < 0.9 * repeat_share(clean_tiny.folder)


def repeat_share(folder: Path) -> float:
    seen: dict[str, set[str]] = {}
    repeats = []
    for event in reading.events(folder):
        if event.kind == "view":
            items = seen.setdefault(event.visitor, set())
            if event.time_ms >= DRIFT_MS and items:
                repeats.append(event.item in items)
            items.add(event.item)
    return float(np.mean(repeats))


@pytest.mark.parametrize("day", [date(2015, 5, 3), date(2015, 7, 3)])
def test_the_date_must_lie_inside_the_period(day: date) -> None:
    with pytest.raises(ConfigError, match="outside"):
        plan_drift(Drift.PRICE, day, TINY)
