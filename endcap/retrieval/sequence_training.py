"""Learning the vectors of `sequence` from what visitors touched one after the other."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self

import numpy as np
from numpy.typing import NDArray

from endcap.config_retrieval import SequenceConfig
from endcap.dataset.arrays import ptr_of, rows_of
from endcap.errors import DatasetError
from endcap.retrieval.sequence_loss import Batch, Floats, Parameters, loss_and_gradients

if TYPE_CHECKING:  # its module reads Parquet; proposing must not load that
    from endcap.dataset.log import InteractionLog

MOMENTS_AT_ONCE: Final = 1024
DRAWN_AT_ONCE: Final = 1024
DRAWN_POWER: Final = 0.6
"""Items are drawn by how often they came next, to this power."""
FIRST_HALF_LIFE_EVENTS: Final = 1.5
"""How fast a history fades before anything is learned of it."""
LAST_RATE: Final = 0.1
"""The part of the learning rate that is left at the end; it falls evenly."""


@dataclass(frozen=True, eq=False, repr=False)
class Moments:
    """n moments at which something came next, in the log's order, and the events they are of.

    `target` int64 (n,): positions in `item`, whose elements before it, back to `first` int64 (n,),
    came before. `item` int64 (m,): rows of vectors; `weight` float32 (m,).
    """

    item: NDArray[np.int64]
    weight: NDArray[np.float32]
    first: NDArray[np.int64]
    target: NDArray[np.int64]

    @classmethod
    def of(
        cls,
        log: "InteractionLog",
        row_of_item: NDArray[np.int32],
        event_weights: NDArray[np.float32],
        config: SequenceConfig,
    ) -> Self:
        """Return the newest `config.max_moments` moments of events on items that have a row."""
        weight = event_weights[log.event_type].astype(np.float32)
        kept = (row_of_item[log.item] >= 0) & (weight > 0)
        user, time_ms = log.user[kept], log.time_ms[kept]
        position = np.arange(len(user))
        begins = np.ones(len(user), dtype=bool)
        begins[1:] = user[1:] != user[:-1]
        first = np.maximum.accumulate(np.where(begins, position, 0))
        target = position[~begins]
        newest = np.argsort(-time_ms[target], kind="stable")[: config.max_moments]
        target = np.sort(target[newest])
        return cls(
            item=row_of_item[log.item[kept]].astype(np.int64),
            weight=weight[kept],
            first=np.maximum(first[target], target - config.query_events),
            target=target,
        )

    def __len__(self) -> int:
        """Return the number of moments."""
        return len(self.target)

    def held(self, n_rows: int) -> NDArray[np.bool_]:
        """Return of which rows an event is in one of the moments, bool (n_rows,)."""
        change = np.bincount(self.first, minlength=len(self.item) + 1)
        change -= np.bincount(self.target + 1, minlength=len(self.item) + 1)
        is_held = np.zeros(n_rows, dtype=bool)
        is_held[self.item[np.cumsum(change)[:-1] > 0]] = True
        return is_held

    def events_of(
        self, chosen: NDArray[np.int64], *, dropout: float, rng: np.random.Generator
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the places of what came before some moments, int64 (e,), and the moments' ptr.

        Without a share of `dropout` of them, drawn by `rng`; of each moment one is kept at least.
        """
        first, target = self.first[chosen], self.target[chosen]
        owner = np.repeat(np.arange(len(chosen)), target - first)
        starts = np.cumsum(target - first) - (target - first)
        place = np.arange(len(owner)) - starts[owner] + first[owner]
        kept = rng.random(len(owner)) >= dropout
        is_bare = np.bincount(owner, kept, minlength=len(chosen)) == 0
        kept |= is_bare[owner] & (place == target[owner] - 1)
        return place[kept], ptr_of(owner[kept], len(chosen))

    def batch(
        self,
        chosen: NDArray[np.int64],
        drawn: NDArray[np.int64],
        log_expected: Floats,
        *,
        dropout: float,
        rng: np.random.Generator,
    ) -> tuple[NDArray[np.int64], Batch]:
        """Return the rows of vectors that some moments and the drawn items touch, and the batch.

        The batch's items are positions among these rows.
        """
        target = self.target[chosen]
        place, ptr = self.events_of(chosen, dropout=dropout, rng=rng)
        rows, position = np.unique(
            np.concatenate([drawn, self.item[target], self.item[place]]), return_inverse=True
        )
        of_drawn, of_target, of_events = np.split(position, [len(drawn), len(drawn) + len(chosen)])
        batch = Batch(
            ptr=ptr,
            item=of_events,
            age=target[rows_of(ptr)] - 1 - place,
            weight=self.weight[place],
            target=of_target,
            drawn=of_drawn,
            log_expected=log_expected[rows],
        )
        return rows, batch


