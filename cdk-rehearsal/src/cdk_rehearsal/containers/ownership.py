"""Labels what a run makes in the container engine, and removes it when the run has ended.

The engine belongs to the user, and may serve other users and machines. So every container, network
and image that a run makes has a label that names the run. A run has a scratch directory, whose
random name is that of the run. At its end a run removes what it has made. At its start it also
removes what killed runs have left: those whose directory is here, and whose process has ended
(`scratch`). A run whose directory is not here may be running elsewhere, so what it has made stays.

A container inherits the labels of its image, and an image those of the image on which it is built
or from which it is committed. So a label alone does not prove that this program made something.
Containers and images have labels of different names, and a container counts as inherited if its
image has the label of containers. An image must also have a name that only this module gives,
`localhost/cdk-rehearsal/...` with a number that its label or its id confirms. This module removes
images by name, never by id and never by force: images that the user has tagged or uses stay.

Podman builds in working containers, which have no labels. A build has an empty secret whose name,
with the run and a random number, is in these containers and in the command of the build: it marks
both. Untagged images of stages that a killed build leaves have only labels, so they stay.

There are two kinds of images. Images that a run pushes are removed with it. The others are kept,
so that the next build is quick, until another build takes their tag.
"""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from cdk_rehearsal.containers.build_process import builds_with, end_build
from cdk_rehearsal.containers.engine import Engine
from cdk_rehearsal.scratch import RUN, ScratchDirectory, in_use, runs, taken_over

OWNER = "cdk-rehearsal"
"""The label of containers and networks, whose value names their run."""

KEPT_IMAGES = "localhost/cdk-rehearsal"
"""The start of the names of images that are kept for the next build."""

_IMAGE = f"{OWNER}.image"  # the run with which the image is removed, or "kept"
_TAG = f"{OWNER}.tag"  # the tag that the caller wants
_NUMBER = f"{OWNER}.number"  # the number of the build, for an image that is removed with its run
_STAGE = f"{OWNER}.stage"  # podman keeps an image of each stage
_KEPT = "kept"
_MADE_NAMES = f"{KEPT_IMAGES}/made"
_STAGE_NAMES = f"{KEPT_IMAGES}/stage"
_LOADED_NAMES = f"{KEPT_IMAGES}/loaded"
_SHORT = 12
_CONTAINERS = ("ps", "--all", "--no-trunc", "--format", "{{.ID}}")
_NETWORKS = ("network", "ls", "--format", "{{.Name}}")
_IMAGES = ("images", "--no-trunc", "--format", "{{.ID}}")


def loaded_name(labels: Mapping[str, str], digest: str) -> str:
    """Return the name of an image that a run loads; the run removes the name at its end."""
    return f"{_LOADED_NAMES}:{labels[OWNER]}-{digest.removeprefix('sha256:')[:_SHORT]}"


@contextmanager
def owned(engine: Engine) -> Iterator[dict[str, str]]:
    """Give the labels of this run; at the end of the block everything with them is removed."""
    if left := ", ".join(sweep(engine)):
        print(f"A killed run had left: {left}. Only untagged images stay.", file=sys.stderr)
    with run_of_process() as owner:
        try:
            yield {OWNER: owner}
        finally:
            _remove(engine, owner)
            # Another run may be about to start containers of these images.
            if not any(in_use(each) for each in runs() if each.name != owner):
                _remove_superseded(engine)


@contextmanager
def run_of_process() -> Iterator[str]:
    """Give the name of a new run, which later runs find if this process is killed in the block."""
    with ScratchDirectory(RUN) as scratch:
        _of_this_process.append(scratch.path.name)
        yield scratch.path.name


_of_this_process: list[str] = []


def sweep(engine: Engine) -> list[str]:
    """Remove what killed runs have left, and name it; running ones keep what they have made.

    Untagged images stay: one may be the user's, built on that of a run.
    """
    left = []
    for run in runs():
        with taken_over(run) as has_ended:
            if has_ended:
                left += _left(engine, run.name)
                _remove(engine, run.name)
    return left


