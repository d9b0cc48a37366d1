"""Time a fresh process to its first answer, beside importing the training stack.

Both start several times in turn, files in the page cache. Run from the project's root:

    .venv/bin/python -m benchmarks.cold_start LAKE
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from typing import Final

TIMES: Final = 7
QUARTER: Final = 0.25
STACK: Final = """
import time
start = time.perf_counter()
import pandas, catboost, awswrangler, implicit, mapie, fastapi
print(time.perf_counter() - start)
"""
FLOOR: Final = """
import time
start = time.perf_counter()
import numpy, fastapi, mangum, orjson
print(time.perf_counter() - start)
"""
SERVICE: Final = """
import time
start = time.perf_counter()
from api.handler import handler, loaded
imported = time.perf_counter()
loaded()
ready = time.perf_counter()
http = {"method": "GET", "path": "", "sourceIp": "192.0.2.1"}
path = "/v1/users/nobody/recommendations"
iam = {"iam": {"userArn": "arn:aws:iam::123456789012:user/page"}}
event = {"version": "2.0", "rawPath": path, "rawQueryString": "", "headers": {"host": "shop"}}
event["requestContext"] = {"http": http, "authorizer": iam}
answer = handler(event, None)
assert answer["statusCode"] == 200, answer
print(imported - start, ready - imported, time.perf_counter() - ready)
"""


def main() -> None:
    """Print the medians and their ratio."""
    parser = argparse.ArgumentParser()
    parser.add_argument("lake", type=Path)
    lake: Path = parser.parse_args().lake
    with tempfile.TemporaryDirectory() as folder:
        environ = {
            **os.environ,
            "ENDCAP_LAKE_URI": str(lake),
            "ENDCAP_HISTORY_URI": f"{folder}/history.sqlite",
            "ENDCAP_RECORD_LOG_URI": f"{folder}/log",
            "ENDCAP_LOG_LEVEL": "ERROR",
        }
        runs = [[_run(code, environ) for code in (STACK, FLOOR, SERVICE)] for _ in range(TIMES)]
    stack, floor = (median(run[place][0] for run in runs) for place in (0, 1))
    parts = [median(run[2][place] for run in runs) for place in range(3)]
    print(f"median of {TIMES}, seconds from the start of Python")
    print(f"  pandas, catboost, awswrangler, implicit, mapie, fastapi   {stack:.3f}")
    print(f"  numpy, fastapi, mangum, orjson                            {floor:.3f}")
    print(f"  the service: import {parts[0]:.3f}, load {parts[1]:.3f}, answer {parts[2]:.3f}")
    print(f"  service / stack: {sum(parts) / stack:.2f} (goal {QUARTER})")


def _run(code: str, environ: dict[str, str]) -> list[float]:
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, check=True, capture_output=True, text=True
    )
    return [float(part) for part in done.stdout.split()]


if __name__ == "__main__":
    main()
