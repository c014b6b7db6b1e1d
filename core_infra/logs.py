"""What both stacks need to declare their log groups: backend_service may import this, too."""

from typing import cast

from aws_cdk import CfnResource, CustomResourceProviderBase, RemovalPolicy, Stack
from aws_cdk import aws_logs as logs
from constructs import Construct

from core_infra.names import LOG_RETENTION


def log_retention(days: int) -> logs.RetentionDays:
    """Return the period of ``days``, one of those in ``LOG_RETENTION``."""
    return logs.RetentionDays[LOG_RETENTION[days]]


class HelperFunctionLogs(Construct):
    """Gives each CDK helper function of the stack a log group that is deleted with the stack.

    Helper functions are those of CDK's own custom resource provider: the bucket cleaner, the
    closer of the default security group. Left alone, Lambda creates ``/aws/lambda/<function>`` at
    the first call, keeps it for ever, and leaves it behind after ``cdk destroy``. Gives a log group
    to the helpers that the stack has by now, so it is to be created last.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, retention: logs.RetentionDays
    ) -> None:
        super().__init__(scope, construct_id)
        for provider in Stack.of(self).node.children:
            if isinstance(provider, CustomResourceProviderBase):
                log_group = logs.LogGroup(
                    self,
                    provider.node.id.removeprefix("Custom::"),
                    retention=retention,
                    removal_policy=RemovalPolicy.DESTROY,
                )
                # CDK has no option for it.
                function = cast("CfnResource", provider.node.find_child("Handler"))
                function.add_property_override("LoggingConfig.LogGroup", log_group.log_group_name)
