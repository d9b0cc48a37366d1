from pathlib import Path

from endcap.features.registry import FEATURES
from endcap.features.registry_page import registry_page

PAGE = Path(__file__).parents[2] / "docs" / "features.md"


def test_the_page_is_not_stale() -> None:
    written = PAGE.read_text(encoding="utf-8")
    assert written == registry_page(), "docs/features.md is stale; run `make docs`"


def test_every_feature_has_one_row() -> None:
    page = registry_page()
    for feature in FEATURES:
        assert page.count(f"| `{feature.name}` |") == 1


def test_every_row_has_five_cells() -> None:
    rows = [line for line in registry_page().splitlines() if line.startswith("|")]
    assert {row.replace(r"\|", "").count("|") for row in rows} == {6}


def test_every_feature_tells_its_window_and_unit() -> None:
    assert all(f.window and f.unit and f.missing and f.description for f in FEATURES)
