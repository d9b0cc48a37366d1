"""Runs a state machine on this machine."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from queue import Empty
from typing import Any, cast

from endcap.settings import CACHE_DIR, LAKE_URI, read_settings
from infra_local.invocation import Bench
from infra_local.journal import Journal
from infra_local.machine import Machine, load_machine
from infra_local.records import ExecutionResult, ExecutionStatus, StateEvent
from infra_local.scratch import scratch_folder
from infra_local.service_calls import ServiceCalls
from infra_local.worker_pool import WorkerPool

_LOOK_SECONDS = 0.05

OnEvent = Callable[[StateEvent], None]


def run_execution(
    *,
    machine: str | Machine,
    execution_input: Mapping[str, Any],
    lake_uri: str,
    run_id: str,
    log_folder: Path,
    threads: int,
    on_event: OnEvent | None = None,
    python_path: tuple[str, ...] = (),
    variables: Mapping[str, str] | None = None,
) -> ExecutionResult:
    """Execute a state machine to its end and return what happened.

    Every task runs in a process of its own, at most `threads` at once, with the environment that
    the stack would give it; its output goes to ``<State>-<n>.log`` in `log_folder`. Whatever way
    this process ends, the workers end with it.

    `machine`: a name of `state_machines/`, or a machine made by hand. `run_id`: the execution's
    name. `on_event` is called in this thread, in order. `python_path`: further folders in which
    workers find modules. `variables`: what the stack would tell its targets, beside the lake.
    """
    # Here, and not above: moto's interpreter takes more than a second to import.
    from infra_local.moto_seam import interpreter  # noqa: PLC0415

    ready = load_machine(machine) if isinstance(machine, str) else machine
    definition, log_folder = ready.deployed(), log_folder.resolve()
    log_folder.mkdir(parents=True, exist_ok=True)
    with scratch_folder() as scratch, WorkerPool(threads) as pool:
        bench = Bench(
            pool=pool,
            scratch=scratch,
            log_folder=log_folder,
            run_id=run_id,
            variables={**_variables(lake_uri), **(variables or {})},
            python_path=(str(Path(__file__).resolve().parents[1]), *python_path),
        )
        journal = Journal(ready.parents())
        calls = ServiceCalls(bench, ready.targets, ready.mapped(), journal)
        with interpreter(calls) as start:
            execution = start(ready.name, definition, run_id, json.dumps(execution_input))
            journal.follow(execution.history)
            try:
                while not execution.ended():
                    journal.catch_up()
                    _deliver(journal, on_event)
            finally:
                execution.stop()
                pool.close()
            states = journal.close()
            _deliver_rest(journal, on_event)
    description = execution.describe()
    output = description.get("output")
    return ExecutionResult(
        status=cast("ExecutionStatus", description["status"]),
        output=None if output is None else json.loads(output),
        error=description.get("error"),
        cause=description.get("cause"),
        states=states,
    )


def _deliver(journal: Journal, on_event: OnEvent | None) -> None:
    """Wait a moment for something to happen, and pass on all that did."""
    try:
        event = journal.events.get(timeout=_LOOK_SECONDS)
    except Empty:
        return
    if on_event is not None:
        on_event(event)
    _deliver_rest(journal, on_event)


def _deliver_rest(journal: Journal, on_event: OnEvent | None) -> None:
    while not journal.events.empty():
        event = journal.events.get()
        if on_event is not None:
            on_event(event)


def _variables(lake_uri: str) -> dict[str, str]:
    """Return what the variables that targets name hold: this process's own, and the lake.

    The cache is named outright, for by default it lies among the temporary files, and those of a
    worker end with the execution.
    """
    own = {name: value for name, value in os.environ.items() if name.startswith("ENDCAP_")}
    settings = read_settings({**own, LAKE_URI: lake_uri})
    return {**own, LAKE_URI: lake_uri, CACHE_DIR: str(settings.cache_dir)}
