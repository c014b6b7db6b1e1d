"""The way from isolated subnets to the AWS APIs that tasks need."""

import re

from aws_cdk import Stack, Token
from aws_cdk import aws_ec2 as ec2
from constructs import Construct

# A Fargate task pulls its image from ECR (whose layers are in S3) and writes its log.
# https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html
START_TASK_SERVICES = frozenset({"ecr.api", "ecr.dkr", "logs"})

# In regions that opened after 2023-12-23 ECS wants its own endpoints as well. Listed are the
# regions from before, so the list stays right.
# https://docs.aws.amazon.com/AmazonECS/latest/developerguide/vpc-endpoints.html
ECS_SERVICES = frozenset({"ecs", "ecs-agent", "ecs-telemetry"})
# fmt: off
REGIONS_WITHOUT_ECS_ENDPOINTS = frozenset({
    "af-south-1", "ap-east-1", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3",
    "ap-south-1", "ap-south-2", "ap-southeast-1", "ap-southeast-2", "ap-southeast-3",
    "ap-southeast-4", "ca-central-1", "cn-north-1", "cn-northwest-1", "eu-central-1",
    "eu-central-2", "eu-north-1", "eu-south-1", "eu-south-2", "eu-west-1",
    "eu-west-2", "eu-west-3", "il-central-1", "me-central-1", "me-south-1",
    "sa-east-1", "us-east-1", "us-east-2", "us-gov-east-1", "us-gov-west-1",
    "us-west-1", "us-west-2",
})
# fmt: on


class AwsEndpoints(Construct):
    """VPC endpoints in place of a NAT gateway: S3 (gateway) and interface endpoints.

    Creates an interface endpoint with private DNS in the isolated subnets for each of
    ``START_TASK_SERVICES``, of ``services`` (short names, for instance ``secretsmanager``) and,
    in newer regions, of ``ECS_SERVICES``, behind one security group that admits HTTPS from the
    VPC and opens no connection itself.
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
        needed = START_TASK_SERVICES | services
        region = Stack.of(self).region
        if not Token.is_unresolved(region) and region not in REGIONS_WITHOUT_ECS_ENDPOINTS:
            needed |= ECS_SERVICES
        for service in sorted(needed):
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
