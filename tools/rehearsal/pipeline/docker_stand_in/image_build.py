"""``docker build``: by a container engine, or not at all."""

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from tools.container_engine.engine import Engine
from tools.container_engine.ownership import KEPT_IMAGES, labels_of_build, name_stages
from tools.rehearsal.pipeline.docker_stand_in.engine_file import read_engine
from tools.rehearsal.pipeline.docker_stand_in.refusal import RefusalError
from tools.rehearsal.pipeline.docker_stand_in.state import State

_BUILD_SECONDS = 900


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
