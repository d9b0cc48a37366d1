"""A fold's item table, joined from what the families of features wrote."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from endcap.features.families import FAMILIES
from endcap.features.item_table import ItemTable
from endcap.use_cases.runs import Run, StepRef


def family_refs(run: Run) -> list[StepRef]:
    """Return the steps that hold the families. Raises `NotFoundError` if one is not finished."""
    return [run.ref(f"features-{family}") for family in FAMILIES]


def item_table(run: Run, fold: str) -> ItemTable:
    """Return the item table as of a fold's cut. Raises `NotFoundError`."""
    with ExitStack() as stack:
        opened = [
            stack.enter_context(run.lake.open(ref.path, only=[f"{fold}/"]))
            for ref in family_refs(run)
        ]
        folder = stack.enter_context(merged([family / fold for family in opened]))
        return ItemTable.assemble(folder)


@contextmanager
def merged(folders: list[Path]) -> Iterator[Path]:
    """Give one temporary folder that links to every file of several folders.

    No two of them may hold files of one name.
    """
    with TemporaryDirectory(prefix="endcap-items-") as temporary:
        for folder in folders:
            for file in folder.iterdir():
                (Path(temporary) / file.name).symlink_to(file.resolve())
        yield Path(temporary)
