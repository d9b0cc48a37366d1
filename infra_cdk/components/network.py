"""Where containers run: a network without a NAT gateway.

In the public kind containers have addresses of their own and a security group that lets nobody in;
an address costs while its container runs, and a gateway endpoint to S3 nothing at all. The private
kind has no way out: images and logs go through interface endpoints, which cost by the hour whether
or not anything runs (docs/adr/0008).
"""

from typing import Final, Literal

from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from infra_cdk.components.acknowledge import acknowledge

_ZONES: Final = 2
_ENDPOINTS: Final = {
    "EcrApi": ec2.InterfaceVpcEndpointAwsService.ECR,
    "EcrLayers": ec2.InterfaceVpcEndpointAwsService.ECR_DOCKER,
    "Logs": ec2.InterfaceVpcEndpointAwsService.CLOUDWATCH_LOGS,
}
"""What a container needs beside S3 before and while it runs."""


class Network(Construct):
    """A VPC of two zones, and the security group of containers."""

    def __init__(self, scope: Construct, name: str, *, kind: Literal["public", "private"]) -> None:
        super().__init__(scope, name)
        is_public = kind == "public"
        self.assign_public_ip = "ENABLED" if is_public else "DISABLED"
        subnet_type = ec2.SubnetType.PUBLIC if is_public else ec2.SubnetType.PRIVATE_ISOLATED
        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            max_azs=_ZONES,
            nat_gateways=0,
            # An address is asked for by each task; nothing else may get one by landing here.
            subnet_configuration=[
                ec2.SubnetConfiguration(
                    name="Containers",
                    subnet_type=subnet_type,
                    cidr_mask=24,
                    map_public_ip_on_launch=False if is_public else None,
                )
            ],
            restrict_default_security_group=False,
            gateway_endpoints={
                "S3": ec2.GatewayVpcEndpointOptions(service=ec2.GatewayVpcEndpointAwsService.S3)
            },
        )
        self.security_group = ec2.SecurityGroup(
            self,
            "Containers",
            vpc=self.vpc,
            description="Training containers: nobody may reach them",
            allow_all_outbound=False,
        )
        self.security_group.add_egress_rule(
            ec2.Peer.any_ipv4(), ec2.Port.tcp(443), "AWS's own addresses, over TLS"
        )
        if not is_public:
            self._add_endpoints()
        acknowledge(
            self.vpc,
            {
                "AwsSolutions-VPC7": "Nothing in it can be reached, and nothing but TLS leaves; "
                "flow logs would tell of the containers' own connections to AWS."
            },
        )

    @property
    def subnet_ids(self) -> list[str]:
        """The subnets that containers run in."""
        subnets = [*self.vpc.public_subnets, *self.vpc.isolated_subnets]
        return [subnet.subnet_id for subnet in subnets]

    def _add_endpoints(self) -> None:
        doors = ec2.SecurityGroup(
            self,
            "Endpoints",
            vpc=self.vpc,
            description="Interface endpoints: reached by containers alone",
            allow_all_outbound=False,
        )
        doors.add_ingress_rule(self.security_group, ec2.Port.tcp(443), "Containers")
        for name, service in _ENDPOINTS.items():
            ec2.InterfaceVpcEndpoint(
                self, name, vpc=self.vpc, service=service, security_groups=[doors], open=False
            )
