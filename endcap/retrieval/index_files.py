"""An index as files: one ``.npy`` an array, to be memory-mapped, and ``parameters.json``."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from endcap.dataset.arrays import map_array
from endcap.errors import NotFoundError

PARAMETERS = "parameters.json"


def save_index(
    folder: Path, arrays: Mapping[str, NDArray[Any]], parameters: Mapping[str, Any]
) -> None:
    """Write arrays and parameters into `folder`, which is created. Same input, same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", np.ascontiguousarray(array))
    text = json.dumps(dict(parameters), sort_keys=True, indent=1) + "\n"
    (folder / PARAMETERS).write_text(text, encoding="utf-8")


def load_parameters(folder: Path) -> dict[str, Any]:
    """Return the parameters of a saved index. Raises `NotFoundError`."""
    path = folder / PARAMETERS
    if not path.is_file():
        raise NotFoundError(f"{folder} holds no candidate source: {PARAMETERS} is missing")
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def load_array(folder: Path, name: str) -> NDArray[Any]:
    """Return an array of a saved index, memory-mapped and read-only. Raises `NotFoundError`."""
    path = folder / f"{name}.npy"
    if not path.is_file():
        raise NotFoundError(f"{folder} lacks {path.name} of its candidate source")
    return map_array(path)
