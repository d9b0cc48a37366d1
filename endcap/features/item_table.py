"""The item side as arrays: what ranking features and serving rules look up by item code."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from endcap import columns as c
from endcap.dataset.arrays import load_arrays, save_arrays
from endcap.errors import DatasetError
from endcap.features.category_paths import category_paths
from endcap.features.registry import FEATURES, names

_ITEM_FEATURES: Final = names("item")
_PARQUET_FAMILIES: Final = tuple(dict.fromkeys(f.family for f in FEATURES if f.side == "item"))
_COPIED: Final = (
    "category_parent",
    "category_depth",
    "transition_ptr",
    "transition_key",
    "transition_probability",
    "transition_support",
    "pair_key",
    "pair_transition_ptr",
    "pair_transition_key",
    "pair_transition_probability",
    "pair_transition_support",
    "category_transition_ptr",
    "category_transition_key",
    "category_transition_probability",
    "category_transition_support",
    "session_timeout_ms",
)
_ARRAYS: Final = ("features", "price", "log_price", "available", "category", "root", *_COPIED)


@dataclass(frozen=True, eq=False, repr=False)
class ItemTable:
    """What is known of n items as of a cut. An item's code is its position.

    `features` float32 (n, item-side features), in the order of the registry. `price`, `log_price`
    and `available` (1, 0) float32 (n,), NaN where not known. `category` and `root` int32 (n,):
    category codes, -1 where not known. `category_ids`: the shop's ids by category code;
    `category_parent` int32 by category code, -1 for a root; `category_depth` int32, 0 for a root.

    What follows what within a session, as `endcap.features.transitions` writes it; probabilities
    and supports are float32:

    - item after item: out of item i, ``[transition_ptr[i], transition_ptr[i + 1])`` of
      `transition_key` int64 (``i * n + next item``, ascending), `transition_probability`,
      `transition_support`.
    - item after two items: the pairs (a, then b) are `pair_key` int64 (``a * n + b``, ascending).
      Out of the p-th pair, ``[pair_transition_ptr[p], pair_transition_ptr[p + 1])`` of
      `pair_transition_key` int64 (``p * n + next item``, ascending),
      `pair_transition_probability`, `pair_transition_support`.
    - category after category, the same one included: out of category c of k,
      ``[category_transition_ptr[c], category_transition_ptr[c + 1])`` of `category_transition_key`
      int64 (``c * k + next category``, ascending), `category_transition_probability`,
      `category_transition_support`.

    `session_timeout_ms`: the session timeout they were counted with, int64 (1,).
    """

    features: NDArray[np.float32]
    price: NDArray[np.float32]
    log_price: NDArray[np.float32]
    available: NDArray[np.float32]
    category: NDArray[np.int32]
    root: NDArray[np.int32]
    category_ids: tuple[str, ...]
    category_parent: NDArray[np.int32]
    category_depth: NDArray[np.int32]
    transition_ptr: NDArray[np.int64]
    transition_key: NDArray[np.int64]
    transition_probability: NDArray[np.float32]
    transition_support: NDArray[np.float32]
    pair_key: NDArray[np.int64]
    pair_transition_ptr: NDArray[np.int64]
    pair_transition_key: NDArray[np.int64]
    pair_transition_probability: NDArray[np.float32]
    pair_transition_support: NDArray[np.float32]
    category_transition_ptr: NDArray[np.int64]
    category_transition_key: NDArray[np.int64]
    category_transition_probability: NDArray[np.float32]
    category_transition_support: NDArray[np.float32]
    session_timeout_ms: NDArray[np.int64]

    @property
    def n_items(self) -> int:
        """Return the number of items."""
        return len(self.category)

    @cached_property
    def category_paths(self) -> NDArray[np.int32]:
        """The path to each category; see `endcap.features.category_paths`."""
        return category_paths(self.category_parent)

    @cached_property
    def category_steps(self) -> NDArray[np.int64]:
        """The steps from the top of all to each category; 0 for none, at the end."""
        steps: NDArray[np.int64] = (self.category_paths >= 0).sum(axis=1) - 1
        return steps

    @property
    def columns(self) -> dict[str, NDArray[Any]]:
        """Return each item-side feature by name, as a view of `features`."""
        return {name: self.features[:, i] for i, name in enumerate(_ITEM_FEATURES)}

    @classmethod
    def assemble(cls, family_folder: Path) -> "ItemTable":
        """Join what `endcap.features.families.build_family` wrote into one folder.

        Raises `DatasetError` if a family is missing or two disagree on the items.
        """
        columns = _read_families(family_folder)
        loaded = _load(family_folder, _COPIED, memory_map=False)
        features = np.stack([columns[name] for name in _ITEM_FEATURES], axis=1)
        if len(loaded["transition_ptr"]) != len(features) + 1:
            raise DatasetError(f"{family_folder}: transitions are of another cut than the features")
        if len(loaded["category_transition_ptr"]) != len(loaded["category_parent"]) + 1:
            raise DatasetError(
                f"{family_folder}: transitions are of another cut than the categories"
            )
        return cls(
            features=features,
            price=columns["price"],
            log_price=np.log(columns["price"]),
            available=columns["available"],
            category=_codes(columns["category"]),
            root=_codes(columns["category_root"]),
            category_ids=_category_ids(family_folder),
            **loaded,
        )

    def save(self, folder: Path) -> None:
        """Write the arrays as ``.npy`` files and the category ids as JSON into `folder`."""
        save_arrays(folder, {name: getattr(self, name) for name in _ARRAYS})
        text = json.dumps({"ids": self.category_ids}, indent=1, sort_keys=True, ensure_ascii=False)
        (folder / "categories.json").write_text(text + "\n", encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, *, mmap: bool = True) -> "ItemTable":
        """Read what `save` wrote; with `mmap`, pages come in as they are touched.

        Raises `DatasetError` if a file is missing.
        """
        return cls(category_ids=_category_ids(folder), **_load(folder, _ARRAYS, memory_map=mmap))


def _read_families(folder: Path) -> dict[str, NDArray[np.float32]]:
    # Serving never comes here and must not load it.
    import pyarrow.parquet as pq  # noqa: PLC0415

    columns: dict[str, NDArray[np.float32]] = {}
    codes: NDArray[np.int32] | None = None
    for family in _PARQUET_FAMILIES:
        try:
            rows = pq.read_table(folder / f"{family}.parquet")
        except FileNotFoundError as exc:
            raise DatasetError(f"{folder}: feature family '{family}' is missing") from exc
        items = rows.column(c.ITEM_CODE).to_numpy()
        codes = np.arange(len(items), dtype=np.int32) if codes is None else codes
        if not np.array_equal(items, codes):
            raise DatasetError(f"{folder}: feature family '{family}' has other items than the rest")
        for name in rows.column_names:
            columns[name] = rows.column(name).to_numpy().astype(np.float32, copy=False)
    return columns


def _codes(column: NDArray[np.float32]) -> NDArray[np.int32]:
    return np.where(np.isnan(column), -1, column).astype(np.int32)


def _load(folder: Path, wanted: Iterable[str], *, memory_map: bool) -> dict[str, NDArray[Any]]:
    try:
        return load_arrays(folder, wanted, memory_map=memory_map)
    except FileNotFoundError as exc:
        raise DatasetError(f"{folder}: part of the item table is missing: {exc.filename}") from exc


def _category_ids(folder: Path) -> tuple[str, ...]:
    try:
        facts = json.loads((folder / "categories.json").read_text(encoding="utf-8"))
    except FileNotFoundError as exc:
        raise DatasetError(f"{folder}: 'categories.json' is missing") from exc
    return tuple(facts["ids"])
