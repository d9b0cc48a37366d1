"""Container entry point: the ranker's parameters. ``python -m training_jobs.tune_ranker``."""

import os
import sys

from endcap.use_cases.tune_ranker import tune_ranker
from training_jobs.entry_point import run_job

if __name__ == "__main__":
    sys.exit(run_job(tune_ranker, os.environ))
