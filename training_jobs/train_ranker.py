"""Container entry point: the ranker. ``python -m training_jobs.train_ranker``."""

import os
import sys

from endcap.use_cases.train_ranker import train_ranker
from training_jobs.entry_point import run_job

if __name__ == "__main__":
    sys.exit(run_job(train_ranker, os.environ))
