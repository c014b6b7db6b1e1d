"""Log groups for the Lambda functions with which CDK implements custom resources."""

from typing import cast

from aws_cdk import CfnResource, CustomResourceProviderBase, RemovalPolicy, Stack
from aws_cdk import aws_logs as logs
from constructs import Construct


class HelperFunctionLogs(Construct):
    """Gives each CDK helper function of the stack a log group that is deleted with the stack.

    Without it Lambda creates ``/aws/lambda/<function>`` at the first call, keeps it for ever, and
    leaves it behind after ``cdk destroy``. The helpers are those of CDK's own custom resource
    provider (the bucket cleaner, the closer of the default security group). To be created after
    the constructs that need helpers.
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
                function = cast("CfnResource", provider.node.find_child("Handler"))
                function.add_property_override("LoggingConfig.LogGroup", log_group.log_group_name)
