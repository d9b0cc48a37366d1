import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto import mock_aws

from endcap.adapters.folder_lake import FolderLake
from endcap.adapters.s3_lake import S3Lake
from endcap.errors import CorruptArtifactError
from endcap.ports import Lake
from endcap.tuning.study import KeptTrial, Trial
from endcap.use_cases.lake_journal import LakeJournal
from tests.use_cases.killed_search import search

FIRST = KeptTrial(Trial(0, {"rate": 0.1 + 0.2}, 1 / 3, ((9, 0.25),)), 1.5)
SECOND = KeptTrial(Trial(1, {"rate": 0.2}, None), 0.5)


@pytest.fixture(params=["folder", "s3"])
def any_lake(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Lake]:
    """A lake of each kind."""
    if request.param == "folder":
        yield FolderLake(tmp_path / "lake")
        return
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        client = boto3.Session("testing", "testing", region_name="us-east-1").client("s3")
        client.create_bucket(Bucket="shop-lake")
        yield S3Lake("s3://shop-lake/some", client=client, cache_folder=tmp_path / "cache")


def test_trials_come_back_in_order_and_to_the_last_bit(any_lake: Lake) -> None:
    journal = LakeJournal(any_lake, "ranker", "abc")
    assert journal.read() == []

    assert journal.keep(FIRST) == FIRST
    assert journal.keep(SECOND) == SECOND

    assert LakeJournal(any_lake, "ranker", "abc").read() == [FIRST, SECOND]
    assert any_lake.list_objects("studies") == [
        "studies/ranker/abc/00000.json",
        "studies/ranker/abc/00001.json",
    ]


def test_studies_with_other_keys_or_names_know_nothing_of_it(any_lake: Lake) -> None:
    LakeJournal(any_lake, "ranker", "abc").keep(FIRST)

    assert LakeJournal(any_lake, "ranker", "abd").read() == []
    assert LakeJournal(any_lake, "retrieval", "abc").read() == []


def test_of_two_writers_the_first_one_s_trial_stays(any_lake: Lake) -> None:
    journal = LakeJournal(any_lake, "ranker", "abc")
    journal.keep(FIRST)

    assert journal.keep(KeptTrial(FIRST.trial, 99.0)) == FIRST
    assert journal.read() == [FIRST]


def test_after_a_gap_nothing_counts(any_lake: Lake) -> None:
    journal = LakeJournal(any_lake, "ranker", "abc")
    journal.keep(SECOND)

    assert journal.read() == []


def test_an_object_that_is_no_trial_is_named(tmp_path: Path) -> None:
    lake = FolderLake(tmp_path / "lake")
    lake.write("studies/ranker/abc/00000.json", b"{}")

    with pytest.raises(CorruptArtifactError, match=r"00000\.json in .* delete it"):
        LakeJournal(lake, "ranker", "abc").read()


def test_a_search_killed_between_two_instructions_goes_on_from_what_it_kept(
    tmp_path: Path,
) -> None:
    lake, asked = FolderLake(tmp_path / "lake"), tmp_path / "asked.txt"
    killed = subprocess.run(
        [sys.executable, "-m", "tests.use_cases.killed_search", lake.uri, asked, "3"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert killed.returncode == -9, killed.stderr
    assert len(LakeJournal(lake, "killed", "abc").read()) == 3

    trials = search(lake, asked)

    assert trials == search(FolderLake(tmp_path / "other"), tmp_path / "other.txt")
    # Trial 3 was begun twice, and no other one.
    numbers = [int(line) for line in asked.read_text().split()]
    assert numbers == [0, 1, 2, 3, 3, 4, 5]
