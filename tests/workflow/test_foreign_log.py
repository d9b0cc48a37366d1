"""A shop that is not RetailRocket: Parquet, its own columns, its own event types, its own ids."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from endcap.adapters.folder_lake import FolderLake
from endcap.errors import DatasetError
from endcap.use_cases.recommend_batch import recommend_batch
from tests.workflow.built_once import built_once
from tests.workflow.command_line import run_endcap, succeed, train
from tests.workflow.marked_rows import EVENTS, read_rows
from tests.workflow.step_files import step_folder

pytestmark = pytest.mark.slow

MAPPING = """
name = "foreign"

[events]
files = "log/*.parquet"
columns = { time = "ts", user = "uid", item = "sku", event_type = "action" }

[event_types]
pageview = "view"
cart = "addtocart"
buy = "transaction"
"""
ACTIONS = {"view": "pageview", "addtocart": "cart", "transaction": "buy"}
SPELLINGS: tuple[Callable[[int], str], ...] = (
    lambda number: f"SKU {number} / blue",
    lambda number: f"товар-{number}-日本",
    lambda number: f"{number:09d}",
    str,
    lambda number: f'{number},"quoted"',
    lambda number: f"Straße\N{COMBINING ACUTE ACCENT} {number}",
)
K = 20

Ask = Callable[..., list[dict[str, Any]]]


def spelled(number: int) -> str:
    """Return the foreign shop's id of an item: odd, and in six different ways."""
    return SPELLINGS[number % len(SPELLINGS)](number)


@dataclass(frozen=True)
class ForeignShop:
    """`rows`: (epoch ms, visitor, item, action) as the log has them, oldest first."""

    raw: Path
    lake: Path
    rows: list[tuple[int, str, str, str]]

    def items(self) -> list[str]:
        return list(dict.fromkeys(row[2] for row in self.rows))

    def history(
        self, visitor: str, *, write: Callable[[int], object] = int
    ) -> list[dict[str, Any]]:
        """Return a visitor's events as request lines have them; `write` spells their times."""
        return [
            {"item_id": item, "event_type": action, "event_time": write(time_ms)}
            for time_ms, uid, item, action in self.rows
            if uid == visitor
        ]

    def visitors(self, count: int) -> list[str]:
        return list(dict.fromkeys(row[1] for row in self.rows))[:count]


def foreign_rows(shop: Path) -> list[tuple[int, str, str, str]]:
    fields = [row.split(",") for row in read_rows(shop, EVENTS)]
    return [
        (int(field[0]), f"visitor {field[1]}", spelled(int(field[3])), ACTIONS[field[2]])
        for field in fields
        if len(field) == 5
        and all(field[place].isdigit() for place in (0, 1, 3))
        and field[2] in ACTIONS
    ]


def write_log(rows: list[tuple[int, str, str, str]], raw: Path) -> None:
    """Write two files of one log, as an export of two months would be."""
    (raw / "log").mkdir(parents=True)
    half = len(rows) // 2
    for name, part in (("may", rows[:half]), ("june", rows[half:])):
        ts, uid, sku, action = zip(*part, strict=True)
        columns = {
            "ts": pa.array(ts, pa.timestamp("ms", tz="UTC")),
            "uid": uid,
            "sku": sku,
            "action": pa.chunked_array([action]).dictionary_encode(),
        }
        pq.write_table(pa.table(columns), raw / "log" / f"{name}.parquet")


@pytest.fixture(scope="module")
def shop(
    tiny_shop: Path, quick_config: Path, tmp_path_factory: pytest.TempPathFactory
) -> ForeignShop:
    rows = foreign_rows(tiny_shop)

    def build(folder: Path) -> None:
        write_log(rows, folder / "raw")
        (folder / "shop.toml").write_text(MAPPING, encoding="utf-8")
        mapping = ("--mapping", folder / "shop.toml")
        train(folder / "raw", folder / "lake", quick_config, "--run-id", "foreign", *mapping)

    folder = built_once(tmp_path_factory, "foreign-log", build)
    return ForeignShop(folder / "raw", folder / "lake", rows)


@pytest.fixture
def ask(shop: ForeignShop, tmp_path: Path) -> Ask:
    """Answers request lines by `endcap batch`."""

    def batch(lines: list[dict[str, Any]], *options: str) -> list[dict[str, Any]]:
        asked, answered = tmp_path / "requests.jsonl", tmp_path / "recommendations.jsonl"
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
        asked.write_text(text, encoding="utf-8")
        files = ("--input", asked, "--output", answered)
        succeed("batch", "--lake", shop.lake, *files, "--k", str(K), *options)
        with answered.open(encoding="utf-8") as stream:
            return [json.loads(line) for line in stream]

    return batch


