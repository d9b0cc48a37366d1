"""What watches: alarms, the dashboard, and the way from an alarm to training."""

from typing import Final

from aws_cdk import Duration, Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as event_targets
from aws_cdk import aws_logs as logs
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra_cdk.config import StageConfig
from infra_cdk.stacks.pipeline import PipelineStack
from infra_cdk.stacks.serving import ServingStack

NAMESPACE: Final = "Endcap"
"""Where the monitoring workflow files its numbers; a test holds it equal to the code's own."""
DIMENSION: Final = "Deployment"
PAGE: Final = "docs/aws.md"

_DAY: Final = Duration.days(1)
_FIVE_MINUTES: Final = Duration.minutes(5)


class MonitoringStack(Stack):
    """Alarms, dashboard, and retraining on drift."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        config: StageConfig,
        pipeline: PipelineStack,
        serving: ServingStack,
        deployment: str,
    ) -> None:
        super().__init__(scope, name, description="Endcap: alarms, dashboard, drift")
        self._config = config.monitoring
        self._pipeline = pipeline
        self._serving = serving
        self._deployment = deployment
        self._fallback = self._fallback_share()
        self.alarms = self._alarms()
        for alarm in self.alarms.values():
            alarm.add_alarm_action(actions.SnsAction(pipeline.failures))
        self._retrain_on(self.alarms["RetrainingAsked"])
        self._dashboard()

    def _alarms(self) -> dict[str, cloudwatch.Alarm]:
        limits, quiet = self._config, cloudwatch.TreatMissingData.NOT_BREACHING
        above = cloudwatch.ComparisonOperator.GREATER_THAN_THRESHOLD
        at_least = cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD
        told: dict[
            str, tuple[str, cloudwatch.IMetric, float, cloudwatch.ComparisonOperator, int]
        ] = {
            "RetrainingAsked": (
                "Drift, and neither cooldown nor monthly limit in the way: training is started",
                self.number("RetrainingAsked"),
                1.0,
                at_least,
                1,
            ),
            "Drift": (
                "The traffic is no longer like what the model was made for",
                self.number("DriftedShare"),
                limits.drifted_share,
                at_least,
                1,
            ),
            "Coverage": (
                "Intervals hold the truth less often than they promise",
                self.number("CoverageGap"),
                limits.coverage_gap,
                above,
                1,
            ),
            "StaleModel": (
                "No model has been promoted for long",
                self.number("ModelAgeDays"),
                float(limits.model_age_days),
                above,
                1,
            ),
            "Fallback": (
                "Too many items are those that anybody would be shown",
                self._fallback,
                limits.fallback_share,
                above,
                3,
            ),
            "FailedExecution": (
                "A training execution failed",
                self._pipeline.machines["training"].metric_failed(period=_FIVE_MINUTES),
                1.0,
                at_least,
                1,
            ),
            "UndeliveredEvents": (
                "A schedule or a rule could not start what it should",
                self._pipeline.undelivered.metric_approximate_number_of_messages_visible(
                    period=_FIVE_MINUTES
                ),
                1.0,
                at_least,
                1,
            ),
        }
        return {
            name: cloudwatch.Alarm(
                self,
                name,
                alarm_description=f"{meaning} ({PAGE}#alarms)",
                metric=metric,
                threshold=threshold,
                comparison_operator=comparison,
                evaluation_periods=periods,
                treat_missing_data=quiet,
            )
            for name, (meaning, metric, threshold, comparison, periods) in told.items()
        }

    def number(self, name: str) -> cloudwatch.Metric:
        """Return a number that the monitoring workflow publishes."""
        return cloudwatch.Metric(
            namespace=NAMESPACE,
            metric_name=name,
            dimensions_map={DIMENSION: self._deployment},
            statistic="Maximum",
            period=_DAY,
        )

    def _fallback_share(self) -> cloudwatch.Metric:
        """Return the share of items that the ladder gave, read off the service's own log lines."""
        found = logs.MetricFilter(
            self,
            "FallbackShare",
            log_group=self._serving.logs,
            filter_pattern=logs.FilterPattern.number_value("$.fallback_share", ">=", 0),
            metric_namespace=NAMESPACE,
            metric_name=f"FallbackShare-{self._deployment}",
            metric_value="$.fallback_share",
        )
        return found.metric(statistic="Average", period=_FIVE_MINUTES)

    def _retrain_on(self, alarm: cloudwatch.Alarm) -> None:
        pipeline = self._pipeline
        # By its name alone: a policy that named this rule would make the pipeline wait for it.
        undelivered = sqs.Queue.from_queue_arn(self, "Undelivered", pipeline.undelivered.queue_arn)
        events.Rule(
            self,
            "Retrain",
            description="Starts training when monitoring asks for it",
            event_pattern=events.EventPattern(
                source=["aws.cloudwatch"],
                detail_type=["CloudWatch Alarm State Change"],
                resources=[alarm.alarm_arn],
                detail={"state": {"value": ["ALARM"]}},
            ),
            targets=[
                event_targets.SfnStateMachine(
                    pipeline.machines["training"],
                    input=events.RuleTargetInput.from_object(pipeline.training_input),
                    dead_letter_queue=undelivered,
                    retry_attempts=3,
                )
            ],
        )

    def _dashboard(self) -> None:
        serving, machines = self._serving, self._pipeline.machines
        route = {"ApiId": serving.api.api_id}
        requests = cloudwatch.Metric(
            namespace="AWS/ApiGateway", metric_name="Count", dimensions_map=route, statistic="Sum"
        )
        dashboard = cloudwatch.Dashboard(self, "Dashboard", default_interval=Duration.days(14))
        dashboard.add_widgets(
            cloudwatch.AlarmStatusWidget(
                title="Alarms",
                width=24,
                height=3,
                alarms=[*self.alarms.values(), serving.errors, serving.latency],
            )
        )
        dashboard.add_widgets(
            _graph("Requests", [requests]),
            _graph(
                "Latency, ms",
                [
                    serving.alias.metric_duration(statistic=share, label=share)
                    for share in ("p50", "p99")
                ],
            ),
            _graph("Errors", [serving.alias.metric_errors(), serving.alias.metric_throttles()]),
            _graph("Share from the fallback ladder", [self._fallback]),
        )
        dashboard.add_widgets(
            _graph("Answers followed, share", [self.number("FollowedShare")]),
            _graph("Interval coverage, short of the promise", [self.number("CoverageGap")]),
            _graph("Age, days", [self.number("ModelAgeDays"), self.number("DataAgeDays")]),
            _graph("Drifted columns, share", [self.number("DriftedShare")]),
        )
        dashboard.add_widgets(
            _graph(
                "Executions",
                [
                    metric
                    for machine in machines.values()
                    for metric in (machine.metric_succeeded(), machine.metric_failed())
                ],
            ),
            # What drives the bill: Lambda's time by memory, and the log's reads and writes.
            _graph(
                "Service: seconds of compute",
                [serving.alias.metric_duration(statistic="Sum", label="ms in total")],
            ),
            _graph(
                "Histories: capacity units",
                [
                    serving.histories.metric_consumed_read_capacity_units(),
                    serving.histories.metric_consumed_write_capacity_units(),
                ],
            ),
            _graph("Retraining asked", [self.number("RetrainingAsked")]),
        )


def _graph(title: str, metrics: list[cloudwatch.IMetric]) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, left=list(metrics), width=6, height=6)
