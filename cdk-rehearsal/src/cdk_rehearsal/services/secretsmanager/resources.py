"""Secrets Manager: a secret in a template, whose `Ref` is its ARN.

MiniStack returns the name, which no policy of AWS accepts.
"""

from dataclasses import replace

from cdk_rehearsal.ministack.resource_types import (
    Change,
    Created,
    PatchedType,
    Properties,
    generated_name,
    resource_type,
)

# In an ARN Secrets Manager appends a hyphen and six characters to the name.
_SUFFIX_LENGTH = 7
_NAME_LENGTH = 12


@resource_type("AWS::SecretsManager::Secret", replaced_by=("Name",))
class Secret(PatchedType):
    """A secret whose physical id is its ARN."""

    def create(self, logical_id: str, properties: Properties, stack: str) -> Created:
        # Like dbSecret8003E3A7-mIXuhO5ONwLb, without the stack.
        # https://github.com/aws/aws-cdk/issues/11573
        name = f"{logical_id}-{generated_name(stack, logical_id, longest=512)[-_NAME_LENGTH:]}"
        _, attributes = super().create(logical_id, {"Name": name, **properties}, stack)
        return attributes["Arn"], attributes

    def update(self, change: Change) -> Created:
        _, attributes = super().update(replace(change, physical_id=_name(change.physical_id)))
        return change.physical_id, attributes

    def delete(self, physical_id: str, properties: Properties) -> None:
        super().delete(_name(physical_id), properties)


def _name(arn: str) -> str:
    return arn.partition(":secret:")[2][:-_SUFFIX_LENGTH]
