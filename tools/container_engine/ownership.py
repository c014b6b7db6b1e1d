"""Which containers, networks and images of the engine are ours, and of which run.

The engine is the user's, and may serve other users and other machines. So everything that is made
in it carries a label with its owner: the machine, the user, and the scratch directory of the run.
A run removes what carries its own label at its end, and at its beginning what runs that are gone
have left on this machine for this user. Nothing is ever removed by a name alone, nor by force if
it is an image: one that the user has tagged, or uses, stays.

Two sorts of images are made. Those that a run pushes go with it. The others are kept under names
that begin with `localhost/ecs-blueprint`, so that the next build is quick; of these goes what
another build has taken the name from.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from tools.container_engine.engine import Engine
from tools.local_aws.scratch import ScratchDirectory, in_use, others_in_use

OWNER = "ecs-blueprint-rehearsal"
"""The label of what goes with its run."""

KEPT_IMAGES = "localhost/ecs-blueprint"
"""What the names of images begin with that are kept for the next build."""

_NAME = f"{OWNER}.name"  # what a run called its image
_KEPT = f"{OWNER}.kept"
_STAGE = f"{OWNER}.stage"  # podman keeps the end of each stage as an image without a name
_CONTAINERS = ("ps", "--all", "--no-trunc", "--format", "{{.ID}}")
_NETWORKS = ("network", "ls", "--format", "{{.Name}}")
_IMAGES = ("images", "--no-trunc", "--format", "{{.ID}}")


@contextmanager
def owned(engine: Engine) -> Iterator[dict[str, str]]:
    """Give the labels of this run; what carries them at the end of the block is removed."""
    sweep(engine)
    with ScratchDirectory("engine") as scratch:
        owner = f"{os.geteuid()}@{socket.gethostname()}:{scratch.path.absolute()}"
        try:
            yield {OWNER: owner}
        finally:
            _remove(engine, owner)
            # Another run may be about to start containers of one of them.
            if not others_in_use(scratch.path):
                _remove_nameless(engine)


def sweep(engine: Engine) -> None:
    """Remove what runs that were killed have left; those that run keep theirs."""
    for owner in _gone(engine):
        _remove(engine, owner)


def left_over(engine: Engine) -> list[str]:
    """Return what runs of this user that are gone have left on this machine, by name or id."""
    return [
        each
        for owner in _gone(engine)
        for listing in (_CONTAINERS, _NETWORKS, _IMAGES)
        for each in _listed(engine, *listing, label=f"{OWNER}={owner}")
    ]


def labelled(engine: Engine, labels: Mapping[str, str]) -> list[str]:
    """Return the ids of the containers of a run."""
    return _listed(engine, *_CONTAINERS, label=f"{OWNER}={labels[OWNER]}")


def labels_of_build(engine: Engine, tag: str, labels: Mapping[str, str] | None) -> list[str]:
    """Return the options of a build whose image goes with a run, or is kept without ``labels``."""
    of_image = {**labels, _NAME: tag} if labels else {_KEPT: "true"}
    options = [f"--label={name}={value}" for name, value in of_image.items()]
    # docker keeps no image of a stage; podman could not label it before version 4.4.
    if _can_label_stages(engine):
        options.append(f"--layer-label={_STAGE}=true")
    return options


def name_stages(engine: Engine) -> None:
    """Give the images that podman keeps of stages names, by the instruction that made them."""
    for image in sorted(_inspected(engine, _dangling(engine, f"{_STAGE}=true")), key=_made_at):
        instruction = image["History"][-1]["created_by"]
        # Labels are inherited. Only the end of a build has ours for its last instruction: that is
        # an image whose name another build has taken.
        if OWNER in instruction:
            continue
        name = f"{KEPT_IMAGES}/stage:{hashlib.sha256(instruction.encode()).hexdigest()[:12]}"
        named = _inspected(engine, [name])
        if not named or _made_at(named[0]) < _made_at(image):
            engine.attempt("tag", image["Id"], name)


def _can_label_stages(engine: Engine) -> bool:
    return "--layer-label" in engine.attempt("build", "--help").stdout


def _gone(engine: Engine) -> Iterator[str]:
    """Yield the owners that were runs of this user on this machine, and are no more."""
    for owner in _owners(engine):
        user_and_host, _, path = owner.partition(":")
        ours = user_and_host == f"{os.geteuid()}@{socket.gethostname()}"
        if ours and Path(path).is_absolute() and not in_use(Path(path)):
            yield owner


def _owners(engine: Engine) -> set[str]:
    # One may end meanwhile: then nothing is told of the others either, until the next time.
    found = [
        *_inspected(engine, _listed(engine, *_CONTAINERS, label=OWNER), of="container"),
        *_inspected(engine, _listed(engine, *_NETWORKS, label=OWNER), of="network"),
        *_inspected(engine, _listed(engine, *_IMAGES, label=OWNER)),
    ]
    return {labels[OWNER] for each in found if OWNER in (labels := _labels(each))}


def _remove(engine: Engine, owner: str) -> None:
    label = f"{OWNER}={owner}"
    if containers := _listed(engine, *_CONTAINERS, label=label):
        # At once: nobody calls them any more.
        no_delay = ["--time=0"] if engine.name == "podman" else []
        engine.attempt("rm", "--force", "--volumes", *no_delay, *containers)
    for name in _listed(engine, *_NETWORKS, label=label):
        engine.attempt("network", "rm", name)
    for image in _inspected(engine, _listed(engine, *_IMAGES, label=label)):
        names, ours = image["RepoTags"] or [], _labels(image).get(_NAME, "")
        if ours in names:
            engine.attempt("rmi", ours)  # with the image, unless it has other names
        elif not names:
            engine.attempt("rmi", image["Id"])


def _remove_nameless(engine: Engine) -> None:
    for label in (f"{_KEPT}=true", f"{_STAGE}=true"):
        for image in _dangling(engine, label):
            engine.attempt("rmi", image)


def _dangling(engine: Engine, label: str) -> list[str]:
    return _listed(engine, *_IMAGES, "--filter", "dangling=true", label=label)


def _listed(engine: Engine, *command: str, label: str) -> list[str]:
    listed = engine(*command, "--filter", f"label={label}").split()
    return list(dict.fromkeys(listed))  # an image is listed once for each of its names


def _inspected(engine: Engine, names: list[str], of: str = "image") -> list[dict[str, Any]]:
    if not names:
        return []
    found: list[dict[str, Any]] = json.loads(
        engine.attempt(of, "inspect", *names).stdout.strip() or "[]"
    )
    return found


def _labels(inspected: dict[str, Any]) -> dict[str, str]:
    """Return the labels of a container, an image or a network; podman writes the last small."""
    place = inspected.get("Config") or inspected
    return place.get("Labels") or place.get("labels") or {}


def _made_at(image: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(image["Created"])
