import os
from pathlib import Path

from endcap.adapters.leftovers import remove_leftovers


def test_entries_older_than_asked_are_removed_with_all_they_hold(tmp_path: Path) -> None:
    (tmp_path / "old" / "deep").mkdir(parents=True)
    (tmp_path / "old" / "deep" / "file").write_bytes(b"1")
    (tmp_path / "file").write_bytes(b"1")
    (tmp_path / "new").write_bytes(b"1")
    for path in (*(tmp_path / "old").rglob("*"), tmp_path / "old", tmp_path / "file"):
        os.utime(path, (100, 100))
    os.utime(tmp_path / "new", (141, 141))
    assert remove_leftovers(tmp_path, 60, now=200) == ["file", "old"]
    assert [path.name for path in tmp_path.iterdir()] == ["new"]


def test_exactly_as_old_as_asked_is_kept(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"1")
    os.utime(tmp_path / "file", (100, 100))
    assert remove_leftovers(tmp_path, 60, now=160) == []


def test_a_dangling_link_is_removed_and_its_target_left(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "link").symlink_to(tmp_path / "there")
    assert remove_leftovers(tmp_path / "here", 0, now=1e12) == ["link"]
    assert (tmp_path / "there").is_dir()


def test_a_missing_folder_has_no_leftovers(tmp_path: Path) -> None:
    assert remove_leftovers(tmp_path / "missing", 0, now=1e12) == []
