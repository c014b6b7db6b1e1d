"""ECR of the local AWS, as far as this package asks it from the inside."""

from collections.abc import Callable
from typing import Any, TypeAlias

from ministack.core.responses import error_response_json, json_response
from ministack.services import ecr

Request: TypeAlias = dict[str, Any]
Response: TypeAlias = tuple[int, dict[str, str], bytes]

answer: Callable[[Request], Response] = json_response
refusal: Callable[[str, str, int], Response] = error_response_json


def find_image(repository: str, *, tag: str = "", digest: str = "") -> dict[str, Any] | None:
    """Return the record of an image in this account's registry, by tag or digest."""
    wanted = {"imageDigest": digest} if digest else {"imageTag": tag}
    image: dict[str, Any] | None = ecr._find_image(repository, wanted)
    return image