def ids(answer: Mapping[str, Any]) -> list[str]:
    return [item["item_id"] for item in answer["items"]]


def test_the_log_is_understood_and_its_ids_stay_as_they_are_spelled(shop: ForeignShop) -> None:
    folder = step_folder(shop.lake, "foreign", "clean") / "interactions"
    table = ds.dataset(folder).to_table(columns=["event_time", "user_id", "item_id", "event_type"])
    found = {
        (row["event_time"].timestamp() * 1000, row["user_id"], row["item_id"], row["event_type"])
        for row in table.to_pylist()
    }
    types = {own: name for name, own in ACTIONS.items()}
    expected = {(time_ms, uid, sku, types[action]) for time_ms, uid, sku, action in shop.rows}
    assert found == expected
    assert len({spelling(0)[:3] for spelling in SPELLINGS}) == len(SPELLINGS)


def test_histories_are_answered_in_the_shop_s_own_ids(shop: ForeignShop, ask: Ask) -> None:
    visitors = shop.visitors(120)
    answers = ask([{"id": visitor, "events": shop.history(visitor)} for visitor in visitors])
    assert [answer["id"] for answer in answers] == visitors
    champion = json.loads((shop.lake / "champion.json").read_text())["version"]
    catalogue = set(shop.items())
    for visitor, answer in zip(visitors, answers, strict=True):
        seen = {event["item_id"] for event in shop.history(visitor)}
        assert answer["model_version"] == champion
        assert len(set(ids(answer))) == len(ids(answer)) == K
        assert set(ids(answer)) <= catalogue - seen
        assert [item["rank"] for item in answer["items"]] == list(range(1, K + 1))
        assert all(item["source"] for item in answer["items"])


def test_items_of_the_history_come_back_only_when_asked_for(shop: ForeignShop, ask: Ask) -> None:
    visitors = shop.visitors(60)
    lines = [{"id": visitor, "events": shop.history(visitor)} for visitor in visitors]
    answers = ask(lines, "--include-seen")
    again = 0
    for visitor, answer in zip(visitors, answers, strict=True):
        assert len(set(ids(answer))) == len(ids(answer)) == K
        again += bool(set(ids(answer)) & {event["item_id"] for event in shop.history(visitor)})
    assert again > 50


def test_odd_requests_are_served(shop: ForeignShop, ask: Ask) -> None:
    known = shop.items()[5]
    moment = "2015-06-20T10:00:00Z"
    odd: dict[str, list[dict[str, Any]]] = {
        "empty": [],
        "unknown item": [{"item_id": "no such thing", "event_type": "cart", "event_time": moment}],
        "known and unknown": [{"item_id": known}, {"item_id": "no such thing"}],
        "unknown type": [{"item_id": known, "event_type": "swipe", "event_time": moment}],
        "no times": [{"item_id": known, "event_type": "cart"}],
        "whole catalogue but ten": [{"item_id": item} for item in shop.items()[10:]],
        "long after": [{"item_id": known, "event_time": "2031-01-01T00:00:00+02:00"}],
    }
    answers = ask([{"id": name, "events": events} for name, events in odd.items()])
    by_id = {answer["id"]: ids(answer) for answer in answers}
    assert list(by_id) == list(odd)
    assert set(by_id.pop("whole catalogue but ten")) == set(shop.items()[:10])
    assert all(len(set(found)) == len(found) == K for found in by_id.values())
    (bare,) = ask([{}])
    assert bare["id"] is None
    assert ids(bare) == by_id["empty"]


