"""The model bundle: what the serving fold knows, the ranker, and the calibration, in one folder."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

from endcap.config_retrieval import RetrievalConfig
from endcap.dataset.histories import EventTypes
from endcap.evaluation.scoreboard import Scoreboard
from endcap.features.item_table import ItemTable
from endcap.ports import Lake
from endcap.registry.bundle import BundleParts, assemble
from endcap.registry.promotion import Candidate
from endcap.retrieval.popularity import PopularitySource
from endcap.retrieval.tuning import with_settings
from endcap.retrieval.union import load_sources, save_sources
from endcap.serving.shortcuts import Shortcuts
from endcap.use_cases.clean_log import read_item_ids
from endcap.use_cases.folds import SERVING
from endcap.use_cases.lake_layout import model_path
from endcap.use_cases.runs import CLEAN, Run, StepRef, open_run, to_json
from endcap.use_cases.tuned_als import fitted_retrieval
from endcap.use_cases.tuned_retrieval import STEP, tuned_retrieval

PARTS: Final = (
    CLEAN,
    "items",
    f"retrieval-{SERVING}",
    STEP,
    "ranker",
    "calibration",
    "evaluation",
)
"""The steps that a bundle is assembled from."""


def register_model(
    request: Mapping[str, Any], lake: Lake, *, code_version: str = "unknown"
) -> dict[str, Any]:
    """Assemble the bundle of the run ``request["run_id"]`` and file it under its version.

    `code_version`: the git commit that the bundle names. Returns ``version``. Raises
    `NotFoundError` if there is no such run, or a step before this one is not finished.
    """
    run = open_run(str(request["run_id"]), lake)

    def compute(out: Path) -> dict[str, Any]:
        facts = _file_bundle(run, code_version)
        (out / "model.json").write_bytes(to_json(facts))
        return facts

    ref = run.perform(
        "model",
        rooms=[
            "dataset",
            "evaluation",
            "features",
            "ranking",
            "registry",
            "retrieval",
            "serving",
            "tuning",
            "uncertainty",
        ],
        params={"config": run.config.model_dump(mode="json"), "cut_ms": run.fold(SERVING).cut_ms},
        inputs=[run.ref(part) for part in PARTS],
        compute=compute,
    )
    return {"version": ref.facts["version"], "reused": ref.reused}


def registered(run: Run) -> Candidate:
    """Return the model that a run registered. Raises `NotFoundError` if it has not yet."""
    facts = run.ref("model").facts
    return Candidate(facts["version"], facts["path"], facts["cut_ms"], run.run_id)


def _file_bundle(run: Run, code_version: str) -> dict[str, Any]:
    lake, cut_ms = run.lake, run.fold(SERVING).cut_ms
    clean, items, retrieval, _, ranker, calibration, evaluation = (run.ref(part) for part in PARTS)
    asked = tuned_retrieval(run)
    config = run.config.model_copy(update={"retrieval": asked})
    with (
        lake.open(clean.path, only=["event_types.json"]) as clean_folder,
        lake.open(items.path, only=[f"{SERVING}/"]) as items_folder,
        _sources(run, retrieval, asked) as sources_folder,
        lake.open(ranker.path) as ranker_folder,
        lake.open(calibration.path) as calibration_folder,
        lake.open(evaluation.path) as evaluation_folder,
        lake.staging() as shortcuts_folder,
        lake.staging() as staged,
    ):
        event_types = clean_folder / "event_types.json"
        _shortcuts(items_folder / SERVING, sources_folder, event_types).save(shortcuts_folder)
        board = (evaluation_folder / "scoreboard.json").read_text(encoding="utf-8")
        metrics = Scoreboard.from_json(board).headline()
        manifest = assemble(
            staged,
            BundleParts(
                item_ids=read_item_ids(run, before_ms=cut_ms),
                item_table=items_folder / SERVING,
                retrieval=sources_folder,
                ranker=ranker_folder,
                calibration=calibration_folder / "calibration.json",
                event_types=event_types,
                evaluation=evaluation_folder,
                shortcuts=shortcuts_folder,
            ),
            cut_ms=cut_ms,
            created_from=clean.digest,
            git_commit=code_version,
            config=config.model_dump(mode="json"),
            metrics=metrics,
        )
        path = model_path(manifest.version)
        facts = {
            "version": manifest.version,
            "path": path,
            "cut_ms": cut_ms,
            "cut": datetime.fromtimestamp(cut_ms / 1000, tz=UTC).isoformat(),
            "metrics": metrics,
        }
        lake.commit(path, staged, facts=facts)
    return facts


def _shortcuts(item_table: Path, sources: Path, event_types: Path) -> Shortcuts:
    items = ItemTable.load(item_table)
    popularity = load_sources(sources).get(PopularitySource.name)
    popular = np.zeros(0, dtype=np.int32)
    if isinstance(popularity, PopularitySource):
        popular = popularity.item
    return Shortcuts.of(items, popular, EventTypes.load(event_types).weight_array())


@contextmanager
def _sources(run: Run, fitted: StepRef, asked: RetrievalConfig) -> Iterator[Path]:
    """Give a folder of the sources as they are asked: the step's own if nothing differs."""
    with run.lake.open(fitted.path) as folder:
        if asked == fitted_retrieval(run):
            yield folder
            return
        with run.lake.staging() as staged:
            save_sources(with_settings(load_sources(folder), asked), staged)
            yield staged
