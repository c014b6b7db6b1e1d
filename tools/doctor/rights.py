"""The IAM actions of the doctor and of its report after a deploy, all of them to read.

The tests of both run with these only.
"""

import json

RIGHTS = {
    "cloudformation": "DescribeStackEvents DescribeStacks ListStackResources",
    "cloudwatch": "GetMetricStatistics",
    "codeconnections": "GetConnection",
    "codepipeline": "GetPipeline ListActionExecutions ListPipelineExecutions",
    "codestar-connections": "GetConnection",
    "ec2": "DescribeAvailabilityZones DescribeRegions DescribeRouteTables "
    "DescribeSubnets DescribeVpcAttribute DescribeVpcEndpoints DescribeVpcs",
    "ecr": "DescribeImages DescribeRepositories",
    "ecs": "DescribeClusters DescribeServices DescribeTaskDefinition DescribeTasks ListTasks",
    "iam": "GetAccountSummary GetPolicy GetPolicyVersion GetRole GetRolePolicy ListRolePolicies",
    "kms": "DescribeKey",
    "logs": "DescribeLogGroups DescribeMetricFilters TestMetricFilter",
    "route53": "GetHostedZone ListResourceRecordSets",
    "secretsmanager": "DescribeSecret GetSecretValue",
    "servicediscovery": "DiscoverInstances GetNamespace ListServices",
    "servicequotas": "GetAWSDefaultServiceQuota GetServiceQuota",
    "ssm": "DescribeParameters GetParameter",
}
"""Without one of them both say which one is missing, and go on with the next question."""


def actions() -> list[str]:
    """Return them with the names of their services."""
    return [f"{service}:{name}" for service, names in RIGHTS.items() for name in names.split()]


def statement() -> dict[str, object]:
    """Return the statement that allows them.

    On every resource: the doctor looks for names that may not exist, and several actions know none.
    """
    return {"Effect": "Allow", "Action": actions(), "Resource": "*"}


def policy() -> str:
    """Return the policy for a user who runs the doctor."""
    return json.dumps({"Version": "2012-10-17", "Statement": [statement()]}, indent=2)
