"""Labels and names what a run makes in the container engine, and removes it when the run has ended.

The engine belongs to the user, and may serve other users and machines. So every container and
network that a run makes has a label that names the run, and every image a name that only this
module gives, `localhost/cdk-rehearsal/...`. A run has a scratch directory, whose random name is
that of the run. At its end a run removes what it has made. At its start it also removes what killed
runs have left: those whose directory is here, and whose process has ended (`scratch`). A run whose
directory is not here may be running elsewhere, so what it has made stays.

A container inherits the labels of its image, so it is ours only if its image has not the same
label. An image inherits labels, too, but no names: so this module removes images by name, never by
id and never by force, and images that the user has tagged or uses stay.

Podman builds in working containers, which have no labels. A build has an empty secret whose name,
with the run and a random number, is in these containers and in the command of the build: it marks
both. Untagged images of stages that a killed build leaves have only labels, so they stay.

Images that a run pushes or loads are removed with it. The others are kept, so that the next build
is quick, until another build takes their tag; of the stages of builds only the newest are kept.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from cdk_rehearsal.bounds import ENGINE_SECONDS
from cdk_rehearsal.containers.build_process import builds_with, end_build
from cdk_rehearsal.containers.engine import Engine
from cdk_rehearsal.scratch import RUN, ScratchDirectory, runs, taken_over

OWNER = "cdk-rehearsal"
"""The label of containers and networks, whose value names their run."""

KEPT_IMAGES = "localhost/cdk-rehearsal"
"""The start of the names of images that are kept for the next build."""

_TAG = f"{OWNER}.tag"  # the tag of an image that is removed with its run
_STAGE = f"{OWNER}.stage"  # podman keeps an image of each stage
_OF_RUN = f"{KEPT_IMAGES}/run"
_NEWEST, _REPLACED = f"{KEPT_IMAGES}/newest", f"{KEPT_IMAGES}/replaced"
_STAGES, _MOST_STAGES = f"{KEPT_IMAGES}/stage", 12
_SHORT = 12
_CONTAINERS = ("ps", "--all", "--no-trunc", "--format", "{{.ID}}")
_NETWORKS = ("network", "ls", "--format", "{{.Name}}")
_UNTAGGED = ("images", "--no-trunc", "--format", "{{.ID}}", "--filter=dangling=true")


def name_in_run(run: str, number: str) -> str:
    """Return a name for an image, which the run removes at its end."""
    return f"{_OF_RUN}:{run}-{_short(number)}"


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
            if [each.name for each in runs()] == [owner]:
                for name in _names(engine, _REPLACED) + _names(engine, _STAGES)[_MOST_STAGES:]:
                    engine.attempt("rmi", name)


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
    left = {owner: _left(engine, owner) for owner in _of_this_process}
    # One that has ended and has left nothing need not be looked for again.
    running = {each.name for each in runs()}
    _of_this_process[:] = [owner for owner in left if left[owner] or owner in running]
    return [each for found in left.values() for each in found]


def _left(engine: Engine, owner: str) -> list[str]:
    kinds = {
        "process": map(str, builds_with(_mark(owner))),
        "working container": _working_containers(engine, _mark(owner)),
        "container": containers_of(engine, owner),
        "network": _listed(engine, *_NETWORKS, label=f"{OWNER}={owner}"),
        "image": _names(engine, _OF_RUN, f"{owner}-"),
        "untagged image": map(_short, _listed(engine, *_UNTAGGED, label=f"{_STAGE}.{owner}")),
    }
    return [f"{kind} {each}" for kind, found in kinds.items() for each in found]


def label_options(labels: Mapping[str, str]) -> list[str]:
    """Return the options with which an engine sets labels."""
    return [f"--label={name}={value}" for name, value in labels.items()]


def build(
    engine: Engine, run: str, tag: str, *arguments: str, kept: bool
) -> subprocess.CompletedProcess[str]:
    """Build an image for a run, which removes it at its end unless it is ``kept``.

    The ``arguments`` are those of the engine's command. A build that fails or is interrupted leaves
    nothing.
    """
    number, built = secrets.token_hex(_SHORT // 2), False
    newest = f"{_NEWEST}:{hashlib.sha256(tag.encode()).hexdigest()[:_SHORT]}"
    before = _inspected(engine, [newest]) if kept else []
    names = [tag, newest] if kept else [tag, name_in_run(run, number)]
    options = [*(f"--tag={name}" for name in names), *_marks(engine, run, number)]
    options += [] if kept else label_options({_TAG: tag})
    try:
        done = engine.attempt("build", *options, *arguments, timeout=ENGINE_SECONDS)
        built = done.returncode == 0
    finally:
        if not built:
            _end_builds(engine, _mark(run, number))
        for image in _listed(engine, *_UNTAGGED, label=f"{_STAGE}.{number}"):
            engine.attempt("tag", image, f"{_STAGES}:{_short(image)}")
    for old in before:
        if old["Id"] != _inspected(engine, [newest])[0]["Id"]:
            engine.attempt("tag", old["Id"], f"{_REPLACED}:{_short(old['Id'])}")
    return done


def _marks(engine: Engine, run: str, number: str) -> list[str]:
    """Return the options by which a build of podman, and its stages, can be found."""
    # Docker keeps no image of a stage; podman can label it since version 4.4.
    if "--layer-label" not in engine.attempt("build", "--help").stdout:
        return []
    # The number is in the name of a label: its value would be that of an earlier build if this one
    # continues from a layer that podman has kept.
    labels = (_STAGE, f"{_STAGE}.{run}", f"{_STAGE}.{number}")
    options = [f"--layer-label={name}=true" for name in labels]
    return [*options, f"{_mark(run, number)},src=/dev/null"]


def _mark(run: str, number: str = "") -> str:
    """Return the option that marks a build; without a number its start, for all of a run."""
    return f"--secret=id={OWNER}.{run}.{number}"


def _end_builds(engine: Engine, mark: str) -> None:
    """End builds and remove their working containers."""
    for process in builds_with(mark):
        end_build(process)
    if containers := _working_containers(engine, mark):
        engine.attempt("rm", "--force", *containers)


def _working_containers(engine: Engine, mark: str) -> list[str]:
    """Return the working containers of builds that have not removed them; docker has none."""
    listed = engine.attempt(*_CONTAINERS[:-1], "{{.ID}} {{.Status}}", "--external").stdout
    # Podman's own containers have another status.
    external = [line.split()[0] for line in listed.splitlines() if line.endswith(" Storage")]
    if not external:
        return []
    where = engine("info", "--format", "{{.Store.GraphRoot}}\n{{.Store.GraphDriverName}}")
    root, _, driver = where.partition("\n")
    found = []
    for each in external:
        file = Path(root, f"{driver}-containers", each, "userdata", "buildah.json")
        with suppress(OSError, ValueError, LookupError):
            options = json.loads(file.read_text("utf-8"))["CommonBuildOpts"]
            if any(f"--secret={secret}".startswith(mark) for secret in options["Secrets"] or ()):
                found.append(each)
    return found


def _remove(engine: Engine, owner: str) -> None:
    _end_builds(engine, _mark(owner))
    if containers := containers_of(engine, owner):
        # Kill them at once, since nobody calls them any more.
        no_delay = ["--time=0"] if engine.name == "podman" else []
        engine.attempt("rm", "--force", "--volumes", *no_delay, *containers)
    for name in _listed(engine, *_NETWORKS, label=f"{OWNER}={owner}"):
        engine.attempt("network", "rm", name)
    for name in _names(engine, _OF_RUN, f"{owner}-"):
        for image in _inspected(engine, [name]):
            if (tag := _labels(image).get(_TAG)) in image["RepoTags"]:
                engine.attempt("rmi", str(tag))
        # This removes the image, unless the user has given it another name.
        engine.attempt("rmi", name)


def containers_of(engine: Engine, owner: str) -> list[str]:
    """Return the containers that have the label of a run themselves, not from their image."""
    listed = _listed(engine, *_CONTAINERS, label=f"{OWNER}={owner}")
    containers = _inspected(engine, listed, of="container")
    images = _inspected(engine, sorted({each["Image"] for each in containers}))
    labelled = {each["Id"] for each in images if OWNER in _labels(each)}
    return [each["Id"] for each in containers if each["Image"] not in labelled]


def _names(engine: Engine, repository: str, tag: str = "") -> list[str]:
    """Return the names of images with this repository and start of the tag, the newest first."""
    reference = f"--filter=reference={repository}:{tag}*"
    listed = engine.attempt("images", reference, "--format", "{{.Repository}}:{{.Tag}}").stdout
    return [each for each in listed.split() if each.startswith(f"{repository}:{tag}")]


def _listed(engine: Engine, *command: str, label: str) -> list[str]:
    listed = engine(*command, "--filter", f"label={label}").split()
    return list(dict.fromkeys(listed))  # the engine lists an image once for each of its names


def _inspected(engine: Engine, names: list[str], of: str = "image") -> list[dict[str, Any]]:
    if not names:
        return []
    said = engine.attempt(of, "inspect", *names).stdout.strip()
    found: list[dict[str, Any]] = json.loads(said or "[]")
    return found


def _labels(inspected: dict[str, Any]) -> dict[str, str]:
    """Return the labels of a container or an image."""
    return inspected["Config"].get("Labels") or {}


def _short(identity: str) -> str:
    return identity.removeprefix("sha256:")[:_SHORT]
