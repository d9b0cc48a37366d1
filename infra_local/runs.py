"""A training run on this machine: settings into the lake, the execution, its report."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from endcap import errors
from endcap.config import RunConfig, read_settings
from endcap.dataset.mapping import LogMapping
from endcap.errors import NotFoundError, WorkflowError
from endcap.ports import Lake
from endcap.settings import RECORD_LOG_URI
from endcap.use_cases.data_report import place_of, read_data_report
from endcap.use_cases.lake_layout import run_path
from endcap.use_cases.runs import checked_run_id, to_json
from infra_local.execution import run_execution
from infra_local.records import ExecutionResult, StateEvent, StateRecord
from state_machines.targets import TARGETS

MACHINE: Final = "training"
CLEANING: Final = "ValidateAndClean"
GATE: Final = "CheckGate"
"""The states whose results the report of a run carries."""

LONGEST_STEP_SECONDS: Final = max(target.timeout_seconds for target in TARGETS.values())
"""What a step was building this long ago, without a change since, nobody is building any more."""


@dataclass(frozen=True)
class TrainingRun:
    """What to train on and where to; `started` in UTC. `record_log`: of a service, or None."""

    raw: Path
    lake: Lake
    run_id: str
    config: RunConfig
    mapping: Path | None
    started: datetime
    record_log: str | None = None

    @property
    def log_folder(self) -> Path | None:
        """Where each state's log lies while it runs; None if the lake is not on this machine."""
        if "://" in self.lake.uri:
            return None
        return Path(self.lake.uri) / run_path(self.run_id, "logs")


def name_run(started: datetime) -> str:
    """Return a run id that sorts by time, to the millisecond, UTC."""
    return f"run-{started.astimezone(UTC):%Y%m%dT%H%M%S%f}"[:-3]


def train(
    run: TrainingRun, scratch: Path, *, on_event: Callable[[StateEvent], None] | None
) -> dict[str, Any]:
    """Execute the training workflow, keep its report in the lake, and return the report.

    First, what killed runs left half built in the lake is deleted. `on_event` is told what happens,
    while it happens. Raises `NotFoundError` if there is no raw log, `ConfigError` for a run id or a
    mapping that cannot be used, and `WorkflowError`, after the report is kept, with the sentence of
    what went wrong.
    """
    checked_run_id(run.run_id)
    if not run.raw.is_dir():
        raise NotFoundError(f"no folder {run.raw}: --raw names the folder with the shop's log")
    run.lake.remove_stale_staging(LONGEST_STEP_SECONDS, now=run.started.timestamp())
    result = run_execution(
        machine=MACHINE,
        execution_input=_execution_input(run),
        lake_uri=run.lake.uri,
        run_id=run.run_id,
        log_folder=run.log_folder or scratch / "logs",
        threads=run.config.threads,
        on_event=on_event,
        variables={} if run.record_log is None else {RECORD_LOG_URI: run.record_log},
    )
    report = _report(run, result)
    run.lake.write(run_path(run.run_id, "report.json"), to_json(report))
    if run.log_folder is None:
        for file in sorted((scratch / "logs").glob("*.log")):
            run.lake.write(run_path(run.run_id, f"logs/{file.name}"), file.read_bytes())
    if result.status != "SUCCEEDED":
        raise WorkflowError(explain(run, result))
    return report


def explain(run: TrainingRun, result: ExecutionResult) -> str:
    """Return one sentence: where it failed, and why as close to its origin as it is known.

    An error that is not one of `endcap.errors` says little by its message alone: its name goes
    before it, and where its traceback lies after it.
    """
    failure = result.failure
    if failure is None:
        return f"the workflow ended {result.status}: {result.error}: {result.cause}"
    message = failure.message or "no reason was given"
    if failure.error is None or failure.error in errors.__all__:
        return f"{failure.name} failed: {message}"
    sentence = f"{failure.name} failed: {failure.error}: {message}"
    if failure.log_file is None:
        return sentence
    log = place_of(run_path(run.run_id, "logs"), failure.log_file.name, run.lake)
    return f"{sentence}; its log: {log}"


def _execution_input(run: TrainingRun) -> dict[str, Any]:
    """Check the settings, keep them in the lake, and return what the workflow is told."""
    told: dict[str, Any] = {
        "raw": str(run.raw.resolve()),
        "config": _keep(run.lake, run.config.model_dump(mode="json")),
    }
    if run.record_log is not None:
        told["recorded"] = True
    if run.mapping is not None:
        LogMapping.load(run.mapping)
        told["mapping"] = _keep(run.lake, read_settings(run.mapping))
    return told


def _keep(lake: Lake, settings: Mapping[str, Any]) -> str:
    """Write settings under the hash of their content and return where."""
    data = to_json(json.loads(json.dumps(settings, default=str)))
    path = f"settings/{hashlib.sha256(data).hexdigest()[:16]}.json"
    lake.write(path, data)
    return path


def _report(run: TrainingRun, result: ExecutionResult) -> dict[str, Any]:
    # An earlier run of the same name may have left what this one did not come to.
    finished = {state.name for state in result.states if state.status == "succeeded"}
    data = read_data_report(run.run_id, run.lake) if CLEANING in finished else None
    gate = run.lake.read(run_path(run.run_id, "gate.json")) if GATE in finished else None
    return {
        "run_id": run.run_id,
        "started": run.started.isoformat(),
        "raw": str(run.raw),
        "status": result.status,
        "error": result.error,
        "cause": result.cause,
        "seconds": round(max((s.started + s.seconds for s in result.states), default=0.0), 3),
        "data_report": None if data is None else data.page,
        "warnings": [] if data is None else list(data.warnings),
        "gate": None if gate is None else json.loads(gate.data),
        "states": [_state(state) for state in result.states],
    }


def _state(state: StateRecord) -> dict[str, Any]:
    log = None if state.log_file is None else state.log_file.name
    return {**asdict(state), "log_file": log}
