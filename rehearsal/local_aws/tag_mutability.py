"""Which tags of an ECR repository may move.

A tag of an immutable repository moves only if an exclusion filter matches it. MiniStack keeps no
filters and overwrites every tag of a repository that is not plainly IMMUTABLE.
"""

import fnmatch
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from ministack.services import ecr

from rehearsal.local_aws.api_answer import Request, Response, answer, refusal
from rehearsal.local_aws.image_registry import find_image

_FILTERS = "imageTagMutabilityExclusionFilters"

_put_image: Callable[[Request], Response] = ecr._put_image
_create_repository: Callable[[Request], Response] = ecr._create_repository
_put_image_tag_mutability: Callable[[Request], Response] = ecr._put_image_tag_mutability
_repo_shape: Callable[[Request], Request] = ecr._repo_shape


def create_repository(request: Request) -> Response:
    response = _create_repository(request)
    if response[0] == HTTPStatus.OK and request.get(_FILTERS):
        name = request["repositoryName"]
        ecr._repositories[name][_FILTERS] = request[_FILTERS]
        return answer({"repository": ecr._repo_shape(ecr._repositories[name])})
    return response


def put_image_tag_mutability(request: Request) -> Response:
    response = _put_image_tag_mutability(request)
    if response[0] == HTTPStatus.OK:
        ecr._repositories[request["repositoryName"]][_FILTERS] = request.get(_FILTERS, [])
    return response


def repository_shape(repository: dict[str, Any]) -> dict[str, Any]:
    filters = {_FILTERS: repository[_FILTERS]} if repository.get(_FILTERS) else {}
    return _repo_shape(repository) | filters


def put_image(request: Request) -> Response:
    name, tag = request.get("repositoryName", ""), request.get("imageTag")
    repository = ecr._repositories.get(name)
    if repository and tag and (holder := find_image(name, tag=tag)):
        digest = request.get("imageDigest") or ecr._image_digest(request["imageManifest"])
        if holder["imageDigest"] == digest:
            return refusal(
                "ImageAlreadyExistsException",
                f"Image with digest '{digest}' and tag '{tag}' already exists in the repository "
                f"with name '{name}' in registry with id '{repository['registryId']}'",
                400,
            )
        if not _may_move(repository, tag):
            return refusal(
                "ImageTagAlreadyExistsException",
                f"The image tag '{tag}' already exists in the '{name}' repository and cannot be "
                "overwritten because the tag is immutable.",
                400,
            )
    return _put_image(request)


def _may_move(repository: dict[str, Any], tag: str) -> bool:
    mutability = repository.get("imageTagMutability", "MUTABLE")
    excluded = any(fnmatch.fnmatchcase(tag, f["filter"]) for f in repository.get(_FILTERS, []))
    return excluded != (mutability in ("MUTABLE", "MUTABLE_WITH_EXCLUSION"))


def install() -> None:
    ecr._create_repository = create_repository
    ecr._put_image_tag_mutability = put_image_tag_mutability
    ecr._repo_shape = repository_shape
    ecr._put_image = put_image
