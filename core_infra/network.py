"""The VPC that services run in, and the endpoints that take the place of a NAT gateway."""

import re

from aws_cdk import Acknowledgment, RemovalPolicy, Stack, Token, Validations
from aws_cdk import aws_ec2 as ec2
from aws_cdk import aws_logs as logs
from constructs import Construct

from core_infra.names import start_task_services

MOST_ZONES = 6
"""No region has more availability zones than us-east-1.
https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-availability-zones.html"""

LONGEST_SUBNET_PREFIX = 28
"""The smallest subnet that a VPC takes has 16 addresses.
https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html"""


def zones_with_room(cidr: str) -> int:
    """Return how many zones, with two subnets each, have room in the block.

    The network is divided for so many, however many are used: adding a zone later then leaves
    the address ranges of the others, and with them their subnets, as they are.
    """
    smallest_subnets = 1 << (LONGEST_SUBNET_PREFIX - int(cidr.partition("/")[2]))
    return min(MOST_ZONES, smallest_subnets // 2)


class Network(Construct):
    """A VPC with one public and one private subnet in each availability zone.

    Creates the VPC (with ``vpc_name`` as its Name tag), the subnets (equal shares of ``cidr``, see
    ``zones_with_room``), a gateway endpoint for S3, one NAT gateway if ``nat_gateway``, otherwise
    ``AwsEndpoints`` for ``endpoint_services``, flow logs of all traffic (deleted with the stack),
    and a default security group without rules. The NAT gateway serves all zones: if its zone fails,
    tasks in the others reach neither AWS nor the internet.

    Exposes ``vpc`` and ``private_subnets``, with egress by the NAT gateway or isolated. Assumes
    that the stack's ``availability_zones`` has at least ``az_count`` zones, and that ``cidr`` has
    room for as many.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        vpc_name: str,
        cidr: str,
        az_count: int,
        nat_gateway: bool,
        endpoint_services: frozenset[str],
        flow_log_retention: logs.RetentionDays,
    ) -> None:
        super().__init__(scope, construct_id)
        private = (
            ec2.SubnetType.PRIVATE_WITH_EGRESS if nat_gateway else ec2.SubnetType.PRIVATE_ISOLATED
        )
        flow_log_group = logs.LogGroup(
            self,
            "FlowLogGroup",
            retention=flow_log_retention,
            removal_policy=RemovalPolicy.DESTROY,
        )
        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            vpc_name=vpc_name,
            ip_addresses=ec2.IpAddresses.cidr(cidr),
            max_azs=az_count,
            reserved_azs=zones_with_room(cidr) - az_count,
            # One more for each zone: at list prices as much as four tasks of the smallest size.
            nat_gateways=1 if nat_gateway else 0,
            subnet_configuration=[
                ec2.SubnetConfiguration(
                    name="public",
                    subnet_type=ec2.SubnetType.PUBLIC,
                    map_public_ip_on_launch=False,
                ),
                ec2.SubnetConfiguration(name="private", subnet_type=private),
            ],
            restrict_default_security_group=True,
            flow_logs={
                "AllTraffic": ec2.FlowLogOptions(
                    destination=ec2.FlowLogDestination.to_cloud_watch_logs(flow_log_group)
                )
            },
        )
        Validations.of(self.vpc).acknowledge(
            Acknowledgment(
                id="CloudFormation-Validate::W3010",
                reason="Zones are named only by those who want exactly these (availability_zones)",
            )
        )
        self.private_subnets = self.vpc.select_subnets(subnet_type=private).subnets
        # Free, and the layers of every image come from S3: each would else pay for the NAT gateway.
        # https://docs.aws.amazon.com/vpc/latest/privatelink/vpc-endpoints-s3.html
        self.vpc.add_gateway_endpoint(
            "S3",
            service=ec2.GatewayVpcEndpointAwsService.S3,
            subnets=[ec2.SubnetSelection(subnet_type=private)],
        )
        if not nat_gateway:
            AwsEndpoints(
                self, "AwsEndpoints", vpc=self.vpc, vpc_cidr=cidr, services=endpoint_services
            )


class AwsEndpoints(Construct):
    """Interface endpoints for tasks in isolated subnets, besides the gateway endpoint for S3.

    Creates an interface endpoint with private DNS in the isolated subnets for each service without
    which no task starts (``start_task_services``) and for each of ``services`` (short names, for
    instance ``secretsmanager``), behind one security group that admits HTTPS from ``vpc_cidr``, the
    address block of ``vpc``, and opens no connection itself.
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
