from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from endcap.simulator.drift import Drift
from endcap.simulator.scales import HOUR_MS, TINY
from endcap.simulator.shop import simulate
from endcap.simulator.truth import Oracle
from tests.simulator import reading
from tests.simulator.conftest import Written
from tests.simulator.test_shop import DRIFT_DAY


def sequences(folder: Path, oracle: Oracle) -> dict[int, list[tuple[int, int]]]:
    index = {str(item): at for at, item in enumerate(oracle.item_ids.tolist())}
    views = defaultdict(list)
    for event in dict.fromkeys(reading.events(folder)):
        if event.kind == "view" and int(event.visitor) in oracle.interests:
            views[int(event.visitor)].append((event.time_ms, index[event.item]))
    return views


def distributions(folder: Path, visitors: int) -> list[tuple[list[int], int, np.ndarray]]:
    oracle = Oracle.load(folder / "truth")
    found = []
    for visitor, views in sorted(sequences(folder, oracle).items())[:visitors]:
        items = [item for _time, item in views]
        gaps = [0] + [b - a for (a, _), (b, _) in pairwise(views)]
        for at, (time_ms, item) in enumerate(views):
            p = oracle.next_view(
                visitor, items[:at], now_ms=time_ms, opens_session=gaps[at] >= HOUR_MS
            )
            found.append((items[:at], item, p))
    return found


@pytest.fixture(scope="module")
def predicted(clean_tiny: Written) -> list[tuple[list[int], int, np.ndarray]]:
    return distributions(clean_tiny.folder, 300)


def test_the_probabilities_of_all_items_sum_to_one(
    predicted: list[tuple[list[int], int, np.ndarray]],
) -> None:
    assert [p.sum() for _seen, _item, p in predicted] == pytest.approx([1.0] * len(predicted))


def test_whatever_happened_was_possible(
    predicted: list[tuple[list[int], int, np.ndarray]],
) -> None:
    assert all(p[item] > 0 for _seen, item, p in predicted)


def test_what_happened_has_the_probability_it_should_have(
    predicted: list[tuple[list[int], int, np.ndarray]],
) -> None:
    # E[p(actual)] = E[sum of p^2]: holds only if the oracle knows the true distribution.
    actual = np.array([p[item] for _seen, item, p in predicted])
    expected = np.array([(p**2).sum() for _seen, _item, p in predicted])
    error = (actual - expected).std() / np.sqrt(len(actual))
    assert abs(actual.mean() - expected.mean()) < 4 * error


def test_repeats_are_as_frequent_as_the_oracle_says(
    predicted: list[tuple[list[int], int, np.ndarray]],
) -> None:
    chance = np.array([p[list(set(seen))].sum() for seen, _item, p in predicted if seen])
    repeated = np.array([item in seen for seen, item, _p in predicted if seen])
    error = np.sqrt((chance * (1 - chance)).sum())
    assert abs(repeated.sum() - chance.sum()) < 4 * error


def test_the_oracle_beats_popularity_by_far(
    predicted: list[tuple[list[int], int, np.ndarray]],
) -> None:
    popular = set(np.argsort(-np.sum([p for _seen, _item, p in predicted], axis=0))[:10].tolist())
    unseen = [(item, np.argsort(-p)[:10]) for seen, item, p in predicted if seen]
    oracle_hits = np.mean([item in top for item, top in unseen])
    popular_hits = np.mean([item in popular for item, _top in unseen])
    assert oracle_hits > 2 * popular_hits


@pytest.mark.parametrize("kind", [Drift.CATALOGUE, Drift.BEHAVIOUR])
def test_the_oracle_knows_of_the_drift(tmp_path: Path, kind: Drift) -> None:
    simulate(tmp_path, scale=TINY, seed=5, drift=kind, drift_at=DRIFT_DAY, malformed_share=0.0)
    predicted = distributions(tmp_path, 150)
    assert all(p[item] > 0 for _seen, item, p in predicted)
    actual = np.array([p[item] for _seen, item, p in predicted])
    expected = np.array([(p**2).sum() for _seen, _item, p in predicted])
    error = (actual - expected).std() / np.sqrt(len(actual))
    assert abs(actual.mean() - expected.mean()) < 4 * error
