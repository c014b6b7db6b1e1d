"""What an image id names: an image that has several tags answers to each of them.

MiniStack remembers only the tag that an image was last pushed under.
"""

from collections.abc import Callable
from typing import Any

from ministack.services import ecr

from rehearsal.local_aws.api_answer import Request, Response, answer, refusal

_describe_images: Callable[[Request], Response] = ecr._describe_images


def batch_get_image(request: Request) -> Response:
    name = request.get("repositoryName", "")
    if name not in ecr._repositories:
        return _no_repository(name)
    images, failures = [], []
    for image_id in request.get("imageIds", []):
        image = ecr._find_image(name, image_id)
        if image is None:
            failures.append(_failure(image_id))
            continue
        images.append(
            {
                "registryId": image["registryId"],
                "repositoryName": name,
                "imageId": {**image_id, "imageDigest": image["imageDigest"]},
                "imageManifest": image["imageManifest"],
                "imageManifestMediaType": image["imageManifestMediaType"],
            }
        )
    return answer({"images": images, "failures": failures})


def batch_delete_image(request: Request) -> Response:
    """By tag only the tag goes, and the image with its last tag; by digest the image goes."""
    name = request.get("repositoryName", "")
    if name not in ecr._repositories:
        return _no_repository(name)
    gone, failures = [], []
    for image_id in request.get("imageIds", []):
        image = ecr._find_image(name, image_id)
        if image is None:
            failures.append(_failure(image_id))
            continue
        tags = [image_id["imageTag"]] if "imageDigest" not in image_id else list(image["imageTags"])
        image["imageTags"] = [tag for tag in image["imageTags"] if tag not in tags]
        if not image["imageTags"]:
            ecr._images[name].remove(image)
        gone += [{"imageDigest": image["imageDigest"], "imageTag": tag} for tag in tags] or [
            image_id
        ]
    return answer({"imageIds": gone, "failures": failures})


def list_images(request: Request) -> Response:
    name = request.get("repositoryName", "")
    if name not in ecr._repositories:
        return _no_repository(name)
    wanted = request.get("filter", {}).get("tagStatus", "ANY")
    ids: list[dict[str, str]] = []
    for image in ecr._images.get(name, []):
        digest = {"imageDigest": image["imageDigest"]}
        if image["imageTags"] and wanted != "UNTAGGED":
            ids += [{**digest, "imageTag": tag} for tag in image["imageTags"]]
        if not image["imageTags"] and wanted != "TAGGED":
            ids.append(digest)
    return answer({"imageIds": ids})


def describe_images(request: Request) -> Response:
    name = request.get("repositoryName", "")
    for image_id in request.get("imageIds", []):
        if name in ecr._repositories and ecr._find_image(name, image_id) is None:
            return refusal(
                "ImageNotFoundException",
                f"The image with imageId {image_id} does not exist within the repository with "
                f"name '{name}'",
                400,
            )
    return _describe_images(request)


def _failure(image_id: dict[str, str]) -> dict[str, Any]:
    reason = "Requested image not found"
    return {"imageId": image_id, "failureCode": "ImageNotFound", "failureReason": reason}


def _no_repository(name: str) -> Response:
    message = f"The repository with name '{name}' does not exist"
    return refusal("RepositoryNotFoundException", message, 400)


def install() -> None:
    ecr._batch_get_image = batch_get_image
    ecr._batch_delete_image = batch_delete_image
    ecr._list_images = list_images
    ecr._describe_images = describe_images
