"""All item-side features as of one cut, from CSV: this implementation, pandas, merely reading.

``item_features RAW``: runs each in a process of its own, holds the values of the first two to each
other, and prints wall time, processor time, peak memory and the ratios. RAW is a simulated log
without malformed rows.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

THREADS = 2
TOLERANCE = 1e-9
DAY_MS = 86_400_000
FILES = ("events.csv", "item_properties_part*.csv", "category_tree.csv")


def main() -> None:
    """Run one step if named, else all of them, each in its own process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("raw", type=Path)
    parser.add_argument("--step", choices=sorted(STEPS))
    parser.add_argument("--work", type=Path)
    parser.add_argument("--cut-ms", type=int)
    options = parser.parse_args()
    if options.step:
        start = time.perf_counter()
        STEPS[options.step](options.raw, options.work, options.cut_ms)
        _report(start)
        return
    with TemporaryDirectory(prefix="endcap-bench-") as folder:
        _compare(options.raw, Path(folder))


def count_rows(raw: Path, _work: Path, _cut_ms: int) -> None:
    """Have DuckDB count the rows of the same files, which it does without reading a value."""
    _count(raw, "*")


def count_values(raw: Path, _work: Path, _cut_ms: int) -> None:
    """Have DuckDB read every value of the same files, and count those that are there."""
    _count(raw, "columns(*)")


def _count(raw: Path, what: str) -> None:
    import duckdb  # each step imports what it measures  # noqa: PLC0415

    with duckdb.connect(config={"threads": THREADS}) as connection:
        for path in _files(raw):
            query = f"SELECT count({what}) FROM read_csv(?, header = true, all_varchar = true)"  # noqa: S608
            connection.execute(query, [str(path)]).fetchall()


def clean_log(raw: Path, work: Path, _cut_ms: int) -> None:
    """Clean the log: the first half of this implementation."""
    from endcap.config import CleaningConfig  # noqa: PLC0415
    from endcap.dataset.cleaning import clean  # noqa: PLC0415

    clean(
        raw,
        work / "clean",
        mapping=None,
        cleaning=CleaningConfig(),
        as_of_ms=None,
        threads=THREADS,
    )


def families(_raw: Path, work: Path, cut_ms: int) -> None:
    """Build the families from the cleaned log: the second half.

    Side by side, one a core, as the workflow runs its branches.
    """
    from endcap.config_features import FeatureConfig  # noqa: PLC0415
    from endcap.features.families import FAMILIES, build_family  # noqa: PLC0415

    def build(family: str) -> None:
        build_family(
            family,
            work / "clean",
            work / "features",
            cut_ms=cut_ms,
            config=FeatureConfig(),
            threads=1,
            session_timeout_minutes=30.0,
        )

    longest_first = ("prices", "temporal", "sessions", "transitions", "decay", "category_graph")
    assert set(longest_first) == set(FAMILIES)  # noqa: S101
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(build, longest_first))


def this(raw: Path, work: Path, cut_ms: int) -> None:
    """Go from CSV to features as the product does."""
    clean_log(raw, work, cut_ms)
    families(raw, work, cut_ms)


def in_pandas(raw: Path, work: Path, cut_ms: int) -> None:
    """Go from CSV to the same tables in pandas."""
    from benchmarks.pandas_features import features  # noqa: PLC0415
    from endcap.config import CleaningConfig  # noqa: PLC0415
    from endcap.config_features import FeatureConfig  # noqa: PLC0415

    found = features(raw, cut_ms=cut_ms, config=FeatureConfig(), cleaning=CleaningConfig())
    (work / "pandas").mkdir(parents=True)
    for name, frame in found.items():
        frame.to_parquet(work / "pandas" / f"{name}.parquet")


def read_in_pandas(raw: Path, _work: Path, cut_ms: int) -> None:
    """Read and clean in pandas, and no more."""
    from benchmarks.pandas_features import read  # noqa: PLC0415
    from endcap.config import CleaningConfig  # noqa: PLC0415

    read(raw, cut_ms=cut_ms, cleaning=CleaningConfig())


def check(_raw: Path, work: Path, cut_ms: int) -> None:
    """Hold the families' float64 tables to what pandas wrote. Exits with the first difference."""
    import pyarrow as pa  # noqa: PLC0415
    import pyarrow.parquet as pq  # noqa: PLC0415

    from benchmarks.recorded_families import recorded_families  # noqa: PLC0415

    for name, ours in recorded_families(work / "clean", cut_ms=cut_ms, threads=THREADS).items():
        theirs = pq.read_table(work / "pandas" / f"{name}.parquet")
        if ours.num_rows != theirs.num_rows:
            sys.exit(f"{name}: {ours.num_rows} rows here, {theirs.num_rows} in pandas")
        for column in ours.column_names:
            a, b = (t[column].cast(pa.float64(), safe=False).to_numpy() for t in (ours, theirs))
            worst = _difference(a, b)
            if not worst <= TOLERANCE:
                sys.exit(f"{name}.{column}: differs by {worst:.2g}")