def test_spellings_of_the_same_history_get_the_same_answer(shop: ForeignShop, ask: Ask) -> None:
    number = next(item for item in shop.items() if item.isdigit() and item[0] != "0")
    by_visitor = {uid for _, uid, item, _ in shop.rows if item == number}
    visitor = max(by_visitor, key=lambda uid: len(shop.history(uid)))
    plain = shop.history(visitor)
    canonical = {own: name for name, own in ACTIONS.items()}
    as_number = [
        {**event, "item_id": int(number) if event["item_id"] == number else event["item_id"]}
        for event in plain
    ]
    histories = {
        "epoch ms": plain,
        "epoch ms as a float": shop.history(visitor, write=float),
        "ISO, Z": shop.history(visitor, write=lambda ms: iso(ms) + "Z"),
        "ISO, no offset": shop.history(visitor, write=iso),
        "ISO, another offset": shop.history(
            visitor, write=lambda ms: iso(ms + 7_200_000) + "+02:00"
        ),
        "newest first": sorted(plain, key=lambda event: -int(event["event_time"])),
        "canonical types": [
            {**event, "event_type": canonical[event["event_type"]]} for event in plain
        ],
        "id as a number": as_number,
        "blanks around": [{**event, "item_id": f" {event['item_id']}\t"} for event in plain],
    }
    assert as_number != plain
    assert len({event["event_time"] for event in plain}) == len(plain), "else order would matter"
    answers = ask(
        [{"id": name, "events": events} for name, events in histories.items()], "--include-seen"
    )
    assert [answer["id"] for answer in answers] == list(histories)
    first = answers[0]["items"]
    assert all(answer["items"] == first for answer in answers)


def test_what_a_visitor_did_counts(shop: ForeignShop, ask: Ask) -> None:
    history = shop.history(shop.visitors(1)[0])
    bought = [{**event, "event_type": "buy"} for event in history]
    looked = [{**event, "event_type": "pageview"} for event in history]
    first, second = ask([{"events": bought}, {"events": looked}], "--include-seen")
    assert first["items"] != second["items"]


def test_a_file_from_another_system_is_read(shop: ForeignShop, tmp_path: Path) -> None:
    asked, answered = tmp_path / "requests.jsonl", tmp_path / "recommendations.jsonl"
    asked.write_bytes(b'\xef\xbb\xbf{"id": 1, "events": [], "shop": "x"}\r\n\r\n{"id": 2}')
    succeed("batch", "--lake", shop.lake, "--input", asked, "--output", answered)
    assert [json.loads(line)["id"] for line in answered.read_text().splitlines()] == [1, 2]


def test_ids_of_requests_come_back_with_their_type_and_lines_in_their_order(
    ask: Ask,
) -> None:
    given = [7, "7", 7.5, 7.0, True, "", None, "Ünïcode 🛒", -1, 2**60, "007"] * 100
    answers = ask([{"id": value, "events": []} for value in given])
    assert [(type(answer["id"]), answer["id"]) for answer in answers] == [
        (type(value), value) for value in given
    ]


def test_a_malformed_line_is_named_and_leaves_no_output(shop: ForeignShop, tmp_path: Path) -> None:
    asked = tmp_path / "requests.jsonl"
    asked.write_text('{"id": 1, "events": []}\n' * 600 + '{"id": 2, "events": [\n')
    files = ("--input", asked, "--output", tmp_path / "recommendations.jsonl")
    done = run_endcap("batch", "--lake", shop.lake, *files)
    assert done.returncode == 1
    (sentence,) = done.stderr.splitlines()
    assert sentence.startswith(f"endcap: {asked}, line 601: the whole line: Invalid JSON")
    assert [file.name for file in tmp_path.iterdir()] == ["requests.jsonl"]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("[]", "the whole line: "),
        ('{"id": {}, "events": []}', "id: "),
        ('{"events": [{"event_type": "cart"}]}', "events.0.item_id: "),
        ('{"events": [{"item_id": "x"}, {"item_id": true}]}', "events.1.item_id: "),
        ('{"events": [{"item_id": "x", "event_time": "last week"}]}', "event_time: 'last week' is"),
        ('{"events": [{"item_id": "x", "event_time": -5}]}', "event_time: -5 is"),
        ('{"events": [{"item_id": "x", "event_time": 1435801506024000}]}', "milliseconds"),
        ('{"events": [{"item_id": "x", "event_time": 1435801506.5}]}', "milliseconds"),
        ('{"events": [{"item_id": "x", "event_time": true}]}', "event_time: True is"),
        ('{"events": [], "now": "2015"}', "now: "),
    ],
)
def test_what_is_wrong_with_a_line_is_said(
    shop: ForeignShop, tmp_path: Path, line: str, complaint: str
) -> None:
    asked, answered = tmp_path / "requests.jsonl", tmp_path / "recommendations.jsonl"
    asked.write_text(f'{{"events": []}}\n{line}\n')
    with pytest.raises(DatasetError, match=f"requests.jsonl, line 2: .*{complaint}"):
        recommend_batch(FolderLake(shop.lake), asked, answered, k=K, include_seen=False)
    assert not answered.exists()


def iso(time_ms: int) -> str:
    moment = datetime.fromtimestamp(time_ms / 1000, tz=UTC).replace(tzinfo=None)
    return moment.isoformat(timespec="milliseconds")
