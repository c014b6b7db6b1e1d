"""The IAM actions that the doctor calls, all of them to read. Its tests run with these only."""

import json

RIGHTS = (
    "cloudformation:DescribeStacks",
    "cloudformation:ListStackResources",
    "cloudwatch:DescribeAlarms",
    "cloudwatch:ListDashboards",
    "codebuild:BatchGetProjects",
    "codeconnections:GetConnection",
    "codepipeline:GetPipeline",
    "codestar-connections:GetConnection",
    "ec2:DescribeAddresses",
    "ec2:DescribeAvailabilityZones",
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
    "kms:DescribeKey",
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
"""Without one of them the doctor says which one it lacks, and goes on with the next question."""


def statement() -> dict[str, object]:
    """Return the statement that allows them.

    On every resource: the doctor looks for names that may not exist, and several actions know none.
    """
    return {"Effect": "Allow", "Action": list(RIGHTS), "Resource": "*"}


def policy() -> str:
    """Return the policy for a user who runs the doctor."""
    return json.dumps({"Version": "2012-10-17", "Statement": [statement()]}, indent=2)
