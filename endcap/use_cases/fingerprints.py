"""What a step's result depends on, as one hash: code, libraries, settings, inputs."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import endcap

EVERY_STEP_RUNS: Final = ("columns.py", "use_cases")
"""Code below ``endcap`` that no step does without. Settings count as parameters, not as code."""

LIBRARIES: Final = (
    "catboost",
    "duckdb",
    "ibis-framework",
    "implicit",
    "mapie",
    "networkx",
    "numpy",
    "optuna",
    "pyarrow",
    "scikit-learn",
    "scipy",
)
"""Distributions that shape a step's result."""


def fingerprint(
    step: str, *, rooms: Iterable[str], params: Mapping[str, Any], inputs: Iterable[str]
) -> str:
    """Return 32 hex digits that change whenever the step's output may.

    Parameters
    ----------
    rooms
        Packages below ``endcap`` whose code the step runs, in any order, those included that these
        import.
    params
        JSON values; the order of keys does not matter.
    inputs
        Content digests, in a fixed order.

    Raises
    ------
    ValueError
        If there is no such room.
    """
    parts = {
        "step": step,
        "code": {room: code_digest(room) for room in sorted({*rooms, *EVERY_STEP_RUNS})},
        "libraries": library_versions(),
        "params": params,
        "inputs": list(inputs),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


@cache
def code_digest(room: str) -> str:
    """Return the sha256 of the Python sources of a room, or a module, below ``endcap``.

    Raises `ValueError` if there is none of that name.
    """
    return source_digest(Path(endcap.__file__).parent / room)


def source_digest(place: Path) -> str:
    """Return the sha256 over names and bytes of a Python file, or of all below a folder.

    Raises `ValueError` if there is none.
    """
    sources = [place] if place.is_file() else sorted(place.rglob("*.py"))
    if not sources:
        raise ValueError(f"no Python sources in {place}")
    digest = hashlib.sha256()
    for source in sources:
        digest.update(source.relative_to(place.parent).as_posix().encode() + b"\0")
        digest.update(source.read_bytes() + b"\0")
    return digest.hexdigest()


@cache
def library_versions() -> dict[str, str]:
    """Return the installed version, or "absent", of each of `LIBRARIES`."""
    return {name: _installed_version(name) for name in LIBRARIES}


def folder_digest(folder: Path) -> str:
    """Return the sha256 over names and bytes of all files below a folder, of any size."""
    digest = hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        with file.open("rb") as stream:
            content = hashlib.file_digest(stream, "sha256").hexdigest()
        digest.update(f"{file.relative_to(folder).as_posix()}\0{content}\0".encode())
    return digest.hexdigest()


def _installed_version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"
