import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from endcap.adapters.folder_lake import FolderLake
from endcap.errors import CorruptArtifactError, LakeError, TransientLakeError
from endcap.ports import Lake
from tests.adapters.lake_contract import (
    FILES,
    LakeContract,
    StoredFile,
    commit,
    contents,
    write_files,
)

OTHER_FILE_SYSTEM = Path("/dev/shm")  # noqa: S108
KILLED_WRITER = Path(__file__).with_name("killed_writer.py")


class FileOnDisk(StoredFile):
    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> bytes:
        return self._path.read_bytes()

    def replace(self, data: bytes) -> None:
        self._path.write_bytes(data)

    def delete(self) -> None:
        self._path.unlink()


class TestFolderLakeContract(LakeContract):
    @pytest.fixture
    def lake(self, tmp_path: Path) -> Lake:
        return FolderLake(tmp_path / "lake")

    def stored_file(self, lake: Lake, path: str, name: str) -> StoredFile:
        return FileOnDisk(Path(lake.uri) / path / name)

    def leftovers(self, lake: Lake) -> list[str]:
        staging = Path(lake.uri) / ".staging"
        return sorted(entry.name for entry in staging.iterdir()) if staging.exists() else []


@pytest.fixture
def lake(tmp_path: Path) -> FolderLake:
    return FolderLake(tmp_path / "lake")


def test_reading_creates_nothing(lake: FolderLake) -> None:
    lake.list_folders("")
    lake.list_objects("")
    assert lake.manifest("x") is None
    assert lake.read("x") is None
    assert lake.remove_stale_staging(0, time.time()) == []
    assert not Path(lake.uri).exists()


def test_the_uri_is_the_absolute_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert FolderLake(Path("lake")).uri == str(tmp_path / "lake")


def test_the_location_is_the_folder_itself(lake: FolderLake) -> None:
    commit(lake, "x", FILES)
    assert (Path(lake.location("x")) / "a.txt").read_bytes() == FILES["a.txt"]


@pytest.mark.skipif(not OTHER_FILE_SYSTEM.is_dir(), reason="needs a second file system")
def test_lake_and_built_folder_may_lie_on_different_file_systems(tmp_path: Path) -> None:
    with TemporaryDirectory(dir=OTHER_FILE_SYSTEM) as there:
        if Path(there).stat().st_dev == tmp_path.stat().st_dev:
            pytest.skip("needs a second file system")
        lake = FolderLake(Path(there) / "lake")
        write_files(tmp_path / "built", FILES)
        lake.commit("x", tmp_path / "built", facts={})
        commit(lake, "y", FILES)
        lake.write("z", b"1")
        for path in ("x", "y"):
            with lake.open(path, verify=True) as folder:
                assert contents(folder) == FILES


def test_an_open_folder_is_copied_when_committed_again(lake: FolderLake) -> None:
    commit(lake, "x", {"sub/a": b"1"})
    with lake.open("x") as folder:
        lake.commit("y", folder / "sub", facts={})
    with lake.open("x", verify=True) as folder:
        assert contents(folder) == {"sub/a": b"1"}


def test_a_file_added_to_a_committed_folder_is_found(lake: FolderLake) -> None:
    commit(lake, "x", FILES)
    (Path(lake.uri) / "x" / "deep" / "extra.parquet").write_bytes(b"")
    with pytest.raises(CorruptArtifactError, match=r"extra\.parquet"):
        lake.open("x", verify=True).__enter__()


def test_bytes_and_names_reach_the_disk_before_the_commit(
    lake: FolderLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []
    real_fsync, real_rename = os.fsync, Path.rename

    def fsync(handle: int) -> None:
        steps.append(Path(f"/proc/self/fd/{handle}").resolve().name)
        real_fsync(handle)

    def rename(self: Path, target: Path) -> Path:
        steps.append("renamed")
        return real_rename(self, target)

    with lake.staging() as staged:
        write_files(staged, {"deep/a": b"1", "b": b"2"})
        lake.write("runs/0", b"")  # makes the parent, so that it is not synced below
        monkeypatch.setattr(os, "fsync", fsync)
        monkeypatch.setattr(Path, "rename", rename)
        lake.commit("runs/1", staged, facts={})
    at = steps.index("renamed")
    assert sorted(steps[:at]) == sorted(["a", "deep", "b", "_manifest.json", staged.name])
    assert steps[at + 1 :] == ["runs"]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="counts calls as made on Linux")
