"""User side: where the candidate's category lies from those that the visitor touched.

The forest's roots hang under one top, so that any two categories have a distance. What is known of
a category that the visitor never touched is taken from the nearest ancestor below which they did
touch something.

References: Katz (1987), on back-off; Brants et al. (2007), Large language models in machine
translation, for its plain form.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from endcap.features.context_past import Past
from endcap.features.context_rows import Rows, look_up_of
from endcap.features.decayed_scores import sum_by_kind, total
from endcap.features.item_table import ItemTable
from endcap.features.keyed_sums import Groups, group_by
from endcap.features.user_entries import BACK_OFF


@dataclass(frozen=True, eq=False, repr=False)
class _Subtrees:
    """What visitors did at or below each category, the top included.

    `groups` by visitor and category. `affinity` float64 (g,). `nearest` int64 (g,): the fewest
    steps from a category that the visitor touched up to this one.
    """

    groups: Groups
    affinity: NDArray[np.float64]
    nearest: NDArray[np.int64]


def write_categories(rows: Rows, past: Past) -> None:
    """Write the features of the family ``context_categories``, and the affinity to the root."""
    items = past.items
    paths, none = items.category_paths, rows.pair_category < 0
    subtrees = _subtrees(past, paths)
    path = paths[rows.pair_category]
    group = _groups_of(path, subtrees.groups, rows, past)
    # A category that is touched has all its ancestors touched: a path is touched from the top down.
    touched = group < len(subtrees.groups)
    depth = items.category_steps[rows.pair_category]
    shared = touched.sum(axis=1) - 1
    steps = depth - shared
    affinity = np.zeros(len(subtrees.affinity) + 1)
    affinity[:-1] = subtrees.affinity
    nothing = none | (shared < 0)
    last_of_visitor = past.last_category
    last = last_of_visitor[rows.pair_visitor]
    unlike = none | (last < 0)
    probability, support = _transitions(last_of_visitor, last, rows.pair_category, items)
    apart = _distance(path, paths[last], depth + items.category_steps[last])
    rows.write_by_pair(
        {
            "category_share": np.where(nothing, np.nan, _shares(rows, past)),
            "category_back_off_steps": np.where(none | (shared < 1), np.nan, steps),
            "category_back_off_affinity": np.where(
                nothing, np.nan, _backed_off(affinity, group, shared, steps)
            ),
            "category_distance_nearest": np.where(
                nothing, np.nan, _nearest(subtrees, group, depth)
            ),
            "category_distance_last": np.where(unlike, np.nan, apart),
            "same_category_as_last": np.where(unlike, np.nan, rows.pair_category == last),
            "category_transition": np.where(unlike, np.nan, probability),
            "category_transition_support": np.where(unlike, np.nan, support),
        }
    )
    root = affinity[group[:, 1]] if path.shape[1] > 1 else np.zeros(len(path))
    rows.write_by_pair({"affinity_root": np.where(none, np.nan, root)})


@dataclass(frozen=True, eq=False, repr=False)
class Relation:
    """What categories are to the only one that a visitor touched.

    `columns` (m,): the features of the family ``context_categories``, of no meaning for no
    category. `below_root` bool (m,): they have one root.
    """

    columns: dict[str, NDArray[Any]]
    below_root: NDArray[np.bool_]


def relation_to(touched: int, category: NDArray[Any], items: ItemTable) -> Relation:
    """Return what each category, int (m,), -1 for none, is to the touched one."""
    length = int(items.category_steps[touched]) + 1
    path = items.category_paths[touched, :length]
    shared = (items.category_paths[category, :length] == path).sum(axis=1) - 1
    steps = items.category_steps[category] - shared
    apart = steps + (length - 1) - shared
    same, below_root = category == touched, shared > 0
    probability, support = _transitions(np.asarray([touched], np.int64), touched, category, items)
    columns = {
        "category_share": same,
        "category_back_off_steps": np.where(below_root, steps, np.nan),
        "category_back_off_affinity": below_root * _penalty(items.category_paths.shape[1])[steps],
        "category_distance_nearest": apart,
        "category_distance_last": apart,
        "same_category_as_last": same,
        "category_transition": probability,
        "category_transition_support": support,
    }
    return Relation(columns, below_root)


def _groups_of(
    path: NDArray[np.int32], groups: Groups, rows: Rows, past: Past
) -> NDArray[np.int64]:
    """Return the group of each category on each pair's path; their number where it has none."""
    width = np.int64(len(past.items.category_parent) + 1)
    if len(past.histories) == 1:
        # One visitor's keys are categories: they are told by their place, the last one for none.
        place = np.full(width + 1, len(groups), dtype=np.int64)
        place[groups.keys[:-1]] = np.arange(len(groups))
        return place[path]
    keys = np.where(path < 0, -1, rows.pair_visitor[:, None] * width + path)
    return groups.find(keys.ravel()).reshape(keys.shape)


