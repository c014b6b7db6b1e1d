"""NOT docker: the command that rehearsed builds find as `docker`, for login, build and push.

It refuses what docker and ECR refuse, as far as a buildspec can meet it, and every command and
option that it does not know. With a container engine its builds are real, and a push sends what
the engine saves. Without one an image is a small one.
"""

import argparse
import hashlib
import json
import os
import re
import shlex
import shutil
import signal
import ssl
import sys
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import IO

import boto3
from botocore.exceptions import ClientError

from cdk_rehearsal.containers.engine import Engine, EngineError
from cdk_rehearsal.containers.ownership import KEPT_IMAGES, OWNER, build, name_in_run, owned
from cdk_rehearsal.scratch import ScratchDirectory
from cdk_rehearsal.services.ecr.image_archive import (
    Image,
    ImageError,
    digest_for_this_machine,
    digest_of,
    ids_in_engine,
    loadable,
    small_image,
)
from cdk_rehearsal.services.ecr.image_push import push, saved_by

_BASE_IMAGE = "BASE_IMAGE"
"""The environment variable and build argument with the image that a Dockerfile starts from."""
_DERIVED = "derived"
"""A folder of the state; its Dockerfile is built on top of each image that gets a tag."""
_LAYERS = "layers"
"""A folder of the state with the layers of the images that have been pushed."""
_IMAGE_IN_ECR = r"{}\.dkr\.ecr\.{}\.[a-z.]+/[a-z0-9._/-]+(?::[\w.-]+)?(?:@sha256:[0-9a-f]{{64}})?"
# Python must not import this package from the folder of a build.
_CALL = (sys.executable, "-P", "-c", f"from {__name__} import main; main()")


class _RefusalError(Exception):
    """The command cannot be done; the message says why."""