def left_over(engine: Engine) -> list[str]:
    """Return the kinds and names of what the runs of this process, which have ended, have left."""
    return [each for owner in _of_this_process for each in _left(engine, owner)]


def _left(engine: Engine, owner: str) -> list[str]:
    label, untagged = f"{OWNER}={owner}", _untagged(engine, _stages_of(owner))
    kinds: dict[str, Sequence[object]] = {
        "process": builds_with(_mark(owner)),
        "working container": _working_containers(engine, _mark(owner)),
        "container": _containers(engine, label),
        "network": _listed(engine, *_NETWORKS, label=label),
        "image": [_made_name(image) for image in _images_made(engine, owner)],
        "loaded image": _images_loaded(engine, owner),
        "untagged image": [_short_id(image) for image in _inspected(engine, untagged)],
    }
    return [f"{kind} {each}" for kind, found in kinds.items() for each in found]


def label_options(labels: Mapping[str, str]) -> list[str]:
    """Return the options with which an engine sets labels."""
    return [f"--label={name}={value}" for name, value in labels.items()]


def labelled(engine: Engine, labels: Mapping[str, str]) -> list[str]:
    """Return the ids of the containers of a run."""
    return _containers(engine, f"{OWNER}={labels[OWNER]}")


@dataclass(frozen=True, kw_only=True)
class Build:
    """A build of a run, whose image is removed with it or is ``kept``.

    The caller runs the build with `options`, and calls `finish` after it, also if it failed.
    """

    engine: Engine
    tag: str
    run: str
    kept: bool
    number: str = field(default_factory=lambda: secrets.token_hex(_SHORT // 2))

    @property
    def options(self) -> list[str]:
        """The options of the build: its tags and labels."""
        of_image = {_TAG: self.tag, _IMAGE: _KEPT if self.kept else self.run}
        tags = [self.tag]
        if not self.kept:
            # The name is set by the build itself, since this process may be killed before `finish`.
            of_image[_NUMBER] = self.number
            tags.append(f"{_MADE_NAMES}:{self.number}")
        options = [f"--tag={tag}" for tag in tags]
        options += label_options(of_image)
        # Docker keeps no image of a stage; podman can label it since version 4.4.
        if "--layer-label" in self.engine.attempt("build", "--help").stdout:
            labels = (_STAGE, _stages_of(self.run), self._stage)
            options += [f"--layer-label={name}=true" for name in labels]
            options.append(f"{_mark(self.run, self.number)},src=/dev/null")
        return options

    @property
    def _stage(self) -> str:
        # The number is in the name of the label: its value would be that of an earlier build if
        # this one continues from a layer that podman has kept.
        return f"{_STAGE}.{self.number}"

    def finish(self, *, built: bool) -> None:
        """Give the kept images the names that only this module gives; end what has not ended."""
        if not built:
            _end_builds(self.engine, _mark(self.run, self.number))
        if built and self.kept:
            # If nothing has changed it is the image of the last build, so its id names it.
            for image in _inspected(self.engine, [self.tag]):
                if _labels(image).get(_IMAGE) == _KEPT:
                    self.engine.attempt("tag", image["Id"], _made_name(image))
        for image in _inspected(self.engine, _untagged(self.engine, self._stage)):
            self.engine.attempt("tag", image["Id"], _stage_name(image))


def _mark(run: str, number: str = "") -> str:
    """Return the option that marks a build; without a number its start, for all of a run."""
    return f"--secret=id={OWNER}.{run}.{number}"


def _stages_of(run: str) -> str:
    return f"{_STAGE}.{run}"


def _end_builds(engine: Engine, mark: str) -> None:
    """End builds and remove their working containers."""
    for process in builds_with(mark):
        end_build(process)
    if containers := _working_containers(engine, mark):
        engine.attempt("rm", "--force", *containers)


def _working_containers(engine: Engine, mark: str) -> list[str]:
    """Return the working containers of builds that have not removed them; docker has none."""
    where = engine.attempt("info", "--format", "{{.Store.GraphRoot}}\n{{.Store.GraphDriverName}}")
    root, _, driver = where.stdout.strip().partition("\n")
    if not driver:
        return []
    found = []
    for each in engine.attempt(*_CONTAINERS, "--external").stdout.split():
        file = Path(root, f"{driver}-containers", each, "userdata", "buildah.json")
        with suppress(OSError, ValueError, LookupError):
            options = json.loads(file.read_text("utf-8"))["CommonBuildOpts"]
            if any(f"--secret={secret}".startswith(mark) for secret in options["Secrets"] or ()):
                found.append(each)
    return found


def _short_id(image: dict[str, Any]) -> str:
    return str(image["Id"]).removeprefix("sha256:")[:_SHORT]


def _made_name(image: dict[str, Any]) -> str:
    labels = _labels(image)
    kept = labels.get(_IMAGE) == _KEPT
    return f"{_MADE_NAMES}:{_short_id(image) if kept else labels.get(_NUMBER, '')}"


def _stage_name(image: dict[str, Any]) -> str:
    return f"{_STAGE_NAMES}:{_short_id(image)}"


def _remove(engine: Engine, owner: str) -> None:
    _end_builds(engine, _mark(owner))
    label = f"{OWNER}={owner}"
    if containers := _containers(engine, label):
        # Kill them at once, since nobody calls them any more.
        no_delay = ["--time=0"] if engine.name == "podman" else []
        engine.attempt("rm", "--force", "--volumes", *no_delay, *containers)
    for name in _listed(engine, *_NETWORKS, label=label):
        engine.attempt("network", "rm", name)
    for image in _images_made(engine, owner):
        if (tag := _labels(image).get(_TAG)) in image["RepoTags"]:
            engine.attempt("rmi", str(tag))
        # This removes the image, unless the user has given it another name.
        engine.attempt("rmi", _made_name(image))
    for name in _images_loaded(engine, owner):
        engine.attempt("rmi", name)


def _images_loaded(engine: Engine, owner: str) -> list[str]:
    """Return the names of images that a run has loaded: the random name of the run is in them."""
    reference = f"--filter=reference={_LOADED_NAMES}:{owner}-*"
    listed = engine.attempt("images", reference, "--format", "{{.Repository}}:{{.Tag}}").stdout
    return [each for each in listed.split() if each.startswith(f"{_LOADED_NAMES}:{owner}-")]


def _images_made(engine: Engine, owner: str) -> list[dict[str, Any]]:
    found = _inspected(engine, _listed(engine, *_IMAGES, label=f"{_IMAGE}={owner}"))
    return [image for image in found if _made_name(image) in (image["RepoTags"] or [])]


def _containers(engine: Engine, label: str) -> list[str]:
    """Return the containers that have the label themselves, not from their image."""
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
    """Remove kept images whose tag another build has taken, and stages that have a newer image."""
    for image in _inspected(engine, _listed(engine, *_IMAGES, label=f"{_IMAGE}={_KEPT}")):
        names, tag = set(image["RepoTags"] or []), _labels(image).get(_TAG, "")
        # Podman puts a host before a name without one.
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


def _untagged(engine: Engine, label: str) -> list[str]:
    return _listed(engine, *_IMAGES, "--filter=dangling=true", label=label)


def _listed(engine: Engine, *command: str, label: str) -> list[str]:
    listed = engine(*command, "--filter", f"label={label}").split()
    return list(dict.fromkeys(listed))  # the engine lists an image once for each of its names


def _inspected(engine: Engine, names: list[str], of: str = "image") -> list[dict[str, Any]]:
    if not names:
        return []
    found: list[dict[str, Any]] = json.loads(
        engine.attempt(of, "inspect", *names).stdout.strip() or "[]"
    )
    return found


def _labels(inspected: dict[str, Any]) -> dict[str, str]:
    """Return the labels of a container or an image."""
    return inspected["Config"].get("Labels") or {}


def _made_at(image: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(image["Created"])
