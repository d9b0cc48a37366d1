import os
import stat
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from threading import Barrier

import pytest

from endcap.adapters.sqlite_history import SqliteHistory
from endcap.errors import HistoryUnavailableError
from endcap.ports import HistoryStore
from tests.adapters.history_contract import ANN, HistoryContract, event


class TestSqliteHistory(HistoryContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[HistoryStore]:
        store = SqliteHistory(tmp_path / "new" / "history.sqlite")
        yield store
        store.close()


def test_another_store_on_the_same_file_knows_the_same(tmp_path: Path) -> None:
    first = SqliteHistory(tmp_path / "h")
    first.add([event("a")])
    second = SqliteHistory(tmp_path / "h")
    assert second.read(ANN, limit=1) == [event("a")]
    first.close()
    second.close()


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    store = SqliteHistory(tmp_path / "h")
    store.add([event("a")])
    assert stat.S_IMODE((tmp_path / "h").stat().st_mode) == 0o600
    store.close()


def _add(path: Path, process: int) -> None:
    store = SqliteHistory(path, busy_seconds=30)
    for n in range(50):
        store.add([event(f"{process}-{n}")])
    store.close()


def test_several_processes_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "h"
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        list(pool.map(_add, [path] * 2, range(2)))
    store = SqliteHistory(path)
    assert len(store.read(ANN, limit=1_000)) == 100
    store.close()


def test_two_may_open_a_new_file_at_once(tmp_path: Path) -> None:
    together = Barrier(2)

    def add(store: SqliteHistory, name: str) -> None:
        together.wait()
        store.add([event(name)])

    with ThreadPoolExecutor(2) as pool:
        for n in range(60):  # SQLite used to refuse one of two in one file of fifteen
            store = SqliteHistory(tmp_path / f"{n}")
            list(pool.map(add, [store] * 2, "ab"))
            assert len(store.read(ANN, limit=9)) == 2
            store.close()


def test_another_may_make_the_file_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quicker, slower = (SqliteHistory(tmp_path / "h") for _ in range(2))
    link = os.link

    def link_too_late(source: Path, target: Path) -> None:
        monkeypatch.setattr(os, "link", link)
        quicker.add([event("a")])
        link(source, target)

    monkeypatch.setattr(os, "link", link_too_late)
    slower.add([event("b")])
    assert len(quicker.read(ANN, limit=9)) == 2
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    quicker.close()
    slower.close()


def test_a_file_that_is_no_database_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "h").write_bytes(b"not a database, and long enough to look like one" * 40)
    with pytest.raises(HistoryUnavailableError, match="the histories in h: "):
        SqliteHistory(tmp_path / "h").read(ANN, limit=1)


def test_a_folder_that_cannot_be_made_is_unavailable(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(HistoryUnavailableError):
        SqliteHistory(tmp_path / "file" / "h").add([event("a")])


def test_a_store_that_another_holds_is_unavailable_after_a_while(tmp_path: Path) -> None:
    holder = SqliteHistory(tmp_path / "h")
    holder.add([event("a")])
    waiter = SqliteHistory(tmp_path / "h", busy_seconds=0.01)
    with holder._connection() as connection:
        connection.execute("BEGIN IMMEDIATE")
        with pytest.raises(HistoryUnavailableError, match="locked"):
            waiter.add([event("b")])
        connection.rollback()
    waiter.add([event("b")])
    assert len(holder.read(ANN, limit=9)) == 2
    holder.close()
    waiter.close()
