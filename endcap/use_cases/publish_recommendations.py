"""Batch recommendations of the champion for the visitors who were there last."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from endcap import columns as c
from endcap.dataset.histories import Histories
from endcap.dataset.log import InteractionLog
from endcap.ports import Lake
from endcap.serving.model import ServingModel
from endcap.serving.recommend import recommend
from endcap.serving.slates import SlateRequest
from endcap.use_cases.champions import open_model, read_champion
from endcap.use_cases.clean_log import read_event_types, read_item_ids, read_log, read_user_ids
from endcap.use_cases.folds import SERVING
from endcap.use_cases.recoding import recode_for
from endcap.use_cases.runs import CLEAN, Run, open_run

TABLE: Final = "recommendations"
"""The table's name, and its sub-folder of the step's output."""

SCHEMA: Final = pa.schema(
    [
        (c.USER_ID, pa.string()),
        (c.RANK, pa.int32()),
        (c.ITEM_ID, pa.string()),
        (c.SCORE, pa.float64()),
        (c.PROBABILITY, pa.float64()),
        ("lower", pa.float64()),
        ("upper", pa.float64()),
        (c.SOURCE, pa.string()),
        ("model_version", pa.string()),
    ]
)
"""Best item of the newest visitor first; `lower` and `upper` end of the relevance's interval."""


def publish_recommendations(request: Mapping[str, Any], lake: Lake) -> dict[str, Any]:
    """Write what the champion recommends to the newest visitors of ``request["run_id"]``'s log.

    The table has `SCHEMA`, k rows a visitor. Returns ``rows`` and the model's ``version``; where no
    model was promoted yet, nothing is written, and these are 0 and None. Raises `NotFoundError` if
    there is no such run, or a step before this one is not finished.
    """
    run = open_run(str(request["run_id"]), lake)
    champion, _ = read_champion(lake)
    if champion is None:
        return {"rows": 0, "version": None, "reused": False}
    version, bundle = champion.version, lake.manifest(champion.path)

    def compute(out: Path) -> dict[str, Any]:
        table = _recommend(run, version)
        (out / TABLE).mkdir()
        pq.write_table(table, out / TABLE / "part-0.parquet")
        return {"rows": table.num_rows, "version": version}

    ref = run.perform(
        "recommendations",
        rooms=[
            "dataset",
            "features",
            "registry",
            "retrieval",
            "ranking",
            "serving",
            "uncertainty",
            "tuning",
        ],
        params={
            "publish": run.config.publish.model_dump(mode="json"),
            "cut_ms": run.fold(SERVING).cut_ms,
            "version": version,
        },
        inputs=[run.ref(CLEAN), *([] if bundle is None else [bundle.digest])],
        compute=compute,
        tables={TABLE: TABLE},
    )
    return {**ref.facts, "reused": ref.reused}


def newest_users(log: InteractionLog, limit: int) -> NDArray[np.int64]:
    """Return the codes of the `limit` visitors with the newest last event, newest first.

    Equals by code. A visitor without events in `log` is left out.
    """
    active = np.flatnonzero(np.diff(log.ptr) > 0)
    last = log.time_ms[log.ptr[active + 1] - 1]
    return active[np.lexsort((active, -last))][:limit].astype(np.int64)


def histories_of(log: InteractionLog, users: NDArray[np.int64], *, now_ms: int) -> Histories:
    """Return all that each of these visitors (codes) did, as of `now_ms` (UTC epoch ms)."""
    start, lengths = log.ptr[users], np.diff(log.ptr)[users]
    ptr = np.zeros(len(users) + 1, dtype=np.int64)
    np.cumsum(lengths, out=ptr[1:])
    rows = np.arange(ptr[-1]) + np.repeat(start - ptr[:-1], lengths)
    return Histories(
        ptr=ptr,
        item=log.item[rows],
        event_type=log.event_type[rows],
        time_ms=log.time_ms[rows],
        now_ms=np.full(len(users), now_ms, dtype=np.int64),
    )


def _recommend(run: Run, version: str) -> pa.Table:
    cut_ms, limits = run.fold(SERVING).cut_ms, run.config.publish
    log = read_log(run, before_ms=cut_ms)
    users = newest_users(log, limits.max_users)
    user_ids = read_user_ids(run, before_ms=cut_ms)
    with open_model(run.lake, version) as (_, model):
        histories = recode_for(
            model,
            histories_of(log, users, now_ms=cut_ms),
            item_ids=read_item_ids(run, before_ms=cut_ms),
            event_types=read_event_types(run),
        )
        return _table(model, histories, [user_ids[user] for user in users], limits.k, version)


def _table(
    model: ServingModel, histories: Histories, user_ids: Sequence[str], k: int, version: str
) -> pa.Table:
    rows = [
        (
            user_id,
            rank,
            model.item_ids[item.item_code],
            item.score,
            item.probability,
            item.lower,
            item.upper,
            item.source,
            version,
        )
        for user_id, slate in zip(
            user_ids, recommend(model, histories, SlateRequest(k=k)), strict=True
        )
        for rank, item in enumerate(slate.items, start=1)
    ]
    columns = list(zip(*rows, strict=True)) or [()] * len(SCHEMA)
    return pa.table(dict(zip(SCHEMA.names, columns, strict=True)), schema=SCHEMA)
