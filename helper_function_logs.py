"""Log groups for the Lambda functions with which CDK implements custom resources."""

from aws_cdk import CfnResource, RemovalPolicy, Stack
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
            provider_id = provider.node.id
            if not provider_id.startswith("Custom::"):
                continue
            function = provider.node.try_find_child("Handler")
            if isinstance(function, CfnResource):
                log_group = logs.LogGroup(
                    self,
                    provider_id.removeprefix("Custom::"),
                    retention=retention,
                    removal_policy=RemovalPolicy.DESTROY,
                )
                function.add_property_override("LoggingConfig.LogGroup", log_group.log_group_name)
