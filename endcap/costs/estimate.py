"""A month's bill: what is deployed, how much it is used, what that costs."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final, Literal

from endcap.config_retrieval import MOST_HISTORY
from endcap.costs.deployed import DAYS_A_MONTH, Deployed, Job
from endcap.costs.prices import PriceList

SECONDS_A_MONTH: Final = DAYS_A_MONTH * 86_400
HOURS_A_MONTH: Final = DAYS_A_MONTH * 24

FREE_ALARM_METRICS: Final = 10
FREE_DASHBOARDS: Final = 3
FREE_METRICS: Final = 10
PUBLISHED_METRICS: Final = 11
"""What the monitoring workflow and the service's logs make; see docs/aws.md."""

_START_SECONDS: Final = 5.0
"""What starting a function or a container adds to its work, at most."""
_TASK_START_SECONDS: Final = 60.0
_FIREHOSE_RECORD_BYTES: Final = 5 * 1024
_WRITES_PER_EVENT: Final = 4
"""Two items in one transaction, each of which counts twice."""
_READ_UNIT_BYTES: Final = 4 * 1024

Kind = Literal["use", "storage", "standing"]


@dataclass(frozen=True)
class Load:
    """How much a deployment is used, in a month.

    `months`: how many months of events are kept and trained on. `users`: visitors of a month.
    """

    events: float
    requests: float
    users: float
    items: float
    months: float = 4.5


@dataclass(frozen=True)
class Line:
    """One line of the bill, in US dollars: `low` and `high`, or None where a price is unknown.

    `kind`: whether it is paid by use, for what is stored, or for what stands by.
    """

    service: str
    what: str
    kind: Kind
    low: float | None
    high: float | None


def monthly_bill(deployed: Deployed, load: Load, prices: PriceList) -> list[Line]:
    """Return a month's bill, line by line. No free tiers but CloudWatch's alarms and dashboards.

    Low is with spare capacity that is never taken away, and the lower of what was measured; high
    is on demand, with twice the measured seconds of training.
    """
    bill = _Bill(deployed, load, prices)
    return [
        *bill.service(),
        *bill.events(),
        *bill.training(deployed.trainings),
        *bill.monitoring(),
        *bill.storage(),
        *bill.standing(),
    ]


def training_bill(deployed: Deployed, load: Load, prices: PriceList) -> list[Line]:
    """Return what one training run costs."""
    return list(_Bill(deployed, load, prices).training(1))


def idle_bill(deployed: Deployed, prices: PriceList, load: Load) -> list[Line]:
    """Return what a month costs in which nothing is used: what `load` left behind stays stored."""
    bill = _Bill(deployed, load, prices)
    return [
        line for line in (*bill.storage(), *bill.standing()) if line.high is None or line.high > 0
    ]


def total(lines: list[Line]) -> tuple[float, float, list[str]]:
    """Return the sums of what is known, and which lines have no known price."""
    known = [line for line in lines if line.low is not None and line.high is not None]
    unknown = [f"{line.service}: {line.what}" for line in lines if line.low is None]
    low = sum(line.low for line in known if line.low is not None)
    return low, sum(line.high for line in known if line.high is not None), unknown


