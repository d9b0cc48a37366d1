"""Python's collector of cycles, kept out of the way."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused_collector() -> Iterator[None]:
    """Let no cycles be looked for meanwhile, if they are at all.

    For what makes very many objects that stay, such as importing a large library: each search would
    look at all of them again. In threads that overlap, the first to end resumes the search.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
