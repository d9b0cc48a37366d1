import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from endcap.adapters.manifests import StoredManifest, check_files, chosen, hash_folder
from endcap.errors import CorruptArtifactError, LakeError

STORED = StoredManifest(
    files={"a": "00ff", "b/c": "11ee"},
    facts={"rows": 3, "share": 0.1, "name": "Öl"},
    tables={"events": "b"},
    attempt="attempt-1",
)


def test_a_manifest_is_read_back_as_it_was_written() -> None:
    assert StoredManifest.decode(STORED.encode(), name="m") == STORED


@given(facts=st.dictionaries(st.text(), st.none() | st.integers() | st.text()))
def test_any_json_facts_survive(facts: dict[str, object]) -> None:
    stored = StoredManifest(files={}, facts=facts)
    assert StoredManifest.decode(stored.encode(), name="m").facts == facts


def test_the_digest_is_the_hash_of_the_sorted_files() -> None:
    expected = hashlib.sha256(b'{"a": "00ff", "b/c": "11ee"}').hexdigest()
    assert STORED.digest == expected
    assert StoredManifest(files={"b/c": "11ee", "a": "00ff"}, facts={}).digest == expected


def test_every_flipped_bit_is_found() -> None:
    whole = STORED.encode()
    for position in range(len(whole)):
        for bit in range(8):
            flipped = bytearray(whole)
            flipped[position] ^= 1 << bit
            with pytest.raises(CorruptArtifactError, match="here"):
                StoredManifest.decode(bytes(flipped), name="here")


@pytest.mark.parametrize("data", [b"", b"{}", b"[]", b"null", b"\xff", b'{"files": []}'])
def test_what_is_no_manifest_is_corrupt(data: bytes) -> None:
    with pytest.raises(CorruptArtifactError, match="here is not a readable manifest"):
        StoredManifest.decode(data, name="here")


@pytest.mark.parametrize("name", ["back\\slash", "new\nline"])
def test_a_file_name_that_no_lake_can_keep_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(LakeError, match="in its name"):
        hash_folder(tmp_path)


def test_hashes_are_those_of_the_bytes(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "c").write_bytes(b"1")
    (tmp_path / "a").write_bytes(b"")
    hashes = hash_folder(tmp_path)
    assert list(hashes) == ["a", "b/c"]
    assert hashes == {
        "a": hashlib.sha256(b"").hexdigest(),
        "b/c": hashlib.sha256(b"1").hexdigest(),
    }


def test_a_prefix_chooses_files_and_none_chooses_all() -> None:
    names = ["als/a.npy", "als.json", "ranker/trees.npy"]
    assert chosen(names, None) == names
    assert chosen(names, ["als/"]) == ["als/a.npy"]
    assert chosen(names, ["als", "ranker/"]) == names
    assert chosen(names, []) == []


def test_files_not_asked_for_are_not_checked(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    manifest = StoredManifest(files={**hash_folder(tmp_path), "b": "00"}, facts={}).at("x")
    check_files(tmp_path, manifest, ["a"])
    with pytest.raises(CorruptArtifactError, match="x/b is missing"):
        check_files(tmp_path, manifest, ["a", "b"])


def test_the_stored_form_is_readable_json() -> None:
    fields = json.loads(STORED.encode())
    assert fields["files"] == {"a": "00ff", "b/c": "11ee"}
    assert fields["tables"] == {"events": "b"}
