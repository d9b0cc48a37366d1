"""Challenger against champion: whether the run's model may be promoted."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from endcap.evaluation.comparison import (
    ChampionIdentity,
    ChampionScores,
    RecordedScores,
    compare_live,
    compare_recorded,
)
from endcap.evaluation.gate import decide
from endcap.evaluation.protocol import evaluate
from endcap.evaluation.recommendations import Recommendations, from_lists, list_length
from endcap.evaluation.scoreboard import Scoreboard
from endcap.ports import Lake
from endcap.registry.bundle import EVALUATION
from endcap.registry.promotion import Champion
from endcap.serving.model import ServingModel
from endcap.serving.recommend import recommend
from endcap.serving.slates import SlateRequest
from endcap.use_cases.champions import open_model, read_champion
from endcap.use_cases.clean_log import read_item_ids
from endcap.use_cases.evaluate import RECORDED, SCOREBOARD
from endcap.use_cases.folds import TEST
from endcap.use_cases.labelled_folds import LabelledFold, open_fold
from endcap.use_cases.recoding import recode_for
from endcap.use_cases.register_model import registered
from endcap.use_cases.runs import Run, open_run

CHAMPION: Final = "champion"

_RECORD: Final = "gate.json"


def check_gate(request: Mapping[str, Any], lake: Lake) -> dict[str, Any]:
    """Decide on the model of the run ``request["run_id"]`` and keep the decision with the run.

    Returns ``promote`` (bool), ``outcome``, ``reasons``, ``version``, and ``champion``: the version
    it was compared with, or None. Raises `NotFoundError` if there is no such run, or a step before
    this one is not finished.
    """
    run = open_run(str(request["run_id"]), lake)
    challenger, (champion, _) = registered(run), read_champion(lake)
    with lake.open(run.ref("evaluation").path) as folder:
        scoreboard = Scoreboard.from_json((folder / SCOREBOARD).read_text(encoding="utf-8"))
        recorded = RecordedScores.load(folder / RECORDED)
    comparison = None
    if champion is not None and champion.version != challenger.version:
        comparison = _compare(run, champion, recorded)
    identity = None if champion is None else ChampionIdentity(champion.version, champion.cut_ms)
    decision = decide(
        scoreboard,
        challenger_version=challenger.version,
        champion=identity,
        comparison=comparison,
        config=run.config.gate,
    )
    gate = {
        **decision.to_fields(),
        "version": challenger.version,
        CHAMPION: None if champion is None else champion.version,
    }
    run.write_json(_RECORD, gate)
    return gate


def read_gate(run: Run) -> dict[str, Any]:
    """Return the decision that `check_gate` kept. Raises `NotFoundError`."""
    return run.read_json(_RECORD, "decision of its quality gate yet")


def _compare(run: Run, champion: Champion, recorded: RecordedScores) -> ChampionScores | None:
    """Return the paired comparison, or None if none would be fair."""
    with open_fold(run, TEST) as fold:
        return _compare_recorded(run, fold, champion, recorded) or _compare_live(
            run, fold, champion, recorded
        )


def _compare_recorded(
    run: Run, fold: LabelledFold, champion: Champion, recorded: RecordedScores
) -> ChampionScores | None:
    """Return the comparison with what the champion's own hold-out model scored on these queries.

    None if the champion has seen nothing of the slice, or was not measured on the same one.
    """
    if champion.cut_ms <= run.fold(TEST).cut_ms:
        return None
    with run.lake.open(champion.path, only=[f"{EVALUATION}/"]) as folder:
        if not (folder / EVALUATION / RECORDED).is_dir():
            return None
        theirs = RecordedScores.load(folder / EVALUATION / RECORDED)
    return compare_recorded(
        recorded,
        theirs,
        identity=ChampionIdentity(champion.version, champion.cut_ms),
        user=fold.queries.user,
        config=run.config.evaluation,
        seed=run.config.seed,
    )


def _compare_live(
    run: Run, fold: LabelledFold, champion: Champion, recorded: RecordedScores
) -> ChampionScores | None:
    """Return the comparison on the queries that the champion has not seen, None without any."""
    if not np.any(fold.queries.time_ms >= champion.cut_ms):
        return None
    return compare_live(
        recorded.values,
        _champion_values(run, fold, champion),
        identity=ChampionIdentity(champion.version, champion.cut_ms),
        time_ms=fold.queries.time_ms,
        slice_start_ms=run.fold(TEST).cut_ms,
        user=fold.queries.user,
        config=run.config.evaluation,
        seed=run.config.seed,
    )


def _champion_values(run: Run, fold: LabelledFold, champion: Champion) -> NDArray[np.float64]:
    """Return what the champion scores on the fold's queries now, float64 (n,)."""
    config, cut = run.config, run.fold(TEST)
    item_ids = read_item_ids(run, before_ms=cut.cut_ms)
    with open_model(run.lake, champion.version) as (_, model):
        lists = champion_lists(model, fold, item_ids, config.evaluation.cutoffs)
    evaluation = evaluate(
        {CHAMPION: lists},
        fold.queries,
        fold=cut,
        item_counts=np.zeros(len(item_ids), dtype=np.int64),
        config=config.evaluation,
        session_timeout_minutes=config.cleaning.session_timeout_minutes,
    )
    task, metric = config.gate.task, config.gate.metric
    return RecordedScores.of(evaluation, system=CHAMPION, task=task, metric=metric).values


def champion_lists(
    model: ServingModel, fold: LabelledFold, item_ids: Sequence[str], cutoffs: Sequence[int]
) -> Recommendations:
    """Return the champion's lists for the fold's queries, in the codes of the fold's catalogue.

    `item_ids` by those codes. Only items that both catalogues know are asked for: a list must not
    be short because the champion knows items that came after the fold's cut.
    """
    ours = {item_id: code for code, item_id in enumerate(item_ids)}
    to_ours = np.array([ours.get(item_id, -1) for item_id in model.item_ids], dtype=np.int32)
    width = list_length(fold.queries.histories, cutoffs)
    histories = recode_for(
        model, fold.queries.histories, item_ids=item_ids, event_types=fold.event_types
    )
    unknown = frozenset(np.flatnonzero(to_ours < 0).tolist())
    slates = recommend(model, histories, SlateRequest(k=width, include_seen=True, exclude=unknown))
    return from_lists([slate.item_codes() for slate in slates], width=width).recoded(to_ours)
