"""What serves: the API function as a zip, its alias, and the HTTP API before it."""

import json
from typing import Any, Final

from aws_cdk import CfnOutput, Duration, Size, Stack, TimeZone
from aws_cdk import aws_apigatewayv2 as apigw
from aws_cdk import aws_apigatewayv2_authorizers as authorizers
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_applicationautoscaling as scaling
from aws_cdk import aws_certificatemanager as acm
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_codedeploy as codedeploy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra_cdk.components.acknowledge import acknowledge
from infra_cdk.components.api_package import assemble
from infra_cdk.components.lake_access import (
    LAKE,
    RECORD_LOG,
    allow_reading,
    allow_writing,
    lake_uri,
)
from infra_cdk.components.logs import log_group
from infra_cdk.components.permissions import acknowledge_stars, allow, shared
from infra_cdk.config import ServingConfig, StageConfig
from infra_cdk.stacks.stateful import StatefulStack

_TIMEOUT: Final = Duration.seconds(15)
_ARCHITECTURES: Final = {
    "arm64": lambda_.Architecture.ARM_64,
    "x86_64": lambda_.Architecture.X86_64,
}
_HISTORY_ACTIONS: Final = (
    "dynamodb:BatchWriteItem",
    "dynamodb:ConditionCheckItem",
    "dynamodb:DeleteItem",
    "dynamodb:PutItem",
    "dynamodb:Query",
)
_ACCESS_FIELDS: Final = {
    # The route, not the path: a path holds user ids.
    "requestId": "$context.requestId",
    "time": "$context.requestTime",
    "route": "$context.routeKey",
    "status": "$context.status",
    "bytes": "$context.responseLength",
    "ms": "$context.responseLatency",
    "error": "$context.integrationErrorMessage",
}