def _difference(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> float:
    """Return the largest relative difference; infinity where only one of them is missing."""
    if (np.isnan(ours) != np.isnan(theirs)).any():
        return float("inf")
    # What is zero but for rounding is compared with 1e-6, below which no feature has a meaning.
    scale = np.fmax(np.fmax(np.abs(ours), np.abs(theirs)), 1e-6)
    return float(np.nanmax(np.abs(ours - theirs) / scale, initial=0.0))


STEPS: dict[str, Callable[[Path, Path, int], None]] = {
    "count-rows": count_rows,
    "count-values": count_values,
    "pandas-read": read_in_pandas,
    "clean": clean_log,
    "families": families,
    "this": this,
    "pandas": in_pandas,
    "check": check,
}


def _compare(raw: Path, work: Path) -> None:
    cut_ms = _last_event_ms(raw) - 7 * DAY_MS
    tenth = work / "tenth"
    _thin(raw, tenth)
    runs = {
        "DuckDB: counting the rows": _run("count-rows", raw, work / "all", cut_ms),
        "DuckDB: reading every value": _run("count-values", raw, work / "all", cut_ms),
        "this: from CSV to features": _run("this", raw, work / "all", cut_ms),
        "pandas: from CSV to features": _run("pandas", raw, work / "all", cut_ms),
        "pandas: reading and cleaning alone": _run("pandas-read", raw, work / "all", cut_ms),
        "this: cleaning alone": _run("clean", raw, work / "again", cut_ms),
        "this: families alone": _run("families", raw, work / "again", cut_ms),
        "this, a tenth of the data": _run("this", tenth, work / "less", cut_ms),
    }
    _run("check", raw, work / "all", cut_ms)
    print(f"{'':<36}{'seconds':>9}{'processor s':>13}{'peak GiB':>10}")
    for name, run in runs.items():
        print(f"{name:<36}{run['seconds']:>9.1f}{run['processor']:>13.1f}{run['gib']:>10.2f}")
    counting, reading, ours, pandas, pandas_read, _, built, less = runs.values()
    print(f"values equal to pandas' within {TOLERANCE:g}: yes")
    print(f"pandas / this: {_ratios(pandas, ours)} (goal: 4 in time, 4 in memory)")
    in_pandas = {key: pandas[key] - pandas_read[key] for key in ("seconds", "processor")}
    print(f"the families alone, pandas / this: {_ratios(in_pandas, built)}")
    print(f"this / reading every value: {_ratios(ours, reading)} (goal: 3 in time)")
    print(f"this / counting the rows: {_ratios(ours, counting)}")
    print(f"all / a tenth: {_ratios(ours, less)} (goal: 11 in time)")
    print(f"this, peak: {ours['gib']:.2f} GiB (goal: 2)")


def _ratios(a: dict[str, float], b: dict[str, float]) -> str:
    return ", ".join(
        f"{a[key] / b[key]:.1f} in {what}"
        for key, what in (("seconds", "time"), ("processor", "processor time"), ("gib", "memory"))
        if key in a
    )


def _run(step: str, raw: Path, work: Path, cut_ms: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.item_features", str(raw), "--step", step]
    command += ["--work", str(work), "--cut-ms", str(cut_ms)]
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(done.returncode)
    measured: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return measured


def _report(start: float) -> None:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    facts = {
        "seconds": time.perf_counter() - start,
        "processor": time.process_time(),
        "gib": usage.ru_maxrss / 2**20,
    }
    print(json.dumps(facts), flush=True)
    os._exit(0)  # nothing of tearing down belongs to the measurement


def _files(raw: Path) -> list[Path]:
    return [path for pattern in FILES for path in sorted(raw.glob(pattern))]


def _last_event_ms(raw: Path) -> int:
    with (raw / "events.csv").open("rb") as stream:
        next(stream)
        return max(int(line[: line.index(b",")]) for line in stream)


def _thin(raw: Path, out: Path) -> None:
    """Write a tenth of the visitors and of the items' properties, and the whole tree."""
    out.mkdir(parents=True)
    for path in _files(raw):
        with path.open("rb") as source, (out / path.name).open("wb") as target:
            target.write(next(source))
            if path.name == "category_tree.csv":
                target.writelines(source)
            else:
                target.writelines(_tenth(source))


def _tenth(rows: Iterator[bytes]) -> Iterator[bytes]:
    """Keep the rows whose second column, a visitor or an item, ends in 7."""
    return (row for row in rows if row.split(b",", 2)[1].endswith(b"7"))


if __name__ == "__main__":
    main()
