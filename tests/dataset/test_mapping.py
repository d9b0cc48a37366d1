import json
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from endcap.config import CleaningConfig
from endcap.dataset.mapping import RETAILROCKET, LogMapping
from endcap.errors import ConfigError, DatasetError
from tests.dataset.raw_shop import (
    START,
    clean_up,
    interactions,
    intervals,
    quarantine,
    reasons,
    rows_of,
    write_lines,
)

DOCUMENT = Path(__file__).parents[2] / "docs" / "mapping.md"
EVENTS: dict[str, Any] = {
    "files": "log.csv",
    "columns": {"time": "ts", "user": "uid", "item": "sku", "event_type": "action"},
}


def mapping(**keys: object) -> LogMapping:
    return LogMapping.parse(json.dumps({"events": EVENTS, **keys}))


@pytest.fixture
def documented(tmp_path: Path) -> LogMapping:
    """The first example of the documentation, as it stands there."""
    return documented_examples(tmp_path)[0]


def documented_examples(folder: Path) -> list[LogMapping]:
    found = re.findall(r"```toml\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    for number, example in enumerate(found):
        (folder / f"{number}.toml").write_text(example, encoding="utf-8")
    return [LogMapping.load(folder / f"{number}.toml") for number in range(len(found))]


def write_documented_shop(raw: Path) -> None:
    second = START // 1000
    table = pa.table(
        {
            "ts": [second, second + 1, second + 2, second + 3, second + 4, second + 5],
            "uid": ["anna", "anna", "anna", "böb", "anna", ""],
            "sku": ["s-1", "s-1", "s-1", "s-2", "", "s-1"],
            "action": ["pageview", "cart", "buy", "wishlist", "search", "pageview"],
        }
    )
    (raw / "events").mkdir(parents=True)
    pq.write_table(table, raw / "events" / "june.parquet")
    (raw / "items.csv").write_text(
        "sku,updated_at,title,price,category,in_stock\n"
        's-1,2015-05-01T00:00:00Z,"Tea, green",12.50,kitchen,1\n'
        "s-1,2015-05-08T00:00:00Z,Tea,11.00,kitchen,\n",
        encoding="utf-8",
    )
    write_lines(
        raw / "categories.jsonl",
        '{"id": "kitchen", "parent": {"id": "home"}}',
        '{"id": "home", "parent": null}',
    )


def test_the_documented_example_reads_a_whole_foreign_shop(
    tmp_path: Path, documented: LogMapping
) -> None:
    write_documented_shop(tmp_path / "raw")
    report = clean_up(tmp_path / "raw", tmp_path / "out", mapping=documented)
    found = [(r["user_id"], r["item_id"], r["event_type"]) for r in interactions(tmp_path / "out")]
    assert found == [
        ("anna", "s-1", "view"),
        ("anna", "s-1", "addtocart"),
        ("anna", "s-1", "transaction"),
        ("böb", "s-2", "wishlist"),
    ]
    assert reasons(tmp_path / "out") == [(6, "missing_user_id")]
    assert report["files"][0]["ignored"] == 1
    assert json.loads((tmp_path / "out/event_types.json").read_text(encoding="utf-8")) == {
        "names": ["view", "addtocart", "transaction", "wishlist"],
        "weights": [1.0, 2.0, 3.0, 1.5],
        "aliases": {
            "buy": "transaction",
            "cart": "addtocart",
            "pageview": "view",
            "wishlist": "wishlist",
        },
    }
    values = [(r["property"], r["value"], r["number"]) for r in intervals(tmp_path / "out")]
    assert values == [
        ("790", "12.50", 12.5),
        ("790", "11.00", 11.0),
        ("available", "1", 1.0),
        ("categoryid", "kitchen", None),
    ]
    tree = rows_of(tmp_path / "out/categories/part-0.parquet")
    assert [(r["category_id"], r["parent_id"]) for r in tree] == [
        ("home", None),
        ("kitchen", "home"),
    ]
    assert report["item_properties"]["event_items_in_category_tree"] == 1


def test_long_properties_are_renamed_and_need_no_time(tmp_path: Path) -> None:
    write_lines(tmp_path / "log.csv", "ts,uid,sku,action", f"{START},u,a,view")
    write_lines(tmp_path / "facts.csv", "sku,k,v", "a,price,9.5", "a,colour,red")
    own = mapping(
        item_properties={
            "files": "facts.csv",
            "columns": {"item": "sku", "property": "k", "value": "v"},
            "names": {"price": "790"},
        }
    )
    keep_all = CleaningConfig(other_properties=("*",))
    clean_up(tmp_path, tmp_path / "out", mapping=own, cleaning=keep_all)
    found = [(r["property"], r["value"], r["number"]) for r in intervals(tmp_path / "out")]
    assert found == [("790", "9.5", 9.5), ("colour", "red", None)]


def test_a_tab_separated_log_of_iso_times(tmp_path: Path) -> None:
    write_lines(tmp_path / "log.tsv", "ts\tuid\tsku\taction", "2015-06-01T00:00:00Z\tu\ta\tview")
    own = LogMapping.parse(
        json.dumps(
            {"events": {**EVENTS, "files": "log.tsv", "delimiter": "\t", "time_unit": "iso"}}
        )
    )
    clean_up(tmp_path, tmp_path / "out", mapping=own)
    assert [row["event_time"].timestamp() * 1000 for row in interactions(tmp_path / "out")] == [
        START
    ]


@pytest.mark.parametrize("content", [b"PAR1", b""])
def test_an_unreadable_parquet_log_is_one_clear_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "log.parquet").write_bytes(content)
    own = LogMapping.parse(json.dumps({"events": {**EVENTS, "files": "log.parquet"}}))
    with pytest.raises(DatasetError, match=r"log\.parquet: cannot be read"):
        clean_up(tmp_path, tmp_path / "out", mapping=own)


