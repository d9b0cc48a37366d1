"""What only the simulator knows, and the oracle that reads it.

The folder ``truth/`` beside the log holds

``shop.json``         totals, seed, drift, moves and their probabilities, interest weights,
                      intercepts of the funnel
``items.parquet``     one row an item, in the order of the indices used below: itemid, categoryid,
                      niche, weight, quality, base_price, category_price, sale_from_ms, sale_to_ms
                      (null: for ever), substitute, retired (at a drift of the catalogue),
                      successor, similar (indices), similar_probability
``niches.parquet``    start (index of the first item), factors
``visitors.parquet``  visitorid, bot, taste, interests (niches), interests_after,
                      price_sensitivity, intent; nulls for bots
``events.parquet``    one row a well-formed row of events.csv, in its order: move (index into the
                      moves of shop.json, -1 for a bot), cart_probability of the view it comes
                      from, duplicate
``prices.npy``, ``available.npy``  [items, snapshots]
``malformed.csv``     file,row_number,kind: each broken row; row 1 is the first after the header

`Oracle` turns this into the probability of every item to be looked at next.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from endcap.simulator.catalogue import NEVER_MS, Catalogue
from endcap.simulator.conversions import Intercepts
from endcap.simulator.event_log import EventLog
from endcap.simulator.shelf import Shelf
from endcap.simulator.summary import SimulationSummary
from endcap.simulator.visitors import INTEREST_WEIGHTS, Visitors
from endcap.simulator.walk import (
    FIRST,
    INSIDE,
    MOVE_PROBABILITIES,
    MOVES,
    OPENING,
    Succession,
)


def write_items(folder: Path, catalogue: Catalogue, shelf: Shelf, following: Succession) -> None:
    """Write what is true of the items."""
    columns: dict[str, Any] = {
        "itemid": catalogue.ids,
        "categoryid": catalogue.tree.ids[catalogue.category],
        "niche": catalogue.niche,
        "weight": catalogue.weight,
        "quality": catalogue.quality,
        "base_price": catalogue.base_price,
        "category_price": catalogue.category_price,
        "sale_from_ms": catalogue.sale_from_ms,
        "sale_to_ms": pa.array(catalogue.sale_to_ms, mask=catalogue.sale_to_ms == NEVER_MS),
        "substitute": catalogue.substitute,
        "retired": following.retired,
        "successor": following.successor,
        "similar": _lists(catalogue.similar),
        "similar_probability": _lists(np.diff(catalogue.similar_cumulative, axis=1, prepend=0)),
    }
    _write(folder / "items.parquet", columns)
    niches = {"start": catalogue.niche_start[:-1], "factors": _lists(catalogue.niche_factors)}
    _write(folder / "niches.parquet", niches)
    np.save(folder / "prices.npy", shelf.price)
    np.save(folder / "available.npy", shelf.available)


def write_visitors(folder: Path, visitors: Visitors, ids: NDArray[np.int64]) -> None:
    """Write what is true of the visitors; `ids`: humans first, then bots."""
    bot = np.arange(len(ids)) >= len(visitors)
    known = pa.array(np.where(bot, -1, np.arange(len(ids))), mask=bot)
    columns = {
        "taste": _lists(visitors.taste),
        "interests": _lists(visitors.interests),
        "interests_after": _lists(visitors.interests_after),
        "price_sensitivity": pa.array(visitors.price_sensitivity),
        "intent": pa.array(visitors.intent),
    }
    taken = {name: column.take(known) for name, column in columns.items()}
    _write(folder / "visitors.parquet", {"visitorid": ids, "bot": bot, **taken})


def write_events(folder: Path, log: EventLog, cart_probability: NDArray[np.float32]) -> None:
    """Write what is true of the events."""
    crawled = log.view < 0
    chance = pa.array(cart_probability[np.maximum(log.view, 0)], mask=crawled)
    columns = {"move": log.move, "cart_probability": chance, "duplicate": log.duplicate}
    _write(folder / "events.parquet", columns)


def write_shop(folder: Path, summary: SimulationSummary, intercepts: Intercepts) -> None:
    """Write the parameters and the totals of the shop."""
    drift = {"kind": summary.drift, "at_ms": summary.drift_at_ms} if summary.drift else None
    facts = {
        "totals": asdict(summary),
        "drift": drift,
        "moves": MOVES,
        "move_probabilities": MOVE_PROBABILITIES.tolist(),
        "interest_weights": INTEREST_WEIGHTS,
        "intercepts": asdict(intercepts),
    }
    text = json.dumps(facts, sort_keys=True, indent=1) + "\n"
    (folder / "shop.json").write_text(text, encoding="utf-8")


@dataclass(frozen=True)
class Oracle:
    """The true distribution of the next view: what no recommender can beat.

    Items are indices into ``items.parquet``; `item_ids` are their public ids.
    """

    item_ids: NDArray[np.int64]
    weight: NDArray[np.float64]
    category: NDArray[np.int64]
    niche: NDArray[np.int64]
    similar: NDArray[np.int64]
    similar_probability: NDArray[np.float64]
    sale_ms: NDArray[np.int64]
    instead: NDArray[np.int64]
    retired: NDArray[np.bool_]
    interests: Mapping[int, NDArray[np.int64]]
    interests_after: Mapping[int, NDArray[np.int64]]
    drift: Mapping[str, Any] | None

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read a ``truth`` folder."""
        items = pq.read_table(folder / "items.parquet")
        visitors = pq.read_table(folder / "visitors.parquet").to_pydict()
        column = {name: items[name].to_numpy() for name in items.column_names}
        sale_to = items["sale_to_ms"].fill_null(NEVER_MS).to_numpy()
        humans = [i for i, bot in enumerate(visitors["bot"]) if not bot]
        ids = visitors["visitorid"]
        return cls(
            item_ids=column["itemid"],
            weight=column["weight"],
            category=column["categoryid"],
            niche=column["niche"],
            similar=np.stack(column["similar"]).astype(np.int64),
            similar_probability=np.stack(column["similar_probability"]).astype(np.float64),
            sale_ms=np.stack([column["sale_from_ms"], sale_to]),
            instead=np.stack([column["substitute"], column["successor"]]),
            retired=column["retired"],
            interests={ids[i]: np.array(visitors["interests"][i]) for i in humans},
            interests_after={ids[i]: np.array(visitors["interests_after"][i]) for i in humans},
            drift=json.loads((folder / "shop.json").read_text(encoding="utf-8"))["drift"],
        )

    def next_view(
        self, visitor_id: int, viewed: Sequence[int], *, now_ms: int, opens_session: bool
    ) -> NDArray[np.float64]:
        """Return P(next view = item) over all items.

        `viewed`: indices of the visitor's views so far, oldest first; `opens_session`: whether the
        next view starts a new session. Sums to 1.
        """
        after = self._after("behaviour", now_ms)
        situation = FIRST if not viewed else OPENING if opens_session else INSIDE
        taste, popular, category, similar, repeat, back = MOVE_PROBABILITIES[situation, int(after)]
        interests = (self.interests_after if after else self.interests)[visitor_id]
        p = popular * self._by_weight(np.ones(len(self.weight), dtype=np.bool_))
        for weight, niche in zip(INTEREST_WEIGHTS, interests, strict=True):
            p += taste * weight * self._by_weight(self.niche == niche)
        if viewed:
            last, t = viewed[-1], len(viewed)
            shelf = self.category == self.category[last]
            if self.weight[shelf].sum() > 0:
                p += category * self._by_weight(shelf)
            else:
                p[last] += category
            np.add.at(p, self.similar[last], similar * self.similar_probability[last])
            p[last] += repeat
            reach = np.sqrt(np.arange(t + 1) / t)
            np.add.at(p, np.array(viewed)[::-1], back * np.diff(reach))
        return self._redirected(p, now_ms)

    def _by_weight(self, mask: NDArray[np.bool_]) -> NDArray[np.float64]:
        weight = np.where(mask, self.weight, 0.0)
        share: NDArray[np.float64] = weight / weight.sum()
        return share

    def _after(self, kind: str, now_ms: int) -> bool:
        return bool(self.drift and self.drift["kind"] == kind and now_ms >= self.drift["at_ms"])

    def _redirected(self, p: NDArray[np.float64], now_ms: int) -> NDArray[np.float64]:
        off = (now_ms < self.sale_ms[0]) | (now_ms >= self.sale_ms[1])
        moved = _moved(p, np.where(off, self.instead[0], np.arange(len(p))))
        if not self._after("catalogue", now_ms):
            return moved
        return _moved(moved, np.where(self.retired, self.instead[1], np.arange(len(p))))


def _moved(p: NDArray[np.float64], target: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.bincount(target, p, len(p)).astype(np.float64)


def _lists(matrix: NDArray[Any]) -> pa.Array:
    rows, width = matrix.shape
    ends = np.arange(0, (rows + 1) * width, width, dtype=np.int32)
    return pa.ListArray.from_arrays(pa.array(ends), pa.array(matrix.ravel()))


def _write(path: Path, columns: Mapping[str, Any]) -> None:
    pq.write_table(pa.table(dict(columns)), path)
