"""Promotes in copies of a lake, killed later in each: ``python killed_promoter.py LAKE COPIES``.

In the copy ``COPIES/<n>`` the promotion is killed before its n-th call to the file system, of those
that Python's audit hooks report. The last copy is that of the promotion that lived to its end.
"""

import os
import shutil
import signal
import sys
from pathlib import Path

from endcap.adapters.folder_lake import FolderLake
from endcap.use_cases.promote import promote

COUNTED = frozenset({"open", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.scandir"})


def main(lake: Path, copies: Path) -> None:
    lived, call = False, 0
    while not lived:
        call += 1
        copy = copies / str(call)
        shutil.copytree(lake, copy)
        child = os.fork()
        if child == 0:
            promote_and_die(copy, call)
        _, status = os.waitpid(child, 0)
        code = os.waitstatus_to_exitcode(status)
        if code not in {0, -signal.SIGKILL}:
            sys.exit(f"the promotion failed before its call {call}")
        lived = code == 0


def promote_and_die(root: Path, last_call: int) -> None:
    calls = 0

    def count(event: str, _: object) -> None:
        nonlocal calls
        if event in COUNTED:
            calls += 1
            if calls == last_call:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    promote({"run_id": "new"}, FolderLake(root), now_ms=2)
    os._exit(0)


main(Path(sys.argv[1]), Path(sys.argv[2]))
