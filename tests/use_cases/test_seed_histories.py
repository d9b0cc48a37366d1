from collections import Counter
from pathlib import Path

import pytest

from endcap import bootstrap
from endcap.adapters.folder_lake import FolderLake
from endcap.adapters.sqlite_history import SqliteHistory
from endcap.dataset.log import InteractionLog
from endcap.errors import NotFoundError
from endcap.registry.promotion import Champion
from endcap.use_cases.champions import write_champion
from endcap.use_cases.clean_log import read_log, read_user_ids
from endcap.use_cases.runs import open_run
from endcap.use_cases.seed_histories import seed_histories
from tests.use_cases.fakes import MemoryHistory

DAY_MS = 86_400_000
EVER_MS = 4_000_000_000_000
EVER_DAYS = 10_000
MOST = 1_000_000


@pytest.fixture
def shop(trained: FolderLake) -> FolderLake:
    """A lake whose champion was made by the run `first`."""
    cut_ms = int(logged(trained).time_ms.max()) + 1
    champion = Champion(
        version="v",
        path="models/v",
        cut_ms=cut_ms,
        run_id="first",
        promoted_at_ms=cut_ms,
        promoted_from=None,
        reasons=("test",),
    )
    write_champion(trained, champion, expected="")
    return trained


def logged(lake: FolderLake) -> InteractionLog:
    return read_log(open_run("first", lake), before_ms=EVER_MS)


def test_every_visitor_has_the_events_of_the_log(shop: FolderLake) -> None:
    history = MemoryHistory()
    told: list[int] = []
    n = seed_histories(shop, history, days=EVER_DAYS, on_progress=told.append)
    log = logged(shop)
    users = read_user_ids(open_run("first", shop), before_ms=EVER_MS)
    expected = Counter(users[code] for code in log.user.tolist())
    assert n == len(log.user) == told[-1]
    assert {user: len(history.read(user, limit=MOST)) for user in expected} == expected


def test_only_the_last_days_are_taken_and_taking_them_again_adds_nothing(
    shop: FolderLake,
) -> None:
    time_ms = logged(shop).time_ms
    since_ms = int(time_ms.max()) + 1 - 2 * DAY_MS
    history = MemoryHistory()
    for _ in range(2):
        assert seed_histories(shop, history, days=2) == int((time_ms >= since_ms).sum()) > 0
    users = read_user_ids(open_run("first", shop), before_ms=EVER_MS)
    kept = [event for user in users for event in history.read(user, limit=MOST)]
    assert len(kept) == int((time_ms >= since_ms).sum())
    assert min(event.time_ms for event in kept) >= since_ms


def test_a_file_is_filled_like_any_other_store(shop: FolderLake, tmp_path: Path) -> None:
    history = bootstrap.open_history(str(tmp_path / "history.sqlite"))
    assert seed_histories(shop, history, days=2) > 0
    user = read_user_ids(open_run("first", shop), before_ms=EVER_MS)[int(logged(shop).user[-1])]
    assert history.read(user, limit=1)
    assert isinstance(history, SqliteHistory)
    history.close()


def test_without_a_champion_there_is_no_log_to_take(lake: FolderLake) -> None:
    with pytest.raises(NotFoundError, match="no champion"):
        seed_histories(lake, MemoryHistory())
