"""What both stacks need to declare their log groups: backend_service may import this, too."""

from typing import cast

from aws_cdk import CfnResource, CustomResourceProviderBase, RemovalPolicy, Stack
from aws_cdk import aws_logs as logs
from constructs import Construct

from settings.names import LOG_RETENTION


def log_retention(days: int) -> logs.RetentionDays:
    """Return the period of ``days``, one of those in ``LOG_RETENTION``."""
    return logs.RetentionDays[LOG_RETENTION[days]]


class HelperFunctionLogs(Construct):
    """Gives each CDK helper function of the stack a log group that is deleted with the stack.

    Helper functions are those of CDK's own custom resource provider: the bucket cleaner, the
    closer of the default security group. Left alone, Lambda creates ``/aws/lambda/<function>`` at
    the first call, keeps it for ever, and leaves it behind after ``cdk destroy``. Gives a log group
    to the helpers that the stack has by now, so it is to be created last. They may write to it and
    to no other, nor make it: Lambda writes the last lines when the group may be gone already.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, retention: logs.RetentionDays
    ) -> None:
        super().__init__(scope, construct_id)
        for provider in Stack.of(self).node.children:
            if isinstance(provider, CustomResourceProviderBase):
                node = provider.node
                log_group = logs.LogGroup(
                    self,
                    node.id.removeprefix("Custom::"),
                    retention=retention,
                    removal_policy=RemovalPolicy.DESTROY,
                )
                # CDK has no option for any of this. With AWSLambdaBasicExecutionRole, its managed
                # policy, the function may make log groups, and write to every one of the account.
                function = cast("CfnResource", node.find_child("Handler"))
                function.add_property_override("LoggingConfig.LogGroup", log_group.log_group_name)
                provider.add_to_role_policy(
                    {
                        "Effect": "Allow",
                        "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                        "Resource": log_group.log_group_arn,
                    }
                )
                role = cast("CfnResource", node.find_child("Role"))
                role.add_property_deletion_override("ManagedPolicyArns")
