import hashlib
import os
import time
from pathlib import Path

import pytest

from endcap.adapters.s3_cache import DownloadCache
from endcap.errors import CorruptArtifactError, LakeError
from endcap.ports import Manifest

MANIFEST = Manifest(path="x", digest="d1", files={"deep/a": hashlib.sha256(b"1").hexdigest()})


class Download:
    def __init__(self, data: bytes) -> None:
        self._data = data

    def __call__(self, to: Path) -> str:
        to.write_bytes(self._data)
        return hashlib.sha256(self._data).hexdigest()


def test_a_file_is_absent_until_it_was_fetched(tmp_path: Path) -> None:
    cache = DownloadCache(tmp_path / "cache")
    assert cache.absent(MANIFEST, ["deep/a"], verify=False) == ["deep/a"]
    cache.fetch(MANIFEST, "deep/a", Download(b"1"))
    assert cache.absent(MANIFEST, ["deep/a"], verify=True) == []
    assert (cache.folder_of(MANIFEST) / "deep" / "a").read_bytes() == b"1"


def test_wrong_bytes_do_not_appear_and_leave_nothing(tmp_path: Path) -> None:
    cache = DownloadCache(tmp_path)
    with pytest.raises(CorruptArtifactError, match="x/deep/a"):
        cache.fetch(MANIFEST, "deep/a", Download(b"2"))
    assert cache.absent(MANIFEST, ["deep/a"], verify=False) == ["deep/a"]
    assert list((tmp_path / "partial").iterdir()) == []


def test_a_spoilt_copy_counts_as_absent_only_when_verified(tmp_path: Path) -> None:
    cache = DownloadCache(tmp_path)
    cache.fetch(MANIFEST, "deep/a", Download(b"1"))
    (cache.folder_of(MANIFEST) / "deep" / "a").write_bytes(b"spoilt")
    assert cache.absent(MANIFEST, ["deep/a"], verify=False) == []
    assert cache.absent(MANIFEST, ["deep/a"], verify=True) == ["deep/a"]


def test_the_cache_is_private(tmp_path: Path) -> None:
    DownloadCache(tmp_path / "cache").folder_of(MANIFEST)
    assert (tmp_path / "cache").stat().st_mode & 0o777 == 0o700


def test_a_cache_of_another_user_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger = os.getuid() + 1
    monkeypatch.setattr(os, "getuid", lambda: stranger)
    with pytest.raises(LakeError, match="belongs to another user"):
        DownloadCache(tmp_path).folder_of(MANIFEST)


def test_stale_staging_is_removed_and_copies_are_kept(tmp_path: Path) -> None:
    cache = DownloadCache(tmp_path)
    staged = cache.new_staging_folder()
    cache.fetch(MANIFEST, "deep/a", Download(b"1"))
    (tmp_path / "partial" / "half").write_bytes(b"1")
    cache.remove_stale(60, time.time())
    assert staged.is_dir()
    cache.remove_stale(60, time.time() + 61)
    assert not staged.exists()
    assert list((tmp_path / "partial").iterdir()) == []
    assert cache.absent(MANIFEST, ["deep/a"], verify=True) == []


def folder(cache: DownloadCache, name: str) -> Manifest:
    """Put a folder of 1,000 bytes into the cache."""
    data = name.encode() * 1000
    manifest = Manifest(path=name, digest=name, files={"a": hashlib.sha256(data).hexdigest()})
    with cache.held(manifest):
        cache.fetch(manifest, "a", Download(data))
    return manifest


def kept(tmp_path: Path) -> set[str]:
    return {path.name for path in (tmp_path / "folders").iterdir()}


def test_a_limited_cache_keeps_what_was_wanted_last(tmp_path: Path) -> None:
    cache = DownloadCache(tmp_path, keep_bytes=2_500)
    for age, name in enumerate("abcd"):
        folder(cache, name)
        os.utime(tmp_path / "folders" / name, (1000 + age, 1000 + age))
    with cache.held(Manifest(path="a", digest="a", files={})):
        pass

    cache.make_room()

    assert kept(tmp_path) == {"a", "d"}


def test_what_is_open_is_kept_and_does_not_count(tmp_path: Path) -> None:
    cache = DownloadCache(tmp_path, keep_bytes=0)
    first, _ = folder(cache, "a"), folder(cache, "b")

    with cache.held(first), cache.held(first):
        cache.make_room()
        assert kept(tmp_path) == {"a"}
    cache.make_room()

    assert kept(tmp_path) == set()


def test_an_unlimited_cache_keeps_everything(tmp_path: Path) -> None:
    cache = DownloadCache(tmp_path)
    folder(cache, "a")
    cache.make_room()
    assert kept(tmp_path) == {"a"}
