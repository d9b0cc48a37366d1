"""A writer that kills itself: ``python killed_writer.py ROOT CALL`` dies before the CALL-th call.

Counted are the calls to the file system that Python's audit hooks report.
"""

import os
import signal
import sys
from pathlib import Path

from endcap.adapters.folder_lake import FolderLake

COUNTED = frozenset({"open", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.scandir"})


def main(root: Path, last_call: int) -> None:
    calls = 0

    def count(event: str, _: object) -> None:
        nonlocal calls
        if event in COUNTED:
            calls += 1
            if calls == last_call:
                os.kill(os.getpid(), signal.SIGKILL)

    lake = FolderLake(root)
    sys.addaudithook(count)
    with lake.staging() as staged:
        (staged / "deep").mkdir()
        for number in range(3):
            (staged / "deep" / f"{number}.bin").write_bytes(bytes([number]) * 1000)
        lake.commit("steps/clean/1", staged, facts={"rows": 3})
    lake.write("champion.json", b"new" * 1000)


main(Path(sys.argv[1]), int(sys.argv[2]))
