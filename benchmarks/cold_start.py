"""Time a fresh process to its first answer, beside importing the training stack.

All start several times in turn, files in the page cache, all code compiled by an unmeasured round.
The service starts as on a machine that never verified the model, hashing all of it, and as on one
that did. Run from the project's root:

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
        rounds = [_round(_environ(lake, Path(folder)), n) for n in range(1 + TIMES)][1:]
    stack, floor = (median(one[place][0] for one in rounds) for place in (0, 1))
    print(f"median of {TIMES}, seconds from the start of Python")
    print(f"  pandas, catboost, awswrangler, implicit, mapie, fastapi   {stack:.3f}")
    print(f"  numpy, fastapi, mangum, orjson                            {floor:.3f}")
    for place, case in ((2, "never verified here"), (3, "verified here before")):
        parts = [median(one[place][part] for one in rounds) for part in range(3)]
        whole = median(sum(one[place]) for one in rounds)
        ratio = median(sum(one[place]) / one[0][0] for one in rounds)
        print(f"  the service, its model {case}:")
        print(f"    import {parts[0]:.3f}, load {parts[1]:.3f}, answer {parts[2]:.3f}: {whole:.3f}")
        print(f"    of the stack, median of the rounds' ratios: {ratio:.2f} (goal {QUARTER})")


def _environ(lake: Path, folder: Path) -> dict[str, str]:
    """Return the environment of every process, which finds compiled code, as installed code is."""
    inherited = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    return {
        **inherited,
        "PYTHONPYCACHEPREFIX": f"{folder}/compiled",
        "ENDCAP_LAKE_URI": str(lake),
        "ENDCAP_HISTORY_URI": f"{folder}/history.sqlite",
        "ENDCAP_RECORD_LOG_URI": f"{folder}/log",
        "ENDCAP_CACHE_DIR": f"{folder}/cache",
        "ENDCAP_LOG_LEVEL": "ERROR",
    }


def _round(environ: dict[str, str], n: int) -> list[list[float]]:
    """Return the times of importing the stack, the floor, and of the service's two starts."""
    elsewhere = {**environ, "ENDCAP_CACHE_DIR": f"{environ['ENDCAP_CACHE_DIR']}-{n}"}
    cases = ((STACK, environ), (FLOOR, environ), (SERVICE, elsewhere), (SERVICE, environ))
    return [_run(code, given) for code, given in cases]


def _run(code: str, environ: dict[str, str]) -> list[float]:
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, check=True, capture_output=True, text=True
    )
    return [float(part) for part in done.stdout.split()]


if __name__ == "__main__":
    main()
