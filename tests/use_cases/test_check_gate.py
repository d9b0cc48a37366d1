from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from endcap.adapters.folder_lake import FolderLake
from endcap.dataset.histories import EventTypes, Histories
from endcap.dataset.queries import Queries
from endcap.errors import NotFoundError
from endcap.evaluation.comparison import ChampionScores, Judgement
from endcap.evaluation.gate import decide
from endcap.retrieval.union import propose_candidates
from endcap.serving.model import ServingModel
from endcap.serving.recommend import recommend
from endcap.serving.slates import SlateRequest
from endcap.use_cases import check_gate as module
from endcap.use_cases.check_gate import champion_lists, check_gate, read_gate
from endcap.use_cases.clean_log import read_item_ids
from endcap.use_cases.folds import TEST
from endcap.use_cases.labelled_folds import LabelledFold, open_fold
from endcap.use_cases.promote import promote
from endcap.use_cases.register_model import registered
from endcap.use_cases.runs import open_run
from tests.serving.small_shop import N_ITEMS, fitted_model
from tests.serving.small_shop import histories_of as visits_of
from tests.use_cases.foreign_model import crown, file_small_shop
from tests.use_cases.small_run import N_ITEMS as N_OUR_ITEMS
from tests.use_cases.small_run import train_model

REQUEST = {"run_id": "first"}


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[ChampionScores | None]:
    """What the gate was told of the champion, decision by decision."""
    seen: list[ChampionScores | None] = []

    def remembering(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 -- passed on as it is
        seen.append(kwargs["comparison"])
        return decide(*args, **kwargs)

    monkeypatch.setattr(module, "decide", remembering)
    return seen


def test_the_first_model_is_held_against_popularity_alone(trained: FolderLake) -> None:
    gate = check_gate(REQUEST, trained)

    assert gate["champion"] is None
    assert gate["version"] == open_run("first", trained).ref("model").facts["version"]
    assert "recent popularity" in gate["reasons"][0]
    assert gate["reasons"][1] == "there is no champion yet"
    assert gate["promote"] is (gate["outcome"] == "promote")
    assert read_gate(open_run("first", trained)) == gate


def test_a_run_that_has_registered_no_model_cannot_be_judged(lake: FolderLake) -> None:
    with pytest.raises(NotFoundError, match="no run 'first'"):
        check_gate(REQUEST, lake)


def test_the_champion_is_not_compared_with_itself(
    trained: FolderLake, compared: list[ChampionScores | None]
) -> None:
    model = registered(open_run("first", trained))
    crown(trained, model.version, model.path, model.cut_ms)

    gate = check_gate(REQUEST, trained)

    assert (gate["outcome"], gate["promote"], gate["champion"]) == (
        "already_champion",
        False,
        model.version,
    )
    assert compared == [None]


def test_a_champion_of_the_same_log_is_judged_by_what_its_own_run_recorded(
    trained: FolderLake, raw_log: Path, compared: list[ChampionScores | None]
) -> None:
    check_gate(REQUEST, trained)
    first = promote(REQUEST, trained, now_ms=1)["version"]
    ranking = {"max_queries": 200, "negatives_per_query": 8, "trials": 0, "iterations": 3}
    answers = train_model(trained, "second", raw_log, {"ranking": ranking})
    assert [name for name, answer in answers.items() if not answer["reused"]] == [
        "tune_ranker",
        "train_ranker",
        "calibrate",
        "evaluate",
        "register_model",
    ]

    gate = check_gate({"run_id": "second"}, trained)

    comparison = compared[-1]
    assert comparison is not None
    assert (comparison.judgement, comparison.version) == (Judgement.RECORDED, first)
    assert comparison.n_queries == len(_test_queries(trained, "second"))
    assert gate["champion"] == first != gate["version"]
    assert any("its own hold-out model's scores" in reason for reason in gate["reasons"])


def test_a_champion_of_another_catalogue_is_judged_on_what_it_has_not_seen(
    trained: FolderLake, compared: list[ChampionScores | None], tmp_path: Path
) -> None:
    run = open_run("first", trained)
    test, queries = run.fold(TEST), _test_queries(trained, "first")
    middle_ms = (test.cut_ms + test.end_ms) // 2
    # In both shops visitors walk to neighbouring items: where this one has the item 500 + n, the
    # other has it under code n, and knows more that lie beyond.
    ids = [str(500 + n) for n in range(N_ITEMS)]
    other = file_small_shop(trained, tmp_path / "small", item_ids=ids, cut_ms=middle_ms)
    crown(trained, other, f"models/{other}", middle_ms)
    assert read_item_ids(run, before_ms=test.cut_ms) != ids[:N_OUR_ITEMS]

    gate = check_gate(REQUEST, trained)

    comparison = compared[-1]
    assert comparison is not None
    assert (comparison.judgement, comparison.version) == (Judgement.UNSEEN_PART, other)
    unseen = int(np.count_nonzero(queries.time_ms >= middle_ms))
    assert 5 <= comparison.n_queries == unseen < len(queries)
    # Read in the wrong codes it would hardly hit anything.
    assert comparison.champion.mean > 0.3
    assert any(f"the champion {other} on {unseen} queries" in text for text in gate["reasons"])
    assert any("only on the queries after its data cut" in text for text in gate["reasons"])


def test_a_champion_from_before_the_slice_is_judged_on_all_of_it(
    trained: FolderLake, compared: list[ChampionScores | None], tmp_path: Path
) -> None:
    cut_ms = open_run("first", trained).fold(TEST).cut_ms
    ids = [f"unheard of {n}" for n in range(N_ITEMS)]
    other = file_small_shop(trained, tmp_path / "small", item_ids=ids, cut_ms=cut_ms)
    crown(trained, other, f"models/{other}", cut_ms)

    gate = check_gate(REQUEST, trained)

    comparison = compared[-1]
    assert comparison is not None
    assert comparison.judgement is Judgement.WHOLE_SLICE
    assert comparison.n_queries == len(_test_queries(trained, "first"))
    assert comparison.champion.mean == 0  # it knows none of these items
    assert gate["promote"]


def test_a_champion_that_has_seen_all_and_recorded_nothing_cannot_be_compared(
    trained: FolderLake, compared: list[ChampionScores | None]
) -> None:
    with trained.staging() as staged:
        (staged / "model.txt").write_text("a bundle without an evaluation")
        trained.commit("models/old", staged, facts={})
    crown(trained, "old", "models/old", open_run("first", trained).fold(TEST).end_ms)

    gate = check_gate(REQUEST, trained)

    assert compared == [None]
    assert any("no fair comparison with the champion" in reason for reason in gate["reasons"])


def test_a_decision_that_was_not_made_is_not_found(trained: FolderLake) -> None:
    with pytest.raises(NotFoundError, match="'first' has no decision of its quality gate yet"):
        read_gate(open_run("first", trained))


def _test_queries(lake: FolderLake, run_id: str) -> Queries:
    with open_fold(open_run(run_id, lake), TEST) as fold:
        return fold.queries


def fold_in_codes(model: ServingModel, histories: Histories, code_of: NDArray[np.int32]) -> Any:  # noqa: ANN401
    """Return a fold of these histories as a log would hold it that codes its items otherwise."""
    recoded = Histories(
        histories.ptr,
        code_of[histories.item],
        histories.event_type,
        histories.time_ms,
        histories.now_ms,
    )
    n = len(histories)
    nothing = np.zeros(0, dtype=np.int32)
    return LabelledFold(
        queries=Queries(
            histories=recoded,
            user=np.arange(n, dtype=np.int32),
            time_ms=histories.now_ms,
            label_ptr=np.zeros(n + 1, dtype=np.int64),
            label_item=nothing,
            label_relevance=nothing.astype(np.float32),
            label_first=nothing.astype(np.bool_),
        ),
        candidates=propose_candidates(model.sources, recoded, model.config.retrieval),
        sources=dict(model.sources),
        items=model.items,
        scorer=model.scorer,
        event_types=EventTypes(),
    )


VISITS = visits_of([[1, 2, 3], [], [7, 7, 59], [0]])


def test_a_champion_recommends_the_same_items_whatever_their_codes() -> None:
    model = fitted_model()
    reversed_codes = np.arange(N_ITEMS, dtype=np.int32)[::-1].copy()
    fold = fold_in_codes(model, VISITS, reversed_codes)
    width = 20 + 3  # the cut-off, and the most items that any of the visitors has seen

    lists = champion_lists(model, fold, model.item_ids[::-1], [10, 20])

    expected = recommend(model, VISITS, SlateRequest(k=width, include_seen=True))
    assert lists.items.shape == (4, width)
    assert [reversed_codes[row].tolist() for row in lists.items] == [
        slate.item_codes() for slate in expected
    ]


def test_a_champion_is_asked_for_items_that_both_catalogues_know_and_no_others() -> None:
    model = fitted_model()
    code_of = np.arange(N_ITEMS, dtype=np.int32) - 30
    code_of[:30] = -1
    fold = fold_in_codes(model, VISITS, code_of)
    known = [*model.item_ids[30:], "of the challenger alone"]

    lists = champion_lists(model, fold, known, [20])

    assert lists.items.max() < 30
    assert np.all(lists.items[:, :20] >= 0)
