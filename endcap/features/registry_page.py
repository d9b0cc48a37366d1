"""The documentation page of all features, written from the registry.

python -m endcap.features.registry_page docs/features.md
"""

import argparse
from collections.abc import Iterable
from itertools import groupby
from pathlib import Path
from typing import Final

from endcap.features.feature import Feature, Side
from endcap.features.registry import FEATURES, SOURCE_NAMES

_SIDES: Final[dict[Side, tuple[str, str]]] = {
    "item": ("Item side", "Computed in batch from the log as of a cut."),
    "user": (
        "User side",
        (
            "Computed from the visitor's newest events, by one function in training and serving. "
            '"They" is the visitor, "it" the candidate.'
        ),
    ),
    "source": ("Sources", "What the candidate sources say of the candidate."),
}
_HEADER: Final = ("Feature", "Formula", "Unit", "Window", "Missing (NaN) if")


def registry_page() -> str:
    """Return the page as Markdown: one table a family, in the order of the feature matrix."""
    parts = [
        "# Features",
        "Made by `make docs` from `endcap/features/registry.py`; edit that, not this page.",
        f"The feature matrix has {len(FEATURES)} columns, float32, in the order below.",
    ]
    for side, of_side in groupby(FEATURES, key=lambda feature: feature.side):
        title, meaning = _SIDES[side]
        parts += [f"## {title}", meaning]
        for family, features in groupby(of_side, key=_heading):
            parts += [f"### {family}", _table(features)]
    return "\n\n".join(parts) + "\n"


def _heading(feature: Feature) -> str:
    if feature.family in SOURCE_NAMES:
        return "sources"
    return feature.family.removeprefix("context_")


def _table(features: Iterable[Feature]) -> str:
    rows = [_HEADER, tuple("---" for _ in _HEADER)]
    rows += [
        (f"`{f.name}`", f.description, f.unit, f.window, "" if f.missing == "never" else f.missing)
        for f in features
    ]
    return "\n".join("| " + " | ".join(map(_cell, row)) + " |" for row in rows)


def _cell(text: str) -> str:
    return text.replace("|", r"\|").replace("*", r"\*")


def main() -> None:
    """Write the page into the file that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("page", type=Path)
    parser.parse_args().page.write_text(registry_page(), encoding="utf-8")


if __name__ == "__main__":
    main()
