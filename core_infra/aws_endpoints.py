"""The way from isolated subnets to the AWS APIs that tasks need."""

import re

from aws_cdk import Stack, Token
from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from core_infra.names import start_task_services


class AwsEndpoints(Construct):
    """VPC endpoints in place of a NAT gateway: S3 (gateway) and interface endpoints.

    Creates an interface endpoint with private DNS in the isolated subnets for each of
    ``start_task_services`` and of ``services`` (short names, for instance ``secretsmanager``),
    behind one security group that admits HTTPS from the VPC and opens no connection itself.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        vpc: ec2.Vpc,
        vpc_cidr: str,
        services: frozenset[str],
    ) -> None:
        super().__init__(scope, construct_id)
        subnets = ec2.SubnetSelection(subnet_type=ec2.SubnetType.PRIVATE_ISOLATED)
        vpc.add_gateway_endpoint(
            "S3", service=ec2.GatewayVpcEndpointAwsService.S3, subnets=[subnets]
        )
        security_group = ec2.SecurityGroup(
            self,
            "SecurityGroup",
            vpc=vpc,
            description="HTTPS from the VPC to the AWS endpoints",
            allow_all_outbound=False,
        )
        security_group.add_ingress_rule(
            ec2.Peer.ipv4(vpc_cidr), ec2.Port.HTTPS, "AWS API calls from the VPC"
        )
        region = Stack.of(self).region
        known_region = None if Token.is_unresolved(region) else region
        for service in sorted(start_task_services(known_region) | services):
            ec2.InterfaceVpcEndpoint(
                self,
                "".join(part.capitalize() for part in re.split("[.-]", service)),
                vpc=vpc,
                service=ec2.InterfaceVpcEndpointAwsService(service),
                subnets=subnets,
                security_groups=[security_group],
                open=False,
                private_dns_enabled=True,
            )
