"""The command `docker` of rehearsed builds: a stand-in, with a container engine or without."""

import os
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cdk_rehearsal.containers.engine import Engine, NoEngineError, find_engine
from cdk_rehearsal.containers.image import DockerfileError, default_base_image
from cdk_rehearsal.containers.ownership import owned
from cdk_rehearsal.pipelines.docker_stand_in import BASE_IMAGE, DERIVED, State, write_engine

SWITCH = "REHEARSAL_DOCKER"
"""The environment variable; its value ``stand-in`` makes builds use no engine."""


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
        folder = self.folder.parent / "state" / DERIVED
        folder.mkdir(parents=True)
        for name, content in files.items():
            (folder / name).write_bytes(content)
        try:
            yield
        finally:
            shutil.rmtree(folder)


@contextmanager
def docker_command(folder: Path, dockerfile: Path, cache: Path) -> Iterator[DockerCommand]:
    """Provide a `docker` whose builds are real if an engine has the Dockerfile's base image.

    Otherwise they are pretended, because a rehearsal downloads no images. A push always only
    records the image. At the end the engine removes the images that it has built.
    """
    state = State(folder / "state")
    try:
        engine, base = available_engine(dockerfile, cache)
    except NoEngineError as reason:
        yield _install(folder, state, {}, f"a stand-in that builds nothing: {reason}")
        return
    with owned(engine) as labels:
        write_engine(state.folder, engine, labels)
        what = f"{engine.name} on {base}; the push only records the image"
        yield _install(folder, state, {BASE_IMAGE: base}, what)


@contextmanager
def docker_by_engine(folder: Path, engine: Engine) -> Iterator[DockerCommand]:
    """Provide a `docker` that builds any Dockerfile with the engine, which pulls base images."""
    state = State(folder / "state")
    with owned(engine) as labels:
        write_engine(state.folder, engine, labels)
        what = f"{engine.name}, which pulls what the Dockerfile names; the push only records"
        yield _install(folder, state, {}, what)


def docker_stand_in(folder: Path) -> DockerCommand:
    """Provide a `docker` that builds nothing, even if there is an engine."""
    return _install(folder, State(folder / "state"), {}, "a stand-in that builds nothing")


def available_engine(dockerfile: Path, cache: Path) -> tuple[Engine, str]:
    """Return an engine and a base image that it has; ``NoEngineError`` says what is missing."""
    engine = usable_engine(cache)
    try:
        wanted = default_base_image(dockerfile)
    except DockerfileError as error:
        raise NoEngineError(str(error)) from error
    if engine.has_image(wanted):
        return engine, wanted
    listed = engine(
        *("images", "--filter", "reference=localhost/stand-in-base"),
        *("--format", "{{.Repository}}:{{.Tag}}"),
    )
    if not listed:
        raise NoEngineError(f"{engine.name} has no {wanted}; a build of {dockerfile} gets it")
    return engine, listed.splitlines()[0]


def usable_engine(cache: Path) -> Engine:
    """Return an engine; ``NoEngineError`` says why there is none, or that SWITCH forbids it."""
    if os.environ.get(SWITCH) == "stand-in":
        raise NoEngineError(f"{SWITCH}=stand-in")
    return find_engine(cache)


def _install(
    folder: Path, state: State, variables: Mapping[str, str], description: str
) -> DockerCommand:
    binaries = folder / "bin"
    binaries.mkdir(parents=True, exist_ok=True)
    # -P: Python must not import this package from the folder of a build.
    module = "cdk_rehearsal.pipelines.docker_stand_in"
    call = [sys.executable, "-P", "-m", module, str(state.folder)]
    script = f'#!/bin/sh\nexec {shlex.join(call)} "$@"\n'
    (binaries / "docker").write_text(script, encoding="utf-8")
    (binaries / "docker").chmod(0o755)
    return DockerCommand(folder=binaries, variables=variables, description=description)
