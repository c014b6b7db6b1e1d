"""The rights that the doctor needs, all to read. Its tests run as a user with just these."""

import json

RIGHTS = (
    "cloudformation:DescribeStacks",
    "cloudformation:ListStackResources",
    "cloudwatch:DescribeAlarms",
    "cloudwatch:GetMetricStatistics",
    "cloudwatch:ListDashboards",
    "codebuild:BatchGetProjects",
    "codeconnections:GetConnection",
    "codepipeline:GetPipeline",
    "codestar-connections:GetConnection",
    "ec2:DescribeAddresses",
    "ec2:DescribeAvailabilityZones",
    "ec2:DescribeNatGateways",
    "ec2:DescribeRegions",
    "ec2:DescribeRouteTables",
    "ec2:DescribeSubnets",
    "ec2:DescribeVpcAttribute",
    "ec2:DescribeVpcEndpoints",
    "ec2:DescribeVpcs",
    "ecr:DescribeRepositories",
    "ecs:DescribeClusters",
    "ecs:DescribeServices",
    "iam:GetPolicy",
    "iam:GetRole",
    "logs:DescribeLogGroups",
    "route53:GetHostedZone",
    "s3:ListBucket",
    "secretsmanager:DescribeSecret",
    "secretsmanager:GetSecretValue",
    "servicediscovery:GetNamespace",
    "servicediscovery:ListServices",
    "servicequotas:GetAWSDefaultServiceQuota",
    "servicequotas:GetServiceQuota",
    "ssm:DescribeParameters",
    "ssm:GetParameter",
)
"""A right that is missing costs the answer that needs it: the doctor says which, and goes on."""


def statement() -> dict[str, object]:
    """Return what a policy has to say."""
    return {"Effect": "Allow", "Action": list(RIGHTS), "Resource": "*"}


def policy() -> str:
    """Return the policy for a user who runs the doctor."""
    return json.dumps({"Version": "2012-10-17", "Statement": [statement()]}, indent=2)
