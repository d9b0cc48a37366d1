"""Simulate a shop of RetailRocket's size and hold its totals against the published ones.

    python benchmarks/simulate_retailrocket.py [--seed 42] [--out DIR]

Every total is counted again from the written files. Exit code 1 if one is off by more than 2 %.
"""

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

import pyarrow.compute as pc
from pyarrow import csv

from endcap.simulator.scales import RETAILROCKET
from endcap.simulator.shop import simulate

PUBLISHED = {
    "events": 2_756_101,
    "views": 2_664_312,
    "carts": 69_332,
    "transactions": 22_457,
    "visitors": 1_407_580,
    "items with events": 235_061,
    "property rows": 20_275_902,
    "items with properties": 417_053,
    "categories": 1_669,
    "category trees": 25,
    "exact duplicates": 460,
}
TOLERANCE = 0.02
ITEM_ONLY = csv.ConvertOptions(include_columns=["itemid"])


def count(out: Path) -> dict[str, int]:
    """Return the totals of the files in `out`."""
    events = csv.read_csv(out / "events.csv")
    kinds = {row["values"]: row["counts"] for row in pc.value_counts(events["event"]).to_pylist()}
    distinct = events.group_by(events.column_names).aggregate([]).num_rows
    counted = {
        "events": events.num_rows,
        "views": kinds["view"],
        "carts": kinds["addtocart"],
        "transactions": kinds["transaction"],
        "visitors": pc.count_distinct(events["visitorid"]).as_py(),
        "items with events": pc.count_distinct(events["itemid"]).as_py(),
        "exact duplicates": events.num_rows - distinct,
    }
    rows, items = 0, set()
    for part in sorted(out.glob("item_properties_part*.csv")):
        for batch in csv.open_csv(part, convert_options=ITEM_ONLY):
            rows += batch.num_rows
            items.update(pc.unique(batch["itemid"]).to_pylist())
    tree = csv.read_csv(out / "category_tree.csv")
    return counted | {
        "property rows": rows,
        "items with properties": len(items),
        "categories": tree.num_rows,
        "category trees": tree["parentid"].null_count,
    }


def main() -> int:
    """Simulate, count, print, compare."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seed", type=int, default=42)
    arguments.add_argument("--out", type=Path, help="keep the files here")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        out = given.out or Path(scratch)
        began = time.perf_counter()
        simulate(out, scale=RETAILROCKET, seed=given.seed)
        seconds = time.perf_counter() - began
        peak_gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        counted = count(out)
    print(f"{'total':<22}{'published':>12}{'simulated':>12}{'off by':>10}")
    worst = 0.0
    for name, published in PUBLISHED.items():
        off = counted[name] / published - 1
        worst = max(worst, abs(off))
        print(f"{name:<22}{published:>12,}{counted[name]:>12,}{off:>+10.2%}")
    print(f"simulated in {seconds:.1f} s, at most {peak_gib:.2f} GiB of memory")
    return 0 if worst <= TOLERANCE else 1


if __name__ == "__main__":
    sys.exit(main())