def test_a_parquet_log_without_its_time_column_is_one_clear_error(tmp_path: Path) -> None:
    pq.write_table(pa.table({"uid": ["a"]}), tmp_path / "log.parquet")
    own = LogMapping.parse(json.dumps({"events": {**EVENTS, "files": "log.parquet"}}))
    with pytest.raises(DatasetError, match="has no column 'ts'"):
        clean_up(tmp_path, tmp_path / "out", mapping=own)


def test_views_and_orders_in_tables_of_their_own_are_one_log(tmp_path: Path) -> None:
    _, tables = documented_examples(tmp_path)
    raw = tmp_path / "raw"
    write_lines(
        raw / "views" / "june.csv",
        "seen_at,client,sku",
        "2015-06-01T00:00:01Z,anna,s-1",
        "2015-06-01T00:00:03Z,anna,s-2",
        "yesterday,anna,s-2",
    )
    orders = {
        "paid_at": pa.array([START + 2_000, START + 2_000, START + 4_000], pa.timestamp("ms")),
        "customer": ["anna", "anna", "anna"],
        "sku": ["s-1", "s-3", "s-2"],
        "order_no": [7, 7, None],
    }
    pq.write_table(pa.table(orders), raw / "orders.parquet")
    report = clean_up(raw, tmp_path / "out", mapping=tables)
    kept = [
        ((row["event_time"].timestamp() * 1000 - START) / 1000, row["event_type"], row["item_id"])
        for row in interactions(tmp_path / "out")
    ]
    assert sorted(kept) == [
        (1.0, "view", "s-1"),
        (2.0, "transaction", "s-1"),
        (2.0, "transaction", "s-3"),
        (3.0, "view", "s-2"),
        (4.0, "transaction", "s-2"),
    ]
    orders_of = {row["item_id"]: row["transaction_id"] for row in interactions(tmp_path / "out")}
    assert orders_of["s-3"] == "7"
    assert [(f["file"], f["kept"]) for f in report["files"]] == [
        ("views/june.csv", 2),
        ("orders.parquet", 3),
    ]


def test_a_table_without_files_is_named(tmp_path: Path) -> None:
    write_lines(tmp_path / "log.csv", "ts,uid,sku,action", f"{START},anna,s-1,view")
    two = mapping(events=[EVENTS, {**EVENTS, "files": "orders.csv"}])
    with pytest.raises(DatasetError, match=r"`events\.files` \(orders\.csv\)"):
        clean_up(tmp_path, tmp_path / "out", mapping=two)


def test_rows_of_one_type_of_the_shops_own_have_its_weight() -> None:
    columns = {"time": "ts", "user": "uid", "item": "sku"}
    saved = {"files": "saved.csv", "columns": columns, "event_type": "saved"}
    assert mapping(events=saved, weights={"saved": 2}).to_event_types().names[3] == "saved"
    spelled = mapping(events=saved, event_types={"saved": "addtocart"})
    assert spelled.events[0].event_type == "saved"


