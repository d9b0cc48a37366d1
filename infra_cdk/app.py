"""The CDK app: every stage of `endcap.toml`, in every region it names."""

import subprocess
import sys
from typing import Final

from aws_cdk import App, Validations
from cdk_nag import AwsSolutionsChecks

from infra_cdk.config import DeploymentError, read_deployment
from infra_cdk.context import ROOT, read_context
from infra_cdk.stage import EndcapStage

CONFIG: Final = "endcap:config"
"""Context key: the configuration's file, relative to the project."""


def build(app: App) -> list[EndcapStage]:
    """Add every stage to the app and return them. Raises `DeploymentError`."""
    deployment = read_deployment(ROOT / (app.node.try_get_context(CONFIG) or "endcap.toml"))
    code_version = _code_version()
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    return [
        EndcapStage(
            app,
            shop=deployment.name,
            stage=name,
            region=region,
            config=config,
            code_version=code_version,
        )
        for name, config in deployment.stages.items()
        for region in config.regions
    ]


def _code_version() -> str:
    """Return the commit that is deployed, or "unknown" outside of a repository."""
    try:
        told = subprocess.run(
            ["git", "rev-parse", "HEAD"],  # noqa: S607 -- whichever git the developer has
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return told.stdout.strip()


def main() -> None:
    """Synthesise, or say in one sentence what the configuration lacks."""
    # Run by itself, and not by the CDK's command line, it has no context but this.
    app = App(context=read_context())
    try:
        build(app)
    except DeploymentError as exc:
        sys.exit(f"endcap: {exc}")
    app.synth()


if __name__ == "__main__":
    main()
