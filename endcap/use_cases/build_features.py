"""One family of item-side features, as of every fold's cut."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from endcap.errors import ConfigError
from endcap.features.families import FAMILIES, build_family, write_family
from endcap.ports import Lake
from endcap.use_cases.runs import CLEAN, Run, StepRef, open_run

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Build = Callable[[Path, int], None]
"""Builds a family into a folder as of a cut (epoch ms), on some engine."""


def build_features(request: Mapping[str, Any], lake: Lake) -> dict[str, Any]:
    """Build the family ``request["family"]`` for the run ``request["run_id"]``, on DuckDB.

    Raises `ConfigError` if there is no such family, `NotFoundError` if there is no such run.
    """
    family = _known(str(request["family"]))
    run = open_run(str(request["run_id"]), lake)
    clean = run.ref(CLEAN)

    def build(out: Path, cut_ms: int) -> None:
        with lake.open(clean.path) as folder:
            build_family(
                family,
                folder,
                out,
                cut_ms=cut_ms,
                config=run.config.features,
                threads=run.config.threads,
                session_timeout_minutes=run.config.cleaning.session_timeout_minutes,
            )

    ref = _perform(run, family, clean, build)
    return {**ref.facts, "reused": ref.reused}


def build_features_on_spark(
    request: Mapping[str, Any], lake: Lake, session: "SparkSession"
) -> dict[str, Any]:
    """Build ``request["family"]``, or every family, for the run ``request["run_id"]``, on Spark.

    The executors read the canonical tables where they lie in the lake; one row per item comes back.
    The steps are those of `build_features`: whichever engine comes first has computed them.
    """
    from endcap.features.spark_tables import spark_tables  # noqa: PLC0415

    families = [_known(str(request["family"]))] if request.get("family") else list(FAMILIES)
    run = open_run(str(request["run_id"]), lake)
    clean = run.ref(CLEAN)
    manifest, location = lake.manifest(clean.path), lake.location(clean.path)
    files = list(manifest.files) if manifest else []

    def builder(family: str) -> Build:
        return lambda out, cut_ms: write_family(
            family,
            spark_tables(session, location, files, cut_ms=cut_ms),
            out,
            cut_ms=cut_ms,
            config=run.config.features,
            session_timeout_minutes=run.config.cleaning.session_timeout_minutes,
        )

    reused = [name for name in families if _perform(run, name, clean, builder(name)).reused]
    return {"families": families, "reused": reused}


def _known(family: str) -> str:
    if family not in FAMILIES:
        raise ConfigError(f"no feature family {family!r}; there are {', '.join(FAMILIES)}")
    return family


def _perform(run: Run, family: str, clean: StepRef, build: Build) -> StepRef:
    folds, config = run.folds(), run.config

    def compute(out: Path) -> dict[str, Any]:
        for fold in folds.values():
            build(out / fold.name, fold.cut_ms)
        return {"family": family}

    return run.perform(
        f"features-{family}",
        rooms=["dataset", "features"],
        params={
            "features": config.features.model_dump(mode="json"),
            "session_timeout_minutes": config.cleaning.session_timeout_minutes,
            "cuts_ms": {fold.name: fold.cut_ms for fold in folds.values()},
        },
        inputs=[clean],
        compute=compute,
    )
