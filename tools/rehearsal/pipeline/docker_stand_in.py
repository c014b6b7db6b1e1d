"""NOT docker: takes its place on the PATH of a rehearsed build, for login, build and push.

It refuses what docker and ECR refuse, as far as a buildspec can run into it, and everything that it
does not know. A build calls it as ``python -m ... STATE login|build|push ...``.
"""

import argparse
import hashlib
import json
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import boto3
from botocore.exceptions import ClientError

from tools.container_engine import Engine
from tools.container_engine.ownership import KEPT_IMAGES, labels_of_build, name_stages

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_ENGINE_FILE = "engine.json"
_BUILD_SECONDS = 900


class RefusalError(Exception):
    """The command cannot be done; the message says why."""


class State:
    """Small tables, kept as files in ``folder``: ``logins`` by host and ``images`` by tag."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def known(self, table: str) -> dict[str, str]:
        """Return a table; an empty one if nothing was remembered."""
        file = self.folder / f"{table}.json"
        known: dict[str, str] = json.loads(file.read_text("utf-8")) if file.exists() else {}
        return known

    def remember(self, table: str, key: str, value: str) -> None:
        """Add to a table, or replace what is there under the key."""
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self.folder / f"{table}.json"
        file.write_text(json.dumps(self.known(table) | {key: value}), encoding="utf-8")


@dataclass(frozen=True, kw_only=True)
class BuildRequest:
    """What to build; an argument without a value is taken from the environment."""

    context: Path
    target: str
    arguments: tuple[str, ...]

    @property
    def dockerfile(self) -> Path:
        """Where docker looks for it."""
        return self.context / "Dockerfile"


def build(state: State, request: BuildRequest, tag: str) -> None:
    """Have an image under the tag, if one is given, for ``push`` to find.

    Without an engine nothing is built: the image is a digest of all that would go into it.
    """
    if not request.dockerfile.is_file():
        raise RefusalError(f"there is no {request.dockerfile}")
    found = read_engine(state.folder)
    if found:
        image = _built(*found, request, tag)
    else:
        image = _pretended(request)
        print(f"Nothing is built. The context and the arguments make {image}")
    if tag:
        state.remember("images", tag, image)


def push(state: State, image: str) -> None:
    """Put a manifest that names the image's configuration; ECR refuses a tag that is taken.

    Before it one layer is uploaded, by the calls that docker's become at ECR.
    https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html
    """
    name, _, tag = image.partition(":")
    host, _, repository = name.partition("/")
    if host not in state.known("logins"):
        raise RefusalError(f"no basic auth credentials for {host}")
    images = state.known("images")
    if image not in images:
        raise RefusalError(f"an image does not exist locally with the tag: {image}")
    config = {"mediaType": _CONFIG, "digest": images[image], "size": 0}
    manifest = {"schemaVersion": 2, "mediaType": _MANIFEST, "config": config, "layers": []}
    ecr, digest = boto3.client("ecr"), images[image]
    try:
        ecr.batch_check_layer_availability(repositoryName=repository, layerDigests=[digest])
        upload = ecr.initiate_layer_upload(repositoryName=repository)["uploadId"]
        part = {"partFirstByte": 0, "partLastByte": 0, "layerPartBlob": b"-"}
        ecr.upload_layer_part(repositoryName=repository, uploadId=upload, **part)
        ecr.complete_layer_upload(repositoryName=repository, uploadId=upload, layerDigests=[digest])
        pushed = ecr.put_image(
            repositoryName=repository,
            imageTag=tag or "latest",
            imageManifest=json.dumps(manifest),
            imageManifestMediaType=_MANIFEST,
        )
    except ClientError as error:
        raise RefusalError(str(error)) from error
    print(f"{tag}: digest: {pushed['image']['imageId']['imageDigest']}")


def look_for_cache(state: State, image: str) -> None:
    """Look for layers in an image of a registry, as BuildKit does; it goes on without them.

    https://docs.docker.com/build/cache/backends/inline/
    """
    name, _, tag = image.partition(":")
    host, _, repository = name.partition("/")
    if host not in state.known("logins"):
        return
    ecr = boto3.client("ecr")
    try:
        found = ecr.batch_get_image(repositoryName=repository, imageIds=[{"imageTag": tag}])
        for each in found["images"]:
            digest = json.loads(each["imageManifest"])["config"]["digest"]
            ecr.get_download_url_for_layer(repositoryName=repository, layerDigest=digest)
    except ClientError as error:
        print(f"importing cache manifest from {image}: {error}")


def login(state: State, host: str, username: str) -> None:
    """Remember who has logged in where; the password is not looked at."""
    if not sys.stdin.read().strip():
        raise RefusalError("no password on standard input")
    state.remember("logins", host, username)
    print("Login Succeeded")


def write_engine(folder: Path, engine: Engine, labels: Mapping[str, str]) -> None:
    """Use this engine for the builds whose state is in the folder; pushed images are labelled.

    With it is written what it has of the user's environment, which a build does not see: also its
    temporary directory, since where podman keeps its state may depend on that.
    """
    content = {
        "labels": dict(labels),
        "name": engine.name,
        "command": engine.command,
        "settings": {"TMPDIR": ""} | engine.environment,
    }
    folder.mkdir(parents=True, exist_ok=True)
    (folder / _ENGINE_FILE).write_text(json.dumps(content), encoding="utf-8")


def read_engine(folder: Path) -> tuple[Engine, dict[str, str]] | None:
    """Return the engine to use, and the labels; None if the builds do without."""
    file = folder / _ENGINE_FILE
    if not file.exists():
        return None
    content = json.loads(file.read_text("utf-8"))
    engine = Engine(
        name=content["name"], command=tuple(content["command"]), settings=content["settings"]
    )
    return engine, content["labels"]


def main() -> None:
    """Do one command, or exit with a message and a status that is not 0."""
    given = _parser().parse_args()
    state = State(given.state)
    try:
        if given.command == "login":
            login(state, given.host, given.username)
        elif given.command == "build":
            request = BuildRequest(
                context=given.context, target=given.target, arguments=tuple(given.build_arg)
            )
            for image in given.cache_from:
                look_for_cache(state, image)
            build(state, request, given.tag)
        else:
            push(state, given.image)
    except RefusalError as refusal:
        sys.exit(f"docker (a stand-in) {given.command}: {refusal}")


def _built(engine: Engine, labels: dict[str, str], request: BuildRequest, tag: str) -> str:
    options = [f"--build-arg={_with_value(each)}" for each in request.arguments if _set(each)]
    options += [f"--target={request.target}"] if request.target else []
    # What the build does not name is kept for the next one, under a name that tells whose it is.
    options += ["--tag", tag or f"{KEPT_IMAGES}/build:{request.target or 'last'}"]
    options += labels_of_build(engine, tag, labels if tag else None)
    done = engine.attempt("build", *options, str(request.context), timeout=_BUILD_SECONDS)
    print(done.stdout, done.stderr, sep="\n")
    if done.returncode != 0:
        raise RefusalError(f"{engine.name} ended with {done.returncode}")
    name_stages(engine)
    if not tag:
        return ""
    identity = engine("image", "inspect", "--format", "{{.Id}}", tag)
    return f"sha256:{identity.removeprefix('sha256:')}"


def _set(argument: str) -> bool:
    return "=" in argument or argument in os.environ


def _with_value(argument: str) -> str:
    return argument if "=" in argument else f"{argument}={os.environ[argument]}"


def _pretended(request: BuildRequest) -> str:
    stages = re.findall(r"(?im)^FROM\s.*\sAS\s+(\S+)", request.dockerfile.read_text("utf-8"))
    if request.target and request.target not in stages:
        raise RefusalError(f"{request.dockerfile} has no stage {request.target}")
    given = [_with_value(each) for each in request.arguments if _set(each)]
    digest = hashlib.sha256(repr((request.target, sorted(given))).encode())
    for path in sorted(path for path in request.context.rglob("*") if path.is_file()):
        name = path.relative_to(request.context).as_posix()
        digest.update(f"\0{name}\0".encode() + path.read_bytes())
    return f"sha256:{digest.hexdigest()}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="docker (a stand-in)", allow_abbrev=False)
    parser.add_argument("state", type=Path)
    commands = parser.add_subparsers(dest="command", required=True)
    login = commands.add_parser("login", allow_abbrev=False)
    login.add_argument("--username", "-u", required=True)
    login.add_argument("--password-stdin", action="store_true", required=True)
    login.add_argument("host")
    build_command = commands.add_parser("build", allow_abbrev=False)
    build_command.add_argument("--tag", "-t", default="")
    build_command.add_argument("--target", default="")
    build_command.add_argument("--build-arg", action="append", default=[])
    # Looked for and not used: there is no registry to take layers from.
    build_command.add_argument("--cache-from", action="append", default=[])
    build_command.add_argument("context", type=Path)
    push_command = commands.add_parser("push", allow_abbrev=False)
    push_command.add_argument("image")
    return parser


if __name__ == "__main__":
    main()
