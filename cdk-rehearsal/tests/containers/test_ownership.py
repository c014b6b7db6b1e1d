"""Which containers and images a run removes: its own, and those of runs that were killed."""

import fcntl
import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from cdk_rehearsal import scratch
from cdk_rehearsal.containers import Engine, EngineError, build_image, owned
from cdk_rehearsal.containers.ownership import KEPT_IMAGES, OWNER, Build, left_over, sweep
from cdk_rehearsal.scratch import RUN, ScratchDirectory

# Names of this process, since other test processes may use the same engine at the same time.
NUMBER = uuid.uuid4().hex
PUSHED = f"registry.invalid/cdk-rehearsal-tests:{NUMBER}"
KEPT = f"{KEPT_IMAGES}/tests:{NUMBER}"
THEIRS = f"localhost/theirs:{NUMBER}"
TEST_LABEL = f"cdk-rehearsal-tests={NUMBER}"
UNNAMED = ("images", "--quiet", "--filter", "dangling=true", "--filter", f"label={TEST_LABEL}")


@pytest.fixture
def names(engine: Engine) -> Iterator[None]:
    """Remove the images of these tests afterwards."""
    yield
    for image in engine("images", "--quiet", "--filter", f"label={TEST_LABEL}").split():
        engine.attempt("rmi", "--force", image)


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
def killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a run whose process has ended without removing anything."""
    code = f"import runpy; print(runpy.run_path({scratch.__file__!r})['ScratchDirectory']({RUN!r})"
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    made = subprocess.check_output(
        [sys.executable, "-c", f"{code}.path.name)"], env=environment, text=True
    )
    return made.strip()


def _container(engine: Engine, image: str, owner: str) -> str:
    return engine("create", f"--label={OWNER}={owner}", image)


def _exists(engine: Engine, kind: str, name: str) -> bool:
    return engine.attempt(kind, "inspect", name).returncode == 0


def _build(engine: Engine, folder: Path, base: str, tag: str, **labels: str) -> str:
    """Build an image unlike any other, in two stages; return its id."""
    (folder / "number").write_text(uuid.uuid4().hex)
    (folder / "Dockerfile").write_text(
        f"FROM {base} AS packages\nCOPY number /number\nLABEL {TEST_LABEL}\n"
        f'FROM scratch\nCOPY --from=packages /number /number\nLABEL {TEST_LABEL}\nCMD ["/none"]\n'
    )
    build = Build(engine=engine, tag=tag, labels=labels or None)
    engine("build", *build.options, str(folder))
    build.finish(built=True)
    return engine("image", "inspect", "--format", "{{.Id}}", tag)


def _user_image(engine: Engine, folder: Path, base: str, *options: str) -> str:
    """Build an image of the user's on another one; return its id."""
    (folder / "theirs").mkdir(exist_ok=True)
    (folder / "theirs" / "Dockerfile").write_text(f"FROM {base}\nENV THEIRS={uuid.uuid4().hex}\n")
    return engine("build", "--quiet", *options, str(folder / "theirs")).removeprefix("sha256:")


def test_containers_of_a_killed_run_are_removed_and_all_others_stay(
    engine: Engine, image: str, killed: str
) -> None:
    with ScratchDirectory(RUN) as running:
        left = _container(engine, image, killed)
        owners = [running.path.name, "cdk-rehearsal-run-elsewhere", ""]
        containers = [_container(engine, image, owner) for owner in owners]
        try:
            with owned(engine):
                assert not _exists(engine, "container", left)
            assert [each for each in containers if not _exists(engine, "container", each)] == []
            assert left_over(engine) == []
        finally:
            engine.attempt("rm", "--force", left, *containers)


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
    engine: Engine, image: str, tmp_path: Path, killed: str
) -> None:
    # The engine went on with the build of a killed run, and nobody called `finish`.
    (tmp_path / "Dockerfile").write_text(f"FROM scratch\nLABEL {TEST_LABEL}\n")
    build = Build(engine=engine, tag=PUSHED, labels={OWNER: killed})
    engine("build", *build.options, str(tmp_path))
    sweep(engine)
    assert not _exists(engine, "image", PUSHED)
    with owned(engine) as labels:
        removed = _build(engine, tmp_path, image, PUSHED, **labels)
        tagged = _build(engine, tmp_path, image, f"{PUSHED}-2", **labels)
        engine("tag", tagged, THEIRS)
    assert not _exists(engine, "image", removed)
    (found,) = json.loads(engine("image", "inspect", tagged))
    assert found["RepoTags"] == [THEIRS]


@pytest.mark.usefixtures("names", "locked", "alone")
def test_a_new_build_replaces_the_kept_image_when_no_other_run_is_active(
    engine: Engine, image: str, tmp_path: Path
) -> None:
    with ScratchDirectory(RUN), owned(engine):
        first = _build(engine, tmp_path, image, KEPT)
        second = _build(engine, tmp_path, image, KEPT)
    assert first != second
    assert _exists(engine, "image", first)
    with owned(engine):
        pass
    assert not _exists(engine, "image", first)
    assert _exists(engine, "image", KEPT)
    assert engine(*UNNAMED) == ""
    filters = ("--filter", f"label={TEST_LABEL}")
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
            f"ARG BASE_IMAGE={image}\nFROM scratch\nLABEL {TEST_LABEL} again=1\nCOPY nothing /\n"
        )
        with pytest.raises(EngineError):
            build_image(engine, tmp_path, KEPT, tmp_path)
        (found,) = json.loads(engine("image", "inspect", patched))
        assert found["RepoTags"] == [KEPT]
    assert engine(*UNNAMED) == ""
