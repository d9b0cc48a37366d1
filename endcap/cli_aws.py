"""The command line's part for AWS: costs before, checks before, and the log's way there."""

import json
import tomllib
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from endcap.cli import JsonOption, RawOption, app, progress_bar
from endcap.errors import ConfigError, NotFoundError

_ASSEMBLIES: Final = Path("cdk.out")

StageOption = Annotated[str, typer.Option("--stage", help="The stage.", metavar="NAME")]
RegionOption = Annotated[
    str | None,
    typer.Option("--region", help="The region; by default the stage's first.", metavar="REGION"),
]
DeploymentOption = Annotated[
    Path,
    typer.Option("--config", help="What is deployed where.", metavar="FILE", dir_okay=False),
]
TemplatesOption = Annotated[
    Path, typer.Option("--templates", help="What `make synth` wrote.", metavar="DIR")
]


@app.command()
def cost(  # noqa: PLR0913, PLR0917 -- a command's options
    config: DeploymentOption = Path("endcap.toml"),
    stage: StageOption = "dev",
    region: RegionOption = None,
    templates: TemplatesOption = _ASSEMBLIES,
    events_per_month: Annotated[
        float, typer.Option("--events-per-month", min=0, help="Events recorded.")
    ] = 1_000_000,
    requests_per_month: Annotated[
        float, typer.Option("--requests-per-month", min=0, help="Recommendations asked for.")
    ] = 1_000_000,
    users: Annotated[float, typer.Option("--users", min=1, help="Visitors a month.")] = 100_000,
    items: Annotated[float, typer.Option("--items", min=1, help="Items.")] = 50_000,
    months: Annotated[
        float, typer.Option("--months", min=0.1, help="Months of events to train on.")
    ] = 4.5,
    prices: Annotated[
        Path | None, typer.Option("--prices", help="Other prices than ours.", metavar="FILE")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Say what a stage costs a month, by its templates, before it is deployed."""
    from endcap.costs.estimate import Load  # noqa: PLC0415 -- `endcap --help` stays quick
    from endcap.use_cases.estimate_costs import describe_costs, estimate_costs  # noqa: PLC0415

    name, place = read_place(config, stage, region)
    load = Load(events_per_month, requests_per_month, users, items, months)
    costs = estimate_costs(templates / f"assembly-{name}-{stage}-{place}", load, prices=prices)
    typer.echo(json.dumps(costs, indent=1) if as_json else describe_costs(costs))


@app.command()
def doctor(
    config: DeploymentOption = Path("endcap.toml"),
    stage: StageOption = "dev",
    region: RegionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Look whether this machine and account can deploy, and say what is missing."""
    from endcap.adapters.account_checks import check_account  # noqa: PLC0415
    from endcap.use_cases.text_table import text_table  # noqa: PLC0415

    _, place = read_place(config, stage, region)
    checks = list(check_account(_clients(place), region=place))
    if as_json:
        typer.echo(json.dumps([asdict(check) for check in checks], indent=1))
    else:
        rows = [[check.verdict, check.name, check.found, check.advice] for check in checks]
        typer.echo("\n".join(text_table([["", "what", "found", "to do"], *rows])))
    if any(check.verdict == "missing" for check in checks):
        raise typer.Exit(1)


@app.command()
def upload(
    raw: RawOption,
    stack: Annotated[
        str,
        typer.Option(
            "--stack",
            help="The stack with the lake, <shop>-<stage>-<region>-stateful.",
            metavar="NAME",
        ),
    ],
    name: Annotated[
        str, typer.Option("--as", help="The log's name below the bucket's raw/.", metavar="NAME")
    ] = "current",
    region: RegionOption = None,
) -> None:
    """Send a raw log to a deployed lake; what is there already is not sent again."""
    from endcap.adapters.uploads import stack_outputs, upload_file  # noqa: PLC0415

    files = sorted(file for file in raw.rglob("*") if file.is_file()) if raw.is_dir() else []
    if not files:
        raise NotFoundError(f"no files in {raw}: --raw names the folder with the shop's log")
    client = _clients(region)
    bucket = stack_outputs(client("cloudformation"), stack).get("LakeBucket")
    if bucket is None:
        raise NotFoundError(f"the stack {stack} has no lake; the one named ...-stateful has")
    sent = 0
    with progress_bar() as bar:
        task = bar.add_task("Uploading", total=sum(file.stat().st_size for file in files))
        for file in files:
            bar.update(task, description=f"Uploading {file.name}")
            done = upload_file(
                client("s3"),
                file,
                bucket=bucket,
                key=f"raw/{name}/{file.relative_to(raw).as_posix()}",
                on_bytes=lambda n: bar.advance(task, n),
            )
            sent += done.sent
    typer.echo(f"{len(files)} files are in s3://{bucket}/raw/{name} ({sent:,} bytes sent)")


def _clients(region: str | None) -> Callable[[str], Any]:
    try:
        import boto3  # noqa: PLC0415 -- a machine without an account needs none of it
        from botocore.exceptions import BotoCoreError  # noqa: PLC0415
    except ImportError as exc:
        raise ConfigError(f"{exc.name} is missing: pip install 'endcap[aws]'") from exc
    try:
        session = boto3.Session(region_name=region)
        if session.region_name is None:
            raise ConfigError("no region: give --region, or set AWS_DEFAULT_REGION")
    except BotoCoreError as exc:
        raise ConfigError(f"AWS: {exc}") from exc
    client: Callable[[str], Any] = session.client
    return client


def read_place(config: Path, stage: str, region: str | None) -> tuple[str, str]:
    """Return the shop's name and the region that is meant. Raises `ConfigError`."""
    try:
        content = tomllib.loads(config.read_text(encoding="utf-8"))
        regions = content["stages"][stage].get("regions", ["eu-central-1"])
        place = region or str(regions[0])
    except KeyError:
        raise ConfigError(f"{config} has no stage {stage!r}") from None
    except (OSError, ValueError, AttributeError, IndexError) as exc:
        raise ConfigError(f"{config} cannot be read: {exc}") from exc
    if place not in regions:
        raise ConfigError(f"{config}: {stage} is not deployed in {place}: {', '.join(regions)}")
    return str(content.get("name", "endcap")), place
