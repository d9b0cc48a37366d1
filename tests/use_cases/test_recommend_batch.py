import json
from pathlib import Path
from typing import Any

import pytest

from endcap.adapters.folder_lake import FolderLake
from endcap.errors import DatasetError, NotFoundError, UserInputError
from endcap.ports import ABSENT, Lake
from endcap.registry.promotion import Champion
from endcap.use_cases import recommend_batch as module
from endcap.use_cases.champions import write_champion
from endcap.use_cases.recommend_batch import appearing, recommend_batch
from endcap.use_cases.register_model import registered
from endcap.use_cases.runs import open_run
from tests.use_cases.small_run import N_ITEMS


@pytest.fixture
def served(trained: FolderLake) -> FolderLake:
    """A lake with a champion."""
    model = registered(open_run("first", trained))
    champion = Champion(model.version, model.path, model.cut_ms, "first", None, 1, ("test",))
    write_champion(trained, champion, expected=ABSENT)
    return trained


def write_lines(file: Path, *lines: object) -> Path:
    file.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return file


def answers(lake: Lake, requests: Path, *, k: int = 3, seen: bool = False) -> list[dict[str, Any]]:
    output = requests.with_name("answers.jsonl")
    count = recommend_batch(lake, requests, output, k=k, include_seen=seen)
    found = [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]
    assert len(found) == count
    return found


def visit(*items: object) -> list[dict[str, Any]]:
    return [{"item_id": item, "event_type": "view"} for item in items]


def test_each_line_is_answered_in_order_under_its_own_id(
    served: FolderLake, tmp_path: Path
) -> None:
    ids = ["b", 7, None, "a", "a", "", "ü", 2.5]
    requests = write_lines(
        tmp_path / "requests.jsonl", *({"id": name, "events": visit("501")} for name in ids)
    )

    found = answers(served, requests)

    assert [answer["id"] for answer in found] == ids
    assert {answer["model_version"] for answer in found} == {
        open_run("first", served).ref("model").facts["version"]
    }
    for answer in found:
        assert [item["rank"] for item in answer["items"]] == [1, 2, 3]
        assert answer["items"] == found[0]["items"]
        assert set(answer["items"][0]) == {
            "item_id",
            "rank",
            "score",
            "probability",
            "interval",
            "source",
        }


@pytest.mark.parametrize(
    "events",
    [
        [],
        None,
        visit("never seen"),
        [{"item_id": 510, "event_type": "unheard of"}],
        [{"item_id": 510, "event_time": "2030-01-01T00:00:00Z"}],
    ],
)
def test_whatever_is_unknown_is_served_not_refused(
    served: FolderLake, tmp_path: Path, events: object
) -> None:
    requests = write_lines(tmp_path / "r.jsonl", {"id": 1, "events": events})

    (answer,) = answers(served, requests)

    assert len({item["item_id"] for item in answer["items"]}) == 3


def test_the_order_of_the_events_is_their_time_not_their_place(
    served: FolderLake, tmp_path: Path
) -> None:
    events = [
        {"item_id": str(500 + n), "event_time": 1_432_000_000_000 + n * 60_000} for n in (3, 9, 30)
    ]
    requests = write_lines(
        tmp_path / "r.jsonl", {"events": events}, {"events": events[::-1]}, {"events": events[:2]}
    )

    first, reversed_, shorter = answers(served, requests)

    assert first["items"] == reversed_["items"] != shorter["items"]


def test_what_happens_after_now_is_not_looked_at(served: FolderLake, tmp_path: Path) -> None:
    past = {"item_id": "503", "event_time": 1_432_000_000_000}
    future = {"item_id": "530", "event_time": 1_432_000_000_001}
    now = {"now": 1_432_000_000_000}
    requests = write_lines(
        tmp_path / "r.jsonl", {"events": [future, past], **now}, {"events": [past], **now}
    )

    with_future, without = answers(served, requests, k=N_ITEMS)

    assert with_future["items"] == without["items"]
    assert "530" in {item["item_id"] for item in with_future["items"]}


