import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from endcap.errors import CorruptArtifactError, NotFoundError
from endcap.registry.bundle import (
    BundleManifest,
    BundleParts,
    Look,
    assemble,
    load_bundle,
    read_manifest,
    version_name,
)

CUT = 1_442_545_187_788  # 2015-09-18 02:59:47.788 UTC


@pytest.fixture
def parts(tmp_path: Path) -> BundleParts:
    made = tmp_path / "made"
    for path, content in {
        "items/price.npy": b"price",
        "sources/als/factors.npy": b"factors",
        "sources/own/parameters.json": b"{}",
        "trees/leaf_values.npy": b"leaves",
        "calibration.json": b"{}",
        "event_types.json": b"{}",
        "measured/scoreboard.json": b"{}",
    }.items():
        (made / path).parent.mkdir(parents=True, exist_ok=True)
        (made / path).write_bytes(content)
    return BundleParts(
        item_ids=["A-1", "Größe 2", "3"],
        item_table=made / "items",
        retrieval=made / "sources",
        ranker=made / "trees",
        calibration=made / "calibration.json",
        event_types=made / "event_types.json",
        evaluation=made / "measured",
    )


def make(out: Path, parts: BundleParts, *, git_commit: str = "unknown") -> BundleManifest:
    return assemble(
        out,
        parts,
        cut_ms=CUT,
        created_from="abc",
        git_commit=git_commit,
        config={"seed": 42},
        metrics={"next_interaction/ndcg@20": 0.25, "new_items/ndcg@20": None},
    )


def test_what_was_assembled_is_what_is_loaded(tmp_path: Path, parts: BundleParts) -> None:
    manifest = make(tmp_path / "bundle", parts)
    bundle = load_bundle(tmp_path / "bundle", verify=True)
    assert bundle.manifest == manifest
    assert list(bundle.item_ids) == ["A-1", "Größe 2", "3"]
    assert (bundle.retrieval / "als" / "factors.npy").read_bytes() == b"factors"
    assert (bundle.item_table / "price.npy").is_file()
    assert (bundle.ranker / "leaf_values.npy").is_file()
    assert bundle.calibration.is_file()
    assert bundle.event_types.is_file()
    assert bundle.evaluation is not None
    assert bundle.manifest.config == {"seed": 42}


def test_a_bundle_without_evaluation_says_so(tmp_path: Path, parts: BundleParts) -> None:
    make(tmp_path / "bundle", replace(parts, evaluation=None))
    assert load_bundle(tmp_path / "bundle").evaluation is None


def test_the_version_names_the_cut_and_the_content(tmp_path: Path, parts: BundleParts) -> None:
    manifest = make(tmp_path / "bundle", parts)
    assert manifest.version == f"20150918T025947-{manifest.digest[:8]}"
    assert version_name(0, "f" * 64) == "19700101T000000-ffffffff"


def test_the_same_parts_give_the_same_bytes(tmp_path: Path, parts: BundleParts) -> None:
    make(tmp_path / "one", parts)
    make(tmp_path / "two", parts)
    one, two = (
        {p.relative_to(tmp_path / name): p.read_bytes() for p in (tmp_path / name).rglob("*.*")}
        for name in ("one", "two")
    )
    assert one == two


def test_what_a_lake_keeps_beside_a_part_is_no_content(tmp_path: Path, parts: BundleParts) -> None:
    elsewhere = make(tmp_path / "elsewhere", parts)
    (parts.ranker / "_manifest.json").write_bytes(b"{}")
    manifest = make(tmp_path / "bundle", parts)
    assert manifest == elsewhere
    assert not list((tmp_path / "bundle").rglob("_*"))


def test_a_part_that_holds_only_what_the_lake_keeps_is_missing(
    tmp_path: Path, parts: BundleParts
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "_manifest.json").write_bytes(b"{}")
    with pytest.raises(NotFoundError, match="nothing there for the bundle's ranker"):
        make(tmp_path / "bundle", replace(parts, ranker=tmp_path / "empty"))


def test_the_commit_is_told_but_is_no_content(tmp_path: Path, parts: BundleParts) -> None:
    one, two = make(tmp_path / "one", parts), make(tmp_path / "two", parts, git_commit="f00")
    assert (two.git_commit, two.version) == ("f00", one.version)