@dataclass(eq=False, repr=False)
class _Adam:
    """Steps along gradients that touch few rows at a time; a row that is not touched stays.

    References: Kingma & Ba (2015), "Adam: A Method for Stochastic Optimization".
    """

    values: Floats
    first: Floats = field(init=False)
    second: Floats = field(init=False)

    def __post_init__(self) -> None:
        self.first, self.second = np.zeros_like(self.values), np.zeros_like(self.values)

    def step(
        self, rows: NDArray[np.int64] | slice, gradient: Floats, *, rate: float, steps: int
    ) -> None:
        """Move `rows` against their gradient; `steps`: how many there were, this one counted."""
        keep_first, keep_second = 0.9, 0.999
        first = keep_first * self.first[rows] + (1 - keep_first) * gradient
        second = keep_second * self.second[rows] + (1 - keep_second) * gradient * gradient
        self.first[rows], self.second[rows] = first, second
        rate *= float(np.sqrt(1 - keep_second**steps) / (1 - keep_first**steps))
        self.values[rows] -= np.float32(rate) * first / (np.sqrt(second) + np.float32(1e-8))


def learn_vectors(
    moments: Moments, *, n_rows: int, config: SequenceConfig, seed: int
) -> Parameters:
    """Return what `moments` teach, float32; without moments, random vectors and plain decay.

    BLAS is held to one thread: its sums depend on how many there are. Raises `DatasetError` if
    the steps were too long to end anywhere.
    """
    from threadpoolctl import threadpool_limits  # noqa: PLC0415

    rng = np.random.default_rng(seed)
    learned = Parameters(
        vectors=rng.standard_normal((n_rows, config.factors), dtype=np.float32),
        item_bias=np.zeros(n_rows, dtype=np.float32),
        age_bias=(-np.log(2) / FIRST_HALF_LIFE_EVENTS * np.arange(config.query_events)).astype(
            np.float32
        ),
    )
    learned.vectors[:] /= np.float32(np.sqrt(config.factors))
    with threadpool_limits(1, "blas"):
        _learn(moments, learned, config, rng)
    if not all(np.isfinite(part).all() for part in vars(learned).values()):
        raise DatasetError(
            "the vectors of retrieval.sequence grew past all bounds; lower its learning_rate of "
            f"{config.learning_rate}, or turn it off by quotas.sequence = 0"
        )
    return learned


def _learn(
    moments: Moments, learned: Parameters, config: SequenceConfig, rng: np.random.Generator
) -> None:
    """Change `learned`, epoch by epoch."""
    came_next = np.bincount(moments.item[moments.target], minlength=len(learned.vectors))
    chance = came_next**DRAWN_POWER / max(np.sum(came_next**DRAWN_POWER), 1.0)
    up_to = np.cumsum(chance)
    with np.errstate(divide="ignore"):  # what never came next is never drawn
        log_expected = np.log(-np.expm1(DRAWN_AT_ONCE * np.log1p(-chance))).astype(np.float32)
    vectors, item_bias, age_bias = (
        _Adam(part) for part in (learned.vectors, learned.item_bias, learned.age_bias)
    )
    starts = range(0, len(moments), MOMENTS_AT_ONCE)
    total, steps = config.epochs * len(starts), 0
    for _ in range(config.epochs):
        order = rng.permutation(len(moments))
        for start in starts:
            steps += 1
            left = 1 - (steps - 1) / total
            rate = config.learning_rate * (LAST_RATE + (1 - LAST_RATE) * left)
            drawn = np.unique(np.searchsorted(up_to, (1 - rng.random(DRAWN_AT_ONCE)) * up_to[-1]))
            chosen = order[start : start + MOMENTS_AT_ONCE]
            rows, batch = moments.batch(
                chosen, drawn, log_expected, dropout=config.dropout, rng=rng
            )
            of_rows = Parameters(learned.vectors[rows], learned.item_bias[rows], learned.age_bias)
            _, gradient = loss_and_gradients(of_rows, batch, temperature=config.temperature)
            vectors.step(rows, gradient.vectors, rate=rate, steps=steps)
            item_bias.step(rows, gradient.item_bias, rate=rate, steps=steps)
            age_bias.step(slice(None), gradient.age_bias, rate=rate, steps=steps)
