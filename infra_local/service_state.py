"""Where a service on this machine keeps what it learns."""

from pathlib import Path
from typing import Final

HISTORY: Final = "history.sqlite"
LOG: Final = "log"


def record_log_of(state: Path) -> str:
    """Return the record log of a service that keeps what it learns in `state`."""
    return str(state / LOG)
