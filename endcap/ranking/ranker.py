"""The ranker: CatBoost YetiRank over groups of candidates, and its trees as plain arrays.

YetiRank trains several times slower than QueryRMSE on the same table (12 to 16 times as CatBoost
sets it up, 3 to 4 with fewer permutations), so tuning uses the latter and only the served model
pays for the former. Both run on oblivious trees with numeric features.

References
----------
Gulin, Kuralenok, Pavlov: Winning the transfer learning track of Yahoo!'s learning to rank
challenge with YetiRank (2011).
"""

import json
import tempfile
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from endcap.config import RankingConfig
from endcap.errors import DatasetError, NotEnoughDataError
from endcap.ranking.new_items import with_new_items_alone
from endcap.ranking.scorer import TreeScorer
from endcap.ranking.table import RankingTable

if TYPE_CHECKING:
    from catboost import CatBoost

YETI_RANK = "YetiRank:permutations=3"
"""3 random orders a step instead of CatBoost's 10: on 194,000 rows of real sessions 17 s of
processor time instead of 31 s, with the same hit rate and reciprocal rank within 0.002."""
QUERY_RMSE = "QueryRMSE"
_VOLATILE_METADATA = ("model_guid", "train_finish_time")


@dataclass(frozen=True)
class RankerParams:
    """What CatBoost is told; the names are CatBoost's own, `next_item_bonus` is the target's."""

    iterations: int = 200
    depth: int = 6
    learning_rate: float = 0.1
    l2_leaf_reg: float = 5.0
    random_strength: float = 1.0
    border_count: int = 64
    loss_function: str = YETI_RANK
    next_item_bonus: float = 2.0

    @classmethod
    def from_config(cls, config: RankingConfig) -> Self:
        """Return the parameters that a run uses unless tuning finds better ones."""
        return cls(
            iterations=config.iterations,
            depth=config.depth,
            learning_rate=config.learning_rate,
            l2_leaf_reg=config.l2_leaf_reg,
            random_strength=config.random_strength,
            border_count=config.border_count,
            next_item_bonus=config.next_item_bonus,
        )

    def shortened(self, iterations: int, loss_function: str) -> Self:
        """Return a quicker fit of the same reach: fewer steps, each as much longer.

        A short fit at the same learning rate would favour rates too high for the full length.
        """
        rate = min(1.0, self.learning_rate * max(1.0, self.iterations / iterations))
        return replace(
            self,
            iterations=min(self.iterations, iterations),
            learning_rate=rate,
            loss_function=loss_function,
        )

    def for_catboost(self, *, seed: int, threads: int) -> dict[str, Any]:
        """Return the keyword arguments of ``catboost.CatBoost``."""
        given = asdict(self)
        del given["next_item_bonus"]
        return given | {
            "random_seed": seed,
            "thread_count": threads,
            "nan_mode": "Min",
            "allow_writing_files": False,
            "logging_level": "Silent",
        }


