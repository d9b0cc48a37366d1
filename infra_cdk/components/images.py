"""The container images: one Dockerfile, a target for each kind of work."""

from typing import Final

from aws_cdk import IgnoreMode
from aws_cdk import aws_ecr_assets as ecr_assets
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra_cdk.context import ROOT

BATCH: Final = "lambda-batch"
TRAINING: Final = "training"
SPARK: Final = "spark"

PLATFORM: Final = ecr_assets.Platform.LINUX_AMD64
"""What most machines that deploy can build; every wheel is there for arm64 too (docs/aws.md)."""
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


def image_asset(scope: Construct, name: str, target: str) -> ecr_assets.DockerImageAsset:
    """Return a target of the Dockerfile as an image of its own."""
    return ecr_assets.DockerImageAsset(
        scope,
        name,
        directory=str(ROOT),
        target=target,
        platform=PLATFORM,
        ignore_mode=IgnoreMode.DOCKER,
    )


def container_image() -> ecs.ContainerImage:
    """Return the image of the training containers."""
    return ecs.ContainerImage.from_asset(
        str(ROOT), target=TRAINING, platform=PLATFORM, ignore_mode=IgnoreMode.DOCKER
    )
