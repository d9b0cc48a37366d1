"""The command line of one machine: all of `endcap.cli`, and what needs a workflow interpreter."""

import errno
import json
import shlex
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Final

import typer

import endcap.cli_aws  # noqa: F401 -- adds its commands
from endcap.cli import (
    ConfigOption,
    LakeOption,
    MappingOption,
    RawOption,
    app,
    lake_at,
    progress_bar,
)
from endcap.config import RunConfig
from endcap.errors import ConfigError, EndcapError, NotFoundError

DEMO_SETTINGS: Final = {
    "ranking": {"trials": 2, "iterations": 120},
    "retrieval_tuning": {"trials": 10},
    "evaluation": {"baseline_trials": 2},
}
"""Whoever tries the demo waits for it: it searches and fits less than a run does by default."""
_INTERRUPTED: Final = 130
_MENDABLE: Final = frozenset(
    {
        errno.EACCES,
        errno.EDQUOT,
        errno.EEXIST,
        errno.EISDIR,
        errno.ENAMETOOLONG,
        errno.ENOSPC,
        errno.ENOTDIR,
        errno.EPERM,
        errno.EROFS,
    }
)
"""What the operating system refuses for a reason that whoever typed the command can mend."""


@app.command()
def run(
    raw: RawOption,
    lake: LakeOption,
    mapping: MappingOption = None,
    config: ConfigOption = None,
    run_id: Annotated[
        str | None,
        typer.Option("--run-id", help="The run's name; by default the time.", metavar="NAME"),
    ] = None,
    recorded: Annotated[
        Path | None,
        typer.Option(
            "--recorded",
            help="Where a service keeps its events: they are trained on too.",
            metavar="DIR",
            file_okay=False,
            exists=True,
        ),
    ] = None,
) -> None:
    """Train on a shop's log through the state machine, from raw files to a promoted model."""
    report = run_training(
        raw, lake, mapping=mapping, config=config, run_id=run_id, recorded=recorded
    )
    typer.echo(describe_outcome(report))
    typer.echo(f"Scoreboard: endcap scoreboard --lake {shlex.quote(lake)}")


@app.command()
def demo(
    folder: Annotated[
        Path,
        typer.Option("--folder", help="Where to put it all.", metavar="DIR", file_okay=False),
    ] = Path("demo"),
    seed: Annotated[int, typer.Option("--seed", min=0, help="Another seed, another shop.")] = 42,
) -> None:
    """Simulate a shop, train on it, and show the scoreboard and three visitors' recommendations."""
    from endcap.cli import ScaleName, scoreboard, simulate  # noqa: PLC0415
    from endcap.use_cases.recommend_user import (  # noqa: PLC0415
        describe_answer,
        published_users,
        recommend_user,
    )

    raw, lake, settings = folder / "raw", str(folder / "lake"), folder / "settings.json"
    simulate(raw, ScaleName.DEMO, seed)
    settings.write_text(json.dumps(DEMO_SETTINGS, indent=1) + "\n", encoding="utf-8")
    report = run_training(raw, lake, config=settings)
    typer.echo(describe_outcome(report) + "\n")
    scoreboard(lake)
    if not (report["gate"]["promote"] or report["gate"]["champion"]):
        return
    opened = lake_at(lake)
    users = published_users(opened, limit=3)
    for user_id in users:
        typer.echo("\n" + describe_answer(recommend_user(opened, user_id, k=5, include_seen=False)))
    at = f"--lake {shlex.quote(lake)}"
    typer.echo(
        "\nNext, for any visitor of the log, and for a file of histories:\n"
        f"  .venv/bin/endcap recommend {at} --user {shlex.quote(users[0])} --k 10\n"
        f"  .venv/bin/endcap batch {at} --input requests.jsonl "
        "--output recommendations.jsonl --k 20"
    )


@app.command()
def serve(
    lake: LakeOption,
    state: Annotated[
        Path | None,
        typer.Option(
            "--state",
            help="Where to keep histories and events; by default `service` beside the lake.",
            metavar="DIR",
            file_okay=False,
        ),
    ] = None,
    host: Annotated[str, typer.Option("--host", help="Where to listen.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", min=1, max=65_535, help="The port to listen on.")
    ] = 8000,
    from_cut: Annotated[
        bool,
        typer.Option(
            "--from-cut",
            help="Begin the service's clock where the champion's data end: for logs of the past.",
        ),
    ] = False,
) -> None:
    """Serve recommendations over HTTP, and record events. Stop it with Ctrl-C."""
    from infra_local import service as services  # noqa: PLC0415 -- `endcap --help` stays quick

    opened = lake_at(lake)
    local = services.LocalService(lake, state or _beside(lake), host, port, from_cut)
    with services.listening(local) as sockets:
        with progress_bar() as bar:
            task = bar.add_task("Filling histories from the log", total=None)
            n, missing = 0, ""
            try:
                n = services.seed(
                    local, opened, on_progress=lambda done: bar.update(task, completed=done)
                )
            except NotFoundError as exc:  # a model can outlive its log; better up than not
                missing = str(exc)
        if missing:
            typer.echo(f"The histories begin empty: {missing}", err=True)
        if n:
            typer.echo(f"Filled {local.state} with the newest {n:,} events of the log", err=True)
        typer.echo(f"Serving {lake} on http://{host}:{port} (its API: /docs)", err=True)
        services.serve(local, opened, sockets)


