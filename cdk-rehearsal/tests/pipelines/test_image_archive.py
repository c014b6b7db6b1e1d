"""Images are read from what engines save, and written as engines load them."""

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from cdk_rehearsal.services.ecr.image_archive import (
    Image,
    ImageError,
    blobs_of,
    digest_for_this_machine,
    digest_of,
    loadable,
    saved_image,
    small_image,
)

IMAGE = small_image("text")
ABSENT = {"mediaType": IMAGE.media_type, "digest": f"sha256:{'0' * 64}"}


def _contents(image: Image) -> dict[str, bytes]:
    contents = {}
    for digest in blobs_of(image.manifest):
        with image.open(digest) as file:
            contents[digest] = file.read()
    return contents


def _pack(file: Path, members: dict[str, Any]) -> Path:
    with tarfile.open(file, "w") as archive:
        for name, content in members.items():
            data = content if isinstance(content, bytes) else json.dumps(content).encode()
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return file


def test_a_small_image_has_a_configuration_and_a_layer_of_its_text() -> None:
    contents = _contents(IMAGE)
    assert {digest_of(data) for data in contents.values()} == contents.keys()
    (layer,) = IMAGE.manifest["layers"]
    config = json.loads(contents[IMAGE.manifest["config"]["digest"]])
    assert config["rootfs"]["diff_ids"] == [layer["digest"]]
    with tarfile.open(fileobj=io.BytesIO(contents[layer["digest"]])) as archive:
        (name,) = archive.getnames()
        content = archive.extractfile(name)
        assert content is not None
        assert content.read() == b"text"
    assert small_image("text").content == IMAGE.content != small_image("other").content


def test_an_image_that_was_written_is_read_unchanged() -> None:
    with loadable(IMAGE, "localhost/name:1") as archive, saved_image(archive) as image:
        assert (image.content, image.media_type) == (IMAGE.content, IMAGE.media_type)
        assert _contents(image) == _contents(IMAGE)


def test_docker_s_own_archive_is_the_same_image(tmp_path: Path) -> None:
    config, layer = (_contents(IMAGE)[digest] for digest in reversed(blobs_of(IMAGE.manifest)))
    described = [{"Config": "config.json", "RepoTags": None, "Layers": ["1/layer.tar"]}]
    members = {"manifest.json": described, "config.json": config, "1/layer.tar": layer}
    with saved_image(_pack(tmp_path / "image.tar", members)) as image:
        assert image.content == IMAGE.content
        assert _contents(image) == _contents(IMAGE)


def test_of_an_index_tasks_run_the_image_for_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    listed = [
        {"digest": each, "platform": {"os": "linux", "architecture": each}}
        for each in ("unknown", "amd64", "arm64")
    ]
    assert digest_for_this_machine({"manifests": listed}) == "arm64"
    with pytest.raises(ImageError, match="no image for arm64"):
        digest_for_this_machine({"manifests": listed[:2]})
