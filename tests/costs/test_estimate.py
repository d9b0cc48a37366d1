import json
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from endcap.costs.alternatives import kubernetes_bill, personalize_bill
from endcap.costs.deployed import Deployed, Job
from endcap.costs.estimate import (
    Load,
    idle_bill,
    monthly_bill,
    read_measured,
    total,
    training_bill,
)
from endcap.costs.prices import read_prices
from endcap.errors import ConfigError
from state_machines.targets import TARGETS

PRICES = read_prices("us-east-1")
LOAD = Load(events=1e6, requests=2e6, users=1e5, items=5e4, months=2.756101)
ARM = Job(gb=2.0, cores=1.0, disk_gb=0.0, is_arm=True)
BATCH = Job(gb=4.0, cores=2.0, disk_gb=9.5, is_arm=False)
TASK = Job(gb=8.0, cores=2.0, disk_gb=30.0, is_arm=False)
DEPLOYED = Deployed(
    region="us-east-1",
    functions={"lambdas.evaluate.handler": BATCH},
    tasks={"training_jobs.tune_ranker": TASK},
    service=ARM,
    snapshot_gb=0.0,
    provisioned=0,
    trainings=4.0,
    monitorings=30.0,
    alarm_metrics=10,
    dashboards=1,
    endpoints=0,
)


def lines(deployed: Deployed = DEPLOYED, load: Load = LOAD) -> dict[str, tuple[float, float]]:
    return {
        f"{line.service}: {line.what}": (line.low or 0.0, line.high or 0.0)
        for line in monthly_bill(deployed, load, PRICES)
    }


def test_what_is_used_costs_by_its_price() -> None:
    found = lines()

    assert found["API Gateway: requests"] == pytest.approx((3.0, 3.0))
    assert found["Lambda: requests"] == pytest.approx((0.4, 0.4))
    # 2 million requests of 8 and 30 ms at 2 GB on arm.
    arm = 0.0000133334
    assert found["Lambda: recommendations"] == pytest.approx((32_000 * arm, 120_000 * arm))
    # An event is two items in a transaction: four write units.
    assert found["DynamoDB: histories written"] == pytest.approx((2.5, 2.5))
    # Firehose counts every record as 5 KiB at least.
    assert found["Firehose: events"] == pytest.approx((5.12 * 0.029,) * 2)


def test_a_request_reads_its_visitors_newest_thousand_events() -> None:
    # A unit is 4 KiB of a consistent read; prices and requests are in millions.
    price = PRICES.prices["dynamodb_read_million"] / 4096
    item_bytes = read_measured()["history_item_bytes"]
    for months, events in ((60, 600), (100, 1000), (200, 1000)):
        read = lines(load=replace(LOAD, months=months))["DynamoDB: histories read"]
        assert read == pytest.approx((2 * events * item_bytes * price,) * 2)


def test_training_costs_by_its_measured_seconds_and_the_size_of_the_log() -> None:
    # The log is as long as the one that was measured.
    run = {line.service: line for line in training_bill(DEPLOYED, LOAD, PRICES)}
    seconds = read_measured()["seconds"]["lambdas.evaluate.handler"]
    assert run["Lambda"].low == pytest.approx(4.0 * seconds * 0.0000166667)
    hours = (read_measured()["seconds"]["training_jobs.tune_ranker"] + 60) / 3600
    hourly = 2 * 0.04048 + 8 * 0.004445
    extra = 30 * 0.000111 + 0.005
    assert run["Fargate"].low == pytest.approx(hours * (hourly * 0.3 + extra))
    assert run["Fargate"].high == pytest.approx(2 * hours * (hourly + extra))

    longer = {
        line.service: line for line in training_bill(DEPLOYED, replace(LOAD, months=27.56), PRICES)
    }
    assert (longer["Fargate"].low or 0) > 5 * (run["Fargate"].low or 0) / 2


def test_unused_it_costs_what_is_stored_and_nothing_else() -> None:
    idle = idle_bill(DEPLOYED, PRICES, LOAD)

    assert {line.kind for line in idle} == {"storage"}
    assert {line.service for line in idle} == {"S3", "DynamoDB", "ECR"}


