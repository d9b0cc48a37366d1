from pathlib import Path

import pytest

from infra_local.scratch import scratch_folder


def test_the_folder_is_empty_and_goes_in_the_end(tmp_path: Path) -> None:
    with scratch_folder(tmp_path) as folder:
        assert list(folder.iterdir()) == []
        (folder / "file").touch()

    assert list(tmp_path.iterdir()) == []


def test_the_folder_goes_when_the_work_fails(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="stop"), scratch_folder(tmp_path):
        raise ValueError("stop")

    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_execution_left_is_swept_and_what_is_in_use_stays(tmp_path: Path) -> None:
    left = tmp_path / "endcap-run-left"
    left.mkdir()
    (left / "lock").touch()

    with scratch_folder(tmp_path) as first, scratch_folder(tmp_path) as second:
        assert first.exists()
        assert second.exists()
        assert not left.exists()


def test_folders_of_others_stay(tmp_path: Path) -> None:
    (tmp_path / "endcap-run-young").mkdir()
    (tmp_path / "other").mkdir()

    with scratch_folder(tmp_path):
        assert (tmp_path / "endcap-run-young").exists()
        assert (tmp_path / "other").exists()
