"""AWS::SecretsManager::Secret, whose `Ref` is its ARN.

MiniStack answers with the name, which no policy and no API of AWS would take for the secret.
"""

from rehearsal.local_aws.resource_types import (
    Created,
    MendedType,
    Properties,
    register,
)

# What Secrets Manager adds to the name in an ARN: a hyphen and six characters.
_SUFFIX_LENGTH = 7


class Secret(MendedType):
    """A secret whose physical id is its ARN."""

    name = "AWS::SecretsManager::Secret"
    replaced_by = ("Name",)

    def create(self, logical_id: str, properties: Properties, stack: str) -> Created:
        _, attributes = self._engine["create"](logical_id, properties, stack)
        return attributes["Arn"], attributes

    def update(
        self, physical_id: str, old: Properties, new: Properties, stack: str, logical_id: str
    ) -> Created:
        _, attributes = self._engine["update"](_name(physical_id), old, new, stack, logical_id)
        return physical_id, attributes

    def delete(self, physical_id: str, properties: Properties) -> None:
        self._engine["delete"](_name(physical_id), properties)


def _name(arn: str) -> str:
    return arn.partition(":secret:")[2][:-_SUFFIX_LENGTH]


def install() -> None:
    register(Secret())
