"""The existing platform that a service is put on when no core stack is deployed."""

from pydantic import ValidationInfo, field_validator

from .arn import NamespaceArn, RoleArn
from .aws_name import EcsName, NamespaceId, VpcName
from .dns_name import NamespaceName
from .group import SettingsGroup
from .problems import UnfitError
from .vpc_attributes import VpcAttributes


class ExistingPlatformSettings(SettingsGroup):
    """What is imported, and how it is found.

    Exactly one of `vpc_name` (look the VPC up) and `vpc` (all is known already) is set.
    """

    vpc_name: VpcName | None
    vpc: VpcAttributes | None
    ecs_cluster_name: EcsName
    namespace_name: NamespaceName
    namespace_id: NamespaceId
    namespace_arn: NamespaceArn
    ecs_task_execution_role_arn: RoleArn

    @field_validator("namespace_arn")
    @classmethod
    def _is_the_arn_of_the_id(cls, arn: str, info: ValidationInfo) -> str:
        namespace_id = info.data.get("namespace_id")
        if namespace_id is not None and arn.rpartition("/")[2] != namespace_id:
            raise UnfitError(f'is of another namespace than namespace_id="{namespace_id}"')
        return arn
