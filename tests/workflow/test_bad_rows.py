"""Broken rows go to quarantine, each with its reason; too many of them end the run."""

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.workflow.built_once import built_once
from tests.workflow.command_line import list_models, run_endcap, succeed, train
from tests.workflow.marked_rows import EVENTS
from tests.workflow.step_files import step_folder

pytestmark = pytest.mark.slow

Mutilation = Callable[[list[bytes]], list[bytes]]


def put(place: int, text: bytes) -> Mutilation:
    return lambda fields: [*fields[:place], text, *fields[place + 1 :]]


MUTILATIONS: Mapping[str, Mutilation] = {
    "wrong_column_count": lambda fields: fields[:3],
    "bad_encoding": put(2, b"vi\xffew"),
    "bad_timestamp": put(0, b"yesterday"),
    "impossible_time": put(0, b"4102444800001"),
    "missing_user_id": put(1, b""),
    "bad_user_id": put(1, b"visitor-7"),
    "missing_item_id": put(3, b""),
    "bad_item_id": put(3, b"12.5kg"),
    "unknown_event_type": put(2, b"swipe"),
    "missing_transaction_id": lambda fields: [*fields[:2], b"transaction", fields[3], b""],
    "unexpected_transaction_id": lambda fields: [*fields[:2], b"view", fields[3], b"17"],
    "bad_transaction_id": lambda fields: [*fields[:2], b"transaction", fields[3], b"T-17"],
}
"""Reason -> what it takes to give a sound row that fault and no other."""


@dataclass(frozen=True)
class BrokenShop:
    """A raw log, and (row number, reason, row) of each of its broken rows."""

    raw: Path
    broken: list[tuple[int, str, bytes]]


@dataclass(frozen=True)
class GoodRun:
    shop: BrokenShop
    lake: Path


def sound_rows(shop: Path) -> tuple[bytes, list[bytes]]:
    """Return the header and the rows of the simulated log that the simulator left whole."""
    header, *rows = (shop / EVENTS).read_bytes().splitlines()
    named = [
        line.split(",") for line in (shop / "truth" / "malformed.csv").read_text().splitlines()
    ]
    broken = {int(number) for file, number, _ in named[1:] if file == EVENTS}
    return header, [row for number, row in enumerate(rows, start=1) if number not in broken]


def break_shop(shop: Path, to: Path, *, reasons: list[str], share: float) -> BrokenShop:
    """Copy a shop with broken rows among its sound ones, the reasons taking turns."""
    shutil.copytree(shop, to, ignore=shutil.ignore_patterns("truth"))
    header, rows = sound_rows(shop)
    count = round(len(rows) * share / (1 - share))
    written = [header]
    broken: list[tuple[int, str, bytes]] = []
    for number, row in enumerate(rows):
        while len(broken) * len(rows) < number * count:
            reason = reasons[len(broken) % len(reasons)]
            written.append(b",".join(MUTILATIONS[reason](row.split(b","))))
            broken.append((len(written) - 1, reason, written[-1]))
        written.append(row)
    (to / EVENTS).write_bytes(b"".join(line + b"\n" for line in written))
    return BrokenShop(to, broken)


def quarantined(folder: Path) -> dict[int, tuple[str, str]]:
    """Return row number -> (reason, row) of the event rows in a quarantine, duplicates left out."""
    rows = pq.read_table(folder / "quarantine").to_pylist()
    return {
        row["row_number"]: (row["reason"], row["raw"])
        for row in rows
        if row["file"] == EVENTS and row["reason"] != "duplicate"
    }


@pytest.fixture(scope="module")
def good_run(
    tiny_shop: Path, quick_config: Path, tmp_path_factory: pytest.TempPathFactory
) -> GoodRun:
    shop = break_shop(
        tiny_shop, tmp_path_factory.mktemp("broken") / "raw", reasons=list(MUTILATIONS), share=0.01
    )
    lake = built_once(
        tmp_path_factory,
        "lake-of-broken-rows",
        lambda folder: train(shop.raw, folder, quick_config, "--run-id", "good"),
    )
    return GoodRun(shop, lake)


def test_one_percent_of_broken_rows_goes_to_quarantine_with_its_reasons(good_run: GoodRun) -> None:
    broken = good_run.shop.broken
    assert len({reason for _, reason, _ in broken}) >= 10
    assert (
        0.009 < len(broken) / len(good_run.shop.raw.joinpath(EVENTS).read_bytes().split()) < 0.011
    )
    assert quarantined(step_folder(good_run.lake, "good", "clean")) == {
        number: (reason, row.decode("utf-8", "backslashreplace")) for number, reason, row in broken
    }


def test_the_rest_is_processed_as_if_the_broken_rows_had_never_been(
    good_run: GoodRun, finished_lake: Path
) -> None:
    # The other lake's log has the same sound rows, and other broken ones.
    (model,), (same,) = list_models(good_run.lake), list_models(finished_lake)
    assert model["version"] == same["version"]
    assert model["champion"]
    differing = {name for name, sha256 in model["files"].items() if same["files"][name] != sha256}
    assert differing == {"manifest.json"}, "it names the cleaned log, with its quarantine"


def test_a_log_with_sixty_percent_broken_rows_is_refused_and_the_champion_stays(
    good_run: GoodRun, tiny_shop: Path, quick_config: Path, tmp_path: Path
) -> None:
    reasons = ["bad_item_id", "unknown_event_type", "bad_timestamp", "unknown_event_type"]
    shop = break_shop(tiny_shop, tmp_path / "raw", reasons=reasons, share=0.6)
    lake = shutil.copytree(good_run.lake, tmp_path / "lake")
    champion = (lake / "champion.json").read_bytes()
    arguments = ("--raw", shop.raw, "--lake", lake, "--config", quick_config, "--run-id", "bad")

    done = run_endcap("run", *arguments)

    assert done.returncode == 1
    number, _, row = next(row for row in shop.broken if row[1] == "unknown_event_type")
    (sentence,) = done.stderr.splitlines()
    assert sentence.startswith("endcap: ValidateAndClean failed: events.csv: ")
    assert "(60.0%) are bad" in sentence
    assert f"the worst reason is unknown_event_type ({len(shop.broken) // 2:,} rows)" in sentence
    assert f"for example row {number}: {row.decode()!r}" in sentence
    assert "Traceback" not in done.stdout

    refused = lake / "runs" / "bad" / "refused"
    assert {n: reason for n, (reason, _) in quarantined(refused).items()} == {
        n: reason for n, reason, _ in shop.broken
    }
    report = json.loads((lake / "runs" / "bad" / "report.json").read_text())
    assert (report["status"], report["error"]) == ("FAILED", "TooManyBadRowsError")

    assert (lake / "champion.json").read_bytes() == champion
    visitor = sound_rows(tiny_shop)[1][0].split(b",")[1].decode()
    answer = json.loads(
        succeed("recommend", "--lake", lake, "--user", visitor, "--k", "7", "--json")
    )
    assert answer["model_version"] == json.loads(champion)["version"]
    assert answer["known_events"] > 0
    assert len({item["item_id"] for item in answer["items"]}) == 7
