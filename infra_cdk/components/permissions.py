"""Who may do what. A star in a resource is always argued for where it is written."""

from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from constructs import IConstruct

from infra_cdk.components.acknowledge import acknowledge


def allow(
    who: iam.IGrantable,
    actions: Sequence[str],
    resources: Sequence[str],
    *,
    conditions: Mapping[str, Any] | None = None,
    star: str | None = None,
) -> None:
    """Let the role behind `who` do `actions` on `resources`.

    `star`: why some of the resources have a star. Of another stack's resources, give what `shared`
    returns.
    """
    statement = iam.PolicyStatement(
        actions=list(actions),
        resources=list(resources),
        conditions=None if conditions is None else dict(conditions),
    )
    role: Any = who.grant_principal
    role.add_to_principal_policy(statement)
    if star is not None:
        acknowledge_stars(role, [spelled(role, resource) for resource in resources], star)


def acknowledge_stars(role: IConstruct, resources: Sequence[str], reason: str) -> None:
    """Accept, for a reason, that a role's policies name resources with a star."""
    acknowledge(
        role,
        {f"AwsSolutions-IAM5[Resource::{name}]": reason for name in resources if "*" in name},
    )


def shared(owner: IConstruct, user: IConstruct, value: str) -> str:
    """Return an attribute of `owner` as `user` names it, who may be in another stack."""
    source = Stack.of(owner)
    if source is Stack.of(user):
        return value
    exported: str = source.export_value(value)
    return exported


def spelled(scope: IConstruct, value: object) -> str:
    """Return a value as cdk-nag spells it: ``<Id.Attribute>`` for what is known at deployment."""
    return _flat(Stack.of(scope).resolve(value))


def _flat(value: Any) -> str:  # noqa: ANN401 -- CloudFormation's JSON
    if isinstance(value, str):
        return value
    ((function, argument),) = value.items()
    if function == "Ref":
        return f"<{argument}>"
    if function == "Fn::GetAtt":
        return f"<{'.'.join(argument)}>"
    if function == "Fn::Join":
        return str(argument[0]).join(map(_flat, argument[1]))
    return _flat(argument)
