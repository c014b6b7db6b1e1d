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
from tools.container_engine.ownership import KEPT_IMAGES, Build
from tools.local_aws.image_push import push_image
from tools.local_aws.scratch import ScratchDirectory
from tools.rehearsal.bounds import ENGINE_SECONDS

_ENGINE_FILE = "engine.json"
BASE_IMAGE = "BASE_IMAGE"
"""The variable, and the build argument, with the image that a Dockerfile is to start from."""
DERIVED = "derived"
"""A folder of the state: what is in it is built on top of each image that gets a tag."""


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
    file: Path | None = None
    secrets: tuple[str, ...] = ()

    @property
    def dockerfile(self) -> Path:
        """Where docker looks for it."""
        return self.file or self.context / "Dockerfile"


def build(state: State, request: BuildRequest, tag: str) -> None:
    """Have an image under the tag, if one is given, for ``push`` to find.

    Without an engine nothing is built: the image is a digest of all that would go into it.
    """
    if not request.dockerfile.is_file():
        raise RefusalError(f"there is no {request.dockerfile}")
    found = read_engine(state.folder)
    if found:
        image = _built(*found, request, tag)
        derived = state.folder / DERIVED
        if tag and derived.is_dir():
            again = BuildRequest(context=derived, target="", arguments=(f"BUILT={tag}",))
            image = _built(*found, again, tag)
    else:
        image = _pretended(request)
        print(f"Nothing is built. The context and the arguments make {image}")
    if tag:
        state.remember("images", tag, image)


def push(state: State, image: str) -> None:
    """Push an image made of what was built; ECR refuses a tag that is taken."""
    name, _, tag = image.partition(":")
    host, _, repository = name.partition("/")
    if host not in state.known("logins"):
        raise RefusalError(f"no basic auth credentials for {host}")
    images = state.known("images")
    if image not in images:
        raise RefusalError(f"an image does not exist locally with the tag: {image}")
    identity = images[image]
    try:
        digest = push_image(
            boto3.client("ecr"),
            repository,
            tag or "latest",
            identity,
            engine_image=identity if read_engine(state.folder) else None,
        )
    except ClientError as error:
        raise RefusalError(str(error)) from error
    print(f"{tag}: digest: {digest} size: 0")


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
                context=given.context,
                file=given.file,
                target=given.target,
                arguments=tuple(given.build_arg),
                secrets=tuple(map(_variable_of_secret, given.secret)),
            )
            for image in given.cache_from:
                look_for_cache(state, image)
            build(state, request, given.tag)
        else:
            push(state, given.image)
    except RefusalError as refusal:
        sys.exit(f"docker (a stand-in) {given.command}: {refusal}")


def _built(engine: Engine, labels: dict[str, str], request: BuildRequest, tag: str) -> str:
    arguments = [_with_value(each) for each in request.arguments if _set(each)]
    if not any(each.startswith(f"{BASE_IMAGE}=") for each in arguments) and _set(BASE_IMAGE):
        # The base image that is on this machine; a buildspec need not know that there is another.
        arguments.append(_with_value(BASE_IMAGE))
    options = [f"--build-arg={each}" for each in arguments]
    options += ["--file", str(request.dockerfile)]
    options += [f"--target={request.target}"] if request.target else []
    # What the build does not name is kept for the next one, under a name that tells whose it is.
    name = tag or f"{KEPT_IMAGES}/build:{request.target or 'last'}"
    ours = Build(engine=engine, tag=name, labels=labels if tag else None)
    options += ours.options
    with ScratchDirectory("build-secrets") as scratch:
        for secret in request.secrets:  # the engine does not have the variables of the build
            (scratch.path / secret).write_text(os.environ[secret], encoding="utf-8")
            options.append(f"--secret=id={secret},src={scratch.path / secret}")
        done = engine.attempt("build", *options, str(request.context), timeout=ENGINE_SECONDS)
    ours.finish(built=done.returncode == 0)
    print(done.stdout, done.stderr, sep="\n")
    if done.returncode != 0:
        raise RefusalError(f"{engine.name} ended with {done.returncode}")
    if not tag:
        return ""
    identity = engine("image", "inspect", "--format", "{{.Id}}", tag)
    return f"sha256:{identity.removeprefix('sha256:')}"


def _variable_of_secret(option: str) -> str:
    match = re.fullmatch(r"id=(\w+),env=(\w+)", option)
    if match is None or match[1] != match[2]:
        raise RefusalError(f"--secret {option} is not supported here")
    if match[1] not in os.environ:
        raise RefusalError(f"there is no variable {match[1]}")
    return match[1]


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
    build_command.add_argument("--file", "-f", type=Path)
    build_command.add_argument("--target", default="")
    build_command.add_argument("--secret", action="append", default=[])
    build_command.add_argument("--build-arg", action="append", default=[])
    # Looked for and not used: there is no registry to take layers from.
    build_command.add_argument("--cache-from", action="append", default=[])
    build_command.add_argument("context", type=Path)
    push_command = commands.add_parser("push", allow_abbrev=False)
    push_command.add_argument("image")
    return parser


if __name__ == "__main__":
    main()
