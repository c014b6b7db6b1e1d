"""ECR in CloudFormation: repositories, and the first image of a repository."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from botocore.exceptions import ClientError
from ministack.services import ecr

from cdk_rehearsal.access import Access
from cdk_rehearsal.iam.calls import Check
from cdk_rehearsal.iam.judge import require
from cdk_rehearsal.iam.principals import principal_of
from cdk_rehearsal.ministack.resource_types import (
    Created,
    PatchedType,
    Properties,
    PutType,
    own_client,
    resource_type,
)
from cdk_rehearsal.options import EngineAccess
from cdk_rehearsal.services.awslambda.functions import function_named, working
from cdk_rehearsal.services.ecr.image_archive import Image, digest_of, small_image
from cdk_rehearsal.services.ecr.image_push import push
from cdk_rehearsal.services.ecr.layers import stored, take_rest
from cdk_rehearsal.services.ecs import engine


@resource_type(
    "AWS::ECR::Repository",
    upstream="Missing: exclusion filters. Bug: a repository takes over another of its name.",
)
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


_DESTINATION = re.compile(
    r"docker://\d{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com/(?P<repository>[^:@]+):(?P<tag>[^:@]+)$"
)


@resource_type("Custom::CDKECRDeployment", adds=True)
class ImageCopy(PutType):
    """An image under a tag; its function does not run, since it needs a registry to copy from.

    It makes the calls of cdk-ecr-deployment's function with the role of that function. As with the
    real function, an update pushes the image again, and a deletion leaves it.
    """

    def create(self, logical_id: str, properties: Properties, stack: str) -> Created:
        source = properties["SrcImage"]
        destination = _DESTINATION.match(properties["DestImage"])
        if not source.startswith("docker://") or not destination:
            raise ValueError(
                f"{self.name}: the local AWS copies from docker:// to a tag in ECR, not "
                f"{source} to {properties['DestImage']}"
            )
        name = source.removeprefix("docker://")
        with working(function_named(properties["ServiceToken"])) as access:
            _sign_in(access, name)
            repository, tag = destination["repository"], destination["tag"]
            with _source(name) as (image, stands_in):
                _push(access.client("ecr"), repository, tag, image)
                if stands_in:
                    engine.stand_ins.add(digest_of(image.content))
        return properties["DestImage"], {}

    def delete(self, physical_id: str, properties: Properties) -> None:
        """Leave the image, as on AWS; its repository is emptied when it is deleted."""


_copied: dict[str, Image] = {}
"""By their ids, the engine's images that are in a repository: they need not be saved again."""


@contextmanager
def _source(name: str) -> Iterator[tuple[Image, bool]]:
    """Give the image, and whether it stands for one that the engine does not have.

    Without an engine, or an image to stand in, it is a small one.
    """
    found = instead = None
    if EngineAccess.is_configured():
        found, instead = engine.image_id(name), engine.access().instead
        instead = engine.image_id(instead) if instead else None
    identity = found or instead
    if identity is None:
        yield small_image(name), False
    elif identity in _copied:
        yield _copied[identity], found is None
    else:
        with engine.saved(identity) as image:
            yield image, found is None
        if "manifests" not in image.manifest:
            _copied[identity] = replace(image, open=lambda digest: stored(digest).open("rb"))


def _sign_in(access: Access, source: str) -> None:
    """Log in to the account's registry, and to AWS's public one if the source is there.

    https://docs.aws.amazon.com/AmazonECR/latest/public/public-registry-auth.html
    """
    access.client("ecr").get_authorization_token()
    if source.startswith("public.ecr.aws/"):
        # The local AWS has no such API, so only the permissions are checked.
        for action in ("ecr-public:GetAuthorizationToken", "sts:GetServiceBearerToken"):
            require(principal_of(access.key.access_key_id), Check(action=action, resource="*"))


def _push(client: Any, repository: str, tag: str, image: Image) -> None:
    """Push an image; a registry accepts an image that it already has."""
    try:
        # Through HTTP the process would send itself hundreds of megabytes.
        push(client, repository, tag, image, take_rest=take_rest)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ImageAlreadyExistsException":
            raise
