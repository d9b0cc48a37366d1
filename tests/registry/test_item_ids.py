from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from endcap.errors import CorruptArtifactError
from endcap.registry.item_ids import ItemIds, load_item_ids, save_item_ids


@settings(max_examples=30, deadline=None)
@given(ids=st.lists(st.text(st.characters(codec="utf-8"))))
def test_ids_come_back_as_the_shop_wrote_them(
    tmp_path_factory: pytest.TempPathFactory, ids: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("ids")
    save_item_ids(folder, ids)
    loaded = load_item_ids(folder)
    assert list(loaded) == ids
    assert loaded[1:] == ids[1:]


def test_an_empty_catalogue(tmp_path: Path) -> None:
    save_item_ids(tmp_path, [])
    assert list(load_item_ids(tmp_path)) == []


def test_missing_or_short_files_are_corrupt(tmp_path: Path) -> None:
    with pytest.raises(CorruptArtifactError, match="cannot be read"):
        load_item_ids(tmp_path)
    for ids in (["A-1", "Größe"], ["A\n1", "Größe"]):
        save_item_ids(tmp_path, ids)
        np.save(tmp_path / "text.npy", np.frombuffer(b"A-1", dtype=np.uint8))
        with pytest.raises(CorruptArtifactError, match="cut short"):
            load_item_ids(tmp_path)


@settings(max_examples=30, deadline=None)
@given(
    ids=st.lists(st.text(st.characters(codec="utf-8")), unique=True),
    other=st.text(st.characters(codec="utf-8")),
)
def test_an_id_leads_back_to_its_code_and_an_unknown_one_nowhere(
    tmp_path_factory: pytest.TempPathFactory, ids: list[str], other: str
) -> None:
    folder = tmp_path_factory.mktemp("ids")
    save_item_ids(folder, ids)
    loaded = load_item_ids(folder)
    assert isinstance(loaded, ItemIds)
    assert dict(loaded.codes) == {item_id: code for code, item_id in enumerate(ids)}
    assert loaded.codes.get(other, -1) == (ids.index(other) if other in ids else -1)
    assert "\ud800" not in loaded.codes


def test_a_catalogue_of_an_earlier_release_is_read_whole(tmp_path: Path) -> None:
    text = np.frombuffer("A-1\nGröße\n".encode(), dtype=np.uint8)
    np.save(tmp_path / "text.npy", text)
    assert load_item_ids(tmp_path) == ["A-1", "Größe"]
    np.save(tmp_path / "ends.npy", np.array([0, 2, 10]))
    assert load_item_ids(tmp_path) == ["A-", "1\nGröße\n"]


def test_a_table_of_another_catalogue_is_corrupt(tmp_path: Path) -> None:
    save_item_ids(tmp_path, ["a", "b", "c"])
    table = np.load(tmp_path / "table.npy")
    for wrong in (table[:2], table[:-1], table + 3):
        np.save(tmp_path / "table.npy", wrong)
        with pytest.raises(CorruptArtifactError, match="another catalogue"):
            load_item_ids(tmp_path)
