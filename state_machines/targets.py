"""The one table from a placeholder in an ASL file to what runs there.

Strings and numbers only: whoever deploys reads it, and imports none of the code it names.
"""

from dataclasses import dataclass
from typing import Final, Literal

MACHINES: Final = {
    "training": "training.asl.json",
    "monitoring": "monitoring.asl.json",
    "batch": "batch.asl.json",
}
"""State machine -> its file beside this one."""

RESOURCES: Final = (
    "EcsClusterArn",
    "TrainingSubnets",
    "TrainingSecurityGroups",
    "TrainingCapacityProviders",
    "AssignPublicIp",
)
"""Placeholders that stand for infrastructure.

Subnets, security groups and capacity providers are comma-separated lists: of the last, the one that
each attempt of a container runs on, the first attempt first. `AssignPublicIp` is ENABLED or
DISABLED.
"""

CONTAINER_ATTEMPTS: Final = 6
"""How often a container is started at most: the first attempt and all that the ASL files retry."""

CONTAINER: Final = "training"
"""The name of the one container in every task definition."""

FEATURES_TARGET: Final = "BuildFeaturesFunctionArn"
"""The target whose work Spark can do instead."""

LAKE_ENVIRONMENT: Final = (
    "ENDCAP_LAKE_URI",
    "ENDCAP_CACHE_DIR",
    "ENDCAP_CACHE_KEEP_MIB",
    "ENDCAP_CODE_VERSION",
    "ENDCAP_LOG_LEVEL",
)
"""What every target is told by the stack. The ASL adds what differs from run to run."""

CATALOGUE_ENVIRONMENT: Final = (*LAKE_ENVIRONMENT, "ENDCAP_GLUE_DATABASE")
"""What those are told that register tables; no other may touch the catalogue."""


MONITORING_ENVIRONMENT: Final = (
    *LAKE_ENVIRONMENT,
    "ENDCAP_RECORD_LOG_URI",
    "ENDCAP_DEPLOYMENT",
)
"""What those are told that look at what the service did."""


@dataclass(frozen=True)
class Target:
    """What runs behind a placeholder.

    `kind`: a Lambda function, whose entry point is ``handler`` in `module`, or an ECS task, whose
    container runs ``python -m module``. `timeout_seconds`: Lambda ends the function after that; ECS
    has no such limit, so the state's own timeout stops the task, and this is its upper bound.
    """

    kind: Literal["lambda", "ecs"]
    module: str
    memory_mib: int
    timeout_seconds: int
    environment: tuple[str, ...] = LAKE_ENVIRONMENT


def _function(
    name: str,
    *,
    memory_mib: int = 1024,
    timeout_seconds: int = 300,
    environment: tuple[str, ...] = LAKE_ENVIRONMENT,
) -> Target:
    return Target("lambda", f"lambdas.{name}.handler", memory_mib, timeout_seconds, environment)


def _task(name: str, *, memory_mib: int, timeout_seconds: int) -> Target:
    return Target("ecs", f"training_jobs.{name}", memory_mib, timeout_seconds)


TARGETS: Final[dict[str, Target]] = {
    "ValidateAndCleanFunctionArn": _function(
        "validate_and_clean",
        memory_mib=6144,
        timeout_seconds=900,
        environment=(*CATALOGUE_ENVIRONMENT, "ENDCAP_RECORD_LOG_URI"),
    ),
    "BuildFeaturesFunctionArn": _function("build_features", memory_mib=6144, timeout_seconds=900),
    "PlanCandidatesFunctionArn": _function("plan_candidates", memory_mib=4096, timeout_seconds=900),
    "GenerateCandidatesFunctionArn": _function(
        "generate_candidates", memory_mib=4096, timeout_seconds=900
    ),
    "CalibrateFunctionArn": _function("calibrate", memory_mib=4096, timeout_seconds=900),
    "EvaluateFunctionArn": _function("evaluate", memory_mib=6144, timeout_seconds=900),
    "RegisterModelFunctionArn": _function("register_model", memory_mib=4096, timeout_seconds=900),
    "CheckGateFunctionArn": _function("check_gate", memory_mib=6144, timeout_seconds=900),
    "PromoteFunctionArn": _function("promote"),
    "KeepChampionFunctionArn": _function("keep_champion"),
    "PublishRecommendationsFunctionArn": _function(
        "publish_recommendations",
        memory_mib=4096,
        timeout_seconds=900,
        environment=CATALOGUE_ENVIRONMENT,
    ),
    "RecordFailureFunctionArn": _function("record_failure", timeout_seconds=60),
    "CollectMetricsFunctionArn": _function(
        "collect_metrics",
        memory_mib=2048,
        timeout_seconds=900,
        environment=MONITORING_ENVIRONMENT,
    ),
    "DetectDriftFunctionArn": _function(
        "detect_drift", memory_mib=4096, timeout_seconds=900, environment=MONITORING_ENVIRONMENT
    ),
    "DecideRetrainingFunctionArn": _function("decide_retraining"),
    "PublishMetricsFunctionArn": _function(
        "publish_metrics", timeout_seconds=60, environment=MONITORING_ENVIRONMENT
    ),
    "PlanBatchFunctionArn": _function("plan_batch", memory_mib=2048, timeout_seconds=900),
    "RecommendShardFunctionArn": _function("recommend_shard", memory_mib=4096, timeout_seconds=900),
    "TrainRetrievalTaskDefinitionArn": _task(
        "train_retrieval", memory_mib=8192, timeout_seconds=7200
    ),
    "TuneRankerTaskDefinitionArn": _task("tune_ranker", memory_mib=8192, timeout_seconds=7200),
    "TrainRankerTaskDefinitionArn": _task("train_ranker", memory_mib=8192, timeout_seconds=7200),
}
