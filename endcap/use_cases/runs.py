"""A run of the training workflow: its record, and how its steps find each other's outputs.

Every step builds a folder. The folder's place in the lake is named by a fingerprint of all that
its content depends on, so a step that finds its place taken has nothing to compute: that is how a
run that was killed goes on where it stopped, and how a second run over the same log costs almost
nothing. ``runs/<run_id>/steps/<step>.json`` says where this run's steps lie.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from endcap.config import RunConfig
from endcap.dataset.splits import Fold, plan_folds
from endcap.errors import ConfigError, NotFoundError
from endcap.ports import Lake, Manifest
from endcap.use_cases.fingerprints import fingerprint
from endcap.use_cases.lake_layout import run_path, step_path

CLEAN: Final = "clean"
"""The step that leaves the cleaned log, which the folds are planned from."""

_RUN_RECORD: Final = "run.json"
_RUN_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}")


@dataclass(frozen=True)
class StepRef:
    """Where a step's output lies, the digest of its content, and the facts it left."""

    step: str
    path: str
    digest: str
    facts: Mapping[str, Any]
    reused: bool


@dataclass(frozen=True)
class Run:
    """One run: `raw` is the URI of the raw log, `mapping` the mapping file's content or None."""

    lake: Lake
    run_id: str
    raw: str
    config: RunConfig
    mapping: Mapping[str, Any] | None

    def ref(self, step: str) -> StepRef:
        """Return where a step of this run left its output. Raises `NotFoundError`."""
        return StepRef(**self.read_json(_record_name(step), f"finished step {step!r}"))

    def folds(self) -> dict[str, Fold]:
        """Return this run's folds by name, oldest cut first.

        Raises `NotFoundError` before the log is cleaned, `NotEnoughDataError` if it is too short.
        """
        facts = self.ref(CLEAN).facts
        folds = plan_folds(
            facts["first_event_ms"],
            facts["last_event_ms"],
            self.config.split,
            moments=facts["moments"],
            wanted=self.config.ranking.max_queries,
        )
        return {fold.name: fold for fold in folds}

    def fold(self, name: str) -> Fold:
        """Return one fold. Raises `NotFoundError`."""
        folds = self.folds()
        if name not in folds:
            raise NotFoundError(f"no fold {name!r}; this run has {', '.join(folds)}")
        return folds[name]

    def perform(
        self,
        step: str,
        *,
        rooms: Iterable[str],
        params: Mapping[str, Any],
        inputs: Iterable[StepRef | str],
        compute: Callable[[Path], Mapping[str, Any]],
        tables: Mapping[str, str] | None = None,
    ) -> StepRef:
        """Compute a step's folder, unless it is there already, and record where it lies.

        Parameters
        ----------
        step
            The step's name; of several alike, with what tells them apart ("retrieval-test").
        rooms, params, inputs
            All that `compute` depends on: packages below ``endcap`` whose code it runs, JSON
            settings, other steps (or digests of what lies outside the lake).
        compute
            Fills the empty folder it is given and returns small JSON facts. If it raises, nothing
            is left behind.
        tables
            Tables that a lake with a catalogue registers: name -> sub-folder with Parquet files.
        """
        digests = [item if isinstance(item, str) else item.digest for item in inputs]
        key = fingerprint(step, rooms=rooms, params=params, inputs=digests)
        path = step_path(step, key)
        manifest = self.lake.manifest(path)
        reused = manifest is not None
        if manifest is None:
            with self.lake.staging() as staged:
                facts = compute(staged)
                manifest = self.lake.commit(path, staged, facts=facts, tables=tables)
        return self.record(step, manifest, reused=reused)

    def record(self, step: str, manifest: Manifest, *, reused: bool) -> StepRef:
        """Note in the run's folder where a step's output lies."""
        ref = StepRef(step, manifest.path, manifest.digest, dict(manifest.facts), reused)
        self.write_json(_record_name(step), asdict(ref))
        return ref

    def write_json(self, name: str, content: Mapping[str, Any]) -> None:
        """Write a small JSON object of this run."""
        self.lake.write(run_path(self.run_id, name), to_json(content))

    def read_json(self, name: str, what: str) -> dict[str, Any]:
        """Return a small JSON object of this run. Raises `NotFoundError` saying `what` it lacks."""
        found = self.lake.read(run_path(self.run_id, name))
        if found is None:
            raise NotFoundError(f"run {self.run_id!r} has no {what}")
        content: dict[str, Any] = json.loads(found.data)
        return content


def checked_run_id(run_id: str) -> str:
    """Return `run_id` if a run can be called that. Raises `ConfigError`.

    >>> checked_run_id("run-20150918")
    'run-20150918'
    """
    if not _RUN_ID.fullmatch(run_id):
        raise ConfigError(
            f"run id {run_id!r} must be 1 to 80 letters, digits, '-', '_' or '.', "
            "a letter or digit first"
        )
    return run_id


def start_run(request: Mapping[str, Any], lake: Lake) -> Run:
    """Record a new run, or the same run again, and return it.

    `request`: ``run_id``; ``raw``, the URI of the raw log; optionally ``config`` and ``mapping``,
    lake paths of JSON objects. Raises `ConfigError` or `NotFoundError` for what is wrong with them.
    """
    run_id = checked_run_id(str(request.get("run_id", "")))
    if not request.get("raw"):
        raise ConfigError("the execution's input has no 'raw': give the URI of the raw log")
    config = _settings(lake, request.get("config"))
    record = {
        "raw": str(request["raw"]),
        "config": RunConfig.parse(json.dumps(config or {})).model_dump(mode="json"),
        "mapping": _settings(lake, request.get("mapping")),
    }
    lake.write(run_path(run_id, _RUN_RECORD), to_json(record))
    return open_run(run_id, lake)


def open_run(run_id: str, lake: Lake) -> Run:
    """Return a run that was started. Raises `NotFoundError`; `ConfigError` if it is outdated."""
    found = lake.read(run_path(run_id, _RUN_RECORD))
    if found is None:
        raise NotFoundError(f"no run {run_id!r} in {lake.uri}; `endcap run` starts one")
    record = json.loads(found.data)
    config = RunConfig.parse(json.dumps(record["config"]), name=f"run {run_id!r}")
    return Run(lake, run_id, record["raw"], config, record["mapping"])


def to_json(content: Mapping[str, Any]) -> bytes:
    """Return JSON bytes that depend on the content alone."""
    return (json.dumps(content, sort_keys=True, indent=1) + "\n").encode()


def _settings(lake: Lake, path: object) -> dict[str, Any] | None:
    if not path:
        return None
    found = lake.read(str(path))
    if found is None:
        raise NotFoundError(f"no settings object {path!r} in {lake.uri}")
    try:
        content = json.loads(found.data)
    except ValueError as exc:
        raise ConfigError(f"{path}: is not JSON: {exc}") from exc
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: must hold a table of settings")
    return content


def _record_name(step: str) -> str:
    return f"steps/{step}.json"