def read_measured() -> dict[str, Any]:
    """Return what estimates go by: mostly measured, and said where not."""
    text = (files("endcap.costs") / "measured.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@dataclass(frozen=True)
class _Bill:
    deployed: Deployed
    load: Load
    prices: PriceList

    @property
    def measured(self) -> Mapping[str, Any]:
        return read_measured()

    @property
    def log_events(self) -> float:
        """Events that a training run reads."""
        return self.load.events * self.load.months

    def service(self) -> Iterator[Line]:
        load, job = self.load, self.deployed.service
        seconds = self.measured["request_seconds"]
        yield self._compute("Lambda", "recommendations", job, [load.requests * s for s in seconds])
        yield self._line("Lambda", "requests", load.requests / 1e6, "lambda_request_million")
        yield self._line("API Gateway", "requests", self._calls() / 1e6, "http_api_million")
        per_request = min(load.events * load.months / max(load.users, 1), MOST_HISTORY)
        units = max(per_request * self.measured["history_item_bytes"] / _READ_UNIT_BYTES, 1)
        yield self._line(
            "DynamoDB", "histories read", load.requests * units / 1e6, "dynamodb_read_million"
        )
        exposure = max(self.measured["exposure_bytes"], _FIREHOSE_RECORD_BYTES)
        yield self._line("Firehose", "exposures", load.requests * exposure / 1e9, "firehose_gb")
        log_gb = self._calls() * self.measured["log_bytes_per_request"] / 1e9
        yield self._line("CloudWatch", "log lines", log_gb, "logs_ingest_gb")
        # A twentieth of the requests is traced, beside one a second.
        yield self._line("X-Ray", "traces", self._calls() / 20 / 1e6, "xray_trace_million")

    def events(self) -> Iterator[Line]:
        load, job = self.load, self.deployed.service
        seconds = self.measured["event_seconds"]
        yield self._compute("Lambda", "events", job, [load.events * s for s in seconds])
        yield self._line("Lambda", "event requests", load.events / 1e6, "lambda_request_million")
        yield self._line(
            "DynamoDB",
            "histories written",
            load.events * _WRITES_PER_EVENT / 1e6,
            "dynamodb_write_million",
        )
        event = max(self.measured["event_bytes"], _FIREHOSE_RECORD_BYTES)
        yield self._line("Firehose", "events", load.events * event / 1e9, "firehose_gb")
        # A stream delivers once a minute while anything comes.
        minutes = min(DAYS_A_MONTH * 24 * 60, load.events)
        yield self._line("S3", "deliveries", 2 * minutes / 1000, "s3_put_thousand")

    def training(self, runs: float) -> Iterator[Line]:
        share = self.log_events / self.measured["events"]
        seconds: Mapping[str, float] = self.measured["seconds"]
        lows = highs = 0.0
        unknown = False
        for module, job in self.deployed.functions.items():
            if module in seconds:
                line = self._compute(
                    "",
                    "",
                    job,
                    [seconds[module] * share, 2 * seconds[module] * share + _START_SECONDS],
                )
                unknown |= line.low is None
                lows, highs = lows + (line.low or 0), highs + (line.high or 0)
        yield _line(
            "Lambda", "training states", "use", lows * runs, highs * runs, known=not unknown
        )
        yield self._tasks(runs, share, seconds)
        transitions = runs * self.measured["training_transitions"] / 1000
        yield self._line("Step Functions", "training", transitions, "states_transition_thousand")
        # About as many requests as files, and twenty files a step.
        yield self._line("S3", "training's requests", runs * 2, "s3_put_thousand")

    def monitoring(self) -> Iterator[Line]:
        runs = self.deployed.monitorings
        transitions = runs * self.measured["monitoring_transitions"] / 1000
        yield self._line("Step Functions", "monitoring", transitions, "states_transition_thousand")
        share = self.log_events / self.measured["events"]
        gb_seconds = runs * sum(
            job.gb * (_START_SECONDS + 10 * share)
            for module, job in self.deployed.functions.items()
            if module.split(".")[1] in {"collect_metrics", "detect_drift"}
        )
        yield self._line("Lambda", "monitoring", gb_seconds, "lambda_x86_gb_second")
        metrics = max(PUBLISHED_METRICS - FREE_METRICS, 0) if runs else 0
        yield self._line("CloudWatch", "metrics", metrics, "cloudwatch_metric_month")

    def storage(self) -> Iterator[Line]:
        trainings = max(self.deployed.trainings, 1)
        measured, items = self.measured, self.load.items
        raw_gb = (
            self.log_events * measured["raw_gb_per_event"] + items * measured["raw_gb_per_item"]
        )
        # Models that nothing needs end after three months; what steps left stays.
        lake_gb = (
            self.log_events * measured["lake_gb_per_event"]
            + items * measured["lake_gb_per_item"]
            + min(self.log_events / measured["events"], 1.0) * measured["lake_gb_of_candidates"]
        )
        yield self._stored("S3", "raw log", raw_gb, "s3_storage_gb_month")
        yield self._stored(
            "S3", "lake, a month of training", lake_gb * trainings, "s3_storage_gb_month"
        )
        history_gb = self.log_events * self.measured["history_stored_bytes"] / 1e9
        yield self._stored("DynamoDB", "histories", history_gb, "dynamodb_storage_gb_month")
        yield self._stored("DynamoDB", "their backup", history_gb, "dynamodb_backup_gb_month")
        yield self._stored("ECR", "images", self.measured["image_gb"], "ecr_storage_gb_month")
        yield self._stored(
            "Lambda",
            "SnapStart's snapshot",
            self.deployed.snapshot_gb * SECONDS_A_MONTH,
            "lambda_snapshot_gb_second",
        )

    def standing(self) -> Iterator[Line]:
        deployed = self.deployed
        warm = deployed.provisioned * deployed.service.gb * SECONDS_A_MONTH
        kind = "arm" if deployed.service.is_arm else "x86"
        for what, amount, price in (
            ("provisioned instances", warm, f"lambda_provisioned_{kind}_gb_second"),
            ("interface endpoints", deployed.endpoints * 2 * HOURS_A_MONTH, "vpc_endpoint_hour"),
            (
                "alarms past the free ones",
                max(deployed.alarm_metrics - FREE_ALARM_METRICS, 0),
                "cloudwatch_alarm_month",
            ),
            (
                "dashboards past the free ones",
                max(deployed.dashboards - FREE_DASHBOARDS, 0),
                "cloudwatch_dashboard_month",
            ),
        ):
            if amount:
                line = self._line("Standing", what, amount, price)
                yield Line(line.service, line.what, "standing", line.low, line.high)

    def _calls(self) -> float:
        return self.load.requests + self.load.events

    def _tasks(self, runs: float, share: float, seconds: Mapping[str, float]) -> Line:
        names = (
            "fargate_x86_vcpu_hour",
            "fargate_x86_gb_hour",
            "fargate_disk_gb_hour",
            "fargate_spot_share",
            "public_ipv4_hour",
        )
        found = [self.prices.get(name) for name in names]
        if None in found:
            return _line("Fargate", "training", "use", 0, 0, known=not self.deployed.tasks)
        core, gb, disk, spot, address = (price or 0.0 for price in found)
        low = high = 0.0
        for module, job in self.deployed.tasks.items():
            hourly = job.cores * core + job.gb * gb
            hours = (seconds.get(module, 0.0) * share + _TASK_START_SECONDS) / 3600
            low += hours * (hourly * spot + job.disk_gb * disk + address)
            high += 2 * hours * (hourly + job.disk_gb * disk + address)
        return _line("Fargate", "training", "use", low * runs, high * runs, known=True)

    def _compute(self, service: str, what: str, job: Job, seconds: list[float]) -> Line:
        price = self.prices.get("lambda_arm_gb_second" if job.is_arm else "lambda_x86_gb_second")
        low, high = (job.gb * second * (price or 0.0) for second in seconds)
        return _line(service, what, "use", low, high, known=price is not None)

    def _stored(self, service: str, what: str, amount: float, price: str) -> Line:
        line = self._line(service, what, amount, price)
        return Line(line.service, line.what, "storage", line.low, line.high)

    def _line(self, service: str, what: str, amount: float, price: str) -> Line:
        each = self.prices.get(price)
        cost = amount * (each or 0.0)
        # Of what is not used the price does not matter.
        return _line(service, what, "use", cost, cost, known=each is not None or not amount)


def _line(service: str, what: str, kind: Kind, low: float, high: float, *, known: bool) -> Line:
    return Line(service, what, kind, low if known else None, high if known else None)
