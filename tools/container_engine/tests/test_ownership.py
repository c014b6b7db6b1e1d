"""What is removed of the user's engine: what our runs made, and whose run is gone."""

import json
import os
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tools.container_engine import Engine, owned
from tools.container_engine.ownership import (
    KEPT_IMAGES,
    OWNER,
    labels_of_build,
    left_over,
    name_stages,
    sweep,
)
from tools.local_aws.scratch import ScratchDirectory

PUSHED = "registry.invalid/ecs-blueprint-tests:1"
KEPT = f"{KEPT_IMAGES}/tests:ownership"
THEIRS = "localhost/theirs:1"
MINE = f"ecs-blueprint-tests={uuid.uuid4().hex}"
HERE = f"{os.geteuid()}@{socket.gethostname()}"


@pytest.fixture
def names(engine: Engine) -> Iterator[None]:
    """Leave no image of these tests."""
    yield
    for image in engine("images", "--quiet", "--filter", f"label={MINE}").split():
        engine.attempt("rmi", "--force", image)


def _container(engine: Engine, image: str, owner: str) -> str:
    return engine("create", f"--label={OWNER}={owner}", image)


def _there(engine: Engine, kind: str, name: str) -> bool:
    return engine.attempt(kind, "inspect", name).returncode == 0


def _build(engine: Engine, folder: Path, base: str, tag: str, **labels: str) -> str:
    """Build an image like no other, with a stage of its own; return its id."""
    (folder / "number").write_text(uuid.uuid4().hex)
    (folder / "Dockerfile").write_text(
        f"FROM {base} AS packages\nCOPY number /tmp/number\nLABEL {MINE}\n"
        f"FROM {base}\nCOPY --from=packages /tmp/number /tmp/number\nLABEL {MINE}\n"
    )
    options = labels_of_build(engine, tag, labels)
    engine("build", *options, "--tag", tag, str(folder))
    return engine("image", "inspect", "--format", "{{.Id}}", tag)


def test_what_may_be_of_somebody_else_stays(engine: Engine, image: str) -> None:
    owners = [
        f"{os.geteuid() + 1}@{socket.gethostname()}:/nowhere",
        f"{os.geteuid()}@another-machine:/nowhere",
        f"{HERE}:",
        f"{HERE}:nowhere",
        "1234-abc",
    ]
    containers = {_container(engine, image, owner): owner for owner in owners}
    try:
        sweep(engine)
        assert [
            owner for c, owner in containers.items() if not _there(engine, "container", c)
        ] == []
    finally:
        engine.attempt("rm", "--force", *containers)


def test_what_a_killed_run_left_is_removed_and_what_a_running_one_holds_is_not(
    engine: Engine, image: str, tmp_path: Path
) -> None:
    with ScratchDirectory("engine", parent=tmp_path) as running:
        gone = _container(engine, image, f"{HERE}:{tmp_path}/ecs-blueprint-engine-gone")
        held = _container(engine, image, f"{HERE}:{running.path}")
        try:
            assert gone in left_over(engine)
            assert held not in left_over(engine)
            with owned(engine):
                assert not _there(engine, "container", gone)
                assert _there(engine, "container", held)
            assert gone not in left_over(engine)
        finally:
            engine.attempt("rm", "--force", gone, held)


@pytest.mark.usefixtures("names")
def test_a_pushed_image_goes_with_its_run(engine: Engine, image: str, tmp_path: Path) -> None:
    with owned(engine) as labels:
        built = _build(engine, tmp_path, image, PUSHED, **labels)
        assert _there(engine, "image", built)
    assert not _there(engine, "image", built)


@pytest.mark.usefixtures("names")
def test_an_image_that_the_user_has_tagged_stays_without_our_name(
    engine: Engine, image: str, tmp_path: Path
) -> None:
    with owned(engine) as labels:
        built = _build(engine, tmp_path, image, PUSHED, **labels)
        engine("tag", built, THEIRS)
    (found,) = json.loads(engine("image", "inspect", built))
    assert found["RepoTags"] == [THEIRS]


@pytest.mark.usefixtures("names")
def test_no_image_is_left_without_a_name(
    engine: Engine, image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # No other run, whose images must stay, is known there.
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with owned(engine):
        first = _build(engine, tmp_path, image, KEPT)
        name_stages(engine)
        second = _build(engine, tmp_path, image, KEPT)
        name_stages(engine)
    assert first != second
    assert not _there(engine, "image", first)
    assert _there(engine, "image", KEPT)
    mine = ("--filter", f"label={MINE}")
    assert engine("images", "--quiet", "--filter", "dangling=true", *mine) == ""
    kept = engine("images", "--format", "{{.Repository}}", *mine).split()
    assert sorted(kept) == [f"{KEPT_IMAGES}/stage", f"{KEPT_IMAGES}/tests"]


@pytest.mark.usefixtures("names")
def test_while_another_run_is_at_work_images_stay(
    engine: Engine, image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with ScratchDirectory("engine"), owned(engine):
        first = _build(engine, tmp_path, image, KEPT)
        _build(engine, tmp_path, image, KEPT)
    assert _there(engine, "image", first)
