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

from cdk_rehearsal.bounds import ENGINE_SECONDS
from cdk_rehearsal.containers.engine import Engine, EngineError, NoEngineError, engine_environment
from cdk_rehearsal.containers.ownership import build, run_of_process
from cdk_rehearsal.scratch import ScratchDirectory

_STAND_IN_RECIPE = Path(__file__).with_name("make_stand_in.sh")
# Part of the stand-in, so that it trusts the same proxies as this machine.
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


class DockerfileError(EngineError):
    """The Dockerfile cannot be built here; the message says why."""


def build_image(
    engine: Engine,
    folder: Path,
    tag: str,
    cache: Path,
    *,
    build_args: Mapping[str, str] | None = None,
) -> str:
    """Build the folder's Dockerfile; return the base image.

    The image is kept for the next build (see `ownership`). ``EngineError`` if the build fails.
    """
    base = base_image(engine, folder / "Dockerfile", cache)
    arguments = [f"--build-arg=BASE_IMAGE={base}"]
    arguments += [f"--build-arg={name}={value}" for name, value in (build_args or {}).items()]
    with run_of_process() as run:
        done = build(engine, run, tag, *arguments, str(folder), kept=True)
    if done.returncode:
        raise EngineError(f"{engine.name} cannot build {folder}:\n{done.stdout}{done.stderr}")
    return base


def base_image(engine: Engine, dockerfile: Path, cache: Path) -> str:
    """Return the Dockerfile's own base image, pulled if necessary, else the stand-in."""
    wanted = default_base_image(dockerfile)
    if engine.has_image(wanted):
        return wanted
    once = ("--retry=0",) if engine.name == "podman" else ()
    pulled = engine.attempt("pull", *once, wanted, timeout=ENGINE_SECONDS)
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
    with (cache / "stand-in.lock").open("w") as lock, ScratchDirectory("stand-in") as scratch:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two test processes may ask at once
        if not engine.has_image(image):
            archive = scratch.path / "stand-in.tar"
            made = ["/bin/sh", str(_STAND_IN_RECIPE), str(archive)]
            subprocess.run(made, env=engine_environment(), check=True)
            engine("import", str(archive), image)
    return image
