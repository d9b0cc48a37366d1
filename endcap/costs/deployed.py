"""What a stage's templates say of its running: sizes, schedules, and what stands by."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from endcap.errors import ConfigError, NotFoundError

DAYS_A_MONTH: Final = 30.4
_HOURS_A_DAY: Final = 24
_WEEKS_A_MONTH: Final = DAYS_A_MONTH / 7
_RATE: Final = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
_WEEKDAYS: Final = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_CRON: Final = re.compile(r"cron\((\S+) (\S+) (\S+) (\S+) (\S+) (\S+)\)")


@dataclass(frozen=True)
class Job:
    """A function or task of the pipeline: memory in GB, cores, disk beyond what is free in GB."""

    gb: float
    cores: float
    disk_gb: float
    is_arm: bool


@dataclass(frozen=True)
class Deployed:
    """One stage in one region.

    `functions` and `tasks`: module -> job. `service`: the API's function. `snapshot_gb`: kept for
    SnapStart, 0 without. `provisioned`: instances kept warm. `trainings`, `monitorings`: executions
    a month by their schedules. `alarm_metrics`, `dashboards`, `endpoints`: how many.
    """

    region: str
    functions: Mapping[str, Job]
    tasks: Mapping[str, Job]
    service: Job
    snapshot_gb: float
    provisioned: int
    trainings: float
    monitorings: float
    alarm_metrics: int
    dashboards: int
    endpoints: int


def read_deployed(assembly: Path) -> Deployed:
    """Return what a stage's folder of the synthesised app says.

    `assembly`: ``cdk.out/assembly-<shop>-<stage>-<region>``. Raises `NotFoundError` if it is not
    there, `ConfigError` if it is not one of Endcap's.
    """
    try:
        manifest = json.loads((assembly / "manifest.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise NotFoundError(f"no templates in {assembly}; `make synth` writes them") from None
    resources: list[Mapping[str, Any]] = []
    region = ""
    for artifact in manifest["artifacts"].values():
        if artifact["type"] == "aws:cloudformation:stack":
            region = artifact["environment"].rsplit("/", 1)[1]
            file = assembly / artifact["properties"]["templateFile"]
            resources += json.loads(file.read_text(encoding="utf-8"))["Resources"].values()
    try:
        return _read(region, resources)
    except (KeyError, ValueError, TypeError) as exc:
        raise ConfigError(f"{assembly} is no deployment of Endcap: {exc!r}") from exc


def executions_a_month(schedule: str) -> float:
    """Return how often a schedule of EventBridge starts something in a month.

    >>> executions_a_month("rate(12 hours)")
    60.8
    >>> round(executions_a_month("cron(0 3 ? * MON *)"), 1)
    4.3
    """
    if match := _RATE.fullmatch(schedule):
        hours = int(match[1]) * {"minute": 1 / 60, "hour": 1, "day": _HOURS_A_DAY}[match[2]]
        return DAYS_A_MONTH * _HOURS_A_DAY / hours
    if match := _CRON.fullmatch(schedule):
        minute, hour, day, month, weekday, _ = match.groups()
        if weekday not in {"*", "?"}:
            days = _count(weekday, 7) * _WEEKS_A_MONTH
        else:
            days = DAYS_A_MONTH if day in {"*", "?"} else float(_count(day, 31))
        return _count(minute, 60) * _count(hour, 24) * days * _count(month, 12) / 12
    raise ConfigError(f"{schedule!r} is no schedule: rate(...) or cron(...)")


def _count(field: str, most: int) -> int:
    """Return how many values a field of a cron expression stands for."""
    n = 0
    for part in field.split(","):
        body, _, step = part.partition("/")
        if body in {"*", "?"}:
            values = most
        elif "-" in body:
            low, high = map(_number, body.split("-"))
            values = high - low + 1
        else:
            values = most if step else 1
        n += -(-values // int(step)) if step else values
    return n


def _number(text: str) -> int:
    return _WEEKDAYS.index(text) + 1 if text in _WEEKDAYS else int(text)


def _read(region: str, resources: Iterable[Mapping[str, Any]]) -> Deployed:
    by_type: dict[str, list[Mapping[str, Any]]] = {}
    for resource in resources:
        by_type.setdefault(resource["Type"], []).append(resource["Properties"])
    functions, service, snapshot_gb = {}, None, 0.0
    for properties in by_type["AWS::Lambda::Function"]:
        job = _function(properties)
        if "ImageConfig" in properties:
            functions[properties["ImageConfig"]["Command"][0].removesuffix(".handler")] = job
        elif properties.get("Handler") == "api.handler.handler":
            service = job
            snapshot_gb = job.gb if properties.get("SnapStart") else 0.0
    if service is None:
        raise KeyError("the service's function")
    tasks = {
        properties["ContainerDefinitions"][0]["Command"][-1]: Job(
            gb=int(properties["Memory"]) / 1024,
            cores=int(properties["Cpu"]) / 1024,
            disk_gb=max(properties.get("EphemeralStorage", {}).get("SizeInGiB", 20) - 20, 0),
            is_arm=False,
        )
        for properties in by_type.get("AWS::ECS::TaskDefinition", ())
    }
    schedules = {
        "monitoring" if "Monitoring" in json.dumps(properties["Target"]["Arn"]) else "training": (
            executions_a_month(properties["ScheduleExpression"])
        )
        for properties in by_type.get("AWS::Scheduler::Schedule", ())
    }
    return Deployed(
        region=region,
        functions=functions,
        tasks=tasks,
        service=service,
        snapshot_gb=snapshot_gb,
        provisioned=sum(
            properties.get("ProvisionedConcurrencyConfig", {}).get(
                "ProvisionedConcurrentExecutions", 0
            )
            for properties in by_type.get("AWS::Lambda::Alias", ())
        ),
        trainings=schedules.get("training", 0.0),
        monitorings=schedules.get("monitoring", 0.0),
        alarm_metrics=sum(map(_metrics, by_type.get("AWS::CloudWatch::Alarm", ()))),
        dashboards=len(by_type.get("AWS::CloudWatch::Dashboard", ())),
        endpoints=sum(
            properties.get("VpcEndpointType") == "Interface"
            for properties in by_type.get("AWS::EC2::VPCEndpoint", ())
        ),
    )


def _function(properties: Mapping[str, Any]) -> Job:
    disk = properties.get("EphemeralStorage", {}).get("Size", 512)
    return Job(
        gb=properties["MemorySize"] / 1024,
        cores=properties["MemorySize"] / 1769,
        disk_gb=max(disk - 512, 0) / 1024,
        is_arm=properties.get("Architectures") == ["arm64"],
    )


def _metrics(alarm: Mapping[str, Any]) -> int:
    queries = alarm.get("Metrics")
    return 1 if queries is None else sum("MetricStat" in query for query in queries)
