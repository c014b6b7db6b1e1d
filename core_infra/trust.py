"""Trust policies that name this account; both stacks use this module."""

from typing import cast

from aws_cdk import Stack
from aws_cdk import aws_iam as iam
from constructs import IConstruct


def for_this_account_only(role: IConstruct) -> None:
    """Let the service that a role trusts assume it for resources of this account only.

    Call this only if AWS's page of the service shows the condition: other services may not send the
    key. It is an override because CDK has no option for the roles that it makes.
    """
    cast("iam.CfnRole", role.node.default_child).add_property_override(
        "AssumeRolePolicyDocument.Statement.0.Condition",
        {"StringEquals": {"aws:SourceAccount": Stack.of(role).account}},
    )
