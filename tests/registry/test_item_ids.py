from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from endcap.errors import CorruptArtifactError
from endcap.registry.item_ids import load_item_ids, save_item_ids


@settings(max_examples=30, deadline=None)
@given(ids=st.lists(st.text(st.characters(codec="utf-8"))))
def test_ids_come_back_as_the_shop_wrote_them(
    tmp_path_factory: pytest.TempPathFactory, ids: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("ids")
    save_item_ids(folder, ids)
    assert load_item_ids(folder) == ids


def test_an_empty_catalogue(tmp_path: Path) -> None:
    save_item_ids(tmp_path, [])
    assert load_item_ids(tmp_path) == []


def test_missing_or_short_files_are_corrupt(tmp_path: Path) -> None:
    with pytest.raises(CorruptArtifactError, match="cannot be read"):
        load_item_ids(tmp_path)
    for ids in (["A-1", "Größe"], ["A\n1", "Größe"]):
        save_item_ids(tmp_path, ids)
        np.save(tmp_path / "text.npy", np.frombuffer(b"A-1", dtype=np.uint8))
        with pytest.raises(CorruptArtifactError, match="cut short"):
            load_item_ids(tmp_path)
