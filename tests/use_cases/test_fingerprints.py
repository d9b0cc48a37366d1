from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import pytest

from endcap.use_cases import fingerprints
from endcap.use_cases.fingerprints import (
    EVERY_STEP_RUNS,
    code_digest,
    fingerprint,
    folder_digest,
    library_versions,
    source_digest,
)

SAME: Mapping[str, Any] = {
    "rooms": ["dataset", "features"],
    "params": {"seed": 1, "cut_ms": 5},
    "inputs": ["aa", "bb"],
}


def test_the_same_step_has_the_same_fingerprint_of_32_hex_digits() -> None:
    first = fingerprint("items", **SAME)

    assert first == fingerprint("items", **SAME)
    assert len(first) == 32
    assert int(first, 16) >= 0


@pytest.mark.parametrize(
    "order", [{"rooms": ["features", "dataset"]}, {"params": {"cut_ms": 5, "seed": 1}}]
)
def test_the_order_of_rooms_and_parameters_does_not_matter(order: dict[str, Any]) -> None:
    assert fingerprint("items", **{**SAME, **order}) == fingerprint("items", **SAME)


@pytest.mark.parametrize(
    "change",
    [
        {"rooms": ["dataset"]},
        {"params": {"seed": 2, "cut_ms": 5}},
        {"params": {"seed": 1}},
        {"inputs": ["bb", "aa"]},
        {"inputs": ["aa"]},
        {"inputs": ["aabb"]},
    ],
)
def test_every_dependency_changes_the_fingerprint(change: dict[str, Any]) -> None:
    assert fingerprint("items", **{**SAME, **change}) != fingerprint("items", **SAME)


def test_the_name_of_the_step_is_part_of_the_fingerprint() -> None:
    assert fingerprint("items", **SAME) != fingerprint("queries", **SAME)


@pytest.mark.parametrize(
    ("room", "matters"), [("dataset", True), ("use_cases", True), ("retrieval", False)]
)
def test_code_matters_in_the_rooms_of_the_step_and_in_the_use_cases(
    room: str, matters: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = fingerprint("items", **SAME)
    changed = {room: "edited"}
    monkeypatch.setattr(
        fingerprints, "code_digest", lambda name: changed.get(name, code_digest(name))
    )

    assert (fingerprint("items", **SAME) != before) is matters


def test_the_version_of_a_library_changes_the_fingerprint(monkeypatch: pytest.MonkeyPatch) -> None:
    before = fingerprint("items", **SAME)
    upgraded = {**library_versions(), "numpy": "99.0"}
    monkeypatch.setattr(fingerprints, "library_versions", lambda: upgraded)

    assert fingerprint("items", **SAME) != before


def test_a_library_that_is_not_installed_has_the_version_absent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def absent(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(fingerprints, "version", absent)
    library_versions.cache_clear()

    assert set(library_versions().values()) == {"absent"}
    library_versions.cache_clear()


def test_a_room_that_does_not_exist_is_a_mistake() -> None:
    with pytest.raises(ValueError, match=r"no Python sources in .*kitchen"):
        fingerprint("items", rooms=["kitchen"], params={}, inputs=[])


def test_every_step_depends_on_code_that_exists() -> None:
    assert all(code_digest(place) for place in EVERY_STEP_RUNS)


def test_source_digest_is_over_the_names_and_bytes_of_python_files(tmp_path: Path) -> None:
    room = tmp_path / "room"
    (room / "inner").mkdir(parents=True)
    (room / "a.py").write_text("A = 1\n")
    (room / "inner" / "b.py").write_text("B = 1\n")
    before = source_digest(room)

    (room / "notes.txt").write_text("not code")
    assert source_digest(room) == before
    (room / "inner" / "b.py").write_text("B = 2\n")
    edited = source_digest(room)
    (room / "inner" / "b.py").rename(room / "inner" / "c.py")

    assert len({before, edited, source_digest(room)}) == 3


def test_folder_digest_is_over_the_names_and_bytes_of_all_files(tmp_path: Path) -> None:
    digests = [folder_digest(tmp_path)]
    (tmp_path / "empty").mkdir()
    assert folder_digest(tmp_path) == digests[0]
    for name, text in (("a", ""), ("a", "x"), ("empty/b", "x")):
        (tmp_path / name).write_text(text)
        digests.append(folder_digest(tmp_path))
    (tmp_path / "a").rename(tmp_path / "c")
    digests.append(folder_digest(tmp_path))

    assert len(set(digests)) == len(digests)
