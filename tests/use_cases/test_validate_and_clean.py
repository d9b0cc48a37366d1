import json
from pathlib import Path
from typing import Any

import pytest

from endcap.adapters.folder_lake import FolderLake
from endcap.adapters.raw_logs import OpenRawLogs
from endcap.config import RunConfig
from endcap.errors import ConfigError, DatasetError, NotFoundError, TooManyBadRowsError
from endcap.use_cases.check_log import check_log
from endcap.use_cases.data_report import place_of
from endcap.use_cases.runs import open_run
from endcap.use_cases.validate_and_clean import as_of_ms, validate_and_clean
from tests.use_cases.small_run import NOW_MS, log_rows, write_log


def clean(lake: FolderLake, raw: Path, run_id: str = "r1", **request: str) -> dict[str, Any]:
    asked = {"run_id": run_id, "raw": str(raw), **request}
    return validate_and_clean(asked, lake, OpenRawLogs(), now_ms=NOW_MS)


def bad_log(folder: Path, bad: int = 60) -> Path:
    rows = log_rows()[:40]
    return write_log(folder, [*rows, *(f"someday,1,view,{n}," for n in range(bad))])


def test_a_log_is_cleaned_once(lake: FolderLake, raw_log: Path) -> None:
    first, again = clean(lake, raw_log), clean(lake, raw_log, "r2")

    assert (first["events"], first["reused"]) == (len(log_rows()), False)
    assert first["folds"] == ["ranking", "calibration", "test", "serving"]
    assert again == {**first, "reused": True}


def test_a_log_is_cleaned_anew_when_a_byte_of_it_changed(lake: FolderLake, tmp_path: Path) -> None:
    raw = write_log(tmp_path / "raw", log_rows())
    clean(lake, raw)
    with (raw / "events.csv").open("a") as file:
        file.write(log_rows()[-1].replace(",view,", ",addtocart,") + "\n")

    assert not clean(lake, raw)["reused"]


def test_a_refused_log_is_kept_with_its_report_and_the_message_ends_with_where(
    lake: FolderLake, tmp_path: Path
) -> None:
    raw = bad_log(tmp_path / "raw")

    with pytest.raises(TooManyBadRowsError, match="60 of 100 rows") as caught:
        clean(lake, raw)

    page = Path(str(caught.value).rsplit(": ", 1)[1])
    assert page == Path(lake.uri, "runs", "r1", "refused", "report.html")
    assert page.is_file()
    assert json.loads(page.with_name("report.json").read_text())["stopped"] is not None
    assert (page.parent / "quarantine" / "part-0.parquet").is_file()
    assert lake.list_folders("steps") == []


def test_each_refusal_of_a_run_of_one_name_is_kept_apart(lake: FolderLake, tmp_path: Path) -> None:
    for folder, bad in (("raw1", 60), ("raw2", 70)):
        with pytest.raises(TooManyBadRowsError) as caught:
            clean(lake, bad_log(tmp_path / folder, bad))

    page = Path(str(caught.value).rsplit(": ", 1)[1])
    assert page.parent.name == "refused-2"
    assert "70 of 110 rows" in json.loads(page.with_name("report.json").read_text())["stopped"]


def test_a_log_that_was_mended_is_cleaned_by_a_run_of_the_same_name(
    lake: FolderLake, tmp_path: Path, raw_log: Path
) -> None:
    with pytest.raises(TooManyBadRowsError):
        clean(lake, bad_log(tmp_path / "raw"))

    assert clean(lake, raw_log)["events"] == len(log_rows())
    assert open_run("r1", lake).raw == str(raw_log)


def test_a_log_that_is_not_there_is_named(lake: FolderLake, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"no folder .*none: --raw names"):
        clean(lake, tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match=r"has no events\.csv"):
        clean(lake, tmp_path / "empty")


def test_a_mapping_is_checked_before_the_log_is_read(lake: FolderLake, tmp_path: Path) -> None:
    lake.write("settings/m.json", b'{"name": "ours"}')

    with pytest.raises(ConfigError, match="mapping: events: Field required"):
        clean(lake, tmp_path / "none", mapping="settings/m.json")


def test_the_as_of_time_is_in_epoch_milliseconds() -> None:
    config = RunConfig.model_validate({"split": {"as_of": "2015-05-02T12:00:00.250Z"}})

    assert as_of_ms(config) == 1_430_568_000_250
    assert as_of_ms(RunConfig()) is None


@pytest.mark.parametrize("keep", [True, False])
def test_a_check_reports_and_keeps_nothing_but_the_report(
    tmp_path: Path, raw_log: Path, keep: bool
) -> None:
    kept = tmp_path / "kept" / "here" if keep else None

    result = check_log(
        raw_log,
        tmp_path / "scratch",
        mapping=None,
        config=RunConfig(),
        now_ms=NOW_MS,
        keep=kept,
    )

    assert result.refusal is None
    assert result.report["facts"]["events"] == len(log_rows())
    if kept is not None:
        assert sorted(file.name for file in kept.iterdir()) == ["report.html", "report.json"]
        assert json.loads((kept / "report.json").read_text()) == result.report


def test_a_check_tells_why_a_run_would_refuse_the_log(tmp_path: Path) -> None:
    result = check_log(
        bad_log(tmp_path / "raw"),
        tmp_path / "scratch",
        mapping=None,
        config=RunConfig(),
        now_ms=NOW_MS,
        keep=None,
    )

    assert isinstance(result.refusal, TooManyBadRowsError)
    assert result.report["stopped"] == str(result.refusal)
    assert result.report["facts"] == {}


def test_a_check_needs_a_folder(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"no folder .*none: --raw names"):
        check_log(
            tmp_path / "none",
            tmp_path / "scratch",
            mapping=None,
            config=RunConfig(),
            now_ms=NOW_MS,
            keep=None,
        )


class FarLake(FolderLake):
    """A lake that is not on this machine."""

    @property
    def uri(self) -> str:
        return "s3://shop/lake"


def test_a_place_in_a_bucket_is_told_as_a_path_of_the_lake(tmp_path: Path) -> None:
    near, far = FolderLake(tmp_path), FarLake(tmp_path)

    assert place_of("steps/clean/1", "report.html", near) == f"{tmp_path}/steps/clean/1/report.html"
    assert (
        place_of("steps/clean/1", "report.html", far)
        == "steps/clean/1/report.html in the lake s3://shop/lake"
    )
