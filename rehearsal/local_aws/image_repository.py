"""AWS::ECR::Repository: the exclusion filters of its tag mutability, which MiniStack drops.

And a name that is taken: MiniStack takes the other's repository over, images and all.
"""

from botocore.exceptions import ClientError

from rehearsal.local_aws.resource_types import (
    Created,
    MendedType,
    Properties,
    own_client,
    register,
)


class ImageRepository(MendedType):
    """A repository with all that it says about its tags."""

    name = "AWS::ECR::Repository"

    def create(self, logical_id: str, properties: Properties, stack: str) -> Created:
        _require_free(properties.get("RepositoryName"))
        repository, attributes = self._engine["create"](logical_id, properties, stack)
        _set_mutability(repository, properties)
        return repository, attributes

    def update(
        self, physical_id: str, old: Properties, new: Properties, stack: str, logical_id: str
    ) -> Created:
        repository, attributes = self._engine["update"](physical_id, old, new, stack, logical_id)
        _set_mutability(repository, new)
        return repository, attributes


def _require_free(name: str | None) -> None:
    if name is None:
        return
    try:
        own_client("ecr").describe_repositories(repositoryNames=[name])
    except ClientError as error:
        if error.response["Error"]["Code"] != "RepositoryNotFoundException":
            raise
    else:
        raise ValueError(f"The repository with name '{name}' already exists in the registry.")


def _set_mutability(repository: str, properties: Properties) -> None:
    prefix = "ImageTagMutabilityExclusionFilter"
    filters = [
        {"filterType": each[f"{prefix}Type"], "filter": each[f"{prefix}Value"]}
        for each in properties.get(f"{prefix}s", [])
    ]
    own_client("ecr").put_image_tag_mutability(
        repositoryName=repository,
        imageTagMutability=properties.get("ImageTagMutability", "MUTABLE"),
        **({"imageTagMutabilityExclusionFilters": filters} if filters else {}),
    )


def install() -> None:
    register(ImageRepository())
