from pathlib import Path

import pytest

from endcap.adapters.folder_lake import FolderLake
from endcap.errors import NotFoundError, UserInputError
from endcap.use_cases.champions import read_champion
from endcap.use_cases.lake_layout import model_path, run_path
from endcap.use_cases.read_models import read_models
from endcap.use_cases.release_models import promote_version, roll_back_to
from tests.serving.small_shop import N_ITEMS
from tests.use_cases.foreign_model import file_small_shop

NOW_MS = 1_700_000_000_000


def file_model(lake: FolderLake, scratch: Path, name: str) -> str:
    (scratch / name).mkdir()
    ids = [f"{name}-{item}" for item in range(N_ITEMS)]
    return file_small_shop(lake, scratch / name, item_ids=ids, cut_ms=NOW_MS)


def champion(lake: FolderLake) -> str | None:
    record, _ = read_champion(lake)
    return None if record is None else record.version


def test_any_model_of_the_lake_can_be_promoted(lake: FolderLake, tmp_path: Path) -> None:
    version = file_model(lake, tmp_path, "a")
    record = promote_version(lake, version, reason="by hand", now_ms=NOW_MS)
    assert champion(lake) == version
    assert (record.reasons, record.promoted_at_ms) == (("by hand",), NOW_MS)


def test_a_promoted_model_names_the_run_that_made_it(trained: FolderLake) -> None:
    version = read_models(trained)[0]["version"]
    assert promote_version(trained, version, reason="", now_ms=NOW_MS).run_id == "first"


@pytest.mark.parametrize("damaged", [b"{", b"[]", b'{"facts": null}'])
def test_the_marker_of_another_run_that_cannot_be_read_is_passed_over(
    trained: FolderLake, damaged: bytes
) -> None:
    version = read_models(trained)[0]["version"]
    trained.write(run_path("later", "steps/model.json"), damaged)
    assert promote_version(trained, version, reason="", now_ms=NOW_MS).run_id == "first"


def test_promoting_the_champion_changes_nothing(lake: FolderLake, tmp_path: Path) -> None:
    version = file_model(lake, tmp_path, "a")
    promote_version(lake, version, reason="once", now_ms=NOW_MS)
    _, tag = read_champion(lake)
    promote_version(lake, version, reason="twice", now_ms=NOW_MS + 1)
    assert read_champion(lake)[1] == tag


def test_an_unknown_model_cannot_be_promoted(lake: FolderLake) -> None:
    with pytest.raises(NotFoundError, match="no model 'nope'"):
        promote_version(lake, "nope", reason="", now_ms=NOW_MS)


def test_rolling_back_serves_the_one_before_and_forth_again(
    lake: FolderLake, tmp_path: Path
) -> None:
    first, second = file_model(lake, tmp_path, "a"), file_model(lake, tmp_path, "b")
    promote_version(lake, first, reason="", now_ms=NOW_MS)
    promote_version(lake, second, reason="", now_ms=NOW_MS)
    assert roll_back_to(lake, None, reason="worse", now_ms=NOW_MS).version == first
    assert roll_back_to(lake, second, reason="no, better", now_ms=NOW_MS).version == second
    assert champion(lake) == second


class ForgetfulLake(FolderLake):
    """Notes what was retired; and what, at the flip, still was."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.retired: set[str] = set()
        self.served_while_retired: list[str] = []

    def set_retired(self, path: str, *, retired: bool) -> None:
        super().set_retired(path, retired=retired)
        self.retired = self.retired | {path} if retired else self.retired - {path}

    def write(self, path: str, data: bytes, *, expected: str | None = None) -> str:
        tag = super().write(path, data, expected=expected)
        record, _ = read_champion(self)
        if record is not None and record.path in self.retired:
            self.served_while_retired.append(record.path)
        return tag


def test_all_models_but_the_champion_and_the_one_before_are_retired(tmp_path: Path) -> None:
    lake = ForgetfulLake(tmp_path / "lake")
    a, b, c = (file_model(lake, tmp_path, name) for name in "abc")
    for version in (a, b, c):
        promote_version(lake, version, reason="", now_ms=NOW_MS)
    assert lake.retired == {model_path(a)}

    roll_back_to(lake, a, reason="both were worse", now_ms=NOW_MS)
    assert lake.retired == {model_path(b)}
    assert lake.served_while_retired == []


def test_the_first_champion_has_nothing_before_it(lake: FolderLake, tmp_path: Path) -> None:
    version = file_model(lake, tmp_path, "a")
    promote_version(lake, version, reason="", now_ms=NOW_MS)
    with pytest.raises(NotFoundError, match="the first champion"):
        roll_back_to(lake, None, reason="", now_ms=NOW_MS)
    with pytest.raises(UserInputError, match="is the champion already"):
        roll_back_to(lake, version, reason="", now_ms=NOW_MS)


def test_without_a_champion_there_is_nothing_to_roll_back(lake: FolderLake) -> None:
    with pytest.raises(NotFoundError, match="no champion to roll back from"):
        roll_back_to(lake, None, reason="", now_ms=NOW_MS)