def _subtrees(past: Past, paths: NDArray[np.int32]) -> _Subtrees:
    events = past.categorised
    category = past.items.category[past.item[events]]
    path = paths[category]
    of_event, level = np.nonzero(path >= 0)
    entry = events[of_event]
    width = np.int64(len(past.items.category_parent) + 1)
    groups = group_by(past.visitor[entry] * width + path[of_event, level])
    sums = sum_by_kind(groups, past.kind[entry], past.grown[entry])
    steps = past.items.category_steps[category][of_event] - level
    nearest = np.full(len(groups), paths.shape[1], dtype=np.int64)
    np.minimum.at(nearest, groups.of_event, steps)
    return _Subtrees(
        groups, total(sums * past.fading[past.visitor[entry[groups.last_event]]]), nearest
    )


def _shares(rows: Rows, past: Past) -> NDArray[np.float64]:
    """Return the share of categorised events in each pair's category; 0 where there are none."""
    groups = past.by_category
    all_events = np.maximum(past.per_visitor(past.visitor[past.categorised]), 1)
    found = rows.found_category(groups, len(past.items.category_parent))
    count = np.zeros(len(groups) + 1, dtype=np.int64)
    count[:-1] = groups.count()
    share: NDArray[np.float64] = count[found] / all_events[rows.pair_visitor]
    return share


def _backed_off(
    affinity: NDArray[np.float64],
    group: NDArray[np.int64],
    shared: NDArray[np.int64],
    steps: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Return the share of affinity below the nearest touched ancestor, less for each step up."""
    pair = np.arange(len(group))
    below, everywhere = affinity[group[pair, np.maximum(shared, 0)]], affinity[group[:, 0]]
    share = np.divide(below, everywhere, out=np.zeros(len(group)), where=everywhere > 0)
    return np.where(shared > 0, share * _penalty(group.shape[1])[steps], 0.0)


@lru_cache(maxsize=16)
def _penalty(longest: int) -> NDArray[np.float64]:
    """Return what is left of a share so many steps up, float64 (longest + 1,)."""
    penalty: NDArray[np.float64] = BACK_OFF ** np.arange(longest + 1.0)
    penalty.flags.writeable = False
    return penalty


def _nearest(
    subtrees: _Subtrees, group: NDArray[np.int64], depth: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the edges between each category and the nearest touched one, by any ancestor."""
    far = np.empty(len(subtrees.nearest) + 1, dtype=np.int64)
    far[:-1], far[-1] = subtrees.nearest, 2 * group.shape[1]
    up = np.maximum(depth[:, None] - np.arange(group.shape[1]), 0)
    nearest: NDArray[np.int64] = (up + far[group]).min(axis=1)
    return nearest


def _distance(
    path: NDArray[np.int32], other: NDArray[np.int32], steps: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the edges between the ends of two paths from the top, which are `steps` long."""
    # The top, which all share, is no step.
    shared = ((path == other) & (path >= 0)).sum(axis=1) - 1
    distance: NDArray[np.int64] = steps - 2 * shared
    return distance


def _transitions(
    last_of_visitor: NDArray[np.int64],
    last: NDArray[np.int64] | int,
    category: NDArray[np.int64],
    items: ItemTable,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    k = len(items.category_parent)
    key = np.where((last < 0) | (category < 0), -1, last * k + category)
    hit, place = look_up_of(
        last_of_visitor, items.category_transition_ptr, items.category_transition_key, key
    )
    probability, support = np.zeros((2, len(key)))
    probability[hit] = items.category_transition_probability[place]
    support[hit] = items.category_transition_support[place]
    return probability, support