def test_what_stands_by_is_seen_in_the_idle_bill() -> None:
    standing = replace(
        DEPLOYED, provisioned=2, endpoints=3, alarm_metrics=12, dashboards=4, snapshot_gb=2.0
    )

    idle = {f"{line.service}: {line.what}": line for line in idle_bill(standing, PRICES, LOAD)}

    month_hours = 30.4 * 24
    assert idle["Standing: interface endpoints"].low == pytest.approx(6 * month_hours * 0.01)
    assert idle["Standing: alarms past the free ones"].low == pytest.approx(0.2)
    assert idle["Standing: dashboards past the free ones"].low == pytest.approx(3.0)
    warm = 4.0 * month_hours * 3600 * 0.0000033334
    assert idle["Standing: provisioned instances"].low == pytest.approx(warm)
    snapshot = idle["Lambda: SnapStart's snapshot"]
    assert snapshot.low == pytest.approx(2 * month_hours * 3600 * 0.0000015046)
    assert {idle[name].kind for name in idle if name.startswith("Standing")} == {"standing"}


def test_a_price_that_is_not_known_is_in_no_sum_and_is_named() -> None:
    elsewhere = read_prices("moon-north-1")

    low, high, unknown = total(monthly_bill(DEPLOYED, LOAD, elsewhere))

    assert (low, high) == (0.0, 0.0)
    assert "API Gateway: requests" in unknown
    assert "Fargate: training" in unknown


def test_unused_things_need_no_price() -> None:
    nothing = Load(events=0, requests=0, users=1, items=1)
    unused = replace(DEPLOYED, trainings=0.0, monitorings=0.0)

    _, _, unknown = total(monthly_bill(unused, nothing, read_prices("moon-north-1")))

    assert "API Gateway: requests" not in unknown


def test_other_designs_cost_the_same_with_and_without_use() -> None:
    idle = Load(events=0, requests=0, users=1, items=1)
    busy_low, _, _ = total(kubernetes_bill(LOAD, PRICES))
    idle_low, _, _ = total(kubernetes_bill(idle, PRICES))
    hours = 30.4 * 24
    assert idle_low == busy_low
    assert idle_low == pytest.approx(hours * (0.10 + 3 * 0.096 + 0.0225 + 0.008) + 3 * 50 * 0.08)
    personalize = personalize_bill(idle, PRICES, trainings=4)
    inference = next(line for line in personalize if line.what == "inference")
    assert inference.low == pytest.approx(hours * 0.20)


def test_every_target_of_training_was_measured() -> None:
    monitoring = {"collect_metrics", "detect_drift", "decide_retraining", "publish_metrics"}
    elsewhere = monitoring | {"record_failure", "keep_champion", "plan_batch", "recommend_shard"}
    modules = {
        target.module
        for target in TARGETS.values()
        if not elsewhere & set(target.module.split("."))
    }
    assert modules == set(read_measured()["seconds"])


def test_other_prices_can_be_given(tmp_path: Path) -> None:
    file = tmp_path / "prices.toml"
    file.write_text(
        'as_of = "2027-01-01"\nsource = "our contract"\n[regions.us-east-1]\nhttp_api_million = 9\n'
    )
    prices = read_prices("us-east-1", file)
    assert (prices.get("http_api_million"), prices.get("firehose_gb")) == (9.0, None)
    file.write_text("regions = 3\n")
    with pytest.raises(ConfigError, match="is no price list"):
        read_prices("us-east-1", file)


def transitions(machine: str, repeats: dict[str, int]) -> int:
    """Count the states that a run enters which succeeds and promotes."""

    def count(states: dict[str, Any]) -> int:
        n = 0
        for name, state in states.items():
            if name not in {"RecordFailure", "Failed", "KeepChampion"}:
                inner = [*state.get("Branches", ()), *filter(None, [state.get("ItemProcessor")])]
                n += 1 + repeats.get(name, 1) * sum(count(each["States"]) for each in inner)
        return n

    text = (files("state_machines") / f"{machine}.asl.json").read_text(encoding="utf-8")
    return count(json.loads(text)["States"])


def test_state_transitions_are_those_of_the_definitions() -> None:
    measured = read_measured()
    repeats = {"TrainRetrieval": 4, "GenerateCandidates": 6}
    assert measured["training_transitions"] == transitions("training", repeats)
    assert measured["monitoring_transitions"] == transitions("monitoring", {})
