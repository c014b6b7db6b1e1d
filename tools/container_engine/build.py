"""Building an image of this project."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tools.container_engine.base_image import base_image
from tools.container_engine.engine import Engine
from tools.container_engine.ownership import labels_of_build, name_stages

_BUILD_SECONDS = 600


def build_image(
    engine: Engine,
    folder: Path,
    tag: str,
    cache: Path,
    *,
    build_args: Mapping[str, str] | None = None,
    target: str | None = None,
    show: bool = False,
) -> str:
    """Build the folder's Dockerfile, up to a stage if given; returns the base image it used.

    The image is kept, under its tag and with the label of those that are. ``show`` prints what the
    engine says while it builds.
    """
    base = base_image(engine, folder / "Dockerfile", cache)
    arguments = [f"--build-arg=BASE_IMAGE={base}"]
    arguments += [f"--build-arg={name}={value}" for name, value in (build_args or {}).items()]
    if target:
        arguments.append(f"--target={target}")
    arguments += labels_of_build(engine, tag, None)
    run = engine.show if show else engine
    run("build", *arguments, "--tag", tag, str(folder), timeout=_BUILD_SECONDS)
    name_stages(engine)
    return base
