import numpy as np
import pytest

from endcap.ranking import scoring
from endcap.ranking.scoring import rank_candidates, score_candidates
from endcap.retrieval.union import propose_candidates
from endcap.serving.model import ServingModel
from tests.ranking.test_table import candidates_of
from tests.serving.small_shop import all_histories, fitted_model


@pytest.fixture(scope="module")
def model() -> ServingModel:
    return fitted_model()


def scored(model: ServingModel, start: int, stop: int) -> list[float]:
    histories = all_histories().slice(start, stop)
    candidates = propose_candidates(model.sources, histories, model.config.retrieval)
    scores: list[float] = score_candidates(
        model.scorer,
        histories,
        candidates,
        model.items,
        model.config.features,
        model.event_weights,
    ).tolist()
    return scores


def test_scores_are_the_same_to_the_bit_alone_and_in_any_batch(
    model: ServingModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = scored(model, 0, 12)
    alone = [score for visitor in range(12) for score in scored(model, visitor, visitor + 1)]
    assert together == alone
    monkeypatch.setattr(scoring, "ROWS_AT_ONCE", 30)
    assert scored(model, 0, 12) == together


def test_no_visitors_have_no_scores(model: ServingModel) -> None:
    assert scored(model, 0, 0) == []


def test_items_are_ordered_by_score_then_code_within_each_visitor() -> None:
    candidates = candidates_of([[1, 5, 9], [], [2, 3]])
    scores = np.array([0.5, 0.7, 0.5, -1.0, 4.0])
    assert rank_candidates(candidates, scores).tolist() == [5, 1, 9, 3, 2]
