"""The command `docker` of the rehearsed builds, and what is behind it."""

import os
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tools.container_engine import Engine, NoEngineError, find_engine, owned
from tools.container_engine.image import DockerfileError, default_base_image
from tools.rehearsal.pipeline.docker_stand_in import BASE_IMAGE, DERIVED, State, write_engine
from tools.repository import ROOT

SWITCH = "REHEARSAL_DOCKER"
"""Set to ``stand-in``, this environment variable leaves an engine alone."""

_CACHE = ROOT / ".cache" / "container_engine"


@dataclass(frozen=True, kw_only=True)
class DockerCommand:
    """``folder`` goes on the PATH of a build and ``variables`` into its environment.

    ``description`` says what a build with it shows and what not.
    """

    folder: Path
    variables: Mapping[str, str]
    description: str

    def images(self) -> list[str]:
        """Return the ids of the images that were built, whatever the buildspec calls them."""
        return list(State(self.folder.parent / "state").known("images").values())

    @contextmanager
    def deriving(self, files: Mapping[str, bytes]) -> Iterator[None]:
        """Have each image that is built derived once more: ``files``, with a Dockerfile among them.

        Its build argument ``BUILT`` is the image. Only an engine does it.
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
def docker_command(folder: Path, dockerfile: Path) -> Iterator[DockerCommand]:
    """Have a `docker`: its builds are real if an engine can start at once, otherwise pretended.

    The pushes are always pretended. An engine is taken only with the Dockerfile's base image, or
    its stand-in, on this machine already: a rehearsal downloads no images. If its build then
    fails, so does the delivery. The images that were pushed are removed at the end.
    """
    state = State(folder / "state")
    try:
        engine, base = available_engine(dockerfile)
    except NoEngineError as reason:
        yield _install(folder, state, {}, f"a stand-in that builds nothing: {reason}")
        return
    with owned(engine) as labels:
        write_engine(state.folder, engine, labels)
        what = f"{engine.name} on {base}; the push only records the image"
        yield _install(folder, state, {BASE_IMAGE: base}, what)


@contextmanager
def docker_by_engine(folder: Path, engine: Engine) -> Iterator[DockerCommand]:
    """Have a `docker` whose builds are the engine's: any Dockerfile, and it pulls what that names.

    Pushes and the end are as with `docker_command`.
    """
    state = State(folder / "state")
    with owned(engine) as labels:
        write_engine(state.folder, engine, labels)
        what = f"{engine.name}, which pulls what the Dockerfile names; the push only records"
        yield _install(folder, state, {}, what)


def docker_stand_in(folder: Path) -> DockerCommand:
    """Have a `docker` that builds nothing, whatever there is on this machine."""
    return _install(folder, State(folder / "state"), {}, "a stand-in that builds nothing")


def available_engine(dockerfile: Path) -> tuple[Engine, str]:
    """Return an engine and a base image that is there; ``NoEngineError`` says what is missing."""
    engine = usable_engine()
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
        raise NoEngineError(f"{engine.name} has no {wanted} yet; `make image` gets it")
    return engine, listed.splitlines()[0]


def usable_engine() -> Engine:
    """Return an engine, unless it is to be left alone; ``NoEngineError`` says why not."""
    if os.environ.get(SWITCH) == "stand-in":
        raise NoEngineError(f"{SWITCH} says so")
    return find_engine(_CACHE)


def _install(
    folder: Path, state: State, variables: Mapping[str, str], description: str
) -> DockerCommand:
    binaries = folder / "bin"
    binaries.mkdir(parents=True, exist_ok=True)
    # -P: a build works in a folder whose own `tools` must not be taken for ours.
    module = "tools.rehearsal.pipeline.docker_stand_in"
    call = [sys.executable, "-P", "-m", module, str(state.folder)]
    script = f'#!/bin/sh\nPYTHONPATH={shlex.quote(str(ROOT))} exec {shlex.join(call)} "$@"\n'
    (binaries / "docker").write_text(script, encoding="utf-8")
    (binaries / "docker").chmod(0o755)
    return DockerCommand(folder=binaries, variables=variables, description=description)
