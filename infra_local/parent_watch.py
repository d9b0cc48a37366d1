"""A worker ends when the process that started it ends, however that one died."""

import ctypes
import os
import signal
import sys
from threading import Thread

_PR_SET_PDEATHSIG = 1


def end_with_parent(pipe: int) -> None:
    """Kill this process group as soon as the other end of `pipe`, a file descriptor, closes.

    The parent holds the writing end and never writes, so the pipe closes when the parent is gone.
    On Linux the kernel is asked for the same: native code that keeps Python's lock for long would
    hold up the watching thread.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    Thread(target=_wait_for_end, args=(pipe,), name="parent-watch", daemon=True).start()


def _wait_for_end(pipe: int) -> None:
    while os.read(pipe, 1):
        pass
    os.killpg(os.getpgid(0), signal.SIGKILL)
