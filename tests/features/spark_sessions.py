"""A small Spark on this machine, or a test that says why it is skipped."""

import importlib.util
import re
import shutil
import subprocess
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

OLDEST_JAVA: Final = 17


@contextmanager
def local_spark() -> Iterator["SparkSession"]:
    """Start Spark with two threads; skips where PySpark or Java is not there."""
    require_spark()
    with warnings.catch_warnings():
        # PySpark warns of pandas 3, which it is not asked to use, and leaves sockets to the garbage
        # collector.
        warnings.simplefilter("ignore")
        from pyspark.sql import SparkSession  # noqa: PLC0415

        session = (
            SparkSession.builder.master("local[2]")
            .config("spark.ui.enabled", "false")
            .config("spark.ui.showConsoleProgress", "false")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .config("spark.driver.host", "127.0.0.1")
            .config("spark.sql.shuffle.partitions", "2")
            .getOrCreate()
        )
        try:
            yield session
        finally:
            session.stop()


def require_spark() -> None:
    """Skip the test where PySpark or its Java is not there."""
    if importlib.util.find_spec("pyspark") is None:
        pytest.skip("PySpark is not installed; `make test-spark` installs it")
    if java_version() < OLDEST_JAVA:
        pytest.skip(f"Spark needs Java {OLDEST_JAVA} or newer, and there is none on the PATH")


def java_version() -> int:
    """Return the major version of the Java on the PATH, 0 if there is none."""
    java = shutil.which("java")
    if java is None:
        return 0
    told = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(?:1\.)?(\d+)', told)
    return int(found[1]) if found else 0
