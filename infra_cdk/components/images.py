"""The container images: one Dockerfile, a target for each kind of work."""

from pathlib import Path
from typing import Final

from aws_cdk import IgnoreMode
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_lambda as lambda_

ROOT: Final = Path(__file__).resolve().parents[2]
BATCH: Final = "lambda-batch"
TRAINING: Final = "training"
SPARK: Final = "spark"

PLATFORM: Final = ecr_assets.Platform.LINUX_AMD64
"""Not every wheel of the training stack is built for arm64 (docs/aws.md says which are not)."""
LAMBDA_ARCHITECTURE: Final = lambda_.Architecture.X86_64
CPU_ARCHITECTURE: Final = ecs.CpuArchitecture.X86_64


def function_code(handler: str) -> lambda_.DockerImageCode:
    """Return the image of the feature jobs and small states, with one handler as its command."""
    return lambda_.DockerImageCode.from_image_asset(
        str(ROOT),
        target=BATCH,
        cmd=[handler],
        platform=PLATFORM,
        ignore_mode=IgnoreMode.DOCKER,
    )


def container_image() -> ecs.ContainerImage:
    """Return the image of the training containers."""
    return ecs.ContainerImage.from_asset(
        str(ROOT), target=TRAINING, platform=PLATFORM, ignore_mode=IgnoreMode.DOCKER
    )
