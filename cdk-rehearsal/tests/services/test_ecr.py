"""ECR of the local AWS: immutable tags with exclusions, layers, and the first image."""

import hashlib
import json
import os
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cdk_rehearsal import Access
from support.functions import allow, function
from support.raw_requests import send
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
SEED = {
    "Type": "Custom::CDKECRDeployment",
    "Properties": {
        "ServiceToken": {"Fn::GetAtt": ["Function", "Arn"]},
        "SrcImage": "docker://public.ecr.aws/example/seed:1",
        "DestImage": {"Fn::Sub": "docker://${Repository.RepositoryUri}:live"},
    },
}

PUSH = allow(
    "ecr:GetAuthorizationToken",
    "ecr-public:GetAuthorizationToken",
    "sts:GetServiceBearerToken",
    "ecr:BatchCheckLayerAvailability",
    "ecr:InitiateLayerUpload",
    "ecr:UploadLayerPart",
    "ecr:CompleteLayerUpload",
    "ecr:PutImage",
)


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


def test_a_repository_keeps_its_exclusion_filters(ecr: Any, stacks: Stacks) -> None:
    (repository,) = ecr.describe_repositories()["repositories"]
    assert repository["imageTagMutability"] == "IMMUTABLE_WITH_EXCLUSION"
    filters = [{"filterType": "WILDCARD", "filter": "live*"}]
    assert repository["imageTagMutabilityExclusionFilters"] == filters
    plain = {"RepositoryName": "backend", "ImageTagMutability": "MUTABLE", "EmptyOnDelete": True}
    stacks.deploy("registry", {"Repository": REPOSITORY | {"Properties": plain}})
    (repository,) = ecr.describe_repositories()["repositories"]
    assert "imageTagMutabilityExclusionFilters" not in repository


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


@pytest.mark.parametrize("action", ["sts:GetServiceBearerToken", "ecr:PutImage"])
def test_the_first_image_needs_permissions_of_the_role_of_its_function(
    stacks: Stacks, action: str
) -> None:
    # The local AWS makes the calls of this function without running its code.
    helper = function("", PUSH | {"Action": [each for each in PUSH["Action"] if each != action]})
    with pytest.raises(StackFailedError, match=f"not authorized to perform: {action}"):
        stacks.deploy("registry", {"Repository": REPOSITORY, **helper, "Seed": SEED})


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


def test_a_layer_uploaded_in_parts_is_downloaded_unchanged(ecr: Any, access: Access) -> None:
    data = os.urandom(1024)
    assert available(ecr, digest_of(data)) == "UNAVAILABLE"
    with pytest.raises(ClientError, match="InvalidLayerException"):
        upload(ecr, data, digest=digest_of(b"another"))
    upload(ecr, data)
    assert available(ecr, digest_of(data)) == "AVAILABLE"
    with pytest.raises(ClientError, match="LayerAlreadyExistsException"):
        upload(ecr, data)
    url = ecr.get_download_url_for_layer(repositoryName="backend", layerDigest=digest_of(data))
    assert send(access, "GET", url["downloadUrl"].removeprefix(access.endpoint_url)).body == data


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
