"""Container entry point: one fold's sources. ``python -m training_jobs.train_retrieval``."""

import os
import sys

from endcap.use_cases.train_retrieval import train_retrieval
from training_jobs.entry_point import run_job

if __name__ == "__main__":
    sys.exit(run_job(train_retrieval, os.environ))
