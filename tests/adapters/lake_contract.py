"""What every lake must do. A test class for an adapter inherits `LakeContract`."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from endcap.errors import (
    ConflictError,
    CorruptArtifactError,
    EndcapError,
    LakeError,
    NotFoundError,
)
from endcap.ports import ABSENT, Lake, Manifest

FILES = {"a.txt": b"alpha", "deep/er/b.bin": b"\x00beta", "empty": b""}
BAD_PATHS = (
    "",
    "/etc/passwd",
    "..",
    "../outside",
    "a/../../outside",
    "a/./b",
    "a//b",
    "a/",
    ".staging/x",
    "a\\b",
    "a\x00b",
    "a\nb",
    "a/_manifest.json",
)


class LakeContract(ABC):
    @pytest.fixture
    @abstractmethod
    def lake(self, tmp_path: Path) -> Lake:
        """Return an empty lake."""

    @abstractmethod
    def stored_file(self, lake: Lake, path: str, name: str) -> "StoredFile":
        """Return one file of a committed folder, where it is stored."""

    @abstractmethod
    def leftovers(self, lake: Lake) -> list[str]:
        """Return what lies in the lake, or beside it, that no reader can see."""

    # Committed folders

    def test_a_committed_folder_opens_with_the_same_files(self, lake: Lake) -> None:
        commit(lake, "steps/clean/1", FILES, facts={"rows": 3})
        with lake.open("steps/clean/1", verify=True) as folder:
            assert contents(folder) == FILES

    def test_a_manifest_names_every_file_and_keeps_the_facts(self, lake: Lake) -> None:
        written = commit(lake, "steps/clean/1", FILES, facts={"rows": 3, "kinds": ["x", None]})
        assert written == lake.manifest("steps/clean/1")
        assert written.path == "steps/clean/1"
        assert list(written.files) == ["a.txt", "deep/er/b.bin", "empty"]
        assert written.facts == {"rows": 3, "kinds": ["x", None]}

    def test_a_folder_lies_inside_the_lake_where_its_location_says(self, lake: Lake) -> None:
        commit(lake, "steps/clean/1", FILES)
        assert lake.location("steps/clean/1").startswith(f"{lake.uri}/")
        assert not lake.location("steps/clean/1").endswith("/")
        with pytest.raises(NotFoundError, match="steps/clean/2"):
            lake.location("steps/clean/2")

    def test_a_folder_is_retired_and_wanted_again_and_reads_the_same(self, lake: Lake) -> None:
        commit(lake, "models/1", FILES)
        for retired in (True, True, False, False):
            lake.set_retired("models/1", retired=retired)
            with lake.open("models/1", verify=True) as folder:
                assert contents(folder) == FILES
        with pytest.raises(NotFoundError, match="models/2"):
            lake.set_retired("models/2", retired=True)

    def test_a_manifest_that_does_not_exist_is_none(self, lake: Lake) -> None:
        assert lake.manifest("steps/clean/1") is None

    def test_the_digest_depends_on_names_and_bytes_only(self, lake: Lake) -> None:
        first = commit(lake, "x", FILES, facts={"run": 1})
        same = commit(lake, "y/z", dict(reversed(FILES.items())), facts={"run": 2})
        renamed = commit(lake, "renamed", {**FILES, "c": b""})
        changed = commit(lake, "changed", {**FILES, "empty": b"1"})
        assert first.digest == same.digest
        assert len({first.digest, renamed.digest, changed.digest}) == 3

    def test_an_empty_folder_can_be_committed(self, lake: Lake) -> None:
        assert commit(lake, "empty", {}).files == {}
        with lake.open("empty", verify=True) as folder:
            assert contents(folder) == {}
        assert lake.list_folders("") == ["empty"]

    def test_empty_sub_folders_are_not_kept(self, lake: Lake) -> None:
        with lake.staging() as staged:
            (staged / "hollow" / "more").mkdir(parents=True)
            (staged / "file").write_bytes(b"1")
            lake.commit("x", staged, facts={})
        with lake.open("x") as folder:
            assert [path.name for path in folder.rglob("*") if path.name != "_manifest.json"] == [
                "file"
            ]

    def test_a_large_file_survives(self, lake: Lake) -> None:
        block = bytes(range(256)) * 4096
        data = block * 20  # 20 MiB: past the size at which uploads go in parts
        commit(lake, "large", {"big.bin": data})
        with lake.open("large", verify=True) as folder:
            assert (folder / "big.bin").read_bytes() == data

    def test_committing_a_path_again_changes_nothing(self, lake: Lake) -> None:
        first = commit(lake, "x", FILES, facts={"run": 1})
        second = commit(lake, "x", {"other": b"other"}, facts={"run": 2})
        assert second == first
        with lake.open("x", verify=True) as folder:
            assert contents(folder) == FILES
        assert self.leftovers(lake) == []

    def test_of_concurrent_committers_one_wins_and_all_learn_which(self, lake: Lake) -> None:
        together = threading.Barrier(4)

        def attempt(number: int) -> Manifest:
            with lake.staging() as staged:
                write_files(staged, {f"{number}-{part}": bytes([number]) for part in range(5)})
                together.wait()
                return lake.commit("x", staged, facts={"writer": number})

        with ThreadPoolExecutor(4) as pool:
            manifests = list(pool.map(attempt, range(4)))
        winner = manifests[0].facts["writer"]
        assert all(manifest == manifests[0] for manifest in manifests)
        with lake.open("x", verify=True) as folder:
            assert contents(folder) == {f"{winner}-{part}": bytes([winner]) for part in range(5)}
        assert self.leftovers(lake) == []

    def test_a_reader_beside_a_writer_sees_whole_folders_only(self, lake: Lake) -> None:
        done = threading.Event()

        def read_all() -> int:
            seen = 0
            while not done.is_set():
                for path in lake.list_folders("runs"):
                    with lake.open(path, verify=True) as folder:
                        assert contents(folder) == FILES
                    seen += 1
            return seen

        with ThreadPoolExecutor(1) as pool:
            reader = pool.submit(read_all)
            try:
                for number in range(10):
                    commit(lake, f"runs/{number}", FILES)
            finally:
                done.set()
            reader.result()
        assert len(lake.list_folders("runs")) == 10

    def test_a_folder_built_elsewhere_is_committed_and_left_in_place(
        self, lake: Lake, tmp_path: Path
    ) -> None:
        elsewhere = tmp_path / "elsewhere"
        write_files(elsewhere, FILES)
        lake.commit("x", elsewhere, facts={})
        assert contents(elsewhere) == FILES
        assert self.leftovers(lake) == []

    def test_a_refused_commit_leaves_nothing_and_can_be_mended(self, lake: Lake) -> None:
        with lake.staging() as staged:
            write_files(staged, FILES)
            with pytest.raises(LakeError, match="plain JSON"):
                lake.commit("x", staged, facts={"when": object()})
            with pytest.raises(LakeError, match="plain JSON"):
                lake.commit("x", staged, facts={"share": float("nan")})
            assert lake.manifest("x") is None
            assert lake.commit("x", staged, facts={}).files.keys() == FILES.keys()
        assert self.leftovers(lake) == []

    @pytest.mark.parametrize("make", ["link", "linked folder", "reserved name", "missing"])
    def test_what_a_lake_cannot_keep_is_refused(
        self, lake: Lake, make: str, tmp_path: Path
    ) -> None:
        staged = tmp_path / "staged"
        if make != "missing":
            write_files(staged, {"file": b"1"})
        if make == "link":
            (staged / "link").symlink_to(staged / "file")
        if make == "linked folder":
            (staged / "link").symlink_to(tmp_path)
        if make == "reserved name":
            (staged / "_manifest.json").write_bytes(b"{}")
        with pytest.raises(LakeError, match=r"committed|rename it"):
            lake.commit("x", staged, facts={})
        assert lake.list_folders("") == []
        assert self.leftovers(lake) == []

    def test_a_committed_folder_cannot_be_added_to(self, lake: Lake) -> None:
        commit(lake, "x", FILES)
        with pytest.raises(LakeError, match="inside 'x'"):
            commit(lake, "x/deep/new", FILES)
        with pytest.raises(LakeError, match="'x', which is committed for good"):
            lake.write("x/deep/new", b"1")
        with pytest.raises(LakeError, match="committed"):
            lake.write("x", b"1")
        with lake.open("x", verify=True) as folder:
            assert contents(folder) == FILES

    def test_a_folder_does_not_swallow_what_lies_below_its_path(self, lake: Lake) -> None:
        commit(lake, "x/y", FILES)
        lake.write("z/object", b"1")
        for taken in ("x", "z", "z/object"):
            with pytest.raises(LakeError):
                commit(lake, taken, FILES)
        assert lake.list_folders("") == ["x/y"]
        assert lake.list_objects("") == ["z/object"]
        assert self.leftovers(lake) == []

    # Opening

    def test_opening_a_missing_folder_says_how_to_mend_it(self, lake: Lake) -> None:
        with pytest.raises(NotFoundError, match=r"no folder 'models/1'.*endcap run"):
            lake.open("models/1").__enter__()

    def test_only_limits_to_prefixes(self, lake: Lake) -> None:
        commit(lake, "x", FILES)
        with lake.open("x", only=["deep/", "em"], verify=True) as folder:
            found = contents(folder)
        assert found["deep/er/b.bin"] == b"\x00beta"
        assert found["empty"] == b""
        with lake.open("x", only=[]):
            pass

    @pytest.mark.parametrize("name", ["a.txt", "deep/er/b.bin"])
    def test_verify_finds_one_flipped_bit_and_names_the_file(self, lake: Lake, name: str) -> None:
        commit(lake, "x", FILES)
        stored = self.stored_file(lake, "x", name)
        data = bytearray(stored.read())
        data[-1] ^= 1
        stored.replace(bytes(data))
        with pytest.raises(CorruptArtifactError, match=name):
            lake.open("x", verify=True).__enter__()

    def test_verify_finds_a_missing_file_and_names_it(self, lake: Lake) -> None:
        commit(lake, "x", FILES)
        self.stored_file(lake, "x", "a.txt").delete()
        with pytest.raises(CorruptArtifactError, match=r"a\.txt"):
            lake.open("x", verify=True).__enter__()

    def test_a_flipped_bit_of_a_manifest_is_found(self, lake: Lake) -> None:
        commit(lake, "x", {"a": b"1"}, facts={"rows": 3})
        stored = self.stored_file(lake, "x", "_manifest.json")
        whole = stored.read()
        for position in range(0, len(whole), 50):
            stored.replace(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
            with pytest.raises(CorruptArtifactError, match=r"manifest|json"):
                lake.manifest("x")
        stored.replace(whole[: len(whole) // 2])
        with pytest.raises(CorruptArtifactError):
            lake.open("x").__enter__()
        stored.replace(whole)
        assert lake.manifest("x") is not None

    # Staging

    def test_staging_is_empty_writable_and_new_each_time(self, lake: Lake) -> None:
        with lake.staging() as one, lake.staging() as other:
            assert one != other
            assert contents(one) == {}
            (one / "file").write_bytes(b"1")

    def test_staging_is_deleted_on_leaving_also_by_an_exception(self, lake: Lake) -> None:
        def fail() -> None:
            with lake.staging() as staged:
                write_files(staged, FILES)
                kept.append(staged)
                raise KeyError("the caller's own")

        kept: list[Path] = []
        with pytest.raises(KeyError, match="the caller's own"):
            fail()
        assert not kept[0].exists()
        assert self.leftovers(lake) == []

    # Small objects

    def test_a_small_object_is_read_back_with_its_tag(self, lake: Lake) -> None:
        assert lake.read("champion.json") is None
        tag = lake.write("champion.json", b"{}")
        found = lake.read("champion.json")
        assert found is not None
        assert (found.data, found.tag) == (b"{}", tag)

    def test_an_unconditional_write_overwrites(self, lake: Lake) -> None:
        first = lake.write("a/b", b"1")
        second = lake.write("a/b", b"")
        assert first != second
        found = lake.read("a/b")
        assert found is not None
        assert found.data == b""

    def test_a_reader_beside_a_writer_sees_whole_objects_only(self, lake: Lake) -> None:
        sizes = {300_000 + number: bytes([number]) for number in range(30)}
        lake.write("object", b"\x00" * 300_000)
        done = threading.Event()

        def read_all() -> None:
            while not done.is_set():
                found = lake.read("object")
                assert found is not None
                assert found.data == sizes[len(found.data)] * len(found.data)

        with ThreadPoolExecutor(1) as pool:
            reader = pool.submit(read_all)
            try:
                for size, byte in sizes.items():
                    lake.write("object", byte * size)
            finally:
                done.set()
            reader.result()

    def test_a_write_that_expects_absence_succeeds_once(self, lake: Lake) -> None:
        lake.write("a", b"1", expected=ABSENT)
        with pytest.raises(ConflictError, match="a"):
            lake.write("a", b"2", expected=ABSENT)
        found = lake.read("a")
        assert found is not None
        assert found.data == b"1"

    def test_a_write_that_expects_a_tag_needs_that_tag(self, lake: Lake) -> None:
        first = lake.write("a", b"1")
        second = lake.write("a", b"2", expected=first)
        for wrong in (first, "no tag at all"):
            with pytest.raises(ConflictError):
                lake.write("a", b"3", expected=wrong)
        found = lake.read("a")
        assert found is not None
        assert (found.data, found.tag) == (b"2", second)

    def test_a_write_that_expects_a_tag_needs_an_object(self, lake: Lake) -> None:
        tag = lake.write("a", b"1")
        with pytest.raises(ConflictError):
            lake.write("b", b"2", expected=tag)
        assert lake.read("b") is None

    @pytest.mark.parametrize("start", [None, b"old"])
    def test_of_eight_racing_writers_exactly_one_wins(
        self, lake: Lake, start: bytes | None
    ) -> None:
        expected = ABSENT if start is None else lake.write("champion.json", start)
        outcomes = race(8, lambda _: lake.write("champion.json", b"new", expected=expected))
        conflicts = [outcome for outcome in outcomes if isinstance(outcome, ConflictError)]
        winners = [outcome for outcome in outcomes if isinstance(outcome, str)]
        assert (len(winners), len(conflicts)) == (1, 7)
        found = lake.read("champion.json")
        assert found is not None
        assert found.tag == winners[0]

    def test_counting_by_conditional_writes_loses_no_step(self, lake: Lake) -> None:
        lake.write("count", b"0")

        def add_five(_: int) -> str:
            done = 0
            while done < 5:
                found = lake.read("count")
                assert found is not None
                try:
                    lake.write("count", b"%d" % (int(found.data) + 1), expected=found.tag)
                    done += 1
                except ConflictError:
                    continue
            return ""

        assert race(4, add_five) == [""] * 4
        found = lake.read("count")
        assert found is not None
        assert found.data == b"20"  # 4 writers * 5 steps

    def test_a_folder_is_no_object(self, lake: Lake) -> None:
        commit(lake, "x/y", FILES)
        assert lake.read("x") is None
        assert lake.read("x/y") is None
        assert lake.read("x/y/z/w") is None

    # Listing

    def test_listing_an_empty_lake_is_empty(self, lake: Lake) -> None:
        assert lake.list_folders("") == []
        assert lake.list_objects("") == []
        assert lake.list_folders("no/such") == []
        assert lake.list_objects("no/such/") == []

    def test_folders_and_objects_below_a_prefix_are_listed_sorted(self, lake: Lake) -> None:
        for path in ("runs/2/clean", "runs/10/clean", "runs-old/1", "models/1"):
            commit(lake, path, FILES)
        for path in ("runs/2/report.json", "runs/2/steps/b.json", "champion.json"):
            lake.write(path, b"{}")
        assert lake.list_folders("runs") == ["runs/10/clean", "runs/2/clean"]
        assert lake.list_folders("runs/") == ["runs/10/clean", "runs/2/clean"]
        assert lake.list_folders("runs/2/clean") == []
        assert lake.list_folders("") == ["models/1", "runs-old/1", "runs/10/clean", "runs/2/clean"]
        assert lake.list_objects("runs/2") == ["runs/2/report.json", "runs/2/steps/b.json"]
        assert lake.list_objects("models/1") == []
        assert lake.list_objects("") == [
            "champion.json",
            "runs/2/report.json",
            "runs/2/steps/b.json",
        ]

    # Paths

    @pytest.mark.parametrize("path", BAD_PATHS)
    def test_a_path_that_may_leave_the_lake_is_refused(
        self, lake: Lake, path: str, tmp_path: Path
    ) -> None:
        write_files(tmp_path / "staged", FILES)
        calls: list[Callable[[], object]] = [
            lambda: lake.commit(path, tmp_path / "staged", facts={}),
            lambda: lake.manifest(path),
            lambda: lake.open(path).__enter__(),
            lambda: lake.read(path),
            lambda: lake.write(path, b"1"),
        ]
        if path not in {"", "a/"}:  # both are fine as prefixes
            calls += [lambda: lake.list_folders(path), lambda: lake.list_objects(path)]
        for call in calls:
            with pytest.raises(LakeError, match="is refused"):
                call()

    # Tables

    def test_tables_need_parquet_files_in_their_sub_folder(self, lake: Lake) -> None:
        with lake.staging() as staged:
            write_table(staged / "events/event_date=2015-05-01/part-0.parquet")
            for folder in ("event", "items", "events/event_date=2015-05-02"):
                with pytest.raises(LakeError, match="no Parquet file"):
                    lake.commit("x", staged, facts={}, tables={"events": folder})
            lake.commit("x", staged, facts={}, tables={"events": "events"})
        with lake.open("x") as opened:
            found = pq.read_table(opened / "events")
        assert found.column_names == ["item_code", "event_date"]


class StoredFile(ABC):
    """One file where a lake keeps it."""

    @abstractmethod
    def read(self) -> bytes: ...

    @abstractmethod
    def replace(self, data: bytes) -> None: ...

    @abstractmethod
    def delete(self) -> None: ...


def commit(
    lake: Lake, path: str, files: dict[str, bytes], *, facts: dict[str, object] | None = None
) -> Manifest:
    with lake.staging() as staged:
        write_files(staged, files)
        return lake.commit(path, staged, facts=facts or {})


def write_files(folder: Path, files: dict[str, bytes]) -> None:
    folder.mkdir(exist_ok=True)
    for name, data in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def write_table(file: Path, rows: int = 3) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"item_code": pa.array(range(rows), pa.int32())}), file)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != "_manifest.json"
    }


def race(threads: int, act: Callable[[int], str]) -> list[str | EndcapError]:
    """Let every thread act at the same moment, and return what each got."""
    together = threading.Barrier(threads)

    def run(number: int) -> str | EndcapError:
        together.wait()
        try:
            return act(number)
        except EndcapError as exc:
            return exc

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(run, range(threads)))