def test_seen_items_come_back_only_if_asked_for(served: FolderLake, tmp_path: Path) -> None:
    requests = write_lines(tmp_path / "r.jsonl", {"events": visit("501", "502")})

    (without,) = answers(served, requests, k=N_ITEMS)
    (with_seen,) = answers(served, requests, k=N_ITEMS, seen=True)

    seen = {"501", "502"}
    assert not seen & {item["item_id"] for item in without["items"]}
    assert len(without["items"]) == len(with_seen["items"]) - 2
    assert seen <= {item["item_id"] for item in with_seen["items"]}


def test_blank_lines_are_passed_over_and_many_lines_are_answered_in_parts(
    served: FolderLake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LINES_AT_ONCE", 2)
    requests = tmp_path / "r.jsonl"
    requests.write_text('\n{"id": 1}\n  \n{"id": 2}\r\n{"id": 3}\n\n{"id": 4}\n{"id": 5}')
    done: list[int] = []

    count = recommend_batch(
        served, requests, tmp_path / "a.jsonl", k=1, include_seen=False, on_progress=done.append
    )

    lines = (tmp_path / "a.jsonl").read_text().splitlines()
    assert (count, done) == (5, [2, 4, 5])
    assert [json.loads(line)["id"] for line in lines] == [1, 2, 3, 4, 5]


def test_an_empty_file_has_no_answers(served: FolderLake, tmp_path: Path) -> None:
    assert answers(served, write_lines(tmp_path / "r.jsonl")) == []


@pytest.mark.parametrize("earlier", [None, "earlier answers\n"])
def test_a_malformed_line_is_named_and_leaves_the_output_as_it_was(
    served: FolderLake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, earlier: str | None
) -> None:
    monkeypatch.setattr(module, "LINES_AT_ONCE", 2)
    requests, output = tmp_path / "r.jsonl", tmp_path / "out" / "a.jsonl"
    requests.write_text('{"id": 1}\n\n{"id": 2}\n{"id": 3}\n{"id": 4, "events": {}}\n')
    output.parent.mkdir()
    if earlier is not None:
        output.write_text(earlier)

    with pytest.raises(DatasetError, match=r"r\.jsonl, line 5: events: "):
        recommend_batch(served, requests, output, k=1, include_seen=False)
    assert [file.read_text() for file in output.parent.iterdir()] == [earlier] * bool(earlier)


def test_a_version_that_does_not_exist_writes_nothing(served: FolderLake, tmp_path: Path) -> None:
    requests = write_lines(tmp_path / "r.jsonl", {"id": 1})

    with pytest.raises(NotFoundError, match="no model 'v9'"):
        recommend_batch(
            served, requests, tmp_path / "a.jsonl", k=1, include_seen=False, version="v9"
        )
    assert not list(tmp_path.glob("*a.jsonl*"))


@pytest.mark.parametrize("name", ["none.jsonl", "."])
def test_the_input_must_be_a_file(lake: FolderLake, tmp_path: Path, name: str) -> None:
    with pytest.raises(NotFoundError, match="--input names a file of JSON lines"):
        recommend_batch(lake, tmp_path / name, tmp_path / "a", k=1, include_seen=False)


def test_the_output_must_be_a_file_in_a_folder_that_exists(tmp_path: Path) -> None:
    with (
        pytest.raises(NotFoundError, match=r"no folder .*none to write"),
        appearing(tmp_path / "none" / "a.jsonl"),
    ):
        pass
    for place in (tmp_path, Path("/dev/null")):
        with pytest.raises(UserInputError, match="not a file that could be"), appearing(place):
            pass


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    with appearing(file) as stream:
        stream.write("é")
        assert not file.exists()

    assert file.read_text(encoding="utf-8") == "é"
    assert list(tmp_path.iterdir()) == [file]
