"""Recommendations for many histories: the requests cut into shards, and one shard answered."""

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, Final

from endcap.errors import ConfigError, NotFoundError
from endcap.ports import Lake, RawLogs
from endcap.use_cases.champions import require_champion
from endcap.use_cases.lake_layout import batch_path
from endcap.use_cases.recommend_batch import recommend_batch
from endcap.use_cases.runs import checked_run_id

LINES: Final = "part.jsonl"
DEFAULT_K: Final = 20
DEFAULT_LINES: Final = 5_000
MOST_SHARDS: Final = 4_000
"""What Step Functions passes from one state to the next is at most 256 KiB."""

_REQUESTS, _ANSWERS = "requests", "recommendations"


def plan_batch(request: Mapping[str, Any], lake: Lake, raw: RawLogs) -> dict[str, Any]:
    """Cut the requests at the URI ``request["requests"]`` into shards that the lake keeps.

    The URI names a folder, or ``s3://bucket/prefix``, with ``*.jsonl`` files of `BatchLine`s; they
    are taken in order of their names. ``request``: also ``run_id``, and optionally
    ``lines_per_shard`` (5,000). Returns ``shards``, their numbers; ``lines``, how many there are;
    ``version``, the champion, which answers all of them. Raises `NotFoundError` for a URI with no
    requests or a lake with no champion, `ConfigError` for too many shards.
    """
    run_id = checked_run_id(str(request.get("run_id", "")))
    if not request.get("requests"):
        raise ConfigError("the execution's input has no 'requests': give the URI of JSON lines")
    per_shard = int(request.get("lines_per_shard") or DEFAULT_LINES)
    version = require_champion(lake).version
    shards, n_lines = 0, 0
    with raw.open(str(request["requests"])) as folder:
        lines = _lines(folder)
        while part := list(islice(lines, per_shard)):
            if shards == MOST_SHARDS:
                raise ConfigError(
                    f"more than {MOST_SHARDS} shards of {per_shard} lines: "
                    "give a larger 'lines_per_shard'"
                )
            with lake.staging() as staged:
                (staged / LINES).write_bytes(b"".join(part))
                lake.commit(batch_path(run_id, _REQUESTS, shards), staged, facts={})
            shards, n_lines = shards + 1, n_lines + len(part)
    if not n_lines:
        raise NotFoundError(f"no requests in {request['requests']}: it has no lines of *.jsonl")
    return {"shards": list(range(shards)), "lines": n_lines, "version": version}


def recommend_shard(request: Mapping[str, Any], lake: Lake) -> dict[str, Any]:
    """Answer the shard ``request["shard"]`` of the batch ``request["run_id"]``.

    ``request``: also ``version``, the model that answers, and optionally ``k`` (20) and
    ``include_seen`` (no). The answers are a committed folder with one file of JSON lines; a shard
    that is answered already is not answered again. Returns ``shard`` and ``path``. Raises what
    `recommend_batch` raises.
    """
    run_id, shard = checked_run_id(str(request["run_id"])), int(request["shard"])
    path = batch_path(run_id, _ANSWERS, shard)
    if lake.manifest(path) is None:
        asked = batch_path(run_id, _REQUESTS, shard)
        with lake.open(asked, verify=True) as folder, lake.staging() as staged:
            n = recommend_batch(
                lake,
                folder / LINES,
                staged / LINES,
                k=int(request.get("k") or DEFAULT_K),
                include_seen=bool(request.get("include_seen")),
                version=str(request["version"]),
            )
            lake.commit(path, staged, facts={"rows": n, "version": request["version"]})
    return {"shard": shard, "path": path}


def _lines(folder: Path) -> Iterator[bytes]:
    for file in sorted(folder.rglob("*.jsonl")):
        with file.open("rb") as stream:
            for line in stream:
                if line.strip():
                    yield line.rstrip(b"\r\n") + b"\n"
