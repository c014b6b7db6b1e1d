"""CloudWatch Logs in CloudFormation: the generated names of log groups."""

from cdk_rehearsal.ministack.resource_types import (
    Created,
    PatchedType,
    Properties,
    generated_name,
    resource_type,
)

_LONGEST_NAME = 512


@resource_type("AWS::Logs::LogGroup")
class LogGroup(PatchedType):
    """A log group; without a name it gets one of CloudFormation's, which policies may rely on."""

    def create(self, logical_id: str, properties: Properties, stack: str) -> Created:
        name = generated_name(stack, logical_id, longest=_LONGEST_NAME)
        return super().create(logical_id, {"LogGroupName": name, **properties}, stack)