@app.command()
def monitor(
    lake: LakeOption,
    state: Annotated[
        Path | None,
        typer.Option(
            "--state",
            help="Where the service keeps its events; by default `service` beside the lake.",
            metavar="DIR",
            file_okay=False,
        ),
    ] = None,
    settings: Annotated[
        Path | None,
        typer.Option(
            "--settings", help="TOML or JSON with settings of monitoring.", metavar="FILE"
        ),
    ] = None,
    now: Annotated[
        datetime | None,
        typer.Option("--now", help="End of the window, UTC; by default the present."),
    ] = None,
    retrain_on: Annotated[
        Path | None,
        typer.Option("--retrain-on", help="Raw log to train on if it is asked for.", metavar="DIR"),
    ] = None,
) -> None:
    """Compare the service's traffic with what its model was made for, and decide on training."""
    from endcap.config import read_settings  # noqa: PLC0415
    from infra_local import monitoring  # noqa: PLC0415 -- `endcap --help` stays quick
    from infra_local.progress import show_progress  # noqa: PLC0415
    from infra_local.service_state import record_log_of  # noqa: PLC0415

    started = datetime.now(tz=UTC)
    run = monitoring.MonitoringRun(
        lake=lake_at(lake),
        record_log=record_log_of(state or _beside(lake)),
        run_id=f"monitoring-{started:%Y%m%dT%H%M%S%f}",
        now=started if now is None else now.replace(tzinfo=UTC),
        settings={} if settings is None else read_settings(settings),
    )
    with TemporaryDirectory() as scratch, show_progress() as on_event:
        report = monitoring.monitor(run, Path(scratch), on_event=on_event)
    typer.echo(monitoring.describe(report))
    if report["decision"]["retrain"] and retrain_on is not None:
        recorded = state or _beside(lake)
        typer.echo(describe_outcome(run_training(retrain_on, lake, recorded=recorded)))


def _beside(lake: str) -> Path:
    if "://" in lake:
        raise ConfigError("--state names the folder for histories and events: this lake has none")
    return Path(lake).parent / "service"


def run_training(
    raw: Path,
    lake: str,
    *,
    mapping: Path | None = None,
    config: Path | None = None,
    run_id: str | None = None,
    recorded: Path | None = None,
) -> dict[str, Any]:
    """Run the training workflow with live progress and return its report.

    Raises what `infra_local.runs.train` raises, `ConfigError` for a configuration that cannot be
    used, and `typer.Exit` when it is interrupted.
    """
    from infra_local.progress import show_progress  # noqa: PLC0415 -- `endcap --help` stays quick
    from infra_local.runs import TrainingRun, name_run, train  # noqa: PLC0415
    from infra_local.service_state import record_log_of  # noqa: PLC0415

    started = datetime.now(tz=UTC)
    training = TrainingRun(
        raw=raw,
        lake=lake_at(lake),
        run_id=name_run(started) if run_id is None else run_id,
        config=RunConfig() if config is None else RunConfig.load(config),
        mapping=mapping,
        started=started,
        record_log=None if recorded is None else record_log_of(recorded),
    )
    try:
        with TemporaryDirectory() as scratch, show_progress() as on_event:
            return train(training, Path(scratch), on_event=on_event)
    except KeyboardInterrupt:
        typer.echo("endcap: stopped; run the same command again to go on from here", err=True)
        raise typer.Exit(_INTERRUPTED) from None


def describe_outcome(report: Mapping[str, Any]) -> str:
    """Return how a successful run ended: which model serves now and why, and notes on the data."""
    gate = report["gate"]
    verdict = {
        "promote": f"Promoted {gate['version']}",
        "keep": f"Refused {gate['version']}; {gate['champion'] or 'no model'} goes on serving",
        "already_champion": f"{gate['version']} goes on serving",
    }[gate["outcome"]]
    return "\n".join(
        [
            f"{verdict} (run {report['run_id']}, {report['seconds']:.0f} s)",
            *(f"  - {reason}" for reason in gate["reasons"]),
            *(f"note: {warning}" for warning in report["warnings"]),
            f"Data report: {report['data_report']}",
        ]
    )


def main() -> None:
    """Run the command line: exit code 0 only on success, one clear sentence for what can be mended.

    An error that is neither ours nor of the operating system's refusing is a defect, and shows its
    traceback.
    """
    try:
        app(prog_name="endcap")
    except EndcapError as exc:
        _give_up(exc)
    except OSError as exc:
        if exc.errno not in _MENDABLE:
            raise
        _give_up(exc)


def _give_up(error: Exception) -> None:
    sentence = str(error).replace("\n", " ")
    typer.echo(f"endcap: {sentence}", err=True)
    sys.exit(1)
