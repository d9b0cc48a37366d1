"""What every candidate source promises. A source's tests inherit `SourceContract`."""

from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest

from endcap.dataset.histories import Histories
from endcap.dataset.log import InteractionLog
from endcap.errors import DatasetError, NotFoundError
from endcap.retrieval.source import CandidateSource, Proposals, ScoringSource
from tests.retrieval.shop import (
    CONFIG,
    CUT_MS,
    WEIGHTS,
    catalogue_of,
    histories_of,
    items_of,
    log_of,
    random_histories,
    random_log,
)

BIG = 10_000


def fit(
    source: type[CandidateSource], log: InteractionLog, *, threads: int = 1, seed: int = 1
) -> CandidateSource:
    return source.fit(
        log,
        cut_ms=CUT_MS,
        event_weights=WEIGHTS,
        config=CONFIG,
        seed=seed,
        threads=threads,
        catalogue=catalogue_of(log.n_items),
    )


def assert_equal(left: Proposals, right: Proposals) -> None:
    assert left.ptr.tolist() == right.ptr.tolist()
    assert left.item.tobytes() == right.item.tobytes()
    assert left.score.tobytes() == right.score.tobytes()


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


class SourceContract:
    source: ClassVar[type[CandidateSource]]

    @pytest.fixture(scope="class")
    @classmethod
    def log(cls) -> InteractionLog:
        return random_log(0)

    @pytest.fixture(scope="class")
    @classmethod
    def fitted(cls, log: InteractionLog) -> CandidateSource:
        return fit(cls.source, log)

    @pytest.fixture(scope="class")
    @classmethod
    def asked(cls, log: InteractionLog) -> Histories:
        return random_histories(1, n=200, n_items=log.n_items)

    @pytest.mark.parametrize("k", [1, 7, BIG])
    def test_proposals_are_sorted_distinct_known_and_at_most_k(
        self, fitted: CandidateSource, asked: Histories, k: int
    ) -> None:
        proposals = fitted.propose(asked, k)
        assert len(proposals) == len(asked)
        assert proposals.ptr.dtype == np.int64
        assert proposals.item.dtype == np.int32
        assert proposals.score.dtype == np.float32
        assert np.isfinite(proposals.score).all()
        assert np.diff(proposals.ptr).max() <= min(k, fitted.n_items)
        for low, high in zip(proposals.ptr[:-1], proposals.ptr[1:], strict=True):
            item, score = proposals.item[low:high], proposals.score[low:high]
            assert len(np.unique(item)) == len(item)
            assert ((item >= 0) & (item < fitted.n_items)).all()
            assert np.lexsort((item, -score)).tolist() == list(range(len(item)))

    def test_a_smaller_k_gives_the_head_of_the_same_list(
        self, fitted: CandidateSource, asked: Histories
    ) -> None:
        everything, few = fitted.propose(asked, BIG), fitted.propose(asked, 5)
        for row in range(len(asked)):
            assert (
                items_of(few.ptr, few.item, row)
                == (items_of(everything.ptr, everything.item, row)[:5])
            )

    def test_a_batch_equals_one_by_one_to_the_bit(
        self, fitted: CandidateSource, asked: Histories
    ) -> None:
        batch = fitted.propose(asked, 20)
        for row in range(len(asked)):
            alone = fitted.propose(asked.slice(row, row + 1), 20)
            low, high = batch.ptr[row], batch.ptr[row + 1]
            assert alone.ptr.tolist() == [0, high - low]
            assert alone.item.tobytes() == batch.item[low:high].tobytes()
            assert alone.score.tobytes() == batch.score[low:high].tobytes()

    def test_events_on_unknown_items_count_for_nothing(self, fitted: CandidateSource) -> None:
        unknown = fitted.n_items
        plain = histories_of([(3, 0), (4, 1)], [])
        mixed = histories_of([(-1, 0), (3, 0), (unknown, 2), (4, 1), (-1, 0)], [(-1, 0)])
        assert_equal(fitted.propose(mixed, 10), fitted.propose(plain, 10))

    def test_no_visitors_give_no_proposals(self, fitted: CandidateSource) -> None:
        proposals = fitted.propose(histories_of(), 10)
        assert len(proposals) == 0
        assert proposals.item.tolist() == []

    def test_one_event_is_answered(self, fitted: CandidateSource) -> None:
        assert len(fitted.propose(histories_of([(3, 0)]), 5).item) > 0

    def test_an_empty_history_is_answered_alike_every_time(self, fitted: CandidateSource) -> None:
        twice = fitted.propose(histories_of([], []), 5)
        assert items_of(twice.ptr, twice.item, 0) == items_of(twice.ptr, twice.item, 1)

    def test_saved_and_loaded_it_answers_to_the_bit_alike(
        self, fitted: CandidateSource, asked: Histories, tmp_path: Path
    ) -> None:
        fitted.save(tmp_path / "first")
        loaded = self.source.load(tmp_path / "first")
        assert loaded.n_items == fitted.n_items
        assert_equal(loaded.propose(asked, 30), fitted.propose(asked, 30))
        loaded.save(tmp_path / "second")
        assert files_of(tmp_path / "first") == files_of(tmp_path / "second")

    def test_its_arrays_can_be_memory_mapped(self, fitted: CandidateSource, tmp_path: Path) -> None:
        fitted.save(tmp_path)
        for path in tmp_path.glob("*.npy"):
            assert isinstance(np.load(path, mmap_mode="r", allow_pickle=False), np.memmap)

    def test_a_refit_gives_the_same_bytes_with_any_number_of_threads(
        self, log: InteractionLog, fitted: CandidateSource, tmp_path: Path
    ) -> None:
        fitted.save(tmp_path / "first")
        fit(self.source, log, threads=2).save(tmp_path / "second")
        assert files_of(tmp_path / "first") == files_of(tmp_path / "second")

    def test_fitting_changes_nothing_in_the_log(self) -> None:
        log, untouched = random_log(0), random_log(0)
        fit(self.source, log)
        for name in ("user", "item", "event_type", "time_ms", "ptr"):
            assert getattr(log, name).tobytes() == getattr(untouched, name).tobytes()

    def test_an_event_at_the_cut_is_refused(self) -> None:
        late = log_of([(0, 0)], n_items=1, first_ms=CUT_MS)
        with pytest.raises(DatasetError, match="at or after the cut"):
            fit(self.source, late)

    def test_an_empty_log_can_be_fitted_and_saved(self, tmp_path: Path) -> None:
        nothing = fit(self.source, log_of(n_items=0))
        nothing.save(tmp_path)
        loaded = self.source.load(tmp_path)
        assert loaded.propose(histories_of([], [(-1, 0)]), 5).ptr.tolist() == [0, 0, 0]

    def test_a_log_of_one_event_can_be_fitted(self) -> None:
        one = fit(self.source, log_of([(0, 0)], n_items=1))
        assert set(one.propose(histories_of([(0, 0)]), 5).item.tolist()) <= {0}

    def test_a_folder_without_an_index_is_not_found(self, tmp_path: Path) -> None:
        with pytest.raises(NotFoundError):
            self.source.load(tmp_path)


