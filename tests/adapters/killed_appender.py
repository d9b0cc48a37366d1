"""Appends records to a log for ever, and prints the number of each that was acknowledged."""

import sys
from pathlib import Path

from endcap.adapters.segment_log import SegmentLog
from endcap.ports import EVENTS, Record


def main() -> None:
    log = SegmentLog(Path(sys.argv[1]), max_segment_bytes=20_000)
    n = 0
    while True:
        log.append(EVENTS, [Record(1_000 + n, {"event_id": f"e{n}", "filling": "x" * 200})])
        print(n, flush=True)
        n += 1


if __name__ == "__main__":
    main()
