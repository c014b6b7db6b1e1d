"""What is removed of the user's engine: what our runs made, and whose run is certainly over."""

import json
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tools.container_engine import Engine, EngineError, build_image, owned
from tools.container_engine.owner import Owner
from tools.container_engine.ownership import (
    KEPT_IMAGES,
    OWNER,
    Build,
    left_over,
    sweep,
)
from tools.local_aws.scratch import ScratchDirectory

PUSHED = "registry.invalid/ecs-blueprint-tests:1"
KEPT = f"{KEPT_IMAGES}/tests:ownership"
THEIRS = "localhost/theirs:1"
MINE = f"ecs-blueprint-tests={uuid.uuid4().hex}"


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
    build = Build(engine=engine, tag=tag, labels=labels or None)
    engine("build", *build.options, str(folder))
    build.finish(built=True)
    return _id(engine, tag)


def _id(engine: Engine, tag: str) -> str:
    return engine("image", "inspect", "--format", "{{.Id}}", tag)


def _theirs(engine: Engine, folder: Path, base: str, *options: str) -> str:
    """Build an image of the user's on another one; return its id."""
    (folder / "theirs").mkdir(exist_ok=True)
    (folder / "theirs" / "Dockerfile").write_text(f"FROM {base}\nENV THEIRS={uuid.uuid4().hex}\n")
    return engine("build", "--quiet", *options, str(folder / "theirs")).removeprefix("sha256:")


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Know of no other run, whose images must stay."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


@pytest.fixture
def gone(tmp_path: Path) -> Owner:
    """The owner of a run that was killed, and whose scratch directory has been swept."""
    return Owner.of(tmp_path / "ecs-blueprint-engine-gone")


def test_what_may_be_of_somebody_else_stays(engine: Engine, image: str, gone: Owner) -> None:
    owners = [str(replace(gone, user="0@another-machine")), gone.folder, f"0@vm:{gone.folder}", ""]
    containers = {_container(engine, image, owner): owner for owner in owners}
    try:
        sweep(engine)
        assert [
            owner for c, owner in containers.items() if not _there(engine, "container", c)
        ] == []
    finally:
        engine.attempt("rm", "--force", *containers)


def test_what_a_killed_run_left_is_removed_and_what_a_running_one_holds_is_not(
    engine: Engine, image: str, tmp_path: Path, gone: Owner
) -> None:
    with ScratchDirectory("engine", parent=tmp_path) as running:
        left = _container(engine, image, str(gone))
        held = _container(engine, image, str(Owner.of(running.path)))
        try:
            assert left in left_over(engine)
            assert held not in left_over(engine)
            with owned(engine):
                assert not _there(engine, "container", left)
                assert _there(engine, "container", held)
            assert left not in left_over(engine)
        finally:
            engine.attempt("rm", "--force", left, held)


@pytest.mark.usefixtures("names")
def test_a_container_of_the_users_on_an_image_of_ours_stays_with_its_image(
    engine: Engine, image: str, tmp_path: Path
) -> None:
    with owned(engine) as labels:
        built = _build(engine, tmp_path, image, PUSHED, **labels)
        engine("tag", built, THEIRS)
        container = engine("create", THEIRS)
    try:
        assert _there(engine, "container", container)
    finally:
        engine.attempt("rm", "--force", container)
        engine.attempt("rmi", THEIRS)


@pytest.mark.usefixtures("names")
def test_a_container_on_what_was_committed_from_one_of_ours_stays(
    engine: Engine, image: str, tmp_path: Path
) -> None:
    built = _build(engine, tmp_path, image, KEPT)
    with owned(engine) as labels:
        ours = _container(engine, built, labels[OWNER])
        engine("commit", "--quiet", ours, THEIRS)
        container = engine("create", THEIRS)
    try:
        assert not _there(engine, "container", ours)
        assert _there(engine, "container", container)
    finally:
        engine.attempt("rm", "--force", container)
        engine.attempt("rmi", THEIRS)