class State:
    """What the calls of one build remember, as files in ``folder``: logins and images."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def known(self, table: str) -> dict[str, str]:
        """Return ``logins`` (users by host) or ``images`` (ids by tag)."""
        file = self.folder / f"{table}.json"
        known: dict[str, str] = json.loads(file.read_text("utf-8")) if file.exists() else {}
        return known

    def remember(self, table: str, key: str, value: str) -> None:
        """Add an entry to a table, or replace it."""
        file = self.folder / f"{table}.json"
        file.write_text(json.dumps(self.known(table) | {key: value}), encoding="utf-8")

    @property
    def engine(self) -> tuple[Engine, dict[str, str]] | None:
        """The engine that builds, and the labels of its run; None if builds are pretended."""
        file = self.folder / "engine.json"
        if not file.exists():
            return None
        content = json.loads(file.read_text("utf-8"))
        return Engine(**content["engine"]), content["labels"]

    def use(self, engine: Engine, labels: Mapping[str, str]) -> None:
        """Let an engine do the builds; it labels the images that they push.

        The file holds the engine's part of the user's environment, because a build does not see
        that; and no TMPDIR, because the place where podman keeps its state may depend on it.
        """
        settings = {"TMPDIR": ""} | engine.environment
        content = {"labels": dict(labels), "engine": asdict(replace(engine, settings=settings))}
        (self.folder / "engine.json").write_text(json.dumps(content), encoding="utf-8")


# --- For the process that runs builds.


@dataclass(frozen=True, kw_only=True)
class DockerCommand:
    """A build has ``folder`` on its PATH and ``variables`` in its environment.

    ``description`` says whether its images are real.
    """

    folder: Path
    variables: Mapping[str, str]
    description: str

    def images(self) -> list[str]:
        """Return the ids of the images that builds have tagged."""
        return list(State(self.folder.parent / "state").known("images").values())

    @contextmanager
    def deriving(self, files: Mapping[str, bytes]) -> Iterator[None]:
        """Build ``files``, a Dockerfile among them, on top of each image that a build tags.

        The build argument ``BUILT`` is that image. Without an engine this has no effect.
        """
        folder = self.folder.parent / "state" / _DERIVED
        folder.mkdir(parents=True)
        for name, content in files.items():
            (folder / name).write_bytes(content)
        try:
            yield
        finally:
            shutil.rmtree(folder)


@contextmanager
def docker_by_engine(folder: Path, engine: Engine, base: str = "") -> Iterator[DockerCommand]:
    """Provide a `docker` that builds with the engine, which pulls base images.

    With ``base`` nothing is pulled: it is the image for the build argument BASE_IMAGE. At the end
    the engine removes the images that it has built and pushed.
    """
    state = State(folder / "state")
    with owned(engine) as labels:
        state.use(engine, labels)
        what = f"{engine.name} on {base or 'what the Dockerfile names'}"
        yield _install(folder, state, {_BASE_IMAGE: base} if base else {}, what)


def docker_stand_in(folder: Path) -> DockerCommand:
    """Provide a `docker` that builds nothing, even if there is an engine."""
    return _install(folder, State(folder / "state"), {}, "a stand-in that builds nothing")


def _install(
    folder: Path, state: State, variables: Mapping[str, str], description: str
) -> DockerCommand:
    binaries = folder / "bin"
    binaries.mkdir(parents=True, exist_ok=True)
    script = f'#!/bin/sh\nexec {shlex.join([*_CALL, str(state.folder)])} "$@"\n'
    (binaries / "docker").write_text(script, encoding="utf-8")
    (binaries / "docker").chmod(0o755)
    return DockerCommand(folder=binaries, variables=variables, description=description)


# --- For a build that calls `docker`.


def main(arguments: Sequence[str] | None = None) -> None:
    """Do one command; exit with a message and a status that is not 0 if that is refused."""
    given = _parser().parse_args(arguments)
    state = State(given.state)
    # So a build that is stopped ends that of the engine, too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        match given.command:
            case "login":
                _login(state, given)
            case "build":
                _build(state, given)
            case _:
                _push(state, given.image)
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGTERM)
    except _RefusalError as refusal:
        sys.exit(f"docker (a stand-in) {given.command}: {refusal}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="docker (a stand-in)", allow_abbrev=False)
    parser.add_argument("state", type=Path)
    commands = parser.add_subparsers(dest="command", required=True)
    login = commands.add_parser("login", allow_abbrev=False)
    login.add_argument("--username", "-u", required=True)
    login.add_argument("--password-stdin", action="store_true", required=True)
    login.add_argument("host")
    build = commands.add_parser("build", allow_abbrev=False)
    build.add_argument("--tag", "-t", default="")
    build.add_argument("--file", "-f", type=Path)
    build.add_argument("--target", default="")
    for several in ("--secret", "--build-arg", "--cache-from"):
        build.add_argument(several, action="append", default=[])
    build.add_argument("context", type=Path)
    push = commands.add_parser("push", allow_abbrev=False)
    push.add_argument("image")
    return parser


def _login(state: State, given: argparse.Namespace) -> None:
    """Remember the login; any password is right."""
    if not sys.stdin.read().strip():
        raise _RefusalError("no password on standard input")
    state.remember("logins", given.host, given.username)
    print("Login Succeeded")


def _build(state: State, given: argparse.Namespace) -> None:
    """Make an image; without an engine it is a digest of the context and the arguments."""
    dockerfile = given.file or given.context / "Dockerfile"
    if not dockerfile.is_file():
        raise _RefusalError(f"there is no {dockerfile}")
    secrets = [_variable_of_secret(option) for option in given.secret]
    for image in given.cache_from:
        _look_for_layers(state, image)
    arguments = [
        each if "=" in each else f"{each}={os.environ[each]}"
        # As for docker: an argument without a value is that of the environment, if it has one.
        for each in given.build_arg
        if "=" in each or each in os.environ
    ]
    dockerfile = _with_base_images(state, dockerfile)
    if state.engine:
        engine, labels = state.engine
        if _BASE_IMAGE in os.environ and not any(
            a.startswith(f"{_BASE_IMAGE}=") for a in arguments
        ):
            # The image on this machine; a buildspec need not know that there is another one.
            arguments.append(f"{_BASE_IMAGE}={os.environ[_BASE_IMAGE]}")
        options = [f"--target={given.target}"] if given.target else []
        options += ["--file", str(dockerfile), *(f"--build-arg={each}" for each in arguments)]
        # An image without a tag is kept for the next build, under a name that says whose it is.
        name, kept = given.tag or f"{KEPT_IMAGES}/build:{given.target or 'last'}", not given.tag
        built = partial(_built, engine, labels[OWNER], name, kept=kept)
        built(options, given.context, secrets)
        derived = state.folder / _DERIVED
        if given.tag and derived.is_dir():
            built([f"--build-arg=BUILT={given.tag}"], derived, [])
        identity = engine("image", "inspect", "--format", "{{.Id}}", name)
        image = f"sha256:{identity.removeprefix('sha256:')}"
    else:
        image = _pretended(dockerfile, given.context, given.target, arguments)
        print(f"Nothing is built. The context and the arguments make {image}")
    if given.tag:
        state.remember("images", given.tag, image)


def _built(
    engine: Engine,
    run: str,
    name: str,
    options: Sequence[str],
    context: Path,
    secrets: Sequence[str],
    *,
    kept: bool,
) -> None:
    with ScratchDirectory("build-secrets") as scratch:
        from_files = []
        for secret in secrets:  # the engine does not have the variables of the build
            (scratch.path / secret).write_text(os.environ[secret], encoding="utf-8")
            from_files.append(f"--secret=id={secret},src={scratch.path / secret}")
        done = build(engine, run, name, *options, *from_files, str(context), kept=kept)
    print(done.stdout, done.stderr, sep="\n")
    if done.returncode != 0:
        raise _RefusalError(f"{engine.name} ended with {done.returncode}")


def _pretended(dockerfile: Path, context: Path, target: str, arguments: Sequence[str]) -> str:
    stages = re.findall(r"(?im)^FROM\s.*\sAS\s+(\S+)", dockerfile.read_text("utf-8"))
    if target and target not in stages:
        raise _RefusalError(f"{dockerfile} has no stage {target}")
    digest = hashlib.sha256(repr((target, sorted(arguments))).encode())
    for path in sorted(path for path in context.rglob("*") if path.is_file()):
        name = path.relative_to(context).as_posix()
        digest.update(f"\0{name}\0".encode() + path.read_bytes())
    return f"sha256:{digest.hexdigest()}"


def _variable_of_secret(option: str) -> str:
    match = re.fullmatch(r"id=(\w+),env=(\w+)", option)
    if match is None or match[1] != match[2]:
        raise _RefusalError(f"--secret {option} is not supported here")
    if match[1] not in os.environ:
        raise _RefusalError(f"there is no variable {match[1]}")
    return match[1]


def _look_for_layers(state: State, image: str) -> None:
    """Call ECR as BuildKit does for layers in an image; the build goes on without them.

    https://docs.docker.com/build/cache/backends/inline/
    """
    if _parts(image)[0] not in state.known("logins"):
        return
    try:
        _pull(image)
    except ClientError as error:
        print(f"importing cache manifest from {image}: {error}")


def images_in_ecr(dockerfile: str, account: str, region: str) -> list[str]:
    """Return the images of an account's ECR in a region that a Dockerfile names as a whole."""
    return sorted(set(re.findall(_IMAGE_IN_ECR.format(account, region), dockerfile)))


