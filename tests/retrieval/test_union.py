import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from endcap.config_retrieval import QuotaConfig
from endcap.errors import NotFoundError
from endcap.features.registry import SCORES_OF_ALL
from endcap.retrieval.source import CandidateSource, Proposals, ScoringSource
from endcap.retrieval.union import (
    SOURCES,
    fit_sources,
    load_sources,
    propose_candidates,
    propose_items,
    save_sources,
    unite,
)
from tests.retrieval.shop import (
    CONFIG,
    CUT_MS,
    WEIGHTS,
    histories_of,
    items_of,
    random_histories,
    random_log,
)


@pytest.fixture(scope="module")
def sources() -> dict[str, CandidateSource]:
    return fit_sources(
        random_log(0), cut_ms=CUT_MS, event_weights=WEIGHTS, config=CONFIG, seed=1, threads=1
    )


def proposals(*lists: list[tuple[int, float]]) -> Proposals:
    sizes = [len(pairs) for pairs in lists]
    return Proposals(
        ptr=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        item=np.array([item for pairs in lists for item, _ in pairs], dtype=np.int32),
        score=np.array([score for pairs in lists for _, score in pairs], dtype=np.float32),
    )


def test_the_order_of_the_sources_is_fixed() -> None:
    assert list(SOURCES) == [
        *("als", "covisitation", "own", "popularity", "sequential_rules"),
        *(
            "session_knn",
            "item_knn",
            "rp3beta",
            "item_walk",
            "sequence",
            "category",
            "trending",
            "cold",
        ),
    ]


def test_scores_and_ranks_say_who_proposed_what() -> None:
    united = unite(
        {
            "popularity": proposals([(4, 9.0), (1, 8.0)], [(4, 9.0)]),
            "als": proposals([(1, 0.5), (7, 0.25)], []),
        },
        n_visitors=2,
    )
    nan = np.nan
    assert united.ptr.tolist() == [0, 3, 4]
    assert united.item.tolist() == [1, 4, 7, 4]
    np.testing.assert_array_equal(
        united.scores[:, :4],
        [[0.5, nan, nan, 8], [nan, nan, nan, 9], [0.25, nan, nan, nan], [nan, nan, nan, 9]],
    )
    np.testing.assert_array_equal(
        united.ranks[:, :4],
        [[1, nan, nan, 2], [nan, nan, nan, 1], [2, nan, nan, nan], [nan, nan, nan, 1]],
    )
    assert np.isnan(united.scores[:, 4:]).all()
    assert united.rows().tolist() == [0, 0, 0, 1]


def test_no_proposals_at_all_are_an_empty_table() -> None:
    united = unite({}, n_visitors=2)
    assert united.ptr.tolist() == [0, 0, 0]
    assert united.scores.shape == (0, len(SOURCES))


def test_every_visitor_gets_the_popular_candidates(sources: dict[str, CandidateSource]) -> None:
    config = CONFIG.model_copy(update={"popular_candidates": 20, "candidates_per_source": 5})
    candidates = propose_candidates(sources, histories_of([], [(-1, 0)], [(3, 0)]), config)
    sizes = np.diff(candidates.ptr)
    assert 20 <= sizes[0] == sizes[1] <= 20 + 5
    assert 20 <= sizes[2] <= 20 + 9 * 5
    assert np.isfinite(candidates.scores[: sizes[0], 3]).sum() == 20


def test_a_catalogue_smaller_than_asked_for_is_proposed_whole(
    sources: dict[str, CandidateSource],
) -> None:
    config = CONFIG.model_copy(update={"popular_candidates": 1000})
    candidates = propose_candidates(sources, histories_of([(3, 0)]), config)
    assert candidates.item.tolist() == list(range(60))


