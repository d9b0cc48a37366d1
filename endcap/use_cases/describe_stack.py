"""What stands behind the scoreboard's figures: sources, features, the baselines' settings."""

from typing import Final

from endcap.evaluation.ablation import Ablated, contributions, proposing
from endcap.evaluation.anatomy import Anatomy, BaselineChoice
from endcap.features.registry import names
from endcap.ranking.ranker import load_importance
from endcap.ranking.source_ablation import WITH_ALL, Scoring, scores_without_sources
from endcap.ranking.table import label_candidates
from endcap.use_cases.labelled_folds import LabelledFold
from endcap.use_cases.runs import Run
from endcap.use_cases.tune_baselines import STEP as BASELINE_TUNING
from endcap.use_cases.tune_baselines import read_tuned

FEATURES_SHOWN: Final = 20


def describe_stack(run: Run, fold: LabelledFold) -> Anatomy:
    """Return the anatomy of a run's full stack and baselines on a labelled fold."""
    ablated = _ablated(run, fold)
    tuning = run.ref(BASELINE_TUNING).facts
    return Anatomy(
        found=ablated.found,
        sources=contributions(ablated, config=run.config.evaluation, seed=run.config.seed),
        importance=_importance(run),
        baselines={name: BaselineChoice.of(tuned) for name, tuned in read_tuned(run).items()},
        judged_by=tuning["queries"],
        fitted_on=tuning["events"],
    )


def _ablated(run: Run, fold: LabelledFold) -> Ablated:
    scoring = Scoring(
        scorer=fold.scorer,
        items=fold.items,
        config=run.config.features,
        event_weights=fold.event_types.weight_array(),
    )
    scores = scores_without_sources(
        scoring, fold.queries.histories, fold.candidates, proposing(fold.candidates)
    )
    return Ablated(
        queries=fold.queries,
        candidates=fold.candidates,
        is_next=label_candidates(fold.queries, fold.candidates).first,
        scores=scores.pop(WITH_ALL),
        without=scores,
        n_items=fold.items.n_items,
    )


def _importance(run: Run) -> tuple[tuple[str, float], ...]:
    with run.lake.open(run.ref("ranker").path) as folder:
        shares = zip(names(), load_importance(folder).tolist(), strict=True)
        best_first = sorted(shares, key=lambda one: (-one[1], one[0]))
    return tuple(best_first[:FEATURES_SHOWN])
