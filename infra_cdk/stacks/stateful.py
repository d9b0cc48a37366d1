"""What must outlive everything else: the lake, visitors' histories, and the way events take there.

A logical id in this stack names data. Renaming a construct here would replace what it stands for,
so a test holds the ids still.
"""

from typing import Final

from aws_cdk import CfnOutput, Duration, RemovalPolicy, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_glue as glue
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kinesisfirehose as firehose
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra_cdk.components.acknowledge import acknowledge
from infra_cdk.components.lake_access import (
    LAKE,
    RAW,
    RECORD_LOG,
    RECORD_STREAMS,
    RETIRED_TAG,
    allow_delivering,
)
from infra_cdk.components.logs import log_group
from infra_cdk.components.permissions import allow
from infra_cdk.config import StageConfig

_KEEP_OLD_VERSIONS: Final = Duration.days(30)
_RETIRED_DAYS: Final = 90
_INFREQUENT_DAYS: Final = 30
_ACCESS_LOG_DAYS: Final = 90


class StatefulStack(Stack):
    """The lake's bucket, the history table, the catalogue, the delivery streams."""

    def __init__(self, scope: Construct, name: str, *, config: StageConfig) -> None:
        super().__init__(
            scope,
            name,
            description="Endcap: data that outlive deployments",
            termination_protection=config.protected,
        )
        self.access_logs = self._access_logs()
        self.bucket = self._lake_bucket()
        self.histories = self._history_table()
        self.database = glue.CfnDatabase(
            self,
            "Catalogue",
            catalog_id=self.account,
            database_input=glue.CfnDatabase.DatabaseInputProperty(
                description="Tables of the lake; each training run points them at its own"
            ),
        )
        self.database.apply_removal_policy(RemovalPolicy.RETAIN)
        self.streams = self._delivery_streams(config.serving.log_days)
        self._tables()
        CfnOutput(self, "LakeBucket", value=self.bucket.bucket_name)
        CfnOutput(self, "LakeUri", value=f"s3://{self.bucket.bucket_name}/{LAKE}")
        CfnOutput(self, "RawUri", value=f"s3://{self.bucket.bucket_name}/{RAW}")
        CfnOutput(self, "HistoryTable", value=self.histories.table_name)
        CfnOutput(self, "GlueDatabase", value=self.database.ref)

    def record_log_uri(self) -> str:
        """Return the record log as the service opens it."""
        streams = "&".join(f"{name}={stream.ref}" for name, stream in self.streams.items())
        return f"firehose://?{streams}&delivered=s3://{self.bucket.bucket_name}/{RECORD_LOG}"

    def _access_logs(self) -> s3.Bucket:
        bucket = s3.Bucket(
            self,
            "AccessLogs",
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            removal_policy=RemovalPolicy.RETAIN,
            lifecycle_rules=[
                s3.LifecycleRule(id="forget", expiration=Duration.days(_ACCESS_LOG_DAYS))
            ],
        )
        acknowledge(bucket, {"AwsSolutions-S1": "It holds access logs; logging itself never ends."})
        return bucket

    def _lake_bucket(self) -> s3.Bucket:
        return s3.Bucket(
            self,
            "Lake",
            versioned=True,
            encryption=s3.BucketEncryption.S3_MANAGED,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            object_ownership=s3.ObjectOwnership.BUCKET_OWNER_ENFORCED,
            removal_policy=RemovalPolicy.RETAIN,
            server_access_logs_bucket=self.access_logs,
            server_access_logs_prefix="lake/",
            lifecycle_rules=[
                s3.LifecycleRule(
                    id="raw-logs-rest",
                    prefix=f"{RAW}/",
                    transitions=[
                        s3.Transition(
                            storage_class=s3.StorageClass.INFREQUENT_ACCESS,
                            transition_after=Duration.days(_INFREQUENT_DAYS),
                        )
                    ],
                ),
                # The tag is put on a model when it is neither champion nor its predecessor, and
                # taken off when one is promoted again.
                s3.LifecycleRule(
                    id="retired-models-end",
                    prefix=f"{LAKE}/",
                    tag_filters=dict([RETIRED_TAG]),
                    expiration=Duration.days(_RETIRED_DAYS),
                ),
                s3.LifecycleRule(
                    id="old-versions-end", noncurrent_version_expiration=_KEEP_OLD_VERSIONS
                ),
                s3.LifecycleRule(
                    id="broken-uploads-end",
                    abort_incomplete_multipart_upload_after=Duration.days(2),
                ),
            ],
        )

    def _history_table(self) -> dynamodb.Table:
        return dynamodb.Table(
            self,
            "Histories",
            partition_key=dynamodb.Attribute(name="user_id", type=dynamodb.AttributeType.STRING),
            sort_key=dynamodb.Attribute(name="moment", type=dynamodb.AttributeType.STRING),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            time_to_live_attribute="expires_at",
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            encryption=dynamodb.TableEncryption.DEFAULT,
            removal_policy=RemovalPolicy.RETAIN,
        )

    def _delivery_streams(self, log_days: int) -> dict[str, firehose.CfnDeliveryStream]:
        logs = log_group(self, "DeliveryLogs", days=log_days)
        role = iam.Role(
            self,
            "Delivery",
            assumed_by=iam.ServicePrincipal(
                "firehose.amazonaws.com",
                conditions={"StringEquals": {"aws:SourceAccount": self.account}},
            ),
            description="Delivers events to the lake's bucket",
        )
        allow_delivering(role, self.bucket, RECORD_LOG, f"{RECORD_LOG}-errors")
        allow(role, ["logs:PutLogEvents"], [logs.log_group_arn])
        streams = {}
        for stream in RECORD_STREAMS:
            log_stream = logs.add_stream(f"{stream.title()}Delivery")
            streams[stream] = firehose.CfnDeliveryStream(
                self,
                f"{stream.title()}Stream",
                delivery_stream_type="DirectPut",
                delivery_stream_encryption_configuration_input=(
                    firehose.CfnDeliveryStream.DeliveryStreamEncryptionConfigurationInputProperty(
                        key_type="AWS_OWNED_CMK"
                    )
                ),
                extended_s3_destination_configuration=(
                    firehose.CfnDeliveryStream.ExtendedS3DestinationConfigurationProperty(
                        bucket_arn=self.bucket.bucket_arn,
                        role_arn=role.role_arn,
                        # Without an expression of its own, a prefix gets YYYY/MM/dd/HH/ in UTC.
                        prefix=f"{RECORD_LOG}/{stream}/",
                        error_output_prefix=f"{RECORD_LOG}-errors/{stream}/",
                        compression_format="UNCOMPRESSED",
                        buffering_hints=firehose.CfnDeliveryStream.BufferingHintsProperty(
                            interval_in_seconds=60, size_in_m_bs=16
                        ),
                        cloud_watch_logging_options=(
                            firehose.CfnDeliveryStream.CloudWatchLoggingOptionsProperty(
                                enabled=True,
                                log_group_name=logs.log_group_name,
                                log_stream_name=log_stream.log_stream_name,
                            )
                        ),
                    )
                ),
            )
            streams[stream].node.add_dependency(role)
        return streams

    def _tables(self) -> None:
        """Describe the record log's streams to Athena; partitions are worked out from their names.

        The tables of training runs are registered by the runs themselves.
        """
        fields = {
            "events": "struct<event_id:string,user_id:string,item_id:string,event_type:string,"
            "time_ms:bigint,transaction_id:string,recommendation_id:string>",
            "exposures": "struct<recommendation_id:string,user_id:string,model_version:string,"
            "items:array<string>>",
            "erasures": "struct<user_id:string>",
        }
        for stream in RECORD_STREAMS:
            location = f"s3://{self.bucket.bucket_name}/{RECORD_LOG}/{stream}"
            table = glue.CfnTable(
                self,
                f"{stream.title()}Table",
                catalog_id=self.account,
                database_name=self.database.ref,
                table_input=glue.CfnTable.TableInputProperty(
                    name=f"record_log_{stream}",
                    table_type="EXTERNAL_TABLE",
                    partition_keys=[glue.CfnTable.ColumnProperty(name="hour", type="string")],
                    parameters={
                        "projection.enabled": "true",
                        "projection.hour.type": "date",
                        "projection.hour.format": "yyyy/MM/dd/HH",
                        "projection.hour.range": "2026/01/01/00,NOW",
                        "projection.hour.interval": "1",
                        "projection.hour.interval.unit": "HOURS",
                        "storage.location.template": f"{location}/${{hour}}",
                    },
                    storage_descriptor=glue.CfnTable.StorageDescriptorProperty(
                        location=f"{location}/",
                        input_format="org.apache.hadoop.mapred.TextInputFormat",
                        output_format="org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
                        serde_info=glue.CfnTable.SerdeInfoProperty(
                            serialization_library="org.openx.data.jsonserde.JsonSerDe"
                        ),
                        columns=[
                            glue.CfnTable.ColumnProperty(name="received_ms", type="bigint"),
                            glue.CfnTable.ColumnProperty(name="fields", type=fields[stream]),
                        ],
                    ),
                ),
            )
            table.apply_removal_policy(RemovalPolicy.RETAIN)
