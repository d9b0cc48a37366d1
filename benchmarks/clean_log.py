"""How long cleaning a raw log takes, and how much memory: ``clean_log.py RAW``."""

import argparse
import resource
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from endcap.config import CleaningConfig
from endcap.dataset.cleaning import clean


def main() -> None:
    """Clean the log once and print rows, seconds, rows a second and peak memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("raw", type=Path)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        start = time.perf_counter()
        report = clean(
            options.raw,
            Path(folder) / "clean",
            mapping=None,
            cleaning=CleaningConfig(),
            as_of_ms=None,
            threads=options.threads,
        )
        seconds = time.perf_counter() - start
    rows = sum(file["rows"] for file in report["files"])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    cpu = time.process_time()
    print(
        f"{rows:,} rows in {seconds:.1f} s ({rows / seconds:,.0f} rows/s); "
        f"{cpu:.1f} s of processor time; peak {peak:.2f} GiB"
    )


if __name__ == "__main__":
    main()