class ServingStack(Stack):
    """The prediction service."""

    def __init__(
        self,
        scope: Construct,
        name: str,
        *,
        config: StageConfig,
        stateful: StatefulStack,
        failures: sns.ITopic,
        code_version: str,
    ) -> None:
        super().__init__(scope, name, description="Endcap: the prediction service")
        self._config = config.serving
        self._stateful = stateful
        self.histories = stateful.histories
        self.logs = log_group(self, "ServiceLogs", days=config.serving.log_days)
        self._role = iam.Role(
            self, "ServiceRole", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com")
        )
        self.function = self._function(code_version)
        self._open_stores()
        self.alias = self._alias()
        self.errors, self.latency = self._alarms(config)
        for alarm in (self.errors, self.latency):
            alarm.add_alarm_action(actions.SnsAction(failures))
        self._roll_out()
        self.api = self._http_api()
        domain = config.serving.domain
        url = self.api.api_endpoint if domain is None else f"https://{domain}"
        CfnOutput(self, "ServiceUrl", value=url)
        CfnOutput(self, "ServiceFunction", value=self.function.function_name)

    def _function(self, code_version: str) -> lambda_.Function:
        config, stateful = self._config, self._stateful
        function = lambda_.Function(
            self,
            "Service",
            description="Endcap: recommendations and events",
            runtime=lambda_.Runtime.PYTHON_3_13,
            handler="api.handler.handler",
            code=lambda_.Code.from_asset(str(assemble(config.architecture))),
            architecture=_ARCHITECTURES[config.architecture],
            memory_size=config.memory_mib,
            timeout=_TIMEOUT,
            ephemeral_storage_size=Size.mebibytes(config.disk_mib),
            snap_start=(
                lambda_.SnapStartConf.ON_PUBLISHED_VERSIONS
                if config.snap_start and not config.provisioned_capacity
                else None
            ),
            environment={
                "ENDCAP_LAKE_URI": lake_uri(stateful.bucket),
                "ENDCAP_CACHE_DIR": "/tmp/endcap",  # noqa: S108 -- a function may write nowhere else
                # Beside the model that serves there is room for the one that is coming, no more.
                "ENDCAP_CACHE_KEEP_MIB": "0",
                "ENDCAP_CODE_VERSION": code_version,
                "ENDCAP_LOG_LEVEL": "INFO",
                "ENDCAP_HISTORY_URI": (
                    f"dynamodb://{stateful.histories.table_name}?ttl_days={config.history_days}"
                ),
                "ENDCAP_RECORD_LOG_URI": stateful.record_log_uri(),
                "ENDCAP_OPERATORS": ",".join(config.operators),
                "OPENBLAS_NUM_THREADS": "1",
            },
            role=self._role,
            log_group=self.logs,
            logging_format=lambda_.LoggingFormat.JSON,
            tracing=lambda_.Tracing.ACTIVE,
        )
        acknowledge(
            function,
            {
                "AwsSolutions-L1": "It is the newest release of Python that Endcap supports.",
                "@aws-cdk/aws-lambda:snapStartRequirePublish": "The alias publishes each version.",
            },
        )
        return function

    def _open_stores(self) -> None:
        role, stateful = self._role, self._stateful
        self.logs.grant_write(self.function)
        acknowledge_stars(role, ["*"], "X-Ray knows no resources that a trace could be put to.")
        allow_reading(role, stateful.bucket, LAKE, RECORD_LOG)
        allow_writing(role, stateful.bucket, LAKE)
        table = shared(stateful.histories, self, stateful.histories.table_arn)
        allow(role, _HISTORY_ACTIONS, [table])
        streams = [shared(stateful, self, stream.attr_arn) for stream in stateful.streams.values()]
        allow(role, ["firehose:PutRecordBatch"], streams)

    def _alias(self) -> lambda_.Alias:
        config = self._config
        alias = lambda_.Alias(
            self,
            "Live",
            alias_name="live",
            version=self.function.current_version,
            provisioned_concurrent_executions=config.provisioned_capacity or None,
        )
        if config.peaks:
            target = alias.add_auto_scaling(
                min_capacity=config.provisioned_capacity,
                max_capacity=max(peak.capacity for peak in config.peaks),
            )
            for number, peak in enumerate(config.peaks, start=1):
                target.scale_on_schedule(
                    f"Peak{number}",
                    schedule=scaling.Schedule.expression(peak.schedule),
                    time_zone=TimeZone.ETC_UTC,
                    min_capacity=peak.capacity,
                )
        return alias

    def _alarms(self, config: StageConfig) -> tuple[cloudwatch.Alarm, cloudwatch.Alarm]:
        minutes = Duration.minutes(5)
        share = cloudwatch.MathExpression(
            expression="IF(requests > 0, errors / requests, 0)",
            using_metrics={
                "errors": self.alias.metric_errors(period=minutes),
                "requests": self.alias.metric_invocations(period=minutes),
            },
            label="Share of requests that failed",
            period=minutes,
        )
        quiet = cloudwatch.TreatMissingData.NOT_BREACHING
        errors = cloudwatch.Alarm(
            self,
            "ServiceErrors",
            alarm_description="More requests fail than should (docs/aws.md#service-errors)",
            metric=share,
            threshold=config.monitoring.error_share,
            evaluation_periods=3,
            datapoints_to_alarm=2,
            treat_missing_data=quiet,
        )
        latency = cloudwatch.Alarm(
            self,
            "ServiceLatency",
            alarm_description="One request in a hundred is slow (docs/aws.md#service-latency)",
            metric=self.alias.metric_duration(period=minutes, statistic="p99"),
            threshold=config.monitoring.p99_ms,
            evaluation_periods=3,
            datapoints_to_alarm=3,
            treat_missing_data=quiet,
        )
        return errors, latency

    def _roll_out(self) -> None:
        """Give a new version a tenth of the traffic for five minutes; take it back on an alarm."""
        application = codedeploy.LambdaApplication(self, "Rollout")
        group = codedeploy.LambdaDeploymentGroup(
            self,
            "Canary",
            application=application,
            alias=self.alias,
            deployment_config=codedeploy.LambdaDeploymentConfig.CANARY_10_PERCENT_5_MINUTES,
            alarms=[self.errors, self.latency],
            auto_rollback=codedeploy.AutoRollbackConfig(
                failed_deployment=True, stopped_deployment=True, deployment_in_alarm=True
            ),
        )
        acknowledge(
            group.role,
            {
                "AwsSolutions-IAM4[Policy::arn:<AWS::Partition>:iam::aws:policy/service-role/"
                "AWSCodeDeployRoleForLambdaLimited]": "AWS's own policy for shifting a Lambda "
                "alias; it follows what CodeDeploy needs."
            },
        )

    def _http_api(self) -> apigw.HttpApi:
        config = self._config
        api = apigw.HttpApi(
            self,
            "Api",
            description="Endcap: recommendations and events",
            create_default_stage=False,
            default_authorizer=_authorizer(config),
            disable_execute_api_endpoint=config.domain is not None,
        )
        api.add_routes(
            path="/{proxy+}",
            methods=[apigw.HttpMethod.ANY],
            integration=integrations.HttpLambdaIntegration(
                "Service", self.alias, payload_format_version=apigw.PayloadFormatVersion.VERSION_2_0
            ),
        )
        access = log_group(self, "AccessLogs", days=config.log_days)
        stage = apigw.HttpStage(
            self,
            "Stage",
            http_api=api,
            stage_name="$default",
            auto_deploy=True,
            throttle=apigw.ThrottleSettings(
                rate_limit=config.requests_per_second, burst_limit=config.burst
            ),
            detailed_metrics_enabled=False,
            domain_mapping=self._domain(),
        )
        resource: Any = stage.node.default_child
        resource.access_log_settings = apigw.CfnStage.AccessLogSettingsProperty(
            destination_arn=access.log_group_arn, format=json.dumps(_ACCESS_FIELDS)
        )
        return api

    def _domain(self) -> apigw.DomainMappingOptions | None:
        config = self._config
        if config.domain is None or config.certificate_arn is None:
            return None
        certificate = acm.Certificate.from_certificate_arn(
            self, "Certificate", config.certificate_arn
        )
        domain = apigw.DomainName(
            self,
            "Domain",
            domain_name=config.domain,
            certificate=certificate,
            security_policy=apigw.SecurityPolicy.TLS_1_2,
        )
        CfnOutput(self, "DomainTarget", value=domain.regional_domain_name)
        return apigw.DomainMappingOptions(domain_name=domain)


def _authorizer(config: ServingConfig) -> apigw.IHttpRouteAuthorizer:
    if config.auth == "jwt":
        return authorizers.HttpJwtAuthorizer(
            "Tokens", str(config.jwt_issuer), jwt_audience=list(config.jwt_audience)
        )
    return authorizers.HttpIamAuthorizer()
