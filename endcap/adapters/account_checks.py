"""What an account and this machine need before a deployment, looked at one by one."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from botocore.exceptions import BotoCoreError, ClientError

from endcap.adapters.s3_errors import error_code

Verdict = Literal["ok", "warning", "missing"]

BOOTSTRAP_PARAMETER: Final = "/cdk-bootstrap/hnb659fds/version"
BOOTSTRAP_VERSION: Final = 8
"""The oldest bootstrap stack that the templates deploy with; a test holds it to theirs."""
QUOTAS: Final = (
    ("lambda", "L-B99A9384", "Lambda: functions at once", 100.0),
    ("fargate", "L-3032A538", "Fargate: vCPUs on demand", 8.0),
    ("fargate", "L-36FBB829", "Fargate: vCPUs of spare capacity", 8.0),
)
"""Service, quota, its name, and how much a training run and a shop's traffic need."""


@dataclass(frozen=True)
class Check:
    """One thing looked at. `advice`: what to do about it; empty where all is well."""

    name: str
    verdict: Verdict
    found: str
    advice: str = ""


def check_account(
    client: Callable[[str], Any], *, region: str, which: Callable[[str], str | None] = shutil.which
) -> Iterator[Check]:
    """Yield what was found. `client` returns boto3's client of a service in `region`.

    Nothing is raised for what AWS refuses: that is a finding. Without credentials nothing is asked
    of the account. `which` finds a program on this machine.
    """
    yield _docker(which)
    yield Check("Region", "ok", region)
    try:
        account = client("sts").get_caller_identity()["Account"]
    except (ClientError, BotoCoreError) as exc:
        advice = "set AWS_PROFILE, or run `aws configure sso` or `aws configure`"
        yield Check("Credentials", "missing", _reason(exc), advice)
        return
    yield Check("Credentials", "ok", f"account {account}")
    yield _bootstrap(client, account, region)
    for service, code, name, needed in QUOTAS:
        yield _quota(client, service, code, name, needed)


def _docker(which: Callable[[str], str | None]) -> Check:
    found = which("docker") or which("finch")
    if found is None:
        advice = "install Docker or Finch: `cdk deploy` builds the images with it"
        return Check("Container builder", "missing", "neither docker nor finch", advice)
    return Check("Container builder", "ok", found.rsplit("/", 1)[-1])


def _bootstrap(client: Callable[[str], Any], account: str, region: str) -> Check:
    advice = f"run `cdk bootstrap aws://{account}/{region}`"
    try:
        told = client("ssm").get_parameter(Name=BOOTSTRAP_PARAMETER)["Parameter"]["Value"]
    except (ClientError, BotoCoreError) as exc:
        is_absent = isinstance(exc, ClientError) and error_code(exc) == "ParameterNotFound"
        return Check("CDK bootstrap", "missing", "none" if is_absent else _reason(exc), advice)
    if int(told) < BOOTSTRAP_VERSION:
        return Check("CDK bootstrap", "missing", f"version {told}", advice)
    return Check("CDK bootstrap", "ok", f"version {told}")


def _quota(
    client: Callable[[str], Any], service: str, code: str, name: str, needed: float
) -> Check:
    try:
        value = client("service-quotas").get_service_quota(ServiceCode=service, QuotaCode=code)
        allowed = float(value["Quota"]["Value"])
    except (ClientError, BotoCoreError) as exc:
        return Check(
            name, "warning", _reason(exc), f"look it up: Service Quotas, {service}, {code}"
        )
    if allowed < needed:
        advice = f"ask for {needed:g}: Service Quotas, {service}, {code}"
        return Check(name, "warning", f"{allowed:g}", advice)
    return Check(name, "ok", f"{allowed:g}")


def _reason(exc: Exception) -> str:
    return error_code(exc) if isinstance(exc, ClientError) else str(exc).rstrip(".")