@pytest.mark.usefixtures("names", "alone")
def test_images_that_the_user_has_built_on_ours_stay_and_get_no_name(
    engine: Engine, image: str, tmp_path: Path
) -> None:
    with owned(engine) as labels:
        kept = _build(engine, tmp_path, image, KEPT)
        stages = engine(
            *("images", "--quiet", "--filter", f"label={MINE}", "--filter", f"label={OWNER}.stage")
        )
        on_stages = [_theirs(engine, tmp_path, stage) for stage in dict.fromkeys(stages.split())]
        on_kept = _theirs(engine, tmp_path, kept)
        on_pushed = _theirs(engine, tmp_path, _build(engine, tmp_path, image, PUSHED, **labels))
        # With their own name in place of ours, as who patches an image does.
        patched = _theirs(engine, tmp_path, PUSHED, f"--tag={PUSHED}")
        _build(engine, tmp_path, image, KEPT)
    theirs = [*on_stages, on_kept, on_pushed, patched]
    try:
        assert [each for each in theirs if not _there(engine, "image", each)] == []
        named = [
            name
            for image in json.loads(engine("image", "inspect", *theirs))
            for name in image["RepoTags"]
            if name.endswith(f":{image['Id'][:12]}")
        ]
        assert named == []
    finally:
        engine.attempt("rmi", PUSHED)
        engine.attempt("rmi", *theirs)


@pytest.mark.usefixtures("names", "alone")
def test_what_the_user_has_called_like_ours_stays(
    engine: Engine, image: str, tmp_path: Path
) -> None:
    """Who patches the image that is kept loses its tag to the next build, but not the image."""
    with owned(engine):
        _build(engine, tmp_path, image, KEPT)
        patched = _theirs(engine, tmp_path, KEPT, f"--tag={KEPT}")
        _build(engine, tmp_path, image, KEPT)
    try:
        assert _there(engine, "image", patched)
    finally:
        engine.attempt("rmi", patched)


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


@pytest.mark.usefixtures("names", "alone")
def test_no_image_is_left_without_a_name(engine: Engine, image: str, tmp_path: Path) -> None:
    with owned(engine):
        first = _build(engine, tmp_path, image, KEPT)
        second = _build(engine, tmp_path, image, KEPT)
    assert first != second
    assert not _there(engine, "image", first)
    assert _there(engine, "image", KEPT)
    mine = ("--filter", f"label={MINE}")
    assert engine("images", "--quiet", "--filter", "dangling=true", *mine) == ""
    kept = engine("images", "--format", "{{.Repository}}", *mine).split()
    assert sorted(kept) == [f"{KEPT_IMAGES}/{name}" for name in ("made", "stage", "tests")]


@pytest.mark.usefixtures("names", "alone")
def test_a_build_that_fails_leaves_no_image_without_a_name_and_takes_none_for_ours(
    engine: Engine, image: str, tmp_path: Path
) -> None:
    with owned(engine):
        _build(engine, tmp_path, image, KEPT)
        patched = _theirs(engine, tmp_path, KEPT, f"--tag={KEPT}")
        (tmp_path / "Dockerfile").write_text(
            f"ARG BASE_IMAGE={image}\nFROM {image}\nLABEL {MINE} again=1\nCOPY nothing /tmp\n"
        )
        with pytest.raises(EngineError):
            build_image(engine, tmp_path, KEPT, tmp_path)
        assert _id(engine, KEPT).removeprefix("sha256:") == patched
        (found,) = json.loads(engine("image", "inspect", patched))
        assert found["RepoTags"] == [KEPT]
    unnamed = ("images", "--quiet", "--filter", "dangling=true", "--filter", f"label={MINE}")
    assert engine(*unnamed) == ""


@pytest.mark.usefixtures("names", "alone")
def test_a_build_of_the_same_again_makes_no_other_image(
    engine: Engine, image: str, tmp_path: Path
) -> None:
    with owned(engine):
        first = _build(engine, tmp_path, image, KEPT)
        again = Build(engine=engine, tag=KEPT)
        engine("build", *again.options, str(tmp_path))
        again.finish(built=True)
        assert _id(engine, KEPT) == first


@pytest.mark.usefixtures("names")
def test_a_pushed_image_of_a_run_that_was_killed_while_it_was_built_goes(
    engine: Engine, image: str, tmp_path: Path, gone: Owner
) -> None:
    """The engine has gone on building; nobody has finished it."""
    (tmp_path / "Dockerfile").write_text(f"FROM {image}\nLABEL {MINE}\n")
    build = Build(engine=engine, tag=PUSHED, labels={OWNER: str(gone)})
    engine("build", *build.options, str(tmp_path))
    sweep(engine)
    assert not _there(engine, "image", PUSHED)


@pytest.mark.usefixtures("names", "alone")
def test_while_another_run_is_at_work_images_stay(
    engine: Engine, image: str, tmp_path: Path
) -> None:
    with ScratchDirectory("engine"), owned(engine):
        first = _build(engine, tmp_path, image, KEPT)
        _build(engine, tmp_path, image, KEPT)
    assert _there(engine, "image", first)
