"""ECR of the local AWS: immutable tags with exclusions, layers, and the first image."""

import hashlib
import json
import os
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cdk_rehearsal import LocalAws
from support.stacks import StackFailedError, Stacks

Client = Callable[[str], Any]

REPOSITORY = {
    "Type": "AWS::ECR::Repository",
    "Properties": {
        "RepositoryName": "backend",
        "ImageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
        "ImageTagMutabilityExclusionFilters": [
            {
                "ImageTagMutabilityExclusionFilterType": "WILDCARD",
                "ImageTagMutabilityExclusionFilterValue": "live*",
            }
        ],
        "EmptyOnDelete": True,
    },
}


@pytest.fixture
def ecr(stacks: Stacks, client: Client) -> Any:
    stacks.deploy("registry", {"Repository": REPOSITORY})
    return client("ecr")


def put(ecr: Any, tag: str, content: str) -> str:
    manifest = json.dumps({"schemaVersion": 2, "content": content})
    image = ecr.put_image(repositoryName="backend", imageTag=tag, imageManifest=manifest)["image"]
    return str(image["imageId"]["imageDigest"])


def digest(ecr: Any, tag: str) -> str:
    answer = ecr.batch_get_image(repositoryName="backend", imageIds=[{"imageTag": tag}])
    (image,) = answer["images"]
    assert image["imageId"]["imageTag"] == tag
    return str(image["imageId"]["imageDigest"])


def test_a_repository_does_not_take_over_another_of_its_name(ecr: Any, stacks: Stacks) -> None:
    ecr.put_image(repositoryName="backend", imageManifest="{}")
    with pytest.raises(StackFailedError, match="'backend' already exists"):
        stacks.deploy("second", {"Repository": REPOSITORY})
    assert ecr.list_images(repositoryName="backend")["imageIds"]


def test_only_an_excluded_tag_can_be_moved(ecr: Any) -> None:
    first = put(ecr, "one", "first")
    second = put(ecr, "two", "second")
    put(ecr, "live", "first")
    put(ecr, "live", "second")
    assert digest(ecr, "live") == second
    with pytest.raises(ClientError, match="ImageTagAlreadyExistsException"):
        put(ecr, "one", "second")
    assert digest(ecr, "one") == first
    with pytest.raises(ClientError, match="ImageAlreadyExistsException"):
        put(ecr, "live", "second")


def test_an_image_can_have_several_tags(ecr: Any) -> None:
    first = put(ecr, "one", "first")
    put(ecr, "live", "first")
    ids = ecr.list_images(repositoryName="backend")["imageIds"]
    assert {image["imageTag"]: image["imageDigest"] for image in ids} == {
        "one": first,
        "live": first,
    }
    ecr.batch_delete_image(repositoryName="backend", imageIds=[{"imageTag": "live"}])
    (image,) = ecr.describe_images(repositoryName="backend")["imageDetails"]
    assert image["imageTags"] == ["one"]
    ecr.batch_delete_image(repositoryName="backend", imageIds=[{"imageDigest": first}])
    assert ecr.list_images(repositoryName="backend")["imageIds"] == []


def upload(ecr: Any, data: bytes, *, digest: str = "") -> None:
    upload = ecr.initiate_layer_upload(repositoryName="backend")["uploadId"]
    named = {"repositoryName": "backend", "uploadId": upload}
    middle = len(data) // 2
    for first, part in ((0, data[:middle]), (middle, data[middle:])):
        last = first + len(part) - 1
        ecr.upload_layer_part(**named, partFirstByte=first, partLastByte=last, layerPartBlob=part)
    ecr.complete_layer_upload(**named, layerDigests=[digest or digest_of(data)])


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def available(ecr: Any, digest: str) -> str:
    checked = ecr.batch_check_layer_availability(repositoryName="backend", layerDigests=[digest])
    return str(checked["layers"][0]["layerAvailability"])


def test_a_layer_uploaded_in_parts_is_downloaded_unchanged(ecr: Any, local_aws: LocalAws) -> None:
    data = os.urandom(1024)
    assert available(ecr, digest_of(data)) == "UNAVAILABLE"
    with pytest.raises(ClientError, match="InvalidLayerException"):
        upload(ecr, data, digest=digest_of(b"another"))
    upload(ecr, data)
    assert available(ecr, digest_of(data)) == "AVAILABLE"
    with pytest.raises(ClientError, match="LayerAlreadyExistsException"):
        upload(ecr, data)
    url = ecr.get_download_url_for_layer(repositoryName="backend", layerDigest=digest_of(data))
    trusted = ssl.create_default_context(cafile=str(local_aws.access.ca_bundle))
    with urllib.request.urlopen(url["downloadUrl"], context=trusted) as answer:  # noqa: S310
        assert answer.read() == data
    part = urllib.request.Request(url["downloadUrl"], headers={"Range": "bytes=10-19"})  # noqa: S310
    with urllib.request.urlopen(part, context=trusted) as answer:  # noqa: S310
        assert (answer.status, answer.read()) == (206, data[10:20])
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(url["downloadUrl"][:-1], context=trusted)  # noqa: S310


def test_an_image_needs_its_layers_and_its_digest_and_an_index_its_images(ecr: Any) -> None:
    manifest = json.dumps({"layers": [{"digest": digest_of(b"layer")}], "config": None})

    def put_image(**digest: str) -> None:
        ecr.put_image(repositoryName="backend", imageTag="1", imageManifest=manifest, **digest)

    with pytest.raises(ClientError, match="LayersNotFoundException"):
        put_image()
    upload(ecr, b"layer")
    with pytest.raises(ClientError, match="ImageDigestDoesNotMatchException"):
        put_image(imageDigest=digest_of(b"something else"))
    put_image(imageDigest=digest_of(manifest.encode()))
    index = json.dumps({"manifests": [{"digest": digest_of(b"{}")}]})
    with pytest.raises(ClientError, match="ReferencedImagesNotFoundException"):
        ecr.put_image(repositoryName="backend", imageTag="both", imageManifest=index)
    ecr.put_image(repositoryName="backend", imageManifest="{}")
    ecr.put_image(repositoryName="backend", imageTag="both", imageManifest=index)
