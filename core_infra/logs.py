"""Log groups that are deleted or kept when their stack is deleted; both stacks use this module."""

from typing import cast

from aws_cdk import CfnResource, CustomResourceProviderBase, RemovalPolicy, Stack
from aws_cdk import aws_logs as logs
from constructs import Construct

from settings import CoreSettings, ServiceSettings

_Section = CoreSettings | ServiceSettings
KEEP = RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE
"""The resource stays when its stack is deleted, but not when the creation of the stack fails: it
would be in the way of the next deploy."""


def log_group(
    scope: Construct, construct_id: str, *, settings: _Section, name: str | None = None
) -> logs.LogGroup:
    """Declare a log group, whose name CloudFormation makes unless there is a ``name``.

    It is deleted with the stack, unless ``keep_logs`` is set.
    """
    group = logs.LogGroup(
        scope,
        construct_id,
        log_group_name=name,
        removal_policy=KEEP if settings.keep_logs else RemovalPolicy.DESTROY,
    )
    # The option of LogGroup takes a name for each of the periods that it knows, and no number.
    resource = cast("logs.CfnLogGroup", group.node.default_child)
    resource.retention_in_days = settings.log_retention_days
    return group


class HelperFunctionLogs(Construct):
    """Declares a log group for each CDK helper function of the stack.

    CDK implements some features with a Lambda function of its own, for instance emptying a bucket.
    Without this construct Lambda creates ``/aws/lambda/<function>`` at the first call, keeps it for
    ever, and ``cdk destroy`` leaves it behind. The construct covers the functions that the stack
    has so far, so create it last. Each function may write to its log group only, and may not
    create it: otherwise a last log line would create the group again after the stack is deleted.
    """

    def __init__(self, scope: Construct, construct_id: str, *, settings: _Section) -> None:
        super().__init__(scope, construct_id)
        for provider in Stack.of(self).node.children:
            if isinstance(provider, CustomResourceProviderBase):
                group = log_group(
                    self, provider.node.id.removeprefix("Custom::"), settings=settings
                )
                # CDK has no option for the log group or the policies of a helper function.
                function = cast("CfnResource", provider.node.find_child("Handler"))
                function.add_property_override("LoggingConfig.LogGroup", group.log_group_name)
                provider.add_to_role_policy(
                    {
                        "Effect": "Allow",
                        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                        "Resource": group.log_group_arn,
                    }
                )
                # This is AWSLambdaBasicExecutionRole, which allows logs:CreateLogGroup and writing
                # to every log group of the account.
                role = cast("CfnResource", provider.node.find_child("Role"))
                role.add_property_deletion_override("ManagedPolicyArns")
