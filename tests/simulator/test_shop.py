import hashlib
import subprocess
import sys
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from endcap.errors import ConfigError
from endcap.simulator.drift import Drift
from endcap.simulator.scales import TINY
from endcap.simulator.shop import simulate
from tests.simulator import reading
from tests.simulator.conftest import Written

DRIFT_DAY = date(2015, 6, 10)
DRIFT_MS = 1_433_894_400_000


def digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def test_all_files_are_written(tiny: Written) -> None:
    assert set(digests(tiny.folder)) == {
        "category_tree.csv",
        "events.csv",
        "impressions.csv",
        "item_properties_part1.csv",
        "item_properties_part2.csv",
        "truth/available.npy",
        "truth/events.parquet",
        "truth/items.parquet",
        "truth/malformed.csv",
        "truth/niches.parquet",
        "truth/prices.npy",
        "truth/shop.json",
        "truth/visitors.parquet",
    }


@pytest.mark.parametrize(
    ("file", "header"),
    [
        ("events.csv", "timestamp,visitorid,event,itemid,transactionid"),
        ("item_properties_part1.csv", "timestamp,itemid,property,value"),
        ("item_properties_part2.csv", "timestamp,itemid,property,value"),
        ("category_tree.csv", "categoryid,parentid"),
    ],
)
def test_headers_are_retailrockets(tiny: Written, file: str, header: str) -> None:
    assert (tiny.folder / file).read_text().splitlines()[0] == header


def test_totals_are_those_of_the_scale(clean_tiny: Written) -> None:
    kinds = Counter(event.kind for event in reading.events(clean_tiny.folder))
    assert kinds == {"view": 3_600, "addtocart": 300, "transaction": 110}
    assert clean_tiny.summary.events == 3_600 + 300 + 110
    assert len({event.visitor for event in reading.events(clean_tiny.folder)}) == 420
    assert len(reading.properties(clean_tiny.folder)) == 5_000


def test_same_seed_same_bytes(tiny: Written, tmp_path: Path) -> None:
    simulate(tmp_path, scale=TINY, seed=42)
    assert digests(tmp_path) == digests(tiny.folder)


def test_bytes_do_not_depend_on_the_hash_seed_or_on_threads(tiny: Written, tmp_path: Path) -> None:
    program = (
        "from pathlib import Path; from endcap.simulator.shop import simulate; "
        "from endcap.simulator.scales import TINY; "
        f"simulate(Path({str(tmp_path)!r}), scale=TINY, seed=42)"
    )
    root = Path(__file__).parents[2]
    environment = {"PYTHONHASHSEED": "7", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(root)}
    subprocess.run([sys.executable, "-c", program], check=True, env=environment, cwd=root)
    assert digests(tmp_path) == digests(tiny.folder)


def test_another_seed_is_another_shop(tiny: Written, tmp_path: Path) -> None:
    simulate(tmp_path, scale=TINY, seed=43)
    ours, other = digests(tiny.folder), digests(tmp_path)
    assert all(ours[name] != other[name] for name in ours)


def test_simulating_again_leaves_nothing_of_the_shop_before(tmp_path: Path) -> None:
    simulate(tmp_path, scale=TINY, seed=1)
    (tmp_path / "truth" / "stale.npy").touch()
    simulate(tmp_path, scale=TINY, seed=2)
    assert not (tmp_path / "truth" / "stale.npy").exists()


@pytest.mark.parametrize("kind", list(Drift))
def test_drift_changes_nothing_before_its_date(
    clean_tiny: Written, tmp_path: Path, kind: Drift
) -> None:
    simulate(tmp_path, scale=TINY, seed=42, drift=kind, drift_at=DRIFT_DAY, malformed_share=0.0)
    calm, drifted = reading.events(clean_tiny.folder), reading.events(tmp_path)
    assert before(calm) == before(drifted)
    assert set(calm) != set(drifted)


@pytest.mark.parametrize("kind", list(Drift))
def test_drift_leaves_property_snapshots_before_its_date_alone(
    clean_tiny: Written, tmp_path: Path, kind: Drift
) -> None:
    simulate(tmp_path, scale=TINY, seed=42, drift=kind, drift_at=DRIFT_DAY, malformed_share=0.0)
    calm, drifted = (
        {
            tuple(row)
            for row in reading.properties(folder)
            if int(row[0]) < DRIFT_MS and row[2] in {"790", "available", "categoryid"}
        }
        for folder in (clean_tiny.folder, tmp_path)
    )
    assert calm == drifted


def before(events: list[reading.Event]) -> set[reading.Event]:
    return {event for event in events if event.time_ms < DRIFT_MS}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"seed": -1}, "seed"),
        ({"seed": 1, "malformed_share": 1.0}, "malformed_share"),
        ({"seed": 1, "drift": Drift.PRICE}, "both"),
        ({"seed": 1, "drift_at": DRIFT_DAY}, "both"),
        ({"seed": 1, "drift": Drift.PRICE, "drift_at": date(2020, 1, 1)}, "outside"),
    ],
)
def test_senseless_arguments_are_refused(
    tmp_path: Path, given: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        simulate(tmp_path, scale=TINY, **given)  # type: ignore[arg-type]


def test_progress_rises_to_one(tmp_path: Path) -> None:
    shares: list[float] = []
    simulate(tmp_path, scale=TINY, seed=0, on_progress=lambda _stage, share: shares.append(share))
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
