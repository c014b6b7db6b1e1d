"""Images as files: the archives that engines save and load, and small ones made of a text.

Docker since version 25 and podman save an OCI layout. Older ones, and podman's Docker API, save
Docker's own archive, which has no manifest: docker and podman compose it when they push, and so
does this module. https://github.com/opencontainers/image-spec/blob/main/image-layout.md
"""

import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, TypeAlias

from cdk_rehearsal.scratch import ScratchDirectory

MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
_CONFIG_TYPE = "application/vnd.oci.image.config.v1+json"
_LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar"
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
INDEX, _DOCKERS_INDEX = "index.json", "manifest.json"

Manifest: TypeAlias = dict[str, Any]
Open: TypeAlias = Callable[[str], IO[bytes]]


class ImageError(Exception):
    """The archive cannot be read, or there is no image for this machine in it."""


@dataclass(frozen=True, kw_only=True)
class Image:
    """A manifest, as its bytes and their media type, and what opens the blobs it names by digest.

    The manifest may be an index; then its images are blobs, too.
    """

    content: bytes
    media_type: str
    open: Open

    @property
    def manifest(self) -> Manifest:
        """The manifest, read."""
        read: Manifest = json.loads(self.content)
        return read

    def children(self) -> "Iterator[Image]":
        """Give the images of an index."""
        for each in self.manifest.get("manifests", ()):
            with self.open(each["digest"]) as file:
                yield Image(content=file.read(), media_type=each["mediaType"], open=self.open)


def blobs_of(manifest: Manifest) -> dict[str, int]:
    """Return the sizes of the layers and the configuration, by their digests."""
    blobs = [*manifest.get("layers", ()), *filter(None, [manifest.get("config")])]
    return {each["digest"]: each.get("size", 0) for each in blobs}


def digest_for_this_machine(manifest: Manifest) -> str:
    """Return which image of an index this machine runs; attestations are for no machine."""
    wanted = _MACHINES.get(platform.machine(), platform.machine())
    for each in manifest["manifests"]:
        if each.get("platform", {}).get("architecture") == wanted:
            return str(each["digest"])
    raise ImageError(f"the index has no image for {wanted}")


def ids_in_engine(image: Image) -> list[str]:
    """Return the ids that an engine may give an image: of its configuration, or its manifest."""
    return [image.manifest.get("config", {}).get("digest", ""), digest_of(image.content)]


def small_image(text: str) -> Image:
    """Return an image with one layer, whose only file has the text. It has nothing to run."""
    layer, data = io.BytesIO(), text.encode()
    with tarfile.open(fileobj=layer, mode="w") as archive:
        file = tarfile.TarInfo("content")
        file.size = len(data)
        archive.addfile(file, io.BytesIO(data))
    diff_ids = [digest_of(layer.getvalue())]
    machine = _MACHINES.get(platform.machine(), platform.machine())
    config = {"architecture": machine, "os": "linux", "config": {}}
    config |= {"rootfs": {"type": "layers", "diff_ids": diff_ids}}
    blobs = {digest_of(each): each for each in (json.dumps(config).encode(), layer.getvalue())}
    described, *layers = ((digest, len(each)) for digest, each in blobs.items())
    return Image(
        content=_composed(described, layers),
        media_type=MANIFEST_TYPE,
        open=lambda digest: io.BytesIO(blobs[digest]),
    )


def digest_of(data: bytes) -> str:
    """Return the digest of data."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _composed(config: tuple[str, int], layers: list[tuple[str, int]]) -> bytes:
    def described(media_type: str, blob: tuple[str, int]) -> dict[str, Any]:
        return {"mediaType": media_type, "digest": blob[0], "size": blob[1]}

    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": described(_CONFIG_TYPE, config),
        "layers": [described(_LAYER_TYPE, each) for each in layers],
    }
    return json.dumps(manifest).encode()


@contextmanager
def saved_image(archive: Path) -> Iterator[Image]:
    """Unpack and read the only image of an archive; ``ImageError`` if it is of another kind."""
    with ScratchDirectory("image") as scratch:
        with tarfile.open(archive) as packed:
            packed.extractall(scratch.path, filter="data")
        yield image_in(scratch.path)


def image_in(folder: Path) -> Image:
    """Read the only image of an unpacked archive; ``ImageError`` if it is of another kind."""

    def member(name: str) -> IO[bytes]:
        try:
            return (folder / name).open("rb")
        except FileNotFoundError:
            raise ImageError(f"the image, as the engine has saved it, lacks {name}") from None

    if not (folder / INDEX).exists():
        return _of_docker(member)
    (root, *others) = _read(member, INDEX)["manifests"]
    if others:
        raise ImageError(f"the engine has saved {len(others) + 1} images instead of one")

    def blob(digest: str) -> IO[bytes]:
        return member(_path(digest))

    with blob(root["digest"]) as file:
        content = file.read()
    return Image(content=content, media_type=root["mediaType"], open=blob)


def _read(member: Open, name: str) -> Any:
    with member(name) as file:
        return json.load(file)


def _of_docker(member: Open) -> Image:
    """Read Docker's own archive: its layers are not compressed, so their ids are their digests."""
    (described,) = _read(member, _DOCKERS_INDEX)
    with member(described["Config"]) as file:
        config = file.read()
    digests = json.loads(config)["rootfs"]["diff_ids"]
    names = dict(zip(digests, described["Layers"], strict=True))
    names[digest_of(config)] = described["Config"]

    def sized(digest: str) -> tuple[str, int]:
        with member(names[digest]) as file:
            return digest, file.seek(0, io.SEEK_END)

    content = _composed(sized(digest_of(config)), [sized(each) for each in digests])
    return Image(
        content=content, media_type=MANIFEST_TYPE, open=lambda digest: member(names[digest])
    )


@contextmanager
def loadable(image: Image, name: str) -> Iterator[Path]:
    """Give an archive of one image, no index, that docker and podman load under a name."""
    with ScratchDirectory("image") as scratch:
        _write(scratch.path / "image.tar", image, name)
        yield scratch.path / "image.tar"


def _write(file: Path, image: Image, name: str) -> None:
    manifest, digest = image.manifest, digest_of(image.content)
    root = {"mediaType": image.media_type, "digest": digest, "size": len(image.content)}
    # Podman reads the first annotation, docker with the image store of containerd the second.
    names = dict.fromkeys(("org.opencontainers.image.ref.name", "io.containerd.image.name"), name)
    layers = [each["digest"] for each in manifest["layers"]]
    described = {"Config": _path(manifest["config"]["digest"]), "RepoTags": [name]}
    described |= {"Layers": [_path(each) for each in layers]}
    texts = {
        "oci-layout": {"imageLayoutVersion": "1.0.0"},
        INDEX: {"schemaVersion": 2, "manifests": [{**root, "annotations": names}]},
        _DOCKERS_INDEX: [described],
    }
    with tarfile.open(file, "w") as archive:

        def add(path: str, size: int, data: IO[bytes]) -> None:
            member = tarfile.TarInfo(path)
            member.size = size
            archive.addfile(member, data)

        for path, text in texts.items():
            data = json.dumps(text).encode()
            add(path, len(data), io.BytesIO(data))
        add(_path(digest), len(image.content), io.BytesIO(image.content))
        for blob, size in blobs_of(manifest).items():
            with image.open(blob) as opened:
                add(_path(blob), size, opened)


def _path(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/')}"
