import pytest

from endcap.costs.deployed import executions_a_month, read_deployed
from endcap.errors import ConfigError, NotFoundError
from tests.infra_cdk.assembly import Assembly


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("rate(1 day)", 30.4),
        ("rate(12 hours)", 60.8),
        ("rate(30 minutes)", 1459.2),
        ("cron(0 3 ? * MON *)", 30.4 / 7),
        ("cron(0 3 ? * MON,WED *)", 2 * 30.4 / 7),
        ("cron(0 3 ? * MON-FRI *)", 5 * 30.4 / 7),
        ("cron(0 3 ? * 2-6 *)", 5 * 30.4 / 7),
        ("cron(0 2 * * ? *)", 30.4),
        ("cron(0,30 2 * * ? *)", 60.8),
        ("cron(0 */6 * * ? *)", 4 * 30.4),
        ("cron(0 3 1 * ? *)", 1.0),
        ("cron(0 3 1 1,7 ? *)", 1 / 6),
    ],
)
def test_a_schedule_is_so_many_executions_a_month(schedule: str, expected: float) -> None:
    assert executions_a_month(schedule) == pytest.approx(expected)


def test_what_is_no_schedule_is_an_error() -> None:
    with pytest.raises(ConfigError, match="is no schedule"):
        executions_a_month("daily")


def test_templates_say_what_is_deployed(assembly: Assembly) -> None:
    dev = read_deployed(assembly.folder / "assembly-endcap-dev-eu-central-1")
    prod = read_deployed(assembly.folder / "assembly-endcap-prod-us-east-1")

    assert (dev.region, prod.region) == ("eu-central-1", "us-east-1")
    assert dev.functions["lambdas.evaluate.handler"].gb == 6.0
    assert dev.functions["lambdas.evaluate.handler"].disk_gb == 9.5
    assert dev.tasks["training_jobs.tune_ranker"].cores == 2.0
    assert (dev.service.is_arm, round(dev.service.gb, 2)) == (True, 1.73)
    assert (dev.snapshot_gb, round(prod.snapshot_gb, 2)) == (0.0, 1.73)
    assert dev.trainings == pytest.approx(30.4 / 7)
    assert dev.monitorings == pytest.approx(30.4)
    assert (dev.provisioned, dev.endpoints, dev.dashboards, dev.alarm_metrics) == (0, 0, 1, 10)


def test_without_templates_it_is_said_how_to_get_them(assembly: Assembly) -> None:
    with pytest.raises(NotFoundError, match="`make synth` writes them"):
        read_deployed(assembly.folder / "assembly-other")
