"""One stage in one region: four stacks."""

from aws_cdk import Environment, Stage, Tags
from constructs import Construct

from infra_cdk.config import StageConfig
from infra_cdk.stacks.monitoring import MonitoringStack
from infra_cdk.stacks.pipeline import PipelineStack
from infra_cdk.stacks.serving import ServingStack
from infra_cdk.stacks.stateful import StatefulStack


class EndcapStage(Stage):
    """A shop's stage in a region. Its stacks are named ``<shop>-<stage>-<region>-<stack>``."""

    def __init__(
        self,
        scope: Construct,
        *,
        shop: str,
        stage: str,
        region: str,
        config: StageConfig,
        code_version: str,
    ) -> None:
        super().__init__(
            scope,
            f"{shop}-{stage}-{region}",
            env=Environment(account=config.account, region=region),
        )
        self.stateful = StatefulStack(self, "stateful", config=config)
        self.pipeline = PipelineStack(
            self,
            "pipeline",
            config=config,
            stateful=self.stateful,
            deployment=f"{shop}-{stage}",
            code_version=code_version,
        )
        self.serving = ServingStack(
            self,
            "serving",
            config=config,
            stateful=self.stateful,
            failures=self.pipeline.failures,
            code_version=code_version,
        )
        self.monitoring = MonitoringStack(
            self,
            "monitoring",
            config=config,
            pipeline=self.pipeline,
            serving=self.serving,
            deployment=f"{shop}-{stage}",
        )
        tags = {"endcap:shop": shop, "endcap:stage": stage, **config.tags}
        for name, value in tags.items():
            Tags.of(self).add(name, value)
