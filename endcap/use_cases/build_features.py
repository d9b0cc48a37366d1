"""One family of item-side features, as of every fold's cut."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from endcap.collector import paused_collector
from endcap.errors import ConfigError
from endcap.features.families import FAMILIES, write_family
from endcap.ports import Lake
from endcap.use_cases.runs import CLEAN, Run, StepRef, open_run

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from endcap.features.as_of import AsOfTables

Opening = Callable[[int], AbstractContextManager["AsOfTables"]]
"""Opens the canonical tables as of a cut (epoch ms) on some engine."""


def build_features(request: Mapping[str, Any], lake: Lake) -> dict[str, Any]:
    """Build the family ``request["family"]`` for the run ``request["run_id"]``, on DuckDB.

    Raises `ConfigError` if there is no such family, `NotFoundError` if there is no such run.
    """
    family = _known(str(request["family"]))
    run = open_run(str(request["run_id"]), lake)
    clean = run.ref(CLEAN)

    @contextmanager
    def opened(cut_ms: int) -> Iterator["AsOfTables"]:
        # Here, and not above: a step that is reused starts neither DuckDB nor a download.
        from endcap.features.duckdb_tables import open_tables  # noqa: PLC0415

        with (
            lake.open(clean.path) as folder,
            open_tables(folder, cut_ms=cut_ms, threads=run.config.threads) as tables,
        ):
            yield tables

    ref = _perform(run, family, clean, opened)
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
    reused = {
        family: _perform(
            run,
            family,
            clean,
            lambda cut: nullcontext(spark_tables(session, location, files, cut_ms=cut)),
        ).reused
        for family in families
    }
    return {"families": families, "reused": [name for name, was in reused.items() if was]}


def _known(family: str) -> str:
    if family not in FAMILIES:
        raise ConfigError(f"no feature family {family!r}; there are {', '.join(FAMILIES)}")
    return family


def _perform(run: Run, family: str, clean: StepRef, opening: Opening) -> StepRef:
    folds, config = run.folds(), run.config
    timeout_minutes = config.cleaning.session_timeout_minutes

    def compute(out: Path) -> dict[str, Any]:
        for fold in folds.values():
            with paused_collector(), opening(fold.cut_ms) as tables:
                write_family(
                    family,
                    tables,
                    out / fold.name,
                    cut_ms=fold.cut_ms,
                    config=config.features,
                    session_timeout_minutes=timeout_minutes,
                )
        return {"family": family}

    return run.perform(
        f"features-{family}",
        rooms=["dataset", "features"],
        params={
            "features": config.features.model_dump(mode="json"),
            "session_timeout_minutes": timeout_minutes,
            "cuts_ms": {fold.name: fold.cut_ms for fold in folds.values()},
        },
        inputs=[clean],
        compute=compute,
    )