def test_a_writer_killed_at_any_moment_leaves_all_or_nothing(tmp_path: Path) -> None:
    outcomes = set()
    for last_call in range(1, 200):
        root = tmp_path / str(last_call)
        lake = FolderLake(root)
        lake.write("champion.json", b"old" * 1000)
        command = [sys.executable, str(KILLED_WRITER), str(root), str(last_call)]
        killed = subprocess.run(command, check=False)
        champion = lake.read("champion.json")
        assert champion is not None
        assert champion.data in {b"old" * 1000, b"new" * 1000}
        committed = lake.manifest("steps/clean/1") is not None
        assert lake.list_folders("") == (["steps/clean/1"] if committed else [])
        outcomes.add((committed, champion.data[:3]))
        commit(lake, "steps/clean/1", {f"deep/{n}.bin": bytes([n]) * 1000 for n in range(3)})
        with lake.open("steps/clean/1", verify=True) as folder:
            assert len(contents(folder)) == 3
        lake.remove_stale_staging(60, time.time() + 61)
        assert list((root / ".staging").iterdir()) == []
        assert lake.list_objects("") == ["champion.json"]
        if killed.returncode == 0:
            break
        assert killed.returncode == -signal.SIGKILL
    else:
        pytest.fail("the writer never came to its end")
    assert outcomes == {(False, b"old"), (True, b"old"), (True, b"new")}


def test_only_stale_staging_is_removed(lake: FolderLake) -> None:
    with lake.staging() as old, lake.staging() as busy, lake.staging() as new:
        write_files(busy, {"deep/fresh": b"1"})
        for folder in (old, busy, busy / "deep"):
            os.utime(folder, (1000, 1000))
        os.utime(busy / "deep" / "fresh", (1900, 1900))
        os.utime(new, (1950, 1950))
        assert lake.remove_stale_staging(500, now=2000) == [old.name]
        assert busy.is_dir()
        assert new.is_dir()


def test_an_operating_system_error_is_translated(lake: FolderLake) -> None:
    Path(lake.uri).write_bytes(b"a file where the lake should be")
    assert lake.list_folders("") == []
    with pytest.raises(LakeError, match="cannot write x"):
        lake.write("x", b"1")
    with pytest.raises(LakeError, match="staging"):
        lake.staging().__enter__()


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (errno.ENOSPC, LakeError),
        (errno.EACCES, LakeError),
        (errno.EIO, LakeError),
        (errno.ESTALE, TransientLakeError),
        (errno.ETIMEDOUT, TransientLakeError),
    ],
)
def test_a_failing_disk_leaves_nothing_behind(
    lake: FolderLake, monkeypatch: pytest.MonkeyPatch, code: int, kind: type[LakeError]
) -> None:
    def fail(_: int) -> None:
        raise OSError(code, os.strerror(code))

    with lake.staging() as staged:
        write_files(staged, FILES)
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", fail)
            with pytest.raises(kind) as caught:
                lake.commit("x", staged, facts={})
        assert type(caught.value) is kind
        assert os.strerror(code) in str(caught.value)
        assert lake.manifest("x") is None
        lake.commit("x", staged, facts={})
    with lake.open("x", verify=True) as folder:
        assert contents(folder) == FILES


def test_importing_it_loads_no_heavy_library() -> None:
    code = (
        "import sys, endcap.adapters.folder_lake, endcap.adapters.opening, endcap.bootstrap;"
        "print([name for name in ('boto3', 'botocore', 'awswrangler', 'pandas', 'numpy',"
        " 'pyarrow', 'pydantic') if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
