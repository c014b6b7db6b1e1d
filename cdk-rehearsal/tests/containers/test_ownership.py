"""Which containers and images a run removes: its own, and those of runs that have ended."""

import fcntl
import json
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from cdk_rehearsal.containers import Engine, EngineError, build_image, owned
from cdk_rehearsal.containers.owner import Owner
from cdk_rehearsal.containers.ownership import KEPT_IMAGES, OWNER, Build, left_over, sweep
from cdk_rehearsal.scratch import ScratchDirectory

# Names of this process, since other test processes may use the same engine at the same time.
NUMBER = uuid.uuid4().hex
PUSHED = f"registry.invalid/ecs-blueprint-tests:{NUMBER}"
KEPT = f"{KEPT_IMAGES}/tests:{NUMBER}"
THEIRS = f"localhost/theirs:{NUMBER}"
TEST_LABEL = f"ecs-blueprint-tests={NUMBER}"


@pytest.fixture
def names(engine: Engine) -> Iterator[None]:
    """Remove the images of these tests afterwards."""
    yield
    for image in engine("images", "--quiet", "--filter", f"label={TEST_LABEL}").split():
        engine.attempt("rmi", "--force", image)


def _container(engine: Engine, image: str, owner: str) -> str:
    return engine("create", f"--label={OWNER}={owner}", image)


def _exists(engine: Engine, kind: str, name: str) -> bool:
    return engine.attempt(kind, "inspect", name).returncode == 0


def _build(engine: Engine, folder: Path, base: str, tag: str, **labels: str) -> str:
    """Build an image unlike any other, in two stages; return its id."""
    (folder / "number").write_text(uuid.uuid4().hex)
    (folder / "Dockerfile").write_text(
        f"FROM {base} AS packages\nCOPY number /tmp/number\nLABEL {TEST_LABEL}\n"
        f"FROM {base}\nCOPY --from=packages /tmp/number /tmp/number\nLABEL {TEST_LABEL}\n"
    )
    build = Build(engine=engine, tag=tag, labels=labels or None)
    engine("build", *build.options, str(folder))
    build.finish(built=True)
    return _id(engine, tag)


def _id(engine: Engine, tag: str) -> str:
    return engine("image", "inspect", "--format", "{{.Id}}", tag)


def _user_image(engine: Engine, folder: Path, base: str, *options: str) -> str:
    """Build an image of the user's on another one; return its id."""
    (folder / "theirs").mkdir(exist_ok=True)
    (folder / "theirs" / "Dockerfile").write_text(f"FROM {base}\nENV THEIRS={uuid.uuid4().hex}\n")
    return engine("build", "--quiet", *options, str(folder / "theirs")).removeprefix("sha256:")


