"""ECR in CloudFormation: repositories."""

from typing import Any

from ministack.services import ecr

from cdk_rehearsal.ministack.resource_types import (
    Created,
    PatchedType,
    Properties,
    own_client,
    resource_type,
)


@resource_type("AWS::ECR::Repository")
class ImageRepository(PatchedType):
    """A repository with its exclusion filters; a name that is in use is an error."""

    def create(self, logical_id: str, properties: Properties, stack: str) -> Created:
        if (name := properties.get("RepositoryName")) in ecr._repositories:
            raise ValueError(f"The repository with name '{name}' already exists in the registry.")
        return super().create(logical_id, properties, stack)

    def complete(self, physical_id: str, properties: Properties) -> dict[str, Any]:
        prefix = "ImageTagMutabilityExclusionFilter"
        filters = [
            {"filterType": each[f"{prefix}Type"], "filter": each[f"{prefix}Value"]}
            for each in properties.get("ImageTagMutabilityExclusionFilters", [])
        ]
        own_client("ecr").put_image_tag_mutability(
            repositoryName=physical_id,
            imageTagMutability=properties.get("ImageTagMutability", "MUTABLE"),
            **({"imageTagMutabilityExclusionFilters": filters} if filters else {}),
        )
        return {}
