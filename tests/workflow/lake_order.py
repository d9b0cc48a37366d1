import os
from pathlib import Path

from endcap.adapters.folder_lake import FolderLake

LONG_AGO = 1_000_000_000


def assert_only_whole_folders(root: Path) -> None:
    """Fail if any step or model that a reader can see is not whole."""
    lake = FolderLake(root)
    for kind, depth in (("steps", 2), ("models", 1)):
        visible = {
            path.relative_to(root).as_posix() for path in (root / kind).glob("/".join("*" * depth))
        }
        assert visible == set(lake.list_folders(kind))
        for path in sorted(visible):
            with lake.open(path, verify=True):
                pass


def leftovers(root: Path) -> set[str]:
    """Return the names of what lies in staging."""
    return {path.name for path in (root / ".staging").glob("*")}


def age_leftovers(root: Path) -> None:
    """Make everything in staging as old as if it had been left long ago."""
    for path in [*(root / ".staging").rglob("*")]:
        os.utime(path, (LONG_AGO, LONG_AGO), follow_symlinks=False)