def _with_base_images(state: State, dockerfile: Path) -> Path:
    """Pull the base images that are in the ECR of this AWS; return the Dockerfile to build.

    It names them as the engine does. The engine itself pulls the images of other accounts and
    regions.
    """
    text = dockerfile.read_text("utf-8", "surrogateescape")
    if ".dkr.ecr." not in text:
        return dockerfile
    account = boto3.client("sts").get_caller_identity()["Account"]
    region, instead = boto3.client("ecr").meta.region_name, {}
    for image in images_in_ecr(text, account, region):
        if (host := _parts(image)[0]) not in state.known("logins"):
            raise _RefusalError(f"{image}: no basic auth credentials for {host}")
        try:
            if (pulled := _pull(image)) is None:
                raise _RefusalError(f"{image}: not found")
            if state.engine:
                instead[image] = _loaded(*state.engine, pulled)
        except (ClientError, EngineError, ImageError) as error:
            raise _RefusalError(f"{image}: {error}") from error
    if not instead:
        return dockerfile
    pattern, copy = _IMAGE_IN_ECR.format(account, region), state.folder / "Dockerfile"
    built = re.sub(pattern, lambda match: instead.get(match[0], match[0]), text)
    copy.write_text(built, "utf-8", "surrogateescape")
    return copy


def _pull(image: str) -> Image | None:
    """Make the calls of a pull up to the configuration; None if there is no such image."""
    _, repository, tag = _parts(image)
    ecr, wanted = boto3.client("ecr"), {"imageTag": tag}

    def blob(digest: str) -> IO[bytes]:
        layer = {"repositoryName": repository, "layerDigest": digest}
        url = ecr.get_download_url_for_layer(**layer)["downloadUrl"]
        trusted = ssl.create_default_context(cafile=os.environ.get("AWS_CA_BUNDLE"))
        # The address comes from the local AWS.
        opened: IO[bytes] = urllib.request.urlopen(url, context=trusted)  # noqa: S310
        return opened

    while found := ecr.batch_get_image(repositoryName=repository, imageIds=[wanted])["images"]:
        content = found[0]["imageManifest"].encode()
        pulled = Image(content=content, media_type=found[0]["imageManifestMediaType"], open=blob)
        if "manifests" not in pulled.manifest:
            pulled.open(pulled.manifest["config"]["digest"]).close()
            return pulled
        wanted = {"imageDigest": digest_for_this_machine(pulled.manifest)}
    return None


def _loaded(engine: Engine, labels: Mapping[str, str], image: Image) -> str:
    """Return the engine's name of an image in ECR; if the engine lacks the image, load it."""
    name = name_in_run(labels[OWNER], digest_of(image.content))
    if known := [each for each in ids_in_engine(image) if engine.has_image(each)]:
        engine("tag", known[0], name)
        return name
    with loadable(image, name) as archive:
        engine("load", "--input", str(archive))
    return name


def _push(state: State, image: str) -> None:
    """Push an image of the built one; ECR refuses a tag that is taken."""
    host, repository, tag = _parts(image)
    if host not in state.known("logins"):
        raise _RefusalError(f"no basic auth credentials for {host}")
    if not (identity := state.known("images").get(image)):
        raise _RefusalError(f"an image does not exist locally with the tag: {image}")
    if state.engine:
        layers = state.folder / _LAYERS
        built: AbstractContextManager[Image] = saved_by(state.engine[0], identity, layers)
    else:
        built = nullcontext(small_image(identity))
    try:
        with built as found:
            digest = push(boto3.client("ecr"), repository, tag, found)
    except (ClientError, EngineError, ImageError) as error:
        raise _RefusalError(str(error)) from error
    print(f"{tag}: digest: {digest} size: {len(found.content)}")


def _parts(image: str) -> tuple[str, str, str]:
    """Return host, repository and tag; a digest after the tag does not count."""
    name, _, tag = image.partition("@")[0].partition(":")
    host, _, repository = name.partition("/")
    return host, repository, tag or "latest"
