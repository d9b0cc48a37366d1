"""A search that kills itself: ``python -m tests.use_cases.killed_search LAKE ASKED TRIAL``.

Each trial writes its number into the file ASKED as it begins; the one numbered TRIAL then dies.
"""

import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from endcap.adapters.folder_lake import FolderLake
from endcap.ports import Lake
from endcap.tuning.study import Budget, Interval, Report, Trial, run_study
from endcap.use_cases.lake_journal import LakeJournal


def search(lake: Lake, asked: Path, dies_in_trial: int = -1) -> tuple[Trial, ...]:
    """Run six trials over a small hill; SIGKILL this process in one of them."""
    journal = LakeJournal(lake, "killed", "abc")

    def score(params: Mapping[str, float], report: Report) -> float:
        number = len(journal.read())
        with asked.open("a") as file:
            file.write(f"{number}\n")
        if number == dies_in_trial:
            os.kill(os.getpid(), signal.SIGKILL)
        report(0, -params["rate"])
        return -abs(params["rate"] - 0.3)

    return run_study(
        {"rate": Interval(0.0, 1.0)},
        score,
        defaults={"rate": 0.5},
        journal=journal,
        budget=Budget(6, 10.0),
        seed=1,
        clock=lambda: 0.0,
    )


if __name__ == "__main__":
    search(FolderLake(Path(sys.argv[1])), Path(sys.argv[2]), int(sys.argv[3]))
