"""The command line, less what needs a workflow interpreter: that is added by `infra_local.cli`."""

import json
import os
import sys
from datetime import UTC, date, datetime
from enum import StrEnum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

from endcap import __version__
from endcap.bootstrap import open_lake_from
from endcap.errors import ConfigError
from endcap.ports import Lake
from endcap.settings import LAKE_URI
from endcap.simulator.drift import Drift

app = typer.Typer(
    name="endcap",
    help="A recommender for online shops: a shop's event log in, recommendations out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
models_app = typer.Typer(help="The models in a lake.", no_args_is_help=True)
app.add_typer(models_app, name="models")

LakeOption = Annotated[
    str, typer.Option("--lake", help="The lake: a folder, or s3://bucket/prefix.", metavar="URI")
]
RawOption = Annotated[
    Path, typer.Option("--raw", help="The folder with the shop's log.", metavar="DIR")
]
MappingOption = Annotated[
    Path | None,
    typer.Option(
        "--mapping",
        help="How a foreign log maps onto ours: TOML or JSON, see docs/mapping.md.",
        metavar="FILE",
    ),
]
ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        help="Settings that differ from the defaults: TOML or JSON, see `endcap config`.",
        metavar="FILE",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class ScaleName(StrEnum):
    """The sizes a simulated shop comes in."""

    TINY = "tiny"
    DEMO = "demo"
    RETAILROCKET = "retailrocket"


def lake_at(uri: str) -> Lake:
    """Return the lake at `uri`; the environment decides the rest."""
    return open_lake_from({**os.environ, LAKE_URI: uri})


def progress_bar() -> Progress:
    """Return a progress bar on standard error; it is silent where that is not a terminal."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
        transient=True,
    )


def json_text(content: object) -> str:
    """Return JSON that any terminal can print."""
    return json.dumps(content, indent=1, sort_keys=True)


def _show_version(value: bool) -> None:
    if value:
        typer.echo(f"endcap {__version__}")
        raise typer.Exit


@app.callback()
def take_options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Take the options of the whole command line."""


@app.command()
def simulate(
    out: Annotated[
        Path,
        typer.Option("--out", help="The folder to write into.", metavar="DIR", file_okay=False),
    ],
    scale: Annotated[ScaleName, typer.Option("--scale", help="How large a shop.")] = ScaleName.DEMO,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Same seed, same bytes.")] = 42,
    drift: Annotated[
        Drift | None, typer.Option("--drift", help="What shifts from --drift-at on.")
    ] = None,
    drift_at: Annotated[
        datetime | None,
        typer.Option(
            "--drift-at",
            formats=["%Y-%m-%d"],
            help="The first day of the drift, UTC.",
            metavar="YYYY-MM-DD",
        ),
    ] = None,
) -> None:
    """Write the log of a simulated shop with known truth, as RetailRocket's files."""
    from endcap.simulator.scales import scale_named  # noqa: PLC0415 -- `endcap --help` stays quick
    from endcap.simulator.shop import simulate as run_simulation  # noqa: PLC0415

    if (drift is None) != (drift_at is None):
        raise ConfigError("--drift and --drift-at go together: what shifts, and from which day on")
    day: date | None = None if drift_at is None else drift_at.date()
    with progress_bar() as bar:
        task = bar.add_task("simulating", total=100)
        summary = run_simulation(
            out,
            scale=scale_named(scale.value),
            seed=seed,
            drift=drift,
            drift_at=day,
            on_progress=lambda what, share: bar.update(
                task, description=what, completed=round(100 * share)
            ),
        )
    typer.echo(
        f"Wrote {out}: {summary.events:,} events of {summary.visitors:,} visitors on "
        f"{summary.items_with_events:,} items, {summary.property_rows:,} property rows"
    )


@app.command()
def check(
    raw: RawOption,
    mapping: MappingOption = None,
    config: ConfigOption = None,
    report: Annotated[
        Path | None,
        typer.Option(
            "--report",
            help="Keep report.json and report.html in this folder.",
            metavar="DIR",
            file_okay=False,
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Clean a log on trial and report what is in it; fail where a run would refuse it."""
    from endcap.config import RunConfig  # noqa: PLC0415
    from endcap.dataset.mapping import LogMapping  # noqa: PLC0415
    from endcap.dataset.report_text import report_text  # noqa: PLC0415
    from endcap.use_cases.check_log import check_log  # noqa: PLC0415

    with TemporaryDirectory() as scratch:
        result = check_log(
            raw,
            Path(scratch) / "check",
            mapping=None if mapping is None else LogMapping.load(mapping),
            config=RunConfig() if config is None else RunConfig.load(config),
            now_ms=int(datetime.now(tz=UTC).timestamp() * 1000),
            keep=report,
        )
    typer.echo(json_text(result.report) if as_json else report_text(result.report))
    if result.refusal is not None:
        raise result.refusal


@app.command("config")
def print_config() -> None:
    """Print every setting with its default and meaning, as TOML for `run --config`."""
    from endcap.config_text import default_config_text  # noqa: PLC0415

    typer.echo(default_config_text(), nl=False)


@app.command()
def scoreboard(lake: LakeOption, as_json: JsonOption = False) -> None:
    """Show how the newest evaluated model did against the baselines."""
    from endcap.evaluation.scoreboard_text import to_text as scoreboard_text  # noqa: PLC0415
    from endcap.use_cases.read_scoreboard import read_scoreboard  # noqa: PLC0415

    board = read_scoreboard(lake_at(lake))
    typer.echo(board.to_json() if as_json else scoreboard_text(board), nl=False)


@app.command()
def batch(
    lake: LakeOption,
    input_file: Annotated[
        Path, typer.Option("--input", help="JSON lines, a history each.", metavar="FILE")
    ],
    output_file: Annotated[
        Path, typer.Option("--output", help="JSON lines, an answer each.", metavar="FILE")
    ],
    k: Annotated[int, typer.Option("--k", min=1, max=1000, help="Items per answer.")] = 20,
    include_seen: Annotated[
        bool, typer.Option("--include-seen", help="Recommend items of the history, too.")
    ] = False,
    model: Annotated[
        str | None,
        typer.Option("--model", help="A version other than the champion.", metavar="VERSION"),
    ] = None,
) -> None:
    """Answer a file of histories, one line each, in order."""
    from endcap.use_cases.recommend_batch import recommend_batch  # noqa: PLC0415

    opened = lake_at(lake)
    with progress_bar() as bar:
        task = bar.add_task("recommending", total=None)
        count = recommend_batch(
            opened,
            input_file,
            output_file,
            k=k,
            include_seen=include_seen,
            version=model,
            on_progress=lambda done: bar.update(task, completed=done),
        )
    typer.echo(f"Wrote {count:,} answers to {output_file}")


@app.command()
def recommend(
    lake: LakeOption,
    user: Annotated[
        str, typer.Option("--user", help="A visitor's id, as in the log.", metavar="ID")
    ],
    k: Annotated[int, typer.Option("--k", min=1, max=1000, help="How many items.")] = 10,
    include_seen: Annotated[
        bool, typer.Option("--include-seen", help="Recommend items of the history, too.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Recommend to one visitor of the log the champion was trained on."""
    from endcap.use_cases.recommend_user import describe_answer, recommend_user  # noqa: PLC0415

    answer = recommend_user(lake_at(lake), user, k=k, include_seen=include_seen)
    typer.echo(json_text(answer.to_json()) if as_json else describe_answer(answer))


@app.command()
def seed(
    lake: LakeOption,
    history: Annotated[
        str,
        typer.Option("--history", help="A file, or dynamodb://TABLE.", metavar="URI"),
    ],
    days: Annotated[
        float, typer.Option("--days", min=0, help="How much of the log, up to its end.")
    ] = 30,
) -> None:
    """Fill a service's histories from the champion's log; what is there already stays."""
    from endcap.bootstrap import open_history  # noqa: PLC0415
    from endcap.use_cases.seed_histories import seed_histories  # noqa: PLC0415

    with progress_bar() as bar:
        task = bar.add_task("reading the log", total=None)
        count = seed_histories(
            lake_at(lake),
            open_history(history),
            days=days,
            on_progress=lambda n: bar.update(task, completed=n),
        )
    typer.echo(f"{history} holds the {count:,} events of the log's last {days:g} days")


@models_app.command("list")
def list_models(lake: LakeOption, as_json: JsonOption = False) -> None:
    """List the models: version, cut, content hashes, metrics, and which one is the champion."""
    from endcap.use_cases.read_models import describe_models, read_models  # noqa: PLC0415

    models = read_models(lake_at(lake))
    typer.echo(json_text(models) if as_json else describe_models(models))
