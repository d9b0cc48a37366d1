from pathlib import Path

import pytest

from endcap.adapters.dynamodb_history import DynamoDbHistory
from endcap.adapters.firehose_log import FirehoseLog
from endcap.adapters.opening_stores import open_history, open_record_log
from endcap.adapters.segment_log import SegmentLog
from endcap.adapters.sqlite_history import SqliteHistory
from endcap.errors import ConfigError

STREAMS = "firehose://?events=a&exposures=b&erasures=c"


def test_a_file_is_sqlite_and_a_folder_is_segments(tmp_path: Path) -> None:
    assert isinstance(open_history(str(tmp_path / "h.sqlite")), SqliteHistory)
    assert isinstance(open_record_log(str(tmp_path / "log")), SegmentLog)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("aws")
def test_the_aws_stores_are_named_by_table_and_streams() -> None:
    assert isinstance(open_history("dynamodb://table?ttl_days=90"), DynamoDbHistory)
    assert isinstance(open_record_log(f"{STREAMS}&delivered=s3://b/log"), FirehoseLog)


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "redis://x",
        "dynamodb://",
        "dynamodb://t?ttl_days=0",
        "dynamodb://t?ttl_days=x",
        "dynamodb://t?ttl=5",
    ],
)
def test_what_names_no_histories_is_refused(uri: str) -> None:
    with pytest.raises(ConfigError):
        open_history(uri)


@pytest.mark.parametrize("uri", ["", "kafka://x", "firehose://?events=a", f"{STREAMS}&x=1"])
def test_what_names_no_record_log_is_refused(uri: str) -> None:
    with pytest.raises(ConfigError):
        open_record_log(uri)
