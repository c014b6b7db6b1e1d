"""Which containers, networks and images of the engine are ours, and of which run.

The engine is the user's, and may serve other users and other machines. So everything that is made
in it carries a label with the run that it belongs to (`owner`). A run removes what is its own at
its end, and at its beginning what runs have left that are certainly over.

Labels are inherited: by containers from their image, and by images from the image that they are
built on or committed from. So a label alone makes nothing ours. Containers and images have labels
of different names, and a container whose image has that of containers is not ours. An image is ours
under the name that this module gave to it alone, `localhost/ecs-blueprint/...` with a number that
its label or its id confirms. It is removed by its names, never by its id and never by force: what
the user has tagged, or uses, stays.

Two sorts of images are made. Those that a run pushes go with it. The others are kept, so that the
next build is quick; of these goes what another build has taken the tag from.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tools.container_engine.engine import Engine
from tools.container_engine.owner import Owner
from tools.local_aws.scratch import ScratchDirectory, others_in_use

OWNER = "ecs-blueprint-rehearsal"
"""The label of containers and networks: whose run they belong to."""

KEPT_IMAGES = "localhost/ecs-blueprint"
"""What the names of images begin with that are kept for the next build."""

_IMAGE = f"{OWNER}.image"  # whose run an image goes with, or that it is kept
_TAG = f"{OWNER}.tag"  # what the build was told to call it
_NUMBER = f"{OWNER}.number"  # of the build of an image that goes with its run
_STAGE = f"{OWNER}.stage"  # podman keeps the end of each stage
_KEPT = "kept"
_MADE_NAMES = f"{KEPT_IMAGES}/made"
_STAGE_NAMES = f"{KEPT_IMAGES}/stage"
_SHORT = 12
_CONTAINERS = ("ps", "--all", "--no-trunc", "--format", "{{.ID}}")
_NETWORKS = ("network", "ls", "--format", "{{.Name}}")
_IMAGES = ("images", "--no-trunc", "--format", "{{.ID}}")


@contextmanager
def owned(engine: Engine) -> Iterator[dict[str, str]]:
    """Give the labels of this run; what carries them at the end of the block is removed."""
    sweep(engine)
    with ScratchDirectory("engine") as scratch:
        owner = str(Owner.of(scratch.path))
        try:
            yield {OWNER: owner}
        finally:
            _remove(engine, owner)
            # Another run may be about to start containers of one of them.
            if not others_in_use(scratch.path):
                _remove_superseded(engine)


def sweep(engine: Engine) -> None:
    """Remove what runs that were killed have left; those that run keep theirs."""
    for owner in _gone(engine):
        _remove(engine, owner)


def left_over(engine: Engine) -> list[str]:
    """Return what runs of this user that are gone have left on this machine, by name or id."""
    return [
        each
        for owner in _gone(engine)
        for each in (
            *_containers(engine, f"{OWNER}={owner}"),
            *_listed(engine, *_NETWORKS, label=f"{OWNER}={owner}"),
            *(_made_name(image) for image in _images_made(engine, owner)),
        )
    ]


def label_options(labels: Mapping[str, str]) -> list[str]:
    """Return the options that give labels to what an engine makes."""
    return [f"--label={name}={value}" for name, value in labels.items()]


def labelled(engine: Engine, labels: Mapping[str, str]) -> list[str]:
    """Return the ids of the containers of a run."""
    return _containers(engine, f"{OWNER}={labels[OWNER]}")


@dataclass(frozen=True, kw_only=True)
class Build:
    """A build whose image goes with the run of ``labels``, or is kept without any.

    It is to be run with `options`, and `finish` called when it has ended, well or not.
    """

    engine: Engine
    tag: str
    labels: Mapping[str, str] | None = None
    number: str = field(default_factory=lambda: secrets.token_hex(_SHORT // 2))

    @property
    def options(self) -> list[str]:
        """The options of the build: the tag, and what makes its images ours."""
        of_image = {_TAG: self.tag, _IMAGE: _KEPT}
        tags = [self.tag]
        if self.labels:
            # From its first moment on: who made it may be killed before it is finished.
            of_image |= {_IMAGE: self.labels[OWNER], _NUMBER: self.number}
            tags.append(f"{_MADE_NAMES}:{self.number}")
        options = [f"--tag={tag}" for tag in tags]
        options += label_options(of_image)
        # docker keeps no image of a stage; podman could not label it before version 4.4.
        if "--layer-label" in self.engine.attempt("build", "--help").stdout:
            options += [f"--layer-label={name}=true" for name in (_STAGE, self._stage)]
        return options

    @property
    def _stage(self) -> str:
        # A name for each build: the value would be that of the first build if this one goes on from
        # a layer that podman has kept.
        return f"{_STAGE}.{self.number}"

    def finish(self, *, built: bool) -> None:
        """Give the images that are kept the names by which they are ours."""
        if built and not self.labels:
            # The same as before if nothing has changed; so its name cannot be new either.
            for image in _inspected(self.engine, [self.tag]):
                if _labels(image).get(_IMAGE) == _KEPT:
                    self.engine.attempt("tag", image["Id"], _made_name(image))
        stages = _listed(self.engine, *_IMAGES, "--filter=dangling=true", label=self._stage)
        for image in _inspected(self.engine, stages):
            self.engine.attempt("tag", image["Id"], _stage_name(image))


def _short_id(image: dict[str, Any]) -> str:
    return str(image["Id"]).removeprefix("sha256:")[:_SHORT]


def _made_name(image: dict[str, Any]) -> str:
    labels = _labels(image)
    kept = labels.get(_IMAGE) == _KEPT
    return f"{_MADE_NAMES}:{_short_id(image) if kept else labels.get(_NUMBER, '')}"


def _stage_name(image: dict[str, Any]) -> str:
    return f"{_STAGE_NAMES}:{_short_id(image)}"


def _gone(engine: Engine) -> Iterator[str]:
    for label in _owners(engine):
        owner = Owner.parse(label)
        if owner is not None and owner.is_gone():
            yield label


def _owners(engine: Engine) -> set[str]:
    # One may end meanwhile: then nothing is told of the others either, until the next time.
    found = [
        *_inspected(engine, _listed(engine, *_CONTAINERS, label=OWNER), of="container"),
        *_inspected(engine, _listed(engine, *_NETWORKS, label=OWNER), of="network"),
    ]
    images = _inspected(engine, _listed(engine, *_IMAGES, label=_IMAGE))
    return {_labels(each).get(OWNER, "") for each in found} | {
        _labels(image).get(_IMAGE, "") for image in images
    }


def _remove(engine: Engine, owner: str) -> None:
    label = f"{OWNER}={owner}"
    if containers := _containers(engine, label):
        # At once: nobody calls them any more.
        no_delay = ["--time=0"] if engine.name == "podman" else []
        engine.attempt("rm", "--force", "--volumes", *no_delay, *containers)
    for name in _listed(engine, *_NETWORKS, label=label):
        engine.attempt("network", "rm", name)
    for image in _images_made(engine, owner):
        if (tag := _labels(image).get(_TAG)) in image["RepoTags"]:
            engine.attempt("rmi", str(tag))
        # With the image, unless the user has named it, too.
        engine.attempt("rmi", _made_name(image))


def _images_made(engine: Engine, owner: str) -> list[dict[str, Any]]:
    found = _inspected(engine, _listed(engine, *_IMAGES, label=f"{_IMAGE}={owner}"))
    return [image for image in found if _made_name(image) in (image["RepoTags"] or [])]


def _containers(engine: Engine, label: str) -> list[str]:
    """Return the containers with a label of their own: not from an image that has it."""
    found = _inspected(engine, _listed(engine, *_CONTAINERS, label=label), of="container")
    images = {each["Image"] for each in found}
    inherited = {
        _full(image["Id"])
        for image in _inspected(engine, sorted(images))
        if OWNER in _labels(image)
    }
    return [each["Id"] for each in found if _full(each["Image"]) not in inherited]


def _full(identity: str) -> str:
    return identity.removeprefix("sha256:")


def _remove_superseded(engine: Engine) -> None:
    """Remove kept images whose tag another build has taken, and stages of which there are newer."""
    for image in _inspected(engine, _listed(engine, *_IMAGES, label=f"{_IMAGE}={_KEPT}")):
        names, tag = set(image["RepoTags"] or []), _labels(image).get(_TAG, "")
        # podman puts a host before a name that has none.
        if _made_name(image) in names and not names & {tag, f"localhost/{tag}"}:
            engine.attempt("rmi", _made_name(image))
    newest: dict[str, dict[str, Any]] = {}
    stages = _inspected(engine, _listed(engine, *_IMAGES, label=_STAGE))
    for image in sorted(stages, key=_made_at):
        if _stage_name(image) in (image["RepoTags"] or []):
            instruction = image["History"][-1]["created_by"]
            if older := newest.get(instruction):
                engine.attempt("rmi", _stage_name(older))
            newest[instruction] = image


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