def test_a_batch_equals_one_by_one_to_the_bit(sources: dict[str, CandidateSource]) -> None:
    asked = random_histories(5, n=60, n_items=60)
    config = CONFIG.model_copy(update={"popular_candidates": 5, "candidates_per_source": 9})
    batch = propose_candidates(sources, asked, config)
    for row in range(len(asked)):
        alone = propose_candidates(sources, asked.slice(row, row + 1), config)
        low, high = batch.ptr[row], batch.ptr[row + 1]
        listed = items_of(batch.ptr, batch.item, row)
        assert alone.item.tolist() == listed
        assert listed == sorted(set(listed))
        assert alone.scores.tobytes() == batch.scores[low:high].tobytes()
        assert alone.ranks.tobytes() == batch.ranks[low:high].tobytes()
        assert alone.likeness.tobytes() == batch.likeness[low:high].tobytes()


def test_scoring_sources_score_what_others_propose(sources: dict[str, CandidateSource]) -> None:
    asked = random_histories(5, n=20, n_items=60)
    config = CONFIG.model_copy(update={"popular_candidates": 20, "candidates_per_source": 5})
    plain = propose_items(sources, asked, config)
    candidates = propose_candidates(sources, asked, config)
    assert candidates.item.tolist() == plain.item.tolist()
    assert candidates.ranks.tobytes() == plain.ranks.tobytes()
    scoring = {name for name, source in sources.items() if isinstance(source, ScoringSource)}
    assert scoring == set(SCORES_OF_ALL)
    for column, name in enumerate(SOURCES):
        ours, theirs = candidates.scores[:, column], plain.scores[:, column]
        proposed = ~np.isnan(theirs)
        assert ours[proposed].tobytes() == theirs[proposed].tobytes()
        others = np.isfinite(ours[~proposed])
        assert others.any() == (name in scoring), name


def test_saved_sources_propose_the_same(
    sources: dict[str, CandidateSource], tmp_path: Path
) -> None:
    save_sources(sources, tmp_path)
    asked = random_histories(6, n=20, n_items=60)
    fresh = propose_candidates(sources, asked, CONFIG)
    loaded = propose_candidates(load_sources(tmp_path), asked, CONFIG)
    assert loaded.item.tobytes() == fresh.item.tobytes()
    assert loaded.scores.tobytes() == fresh.scores.tobytes()
    assert loaded.likeness.tobytes() == fresh.likeness.tobytes()


def test_a_missing_source_is_named(sources: dict[str, CandidateSource], tmp_path: Path) -> None:
    save_sources(sources, tmp_path)
    (tmp_path / "covisitation").rename(tmp_path / "elsewhere")
    with pytest.raises(NotFoundError, match="covisitation"):
        load_sources(tmp_path)


def test_a_folder_without_sources_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="holds no candidate sources"):
        load_sources(tmp_path)


def test_a_source_without_a_quota_is_neither_fitted_nor_asked(
    sources: dict[str, CandidateSource], tmp_path: Path
) -> None:
    off = CONFIG.model_copy(update={"quotas": QuotaConfig(als=0), "popular_candidates": 0})
    fitted = fit_sources(
        random_log(0), cut_ms=CUT_MS, event_weights=WEIGHTS, config=off, seed=1, threads=1
    )
    save_sources(fitted, tmp_path)
    assert set(load_sources(tmp_path)) == set(SOURCES) - {"als", "popularity", "item_knn"}
    asked = random_histories(6, n=20, n_items=60)
    candidates = propose_candidates(sources, asked, off)
    for name in ("als", "popularity"):
        assert np.isnan(candidates.ranks[:, list(SOURCES).index(name)]).all()
    assert np.isnan(candidates.likeness).all()


def test_every_source_but_popularity_has_a_quota() -> None:
    assert set(QuotaConfig.model_fields) == set(SOURCES) - {"popularity"}


def test_loading_and_proposing_need_none_of_the_training_stack() -> None:
    heavy = ("scipy", "implicit", "pandas", "sklearn", "catboost", "pyarrow", "networkx")
    code = f"import sys, endcap.retrieval.union; print([m for m in {heavy} if m in sys.modules])"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert printed.stdout.decode().strip() == "[]"
