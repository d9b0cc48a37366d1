"""Every candidate source, fitted on what lies before one fold's cut."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from endcap.ports import Lake
from endcap.retrieval.catalogue import Catalogue
from endcap.retrieval.union import fit_sources, save_sources
from endcap.use_cases.clean_log import read_event_types, read_log
from endcap.use_cases.item_tables import family_refs, item_table
from endcap.use_cases.runs import CLEAN, open_run
from endcap.use_cases.tuned_als import search_als_settings


def train_retrieval(
    request: Mapping[str, Any], lake: Lake, *, clock: Callable[[], float] = time.monotonic
) -> dict[str, Any]:
    """Fit the candidate sources of the fold ``request["fold"]``.

    Returns what they were fitted on: ``events``, ``items``, ``users``. Raises `NotFoundError` if
    there is no such run or fold, or a family of features is not finished.
    """
    run = open_run(str(request["run_id"]), lake)
    fold, config = run.fold(str(request["fold"])), run.config
    settings = search_als_settings(run, clock=clock)

    def compute(out: Path) -> dict[str, Any]:
        log = read_log(run, before_ms=fold.cut_ms)
        items = item_table(run, fold.name)
        catalogue = Catalogue(items.category, items.category_parent, items.log_price)
        sources = fit_sources(
            log,
            cut_ms=fold.cut_ms,
            event_weights=read_event_types(run).weight_array(),
            config=settings,
            seed=config.seed,
            threads=config.threads,
            catalogue=catalogue,
        )
        save_sources(sources, out)
        return {"events": len(log), "items": log.n_items, "users": log.n_users}

    ref = run.perform(
        f"retrieval-{fold.name}",
        rooms=["dataset", "features", "retrieval", "tuning"],
        params={
            "retrieval": settings.model_dump(mode="json"),
            "cut_ms": fold.cut_ms,
            "seed": config.seed,
            "threads": config.threads,
        },
        inputs=[run.ref(CLEAN), *family_refs(run)],
        compute=compute,
    )
    return {**ref.facts, "fold": fold.name, "reused": ref.reused}
