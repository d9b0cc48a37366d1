import os
from hashlib import sha256
from pathlib import Path

import pytest

from endcap.adapters.verified_files import SETTLED_NS, VerifiedFiles

LATER_NS = 4_102_444_800 * 10**9  # the year 2100: every file was left alone for long
HASHES = {"a": "1" * 64, "below/b": "2" * 64}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two files."""
    folder = tmp_path / "model"
    (folder / "below").mkdir(parents=True)
    (folder / "a").write_bytes(b"aaaa")
    (folder / "below" / "b").write_bytes(b"bbbb")
    return folder


def verified(tmp_path: Path, now_ns: int = LATER_NS) -> VerifiedFiles:
    return VerifiedFiles(tmp_path / "verified", now_ns=lambda: now_ns)


def test_what_was_kept_is_unchanged_in_the_next_process(tmp_path: Path, folder: Path) -> None:
    look = verified(tmp_path).look(folder, HASHES)
    assert look.unchanged == frozenset()
    look.keep()
    assert verified(tmp_path).look(folder, HASHES).unchanged == set(HASHES)


def test_a_flipped_byte_is_a_change_whatever_time_the_file_claims(
    tmp_path: Path, folder: Path
) -> None:
    verified(tmp_path).look(folder, HASHES).keep()
    before = (folder / "a").stat()
    with (folder / "a").open("r+b") as stream:
        stream.write(b"b")
    os.utime(folder / "a", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert verified(tmp_path).look(folder, HASHES).unchanged == {"below/b"}


def test_another_file_in_its_place_is_a_change(tmp_path: Path, folder: Path) -> None:
    verified(tmp_path).look(folder, HASHES).keep()
    (folder / "copy").write_bytes(b"aaaa")
    (folder / "copy").replace(folder / "a")
    (folder / "below" / "b").unlink()
    assert verified(tmp_path).look(folder, HASHES).unchanged == frozenset()


def test_another_hash_is_not_the_one_that_was_verified(tmp_path: Path, folder: Path) -> None:
    verified(tmp_path).look(folder, HASHES).keep()
    assert verified(tmp_path).look(folder, {**HASHES, "a": "3" * 64}).unchanged == {"below/b"}


def test_a_file_that_changed_just_now_is_not_remembered(tmp_path: Path, folder: Path) -> None:
    now_ns = (folder / "a").stat().st_mtime_ns + SETTLED_NS // 2
    verified(tmp_path, now_ns).look(folder, HASHES).keep()
    assert verified(tmp_path).look(folder, HASHES).unchanged == frozenset()


def test_a_file_that_changed_while_it_was_hashed_is_not_remembered(
    tmp_path: Path, folder: Path
) -> None:
    look = verified(tmp_path).look(folder, HASHES)
    (folder / "a").write_bytes(b"aaab")
    look.keep()
    assert verified(tmp_path).look(folder, HASHES).unchanged == {"below/b"}


@pytest.mark.parametrize("text", ["", "[]", "{", '{"a": 1}'])
def test_a_damaged_record_means_that_nothing_is_known(
    tmp_path: Path, folder: Path, text: str
) -> None:
    verified(tmp_path).look(folder, HASHES).keep()
    (record,) = (tmp_path / "verified").iterdir()
    assert record.name == sha256(os.fsencode(folder)).hexdigest()[:32] + ".json"
    record.write_text(text)
    look = verified(tmp_path).look(folder, HASHES)
    assert look.unchanged == frozenset()
    look.keep()
    assert verified(tmp_path).look(folder, HASHES).unchanged == set(HASHES)


def test_where_nothing_can_be_kept_nothing_is_known(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "verified").write_text("a file")
    verified(tmp_path).look(folder, HASHES).keep()
    assert verified(tmp_path).look(folder, HASHES).unchanged == frozenset()
