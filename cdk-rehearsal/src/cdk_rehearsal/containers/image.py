"""Builds images from a Dockerfile, on its own base image or, without a registry, on a stand-in."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from cdk_rehearsal.containers.engine import Engine, EngineError, NoEngineError, engine_environment
from cdk_rehearsal.containers.ownership import Build, run_of_process

_STAND_IN_RECIPE = Path(__file__).with_name("make_stand_in.sh")
# Part of the stand-in, so that it trusts the same proxies as this machine.
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_PULL_SECONDS = 1800
_BUILD_SECONDS = 3600


class DockerfileError(EngineError):
    """The Dockerfile cannot be built here; the message says why."""


def build_image(
    engine: Engine,
    folder: Path,
    tag: str,
    cache: Path,
    *,
    build_args: Mapping[str, str] | None = None,
    target: str | None = None,
) -> str:
    """Build the folder's Dockerfile, up to ``target`` if given; return the base image.

    The image is kept for the next build (see `ownership`).
    """
    base = base_image(engine, folder / "Dockerfile", cache)
    arguments = [f"--build-arg=BASE_IMAGE={base}"]
    arguments += [f"--build-arg={name}={value}" for name, value in (build_args or {}).items()]
    if target:
        arguments.append(f"--target={target}")
    with run_of_process() as run:
        build, built = Build(engine=engine, tag=tag, run=run, kept=True), False
        try:
            engine("build", *arguments, *build.options, str(folder), timeout=_BUILD_SECONDS)
            built = True
        finally:
            build.finish(built=built)
    return base


def base_image(engine: Engine, dockerfile: Path, cache: Path) -> str:
    """Return the Dockerfile's own base image, pulled if necessary, else the stand-in."""
    wanted = default_base_image(dockerfile)
    if engine.has_image(wanted):
        return wanted
    once = ("--retry=0",) if engine.name == "podman" else ()
    pulled = engine.attempt("pull", *once, wanted, timeout=_PULL_SECONDS)
    if pulled.returncode == 0:
        return wanted
    return _stand_in(engine, cache, f"{wanted} cannot be pulled: {pulled.stderr.strip()}")


def default_base_image(dockerfile: Path) -> str:
    """Return the default of the build argument BASE_IMAGE."""
    try:
        text = dockerfile.read_text("utf-8")
    except OSError as error:
        raise DockerfileError(f"{dockerfile} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise DockerfileError(f"{dockerfile} is not UTF-8") from None
    match = re.search(r"^ARG BASE_IMAGE=(\S+)$", text, re.MULTILINE)
    if match is None:
        raise DockerfileError(f"{dockerfile} needs a line ARG BASE_IMAGE=<image>")
    return match[1]


def _stand_in(engine: Engine, cache: Path, reason: str) -> str:
    """Return an image of Debian and its Python, laid out like Docker's; built only once."""
    if os.geteuid() != 0 or shutil.which("mmdebstrap") is None:
        raise NoEngineError(f"{reason}; to build a stand-in you need root and Debian's mmdebstrap")
    recipe = hashlib.sha256(_STAND_IN_RECIPE.read_bytes() + _CERTIFICATES.read_bytes())
    image = f"localhost/stand-in-base:{recipe.hexdigest()[:12]}"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "stand-in.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two test processes may ask at once
        if not engine.has_image(image):
            engine("import", str(_stand_in_archive(cache, recipe.hexdigest()[:12])), image)
    return image


def _stand_in_archive(cache: Path, version: str) -> Path:
    archive = cache / f"stand-in-{version}.tar"
    if not archive.exists():
        unfinished = archive.with_suffix(".unfinished.tar")
        subprocess.run(
            ["/bin/sh", _STAND_IN_RECIPE, unfinished], env=engine_environment(), check=True
        )
        unfinished.rename(archive)
    return archive