def test_another_byte_is_another_version(tmp_path: Path, parts: BundleParts) -> None:
    one = make(tmp_path / "one", parts)
    (parts.ranker / "leaf_values.npy").write_bytes(b"Leaves")
    assert make(tmp_path / "two", parts).version != one.version


def test_a_missing_part_is_named(tmp_path: Path, parts: BundleParts) -> None:
    (parts.ranker / "leaf_values.npy").unlink()
    with pytest.raises(NotFoundError, match="nothing there for the bundle's ranker"):
        make(tmp_path / "bundle", parts)


def test_no_bundle_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="holds no model bundle"):
        load_bundle(tmp_path)


def test_a_changed_byte_is_found_by_its_hash(tmp_path: Path, parts: BundleParts) -> None:
    make(tmp_path / "bundle", parts)
    (tmp_path / "bundle/ranker/leaf_values.npy").write_bytes(b"Leaves")
    load_bundle(tmp_path / "bundle")  # same size: only the hash tells
    with pytest.raises(CorruptArtifactError, match=r"ranker/leaf_values\.npy do not match"):
        load_bundle(tmp_path / "bundle", verify=True)


def test_a_file_cut_short_or_gone_is_found_without_hashing(
    tmp_path: Path, parts: BundleParts
) -> None:
    make(tmp_path / "bundle", parts)
    file = tmp_path / "bundle/ranker/leaf_values.npy"
    file.write_bytes(b"lea")
    with pytest.raises(CorruptArtifactError, match="has 3 bytes, its manifest says 6"):
        load_bundle(tmp_path / "bundle")
    file.unlink()
    with pytest.raises(CorruptArtifactError, match=r"leaf_values\.npy is missing"):
        load_bundle(tmp_path / "bundle")


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"files": {}}', '{"files": {"a": {"size": 1}}}', "\udcff"]
)
def test_a_broken_manifest_is_corrupt(tmp_path: Path, text: str) -> None:
    (tmp_path / "manifest.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(CorruptArtifactError):
        read_manifest(tmp_path)


def change_manifest(folder: Path, **changes: object) -> None:
    file = folder / "manifest.json"
    file.write_text(json.dumps(json.loads(file.read_text(encoding="utf-8")) | changes), "utf-8")


def test_a_manifest_that_lists_other_files_is_corrupt(tmp_path: Path, parts: BundleParts) -> None:
    make(tmp_path, parts)
    files = json.loads((tmp_path / "manifest.json").read_text("utf-8"))["files"]
    change_manifest(tmp_path, files=files | {"extra": {"sha256": "", "size_bytes": 0}})
    with pytest.raises(CorruptArtifactError, match="list of files was changed"):
        load_bundle(tmp_path)
    without = {path: entry for path, entry in files.items() if not path.startswith("ranker/")}
    change_manifest(tmp_path, files=without)
    with pytest.raises(CorruptArtifactError, match="lacks ranker"):
        load_bundle(tmp_path)


def test_a_bundle_of_another_format_is_refused(tmp_path: Path, parts: BundleParts) -> None:
    make(tmp_path, parts)
    change_manifest(tmp_path, format=99)
    with pytest.raises(CorruptArtifactError, match="bundle format 99"):
        load_bundle(tmp_path)


def test_loading_imports_nothing_of_the_training_stack() -> None:
    program = (
        "import sys, endcap.registry.bundle, endcap.registry.promotion; "
        "print(*{name.split('.')[0] for name in sys.modules})"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    heavy = {"pandas", "scipy", "sklearn", "catboost", "implicit", "pyarrow", "duckdb", "boto3"}
    assert not heavy & set(done.stdout.split())


def test_what_is_known_to_be_verified_is_not_hashed_again_and_all_else_is(
    tmp_path: Path, parts: BundleParts
) -> None:
    folder = tmp_path / "bundle"
    make(folder, parts)
    (folder / "retrieval" / "als" / "factors.npy").write_bytes(b"FACTORS")
    kept = []

    class AllBut:
        def __init__(self, *names: str) -> None:
            self.names = names

        def look(self, folder: Path, hashes: Mapping[str, str]) -> Look:
            return Look(frozenset(hashes) - set(self.names), lambda: kept.append(folder))

    load_bundle(folder, verify=True, verified=AllBut())
    assert kept == [folder]
    with pytest.raises(CorruptArtifactError, match=r"factors\.npy"):
        load_bundle(folder, verify=True, verified=AllBut("retrieval/als/factors.npy"))
    assert kept == [folder]
