"""The IAM actions that the doctor calls, all of them to read. Its tests run with these only."""

import json

RIGHTS = {
    "cloudformation": "DescribeStacks ListStackResources",
    "codeconnections": "GetConnection",
    "codestar-connections": "GetConnection",
    "ec2": "DescribeAddresses DescribeAvailabilityZones DescribeRegions DescribeRouteTables "
    "DescribeSubnets DescribeVpcAttribute DescribeVpcEndpoints DescribeVpcs",
    "ecr": "DescribeRepositories",
    "ecs": "DescribeClusters DescribeServices",
    "iam": "GetAccountSummary GetPolicy GetPolicyVersion GetRole",
    "kms": "DescribeKey",
    "logs": "DescribeLogGroups",
    "route53": "GetHostedZone",
    "secretsmanager": "DescribeSecret GetSecretValue",
    "servicediscovery": "GetNamespace ListServices",
    "servicequotas": "GetAWSDefaultServiceQuota GetServiceQuota",
    "ssm": "DescribeParameters GetParameter",
}
"""Without one of them the doctor says which one it lacks, and goes on with the next question."""


def statement() -> dict[str, object]:
    """Return the statement that allows them.

    On every resource: the doctor looks for names that may not exist, and several actions know none.
    """
    actions = [f"{service}:{name}" for service, names in RIGHTS.items() for name in names.split()]
    return {"Effect": "Allow", "Action": actions, "Resource": "*"}


def policy() -> str:
    """Return the policy for a user who runs the doctor."""
    return json.dumps({"Version": "2012-10-17", "Statement": [statement()]}, indent=2)
