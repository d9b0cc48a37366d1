"""What is deployed where: `endcap.toml`, validated before anything is synthesised."""

import tomllib
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,19}$")]
Region = Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")]
Account = Annotated[str, Field(pattern=r"^\d{12}$")]
Schedule = Annotated[str, Field(pattern=r"^(rate|cron)\(.+\)$")]
Email = Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")]
Arn = Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:")]


class DeploymentError(Exception):
    """The configuration cannot be deployed: which setting, and why."""


class Section(BaseModel):
    """Base of every section: unknown keys are errors, and nothing changes after construction."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class PipelineConfig(Section):
    """Training."""

    training_backend: Literal["fargate", "sagemaker"] = "fargate"
    sagemaker_instance: str = Field(default="ml.m6i.2xlarge", pattern=r"^ml\.")
    spot: bool = True
    """Fargate tasks try spare capacity first, and are run again on demand if it is taken away."""
    features_engine: Literal["duckdb", "spark"] = "duckdb"
    network: Literal["public", "private"] = "public"
    """Where containers run: in subnets with a way out and no way in, at no standing cost, or in
    isolated subnets behind interface endpoints, which cost by the hour."""
    retrain: Schedule | None = "cron(0 3 ? * MON *)"
    """When to train anew on what lies under `raw_prefix`; EventBridge Scheduler's syntax, UTC."""
    raw_prefix: str = Field(default="raw/current", pattern=r"^[\w.-]+(/[\w.-]+)*$")
    log_days: Literal[7, 14, 30, 60, 90, 180, 365] = 30
    """How long logs are kept."""


class Peak(Section):
    """A time of day with more capacity."""

    schedule: Schedule
    capacity: int = Field(ge=0, le=1000)


class ServingConfig(Section):
    """The prediction service."""

    architecture: Literal["arm64", "x86_64"] = "arm64"
    memory_mib: int = Field(default=1769, ge=512, le=10_240)
    """1,769 MiB is where Lambda gives one whole core; the service computes on one."""
    auth: Literal["iam", "jwt"] = "iam"
    jwt_issuer: str | None = Field(default=None, pattern=r"^https://")
    jwt_audience: tuple[str, ...] = ()
    operators: tuple[str, ...] = ()
    """Patterns of the ARNs of IAM principals that may release models."""
    requests_per_second: int = Field(default=100, ge=1, le=10_000)
    burst: int = Field(default=200, ge=1, le=10_000)
    disk_mib: int = Field(default=512, ge=512, le=10_240)
    """Room for two models, while one is exchanged for another; SnapStart allows 512 MiB."""
    snap_start: bool = True
    """Cold starts from a snapshot, which Lambda keeps at a price whether or not it is used."""
    provisioned_capacity: int = Field(default=0, ge=0, le=1000)
    """Instances kept warm, in place of SnapStart; they cost by the hour."""
    peaks: tuple[Peak, ...] = ()
    history_days: int = Field(default=365, ge=1, le=36_500)
    """Visitors' events are forgotten this long after they happened."""
    domain: str | None = None
    certificate_arn: Arn | None = None
    log_days: Literal[7, 14, 30, 60, 90, 180, 365] = 30

    @model_validator(mode="after")
    def _settings_that_need_each_other(self) -> Self:
        if self.auth == "jwt" and not (self.jwt_issuer and self.jwt_audience):
            raise ValueError('auth = "jwt" needs jwt_issuer and jwt_audience')
        if (self.domain is None) != (self.certificate_arn is None):
            raise ValueError("domain and certificate_arn are given together or not at all")
        if self.disk_mib > 512 and self.snap_start and not self.provisioned_capacity:
            raise ValueError("SnapStart works with disk_mib = 512 alone; set snap_start = false")
        if self.peaks and not self.provisioned_capacity:
            raise ValueError("peaks scale provisioned_capacity, which is 0")
        return self


class MonitoringConfig(Section):
    """What is watched, and who hears of it."""

    emails: tuple[Email, ...] = ()
    """Who is told of failures and alarms; each must confirm the subscription."""
    monitor: Schedule | None = "cron(0 2 * * ? *)"
    """When to look for drift; EventBridge Scheduler's syntax, UTC."""
    p99_ms: float = Field(default=500.0, gt=0)
    error_share: float = Field(default=0.01, gt=0, lt=1)
    fallback_share: float = Field(default=0.5, gt=0, lt=1)
    drifted_share: float = Field(default=0.3, gt=0, lt=1)
    """Share of the watched columns that must have drifted before a model is trained anew."""
    coverage_gap: float = Field(default=0.05, gt=0, lt=1)
    """How far the share of intervals that hold the truth may lie below what was promised."""
    model_age_days: int = Field(default=14, ge=1)


class StageConfig(Section):
    """One stage: dev, prod or another."""

    account: Account | None = None
    """By default that of whoever deploys."""
    regions: tuple[Region, ...] = Field(default=("eu-central-1",), min_length=1)
    protected: bool = True
    """Stateful stacks refuse to be deleted; their data outlive them in any case."""
    pipeline: PipelineConfig = PipelineConfig()
    serving: ServingConfig = ServingConfig()
    monitoring: MonitoringConfig = MonitoringConfig()
    tags: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _each_region_once(self) -> Self:
        if len(set(self.regions)) < len(self.regions):
            raise ValueError("regions names one twice")
        return self


class Deployment(Section):
    """All that `endcap.toml` says."""

    name: Name = "endcap"
    """Prefix of everything's name: several shops in one account have different ones."""
    stages: dict[Name, StageConfig] = Field(min_length=1)


def read_deployment(file: Path) -> Deployment:
    """Return what a TOML file says. Raises `DeploymentError` naming each wrong setting."""
    try:
        with file.open("rb") as opened:
            return Deployment.model_validate(tomllib.load(opened))
    except FileNotFoundError:
        raise DeploymentError(f"no file {file}: it says what is deployed where") from None
    except tomllib.TOMLDecodeError as exc:
        raise DeploymentError(f"{file} is not TOML: {exc}") from exc
    except ValidationError as exc:
        lines = [
            f"{'.'.join(map(str, error['loc']))}: {error['msg']}, not {error['input']!r}"
            if not isinstance(error["input"], dict)
            else f"{'.'.join(map(str, error['loc']))}: {error['msg']}"
            for error in exc.errors()
        ]
        raise DeploymentError(f"{file}: " + "; ".join(lines)) from exc
