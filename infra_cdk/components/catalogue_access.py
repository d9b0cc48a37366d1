"""Who may point the catalogue's tables at new folders."""

from typing import Final

from aws_cdk import Aws
from aws_cdk import aws_glue as glue
from aws_cdk import aws_iam as iam

from infra_cdk.components.permissions import allow, shared

_ACTIONS: Final = [
    "glue:BatchCreatePartition",
    "glue:BatchDeletePartition",
    "glue:CreateTable",
    "glue:DeleteTable",
    "glue:GetDatabase",
    "glue:GetPartitions",
    "glue:GetTable",
    "glue:GetTables",
    "glue:UpdateTable",
]


def allow_registering(who: iam.IGrantable, database: glue.CfnDatabase) -> None:
    """Let `who` create and repoint tables of one database."""
    catalogue = f"arn:{Aws.PARTITION}:glue:{Aws.REGION}:{Aws.ACCOUNT_ID}"
    name = shared(database, who.grant_principal, database.ref)  # type: ignore[arg-type]
    allow(
        who,
        _ACTIONS,
        [f"{catalogue}:catalog", f"{catalogue}:database/{name}", f"{catalogue}:table/{name}/*"],
        star="A run creates the tables of one database, under names of its own.",
    )
