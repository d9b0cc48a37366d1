"""What every container entry point does: settings, lake, one use case, an exit code."""

import json
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any

from endcap.bootstrap import open_lake_from
from endcap.errors import ConfigError, EndcapError, TransientLakeError
from endcap.ports import Lake

REQUEST = {"run_id": "ENDCAP_RUN_ID", "fold": "ENDCAP_FOLD", "family": "ENDCAP_FAMILY"}
ATTEMPTS = 4
FIRST_PAUSE_SECONDS = 2.0

UseCase = Callable[[Mapping[str, Any], Lake], dict[str, Any]]


def run_job(
    use_case: UseCase, environ: Mapping[str, str], *, sleep: Callable[[float], None] = time.sleep
) -> int:
    """Call `use_case` with what the environment asks for, and return the process's exit code.

    The facts it returns are printed as one JSON line. An error is named on stderr as one JSON line,
    after its traceback where it is not one of ours: a state machine sees no more of a container
    than its exit code. For the same reason a `TransientLakeError` is tried again here and not
    there, with pauses that double.
    """
    try:
        facts = _with_retries(use_case, environ, sleep)
    except EndcapError as exc:
        return _fail(exc)
    except Exception as exc:  # noqa: BLE001 - the process ends here; the error must be named
        traceback.print_exception(exc)
        return _fail(exc)
    print(json.dumps(facts))
    return 0


def _with_retries(
    use_case: UseCase, environ: Mapping[str, str], sleep: Callable[[float], None]
) -> dict[str, Any]:
    request = {key: environ[name] for key, name in REQUEST.items() if environ.get(name)}
    if "run_id" not in request:
        raise ConfigError(f"{REQUEST['run_id']} is not set: it names the run this job belongs to")
    for attempt in range(ATTEMPTS - 1):
        try:
            return use_case(request, open_lake_from(environ))
        except TransientLakeError as exc:
            print(f"attempt {attempt + 1} of {ATTEMPTS}: {exc}", file=sys.stderr)
            sleep(FIRST_PAUSE_SECONDS * 2**attempt)
    return use_case(request, open_lake_from(environ))


def _fail(exc: Exception) -> int:
    line = json.dumps({"error": type(exc).__name__, "message": str(exc)})
    print(line, file=sys.stderr, flush=True)
    return 1