class ScoringContract(SourceContract):
    """What a source promises besides, that scores what others propose."""

    def test_what_is_proposed_is_scored_alike_when_asked_for(
        self, fitted: CandidateSource, asked: Histories
    ) -> None:
        assert isinstance(fitted, ScoringSource)
        proposed = fitted.propose(asked, BIG)
        scores = fitted.score_items(asked, proposed.rows(), proposed.item)
        assert scores.tobytes() == proposed.score.tobytes()

    def test_scores_of_a_batch_equal_those_one_by_one_to_the_bit(
        self, fitted: CandidateSource, asked: Histories
    ) -> None:
        assert isinstance(fitted, ScoringSource)
        every = np.arange(fitted.n_items, dtype=np.int32)
        row = np.repeat(np.arange(len(asked)), len(every))
        batch = fitted.score_items(asked, row, np.tile(every, len(asked)))
        for visitor, scores in enumerate(batch.reshape(len(asked), -1)):
            alone = asked.slice(visitor, visitor + 1)
            once = fitted.score_items(alone, np.zeros(len(every), dtype=np.int64), every)
            assert once.tobytes() == scores.tobytes()

    def test_a_source_that_learned_nothing_scores_any_item_of_the_catalogue(self) -> None:
        nothing = fit(self.source, log_of(n_items=5))
        assert isinstance(nothing, ScoringSource)
        every = np.arange(5, dtype=np.int32)
        scores = nothing.score_items(histories_of([(3, 0)]), np.zeros(5, np.int64), every)
        assert not np.isfinite(scores).any() or (scores == 0).all()
