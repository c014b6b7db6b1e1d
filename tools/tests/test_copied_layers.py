"""Release copies real bytes: here between two repositories of a local AWS."""

import hashlib
import io
import json
import ssl
import urllib.request
from pathlib import Path
from typing import IO, Any

import pytest

from backend_service.release.action import Clock, Service
from backend_service.release.releasing import release
from cdk_rehearsal import NO_DELAYS, LocalAws
from cdk_rehearsal.services.ecr.image_archive import Image, blobs_of, digest_of, small_image
from cdk_rehearsal.services.ecr.image_push import push

pytestmark = pytest.mark.slow

_REGISTRY = "111122223333.dkr.ecr.eu-west-1.amazonaws.com"
SERVICE = Service(
    repository=f"{_REGISTRY}/shop",
    builds=f"{_REGISTRY}/shop/builds",
    live_tag="live",
    cluster="cluster",
    name="web",
    container="web",
    definitions_file="images.json",
    alarms="",
    log_group="",
    pipeline="",
    topic="",
)
LARGE = 35 * 1024 * 1024  # in several parts, the last of which is not full
INDEX = "application/vnd.oci.image.index.v1+json"


def _index(layer: Path) -> Image:
    """Return an index as BuildKit pushes it: an image with a large layer, and an attestation."""
    with layer.open("wb") as file:
        file.truncate(LARGE)
    with layer.open("rb") as read:
        digest = f"sha256:{hashlib.file_digest(read, 'sha256').hexdigest()}"
    small, attestation = small_image("image"), small_image("attestation")
    manifest = small.manifest
    manifest["layers"][0] |= {"digest": digest, "size": LARGE}
    children = [json.dumps(manifest).encode(), attestation.content]
    listed = [{"mediaType": small.media_type, "digest": digest_of(each)} for each in children]
    manifests = {digest_of(each): each for each in children}

    def blob(wanted: str) -> IO[bytes]:
        if wanted == digest:
            return layer.open("rb")
        if wanted in manifests:
            return io.BytesIO(manifests[wanted])
        return (attestation if wanted in blobs_of(attestation.manifest) else small).open(wanted)

    content = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": listed}).encode()
    return Image(content=content, media_type=INDEX, open=blob)


def test_release_copies_an_index_with_an_attestation_and_a_large_layer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with LocalAws(account="111122223333", region="eu-west-1", delays=NO_DELAYS) as aws:
        monkeypatch.setenv("SSL_CERT_FILE", str(aws.access.ca_bundle))
        _release_and_read(aws, tmp_path)


def _release_and_read(aws: LocalAws, tmp_path: Path) -> None:
    ecr, s3 = aws.client("ecr"), aws.client("s3")
    for repository in ("shop", "shop/builds"):
        ecr.create_repository(repositoryName=repository)
    where = {"LocationConstraint": "eu-west-1"}
    s3.create_bucket(Bucket="artifacts", CreateBucketConfiguration=where)
    digest = push(ecr, "shop/builds", "1", _index(tmp_path / "layer"))
    release(
        f"{SERVICE.builds}:1@{digest}",
        SERVICE,
        client=lambda service, **_region: aws.client(service),
        put=lambda content: s3.put_object(Bucket="artifacts", Key="1", Body=content),
        clock=Clock(),
        unfinished={},
    )

    def manifest(**image_id: str) -> dict[str, Any]:
        (found,) = ecr.batch_get_image(repositoryName="shop", imageIds=[image_id])["images"]
        assert found["imageId"]["imageDigest"] == digest_of(found["imageManifest"].encode())
        read: dict[str, Any] = json.loads(found["imageManifest"])
        return read

    index = manifest(imageTag="1")
    assert manifest(imageDigest=digest) == index
    sizes = {}
    for child in index["manifests"]:
        for blob in blobs_of(manifest(imageDigest=child["digest"])):
            layer = {"repositoryName": "shop", "layerDigest": blob}
            url = ecr.get_download_url_for_layer(**layer)["downloadUrl"]
            trusted = ssl.create_default_context(cafile=str(aws.access.ca_bundle))
            with urllib.request.urlopen(url, context=trusted) as answer:  # noqa: S310
                data = answer.read()
            assert digest_of(data) == blob
            sizes[blob] = len(data)
    assert len(sizes) == 2 * len(index["manifests"])
    assert max(sizes.values()) == LARGE
