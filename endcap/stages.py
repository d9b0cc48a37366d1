"""What a computation takes its time for, told to whoever wants to know."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Final

HISTORY: Final = "history"
RETRIEVAL: Final = "retrieval"
RULES: Final = "rules"
FEATURES: Final = "features"
RANK: Final = "rank"
INTERVALS: Final = "intervals"
STAGES: Final = (HISTORY, RETRIEVAL, RULES, FEATURES, RANK, INTERVALS)
"""An answer's stages, in order. One may come several times."""

OnStage = Callable[[str], AbstractContextManager[None]]
"""Given a stage's name, returns what is entered when it begins and left when it ends."""

_NOBODY: Final[AbstractContextManager[None]] = nullcontext()


def untimed(_stage: str) -> AbstractContextManager[None]:
    """Tell nobody."""
    return _NOBODY
