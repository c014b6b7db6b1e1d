"""The VPC that services run in, and the endpoints that take the place of a NAT gateway."""

import re

from aws_cdk import Acknowledgment, Stack, Validations
from aws_cdk import aws_ec2 as ec2
from constructs import Construct

from core_infra.logs import log_group
from core_infra.trust import for_this_account_only
from settings import CoreSettings
from settings.aws_types import zones_with_room
from settings.endpoints import GATEWAY_ENDPOINTS, start_task_services


class Network(Construct):
    """A VPC with one public and one private subnet in each availability zone.

    Creates the VPC, with the name of the cluster as its Name tag; the subnets, which are equal
    shares of ``vpc_cidr``; a gateway endpoint for S3; flow logs of all traffic; and a default
    security group without rules. With ``enable_nat_gw`` one NAT gateway serves all zones: if its
    zone fails, tasks in the others reach neither AWS nor the internet. Without it, there is an
    endpoint for each AWS service that a task needs to start (``start_task_services``) and for each
    of ``endpoint_services`` (short names, for instance ``secretsmanager``). In both cases there is
    an endpoint for each of ``vpc_endpoint_services``.

    The stack's ``availability_zones`` must have ``az_count`` zones. Exposes ``vpc`` and
    ``private_subnets``.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        core: CoreSettings,
        endpoint_services: frozenset[str],
    ) -> None:
        super().__init__(scope, construct_id)
        private = (
            ec2.SubnetType.PRIVATE_WITH_EGRESS
            if core.enable_nat_gw
            else ec2.SubnetType.PRIVATE_ISOLATED
        )
        flow_log_group = log_group(self, "FlowLogGroup", settings=core)
        self.vpc = ec2.Vpc(
            self,
            "Vpc",
            vpc_name=core.ecs_cluster_name,
            ip_addresses=ec2.IpAddresses.cidr(core.vpc_cidr),
            max_azs=core.az_count,
            reserved_azs=zones_with_room(core.vpc_cidr) - core.az_count,
            # A NAT gateway in each zone would cost, for each one, as much as four of the smallest
            # tasks at list prices.
            nat_gateways=1 if core.enable_nat_gw else 0,
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
        # https://docs.aws.amazon.com/vpc/latest/userguide/flow-logs-iam-role.html
        for_this_account_only(self.vpc.node.find_child("AllTraffic").node.find_child("IAMRole"))
        Validations.of(self.vpc).acknowledge(
            Acknowledgment(
                id="CloudFormation-Validate::W3010",
                reason="Users who set availability_zones want exactly these zones",
            )
        )
        self.private_subnets = self.vpc.select_subnets(subnet_type=private).subnets
        endpoints = frozenset({"s3", *core.vpc_endpoint_services})
        if not core.enable_nat_gw:
            endpoints |= start_task_services(Stack.of(self).region) | endpoint_services
        # The layers of every image come from S3. A gateway endpoint is free; without it the data
        # would go through the NAT gateway or an interface endpoint, which charge for it.
        # https://docs.aws.amazon.com/vpc/latest/privatelink/gateway-endpoints.html
        for service in sorted(endpoints & GATEWAY_ENDPOINTS):
            self.vpc.add_gateway_endpoint(
                service.capitalize(),
                service=ec2.GatewayVpcEndpointAwsService(service),
                subnets=[ec2.SubnetSelection(subnet_type=private)],
            )
        if interfaces := endpoints - GATEWAY_ENDPOINTS:
            self._add_endpoints(core.vpc_cidr, interfaces)

    def _add_endpoints(self, vpc_cidr: str, services: frozenset[str]) -> None:
        """Add interface endpoints with private DNS; they admit HTTPS from the VPC."""
        security_group = ec2.SecurityGroup(
            self,
            "EndpointsSecurityGroup",
            vpc=self.vpc,
            description="HTTPS from the VPC to the AWS endpoints",
            allow_all_outbound=False,
        )
        security_group.add_ingress_rule(
            ec2.Peer.ipv4(vpc_cidr), ec2.Port.HTTPS, "AWS API calls from the VPC"
        )
        for service in sorted(services):
            ec2.InterfaceVpcEndpoint(
                self,
                "".join(part.capitalize() for part in re.split("[.-]", service)),
                vpc=self.vpc,
                service=ec2.InterfaceVpcEndpointAwsService(service),
                subnets=ec2.SubnetSelection(subnets=self.private_subnets),
                security_groups=[security_group],
                open=False,
                private_dns_enabled=True,
            )
