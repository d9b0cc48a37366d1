"""EMR Serverless entry point: item-side features on Spark, for a log that outgrows one machine.

``spark-submit build_features_spark.py [--run-id R] [--family F]``, or
``python -m training_jobs.build_features_spark``. What is not given as an argument comes from the
environment, as in every job: ``ENDCAP_LAKE_URI``, ``ENDCAP_RUN_ID`` and, for one family only,
``ENDCAP_FAMILY``.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from endcap.errors import ConfigError
from endcap.features.spark_tables import SETTINGS
from endcap.ports import Lake
from endcap.use_cases.build_features import build_features_on_spark
from training_jobs.entry_point import run_job

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Build the features that arguments and environment ask for; return the exit code."""
    parser = argparse.ArgumentParser(description="Item-side features on Spark.")
    parser.add_argument("--run-id", help="the run this job belongs to")
    parser.add_argument("--family", help="one family; all of them if not given")
    given = parser.parse_args(arguments)
    asked = {"ENDCAP_RUN_ID": given.run_id, "ENDCAP_FAMILY": given.family}
    return run_job(_on_spark, {**environ, **{k: v for k, v in asked.items() if v}})


def _on_spark(request: Mapping[str, Any], lake: Lake) -> dict[str, Any]:
    session = _start_session()
    try:
        return build_features_on_spark(request, lake, session)
    finally:
        session.stop()


def _start_session() -> "SparkSession":
    """Return a session; where it runs, and on how much, is for spark-submit to say."""
    try:
        # Here, so that whoever lacks it is told by name.
        from pyspark.sql import SparkSession  # noqa: PLC0415
    except ImportError as exc:
        raise ConfigError("PySpark is not installed; install endcap[spark]") from exc
    builder = SparkSession.builder.appName("endcap-features")
    for name, value in SETTINGS.items():
        builder = builder.config(name, value)
    session: SparkSession = builder.getOrCreate()
    return session


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
