from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import NoCredentialsError

from endcap.adapters.account_checks import BOOTSTRAP_PARAMETER, Check, check_account

REGION = "eu-west-1"


def client_of(service: str) -> Any:  # noqa: ANN401
    return boto3.client(service, region_name=REGION)


def checks(
    client: Callable[[str], Any] = client_of, program: str | None = "/bin/docker"
) -> dict[str, Check]:
    found = check_account(client, region=REGION, which=lambda _name: program)
    return {check.name: check for check in found}


@pytest.mark.usefixtures("aws")
def test_a_bootstrapped_account_is_fine() -> None:
    client_of("ssm").put_parameter(Name=BOOTSTRAP_PARAMETER, Value="30", Type="String")

    found = checks()

    assert found["Credentials"] == Check("Credentials", "ok", "account 123456789012")
    assert found["CDK bootstrap"] == Check("CDK bootstrap", "ok", "version 30")
    assert found["Region"].found == REGION
    assert found["Container builder"].verdict == "ok"


@pytest.mark.usefixtures("aws")
def test_what_is_missing_comes_with_what_to_do() -> None:
    found = checks(program=None)

    assert found["CDK bootstrap"].verdict == "missing"
    assert found["CDK bootstrap"].advice == "run `cdk bootstrap aws://123456789012/eu-west-1`"
    assert found["Container builder"].verdict == "missing"

    client_of("ssm").put_parameter(Name=BOOTSTRAP_PARAMETER, Value="3", Type="String")
    assert checks()["CDK bootstrap"].found == "version 3"


def test_without_credentials_nothing_more_is_asked() -> None:
    def nobody(_service: str) -> Any:  # noqa: ANN401
        raise NoCredentialsError

    found = checks(nobody)

    assert found["Credentials"].verdict == "missing"
    assert "AWS_PROFILE" in found["Credentials"].advice
    assert "CDK bootstrap" not in found


class Quotas:
    """Tells quotas, or refuses to."""

    def __init__(self, value: float) -> None:
        self._value = value

    def get_service_quota(self, **_asked: str) -> dict[str, dict[str, float]]:
        return {"Quota": {"Value": self._value}}


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize(("value", "verdict"), [(1000.0, "ok"), (2.0, "warning")])
def test_a_quota_too_small_is_a_warning(value: float, verdict: str) -> None:
    quotas = Quotas(value)

    found = checks(lambda service: quotas if service == "service-quotas" else client_of(service))

    assert found["Lambda: functions at once"].verdict == verdict
    if verdict == "warning":
        assert "ask for 100" in found["Lambda: functions at once"].advice