@pytest.fixture
def locked(cache: Path) -> Iterator[None]:
    """Wait until no other test process can remove the images that this one keeps."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "tests.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.fixture
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide other runs: kept images stay as long as another run is active."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


@pytest.fixture
def ended(tmp_path: Path) -> Owner:
    """The owner of a run that was killed and whose scratch directory was removed."""
    return Owner.of(tmp_path / "ecs-blueprint-engine-gone")


def test_a_container_that_may_belong_to_somebody_else_stays(
    engine: Engine, image: str, ended: Owner
) -> None:
    owners = [str(replace(ended, user="0@another-machine")), ended.folder, ""]
    containers = {_container(engine, image, owner): owner for owner in owners}
    try:
        sweep(engine)
        removed = [owner for c, owner in containers.items() if not _exists(engine, "container", c)]
        assert removed == []
    finally:
        engine.attempt("rm", "--force", *containers)


def test_containers_of_a_killed_run_are_removed_and_those_of_a_running_one_stay(
    engine: Engine, image: str, tmp_path: Path, ended: Owner
) -> None:
    with ScratchDirectory("engine", parent=tmp_path) as running:
        left = _container(engine, image, str(ended))
        held = _container(engine, image, str(Owner.of(running.path)))
        try:
            assert held not in left_over(engine)
            with owned(engine):
                assert not _exists(engine, "container", left)
                assert _exists(engine, "container", held)
            assert left not in left_over(engine)
        finally:
            engine.attempt("rm", "--force", left, held)


@pytest.mark.usefixtures("names")
def test_a_container_of_an_image_that_inherited_the_label_stays(
    engine: Engine, image: str, tmp_path: Path
) -> None:
    built = _build(engine, tmp_path, image, KEPT)
    with owned(engine) as labels:
        own = _container(engine, built, labels[OWNER])
        engine("commit", "--quiet", own, THEIRS)
        container = engine("create", THEIRS)
    try:
        assert not _exists(engine, "container", own)
        assert _exists(engine, "container", container)
    finally:
        engine.attempt("rm", "--force", container)
        engine.attempt("rmi", THEIRS)


@pytest.mark.usefixtures("names", "locked", "alone")
def test_images_that_the_user_built_on_images_of_a_run_stay_and_get_no_name(
    engine: Engine, image: str, tmp_path: Path
) -> None:
    with owned(engine) as labels:
        kept = _build(engine, tmp_path, image, KEPT)
        stages = engine(
            *("images", "--quiet", "--filter", f"label={TEST_LABEL}"),
            *("--filter", f"label={OWNER}.stage"),
        )
        theirs = [_user_image(engine, tmp_path, stage) for stage in dict.fromkeys(stages.split())]
        theirs.append(_user_image(engine, tmp_path, kept))
        pushed = _build(engine, tmp_path, image, PUSHED, **labels)
        theirs.append(_user_image(engine, tmp_path, pushed))
        # A user who patches an image may give the result the name of the image.
        theirs += [_user_image(engine, tmp_path, tag, f"--tag={tag}") for tag in (PUSHED, KEPT)]
        _build(engine, tmp_path, image, KEPT)
    try:
        assert [each for each in theirs if not _exists(engine, "image", each)] == []
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


@pytest.mark.usefixtures("names")
def test_a_pushed_image_is_removed_with_its_run_unless_the_user_has_tagged_it(
    engine: Engine, image: str, tmp_path: Path
) -> None:
    with owned(engine) as labels:
        removed = _build(engine, tmp_path, image, PUSHED, **labels)
        tagged = _build(engine, tmp_path, image, f"{PUSHED}-2", **labels)
        engine("tag", tagged, THEIRS)
    assert not _exists(engine, "image", removed)
    (found,) = json.loads(engine("image", "inspect", tagged))
    assert found["RepoTags"] == [THEIRS]


@pytest.mark.usefixtures("names", "locked", "alone")
def test_a_new_build_replaces_the_kept_image_and_leaves_none_without_a_name(
    engine: Engine, image: str, tmp_path: Path
) -> None:
    with owned(engine):
        first = _build(engine, tmp_path, image, KEPT)
        second = _build(engine, tmp_path, image, KEPT)
    assert first != second
    assert not _exists(engine, "image", first)
    assert _exists(engine, "image", KEPT)
    filters = ("--filter", f"label={TEST_LABEL}")
    assert engine("images", "--quiet", "--filter", "dangling=true", *filters) == ""
    kept = engine("images", "--format", "{{.Repository}}", *filters).split()
    assert sorted(kept) == [f"{KEPT_IMAGES}/{name}" for name in ("made", "stage", "tests")]


@pytest.mark.usefixtures("names", "locked", "alone")
def test_a_failed_build_leaves_no_image_and_does_not_rename_the_users(
    engine: Engine, image: str, tmp_path: Path
) -> None:
    with owned(engine):
        _build(engine, tmp_path, image, KEPT)
        patched = _user_image(engine, tmp_path, KEPT, f"--tag={KEPT}")
        (tmp_path / "Dockerfile").write_text(
            f"ARG BASE_IMAGE={image}\nFROM {image}\nLABEL {TEST_LABEL} again=1\nCOPY nothing /tmp\n"
        )
        with pytest.raises(EngineError):
            build_image(engine, tmp_path, KEPT, tmp_path)
        (found,) = json.loads(engine("image", "inspect", patched))
        assert found["RepoTags"] == [KEPT]
    unnamed = ("images", "--quiet", "--filter", "dangling=true", "--filter", f"label={TEST_LABEL}")
    assert engine(*unnamed) == ""


@pytest.mark.usefixtures("names")
def test_a_pushed_image_of_a_run_that_was_killed_during_the_build_is_removed(
    engine: Engine, image: str, tmp_path: Path, ended: Owner
) -> None:
    """The engine went on with the build, and nobody called `finish`."""
    (tmp_path / "Dockerfile").write_text(f"FROM {image}\nLABEL {TEST_LABEL}\n")
    build = Build(engine=engine, tag=PUSHED, labels={OWNER: str(ended)})
    engine("build", *build.options, str(tmp_path))
    sweep(engine)
    assert not _exists(engine, "image", PUSHED)


@pytest.mark.usefixtures("names", "locked")
def test_kept_images_stay_while_another_run_is_active(
    engine: Engine, image: str, tmp_path: Path
) -> None:
    with ScratchDirectory("engine"), owned(engine):
        first = _build(engine, tmp_path, image, KEPT)
        _build(engine, tmp_path, image, KEPT)
    assert _exists(engine, "image", first)
