"""ECR of the local AWS, as far as this package asks it from the inside."""

from typing import Any

from ministack.services import ecr


def find_image(repository: str, *, tag: str = "", digest: str = "") -> dict[str, Any] | None:
    """Return the record of an image in this account's registry, by tag or digest."""
    wanted = {"imageDigest": digest} if digest else {"imageTag": tag}
    image: dict[str, Any] | None = ecr._find_image(repository, wanted)
    return image