def test_a_duplicate_in_a_table_of_one_type_is_quarantined_as_written(tmp_path: Path) -> None:
    columns = {"time": "ts", "user": "uid", "item": "sku"}
    bought = {"files": "log.csv", "columns": columns, "event_type": "transaction"}
    row = f"{START},anna,s-1"
    write_lines(tmp_path / "raw" / "log.csv", "ts,uid,sku", row, row)
    clean_up(tmp_path / "raw", tmp_path / "out", mapping=mapping(events=bought))
    assert quarantine(tmp_path / "out") == [("log.csv", 2, "duplicate", row)]


def test_own_weights_replace_the_defaults() -> None:
    types = mapping(weights={"view": 0.5, "save": 2.5}).to_event_types()
    assert types.names == ("view", "addtocart", "transaction", "save")
    assert types.weights == (0.5, 2.0, 3.0, 2.5)


def test_files_that_match_nothing_are_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"`events\.files` \(log\.csv\)"):
        clean_up(tmp_path, tmp_path / "out", mapping=mapping())


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"event_types": {"like": "like"}}, "event type 'like' .* needs a weight"),
        ({"weights": {"like": 0}}, r"weights\.like"),
        ({"weights": {"l" * 65: 1}}, "at most 64 characters"),
        ({"ignored_event_types": ["x"], "event_types": {"x": "view"}}, "both mapped and ignored"),
        ({"colour": 1}, "colour: Extra inputs"),
        ({"events": {**EVENTS, "files": "../secret.csv"}}, "inside the raw folder"),
        ({"events": {**EVENTS, "files": "/etc/passwd"}}, "inside the raw folder"),
        ({"events": {**EVENTS, "files": []}}, r"events\.files"),
        ({"events": {**EVENTS, "time_unit": "days"}}, r"events\.time_unit"),
        ({"events": {**EVENTS, "delimiter": "\n"}}, r"events\.delimiter"),
        ({"events": {"files": "a.csv"}}, r": events\.columns"),
        ({"events": [EVENTS, {"files": "a.csv"}]}, r"events\.1\.columns"),
        ({"events": []}, "events: .* at least 1"),
        ({"events": {**EVENTS, "event_type": "view"}}, ": events: .*either columns.event_type"),
        (
            {"events": {"files": "a.csv", "columns": {"time": "t", "user": "u", "item": "i"}}},
            "what every row is",
        ),
        (
            {
                "events": {
                    "files": "a.csv",
                    "columns": {"time": "t", "user": "u", "item": "i"},
                    "event_type": "like",
                }
            },
            "event type 'like' .* needs a weight",
        ),
        (
            {"item_properties": {"files": "a.csv", "columns": {"item": "i"}}},
            r"columns\.property and columns\.value are needed",
        ),
        (
            {"item_properties": {"files": "a.csv", "columns": {"item": "i"}, "wide": True}},
            "needs `names`",
        ),
    ],
)
def test_a_wrong_mapping_names_the_key(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        mapping(**keys)


def test_a_mapping_that_is_no_settings_file_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "shop.toml").write_text("= nonsense")
    with pytest.raises(ConfigError, match=r"shop\.toml"):
        LogMapping.load(tmp_path / "shop.toml")
    with pytest.raises(ConfigError, match=r"absent\.json"):
        LogMapping.load(tmp_path / "absent.json")


def test_the_native_schema_can_be_written_down_as_a_mapping() -> None:
    assert LogMapping.parse(RETAILROCKET.model_dump_json()) == RETAILROCKET


@pytest.mark.parametrize(
    ("events", "key"),
    [
        ({"files": "a.csv", "columns": {}}, "events.columns.time"),
        ({"files": 5, "columns": {}}, "events.files"),
        ({"files": ["a.csv", 5], "columns": {}}, "events.files.1"),
        ([{"files": "a.csv", "columns": {}}], "events.0.columns.time"),
    ],
)
def test_a_complaint_names_the_key_as_the_file_has_it(events: object, key: str) -> None:
    with pytest.raises(ConfigError) as raised:
        LogMapping.parse(json.dumps({"events": events}))
    assert str(raised.value).startswith(f"mapping: {key}: ")