@dataclass(frozen=True)
class Ranker:
    """A fitted CatBoost model and the same trees as arrays."""

    model: "CatBoost"
    params: RankerParams
    scorer: TreeScorer

    def predict(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return CatBoost's own scores, float64 (r,); `scorer` gives the same without CatBoost."""
        if len(features) == 0:
            return np.empty(0, dtype=np.float64)
        scores: NDArray[np.float64] = self.model.predict(features)
        return scores

    def importance(self) -> NDArray[np.float64]:
        """Return each feature's share of the prediction's change, percent, float64 (f,)."""
        return _importance(self.model)

    def save(self, folder: Path) -> None:
        """Write ``ranker.cbm``, ``params.json`` and the arrays of the scorer into `folder`.

        The same fit writes the same bytes: what CatBoost notes about the clock is blank.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.model.save_model(str(folder / "ranker.cbm"))
        text = json.dumps(asdict(self.params), indent=1, sort_keys=True) + "\n"
        (folder / "params.json").write_text(text, encoding="utf-8")
        self.scorer.save(folder)


def load_importance(folder: Path) -> NDArray[np.float64]:
    """Return `Ranker.importance` of a ranker that was saved into `folder`."""
    from catboost import CatBoost  # noqa: PLC0415 - as in `fit_ranker`

    return _importance(CatBoost().load_model(str(folder / "ranker.cbm")))


def _importance(model: "CatBoost") -> NDArray[np.float64]:
    shares: NDArray[np.float64] = model.get_feature_importance(type="PredictionValuesChange")
    return shares


def fit_ranker(table: RankingTable, params: RankerParams, *, seed: int, threads: int) -> Ranker:
    """Return a ranker fitted on all groups of `table`, and on some `with_new_items_alone`.

    The features are those that `endcap.features.registry.names` gives. The same table, parameters,
    seed and number of threads give the same model to the bit.

    Raises
    ------
    NotEnoughDataError
        No group holds both a positive and a negative, or every feature is constant.
    """
    # CatBoost takes most of a second to import; serving loads the trees without it.
    from catboost import CatBoost, CatBoostError, Pool  # noqa: PLC0415

    table = with_new_items_alone(table)
    target = table.target(params.next_item_bonus)
    require_order(table.group, target)
    model = CatBoost(params.for_catboost(seed=seed, threads=threads))
    try:
        model.fit(Pool(np.asarray(table.features), target, group_id=np.asarray(table.group)))
    except CatBoostError as exc:
        raise explained(exc) from exc
    metadata = model.get_metadata()
    for key in _VOLATILE_METADATA:
        metadata[key] = ""
    return Ranker(model, params, export_trees(model, n_features=table.features.shape[1]))


def require_order(group: NDArray[np.int32], target: NDArray[np.float32]) -> None:
    """Raise `NotEnoughDataError` unless some group holds two different targets."""
    same_group = group[1:] == group[:-1]
    if not np.any(same_group & (target[1:] != target[:-1])):
        raise NotEnoughDataError(
            "no past moment has both an interacted and an ignored candidate; "
            "the ranker needs a longer log or a wider label window"
        )


def explained(error: Exception) -> Exception:
    """Return CatBoost's error as ours: constant features are a matter of too little data."""
    first_line = str(error).splitlines()[0] if str(error) else type(error).__name__
    if "constant" in first_line:
        return NotEnoughDataError(
            "every ranking feature is constant; the ranker needs a longer log"
        )
    return DatasetError(f"the ranker could not be fitted: {first_line}")


def export_trees(model: "CatBoost", *, n_features: int) -> TreeScorer:
    """Return a fitted CatBoost model of oblivious trees on numeric features as arrays."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.json"
        model.save_model(str(path), format="json")
        described = json.loads(path.read_text(encoding="utf-8"))
    asked = [
        [(int(s["float_feature_index"]), float(s["border"])) for s in tree.get("splits") or []]
        for tree in described["oblivious_trees"]
    ]
    # The last question is the one that is always answered no.
    questions = [*sorted({question for tree in asked for question in tree}), (0, np.inf)]
    place = {question: position for position, question in enumerate(questions)}
    depth = max((len(tree) for tree in asked), default=0)
    tree_splits = np.full((len(asked), depth), len(questions) - 1, dtype=np.int32)
    leaf_values = np.zeros((len(asked), 1 << depth), dtype=np.float64)
    values, start = model.get_leaf_values(), 0
    for number, tree in enumerate(asked):
        tree_splits[number, : len(tree)] = [place[question] for question in tree]
        leaf_values[number, : 1 << len(tree)] = values[start : start + (1 << len(tree))]
        start += 1 << len(tree)
    scale, bias = model.get_scale_and_bias()
    scorer = TreeScorer(
        split_feature=np.asarray([feature for feature, _ in questions], dtype=np.int32),
        split_border=np.asarray([border for _, border in questions], dtype=np.float32),
        tree_splits=tree_splits,
        leaf_values=leaf_values,
        scale=float(scale),
        bias=float(np.asarray(bias).reshape(-1)[0]),
        n_features=n_features,
    )
    scorer.check()
    return scorer
