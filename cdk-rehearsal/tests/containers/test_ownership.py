"""Which containers and images a run removes: its own, and those of runs that were killed."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from cdk_rehearsal import scratch
from cdk_rehearsal.containers import (
    KEPT_IMAGES,
    OWNER,
    Engine,
    build_process,
    left_over,
    owned,
    ownership,
)
from cdk_rehearsal.containers.ownership import build, name_in_run
from cdk_rehearsal.scratch import RUN, ScratchDirectory

# Names of this process, since other test processes may use the same engine at the same time.
NUMBER = uuid.uuid4().hex
PUSHED = f"registry.invalid/cdk-rehearsal-tests:{NUMBER}"
KEPT = f"{KEPT_IMAGES}/tests:{NUMBER}"
THEIRS = f"localhost/theirs:{NUMBER}"
TEST_LABEL = f"cdk-rehearsal-tests={NUMBER}"
UNNAMED = ("images", "--quiet", "--filter", "dangling=true", "--filter", f"label={TEST_LABEL}")

# A rehearsed build: the shell of a buildspec calls `docker`, which calls the engine.
BUILD = """
import os, sys
from pathlib import Path
from cdk_rehearsal.containers import find_engine, left_over
from cdk_rehearsal.containers.engine import default_cache
from cdk_rehearsal.pipelines import docker_by_engine
from cdk_rehearsal.pipelines.build import parse_buildspec, run_build
engine, folder = find_engine(default_cache()), Path.cwd()
spec = parse_buildspec('{version: 0.2, phases: {build: {commands: [docker build .]}}}')
try:
    with docker_by_engine(folder, engine) as docker:
        path = f"{docker.folder}:{os.environ['PATH']}"
        run_build(spec, source=folder / "source", environment={"PATH": path})
except KeyboardInterrupt:
    print(left_over(engine))
"""


@pytest.fixture
def others(engine: Engine) -> list[str]:
    """Return what another run of this process has in the engine: it is not left."""
    return left_over(engine)


@pytest.fixture
def names(engine: Engine) -> Iterator[None]:
    """Remove the images of these tests afterwards."""
    yield
    for image in engine("images", "--quiet", "--filter", f"label={TEST_LABEL}").split():
        engine.attempt("rmi", "--force", image)


@pytest.fixture
def alone(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Wait for other test processes, and hide other runs: with one, kept images stay."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "tests.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


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


def _build(engine: Engine, folder: Path, base: str, tag: str, run: str = "") -> str:
    """Build an image unlike any other, in two stages, for a run or to be kept; return its id."""
    (folder / "number").write_text(uuid.uuid4().hex)
    (folder / "Dockerfile").write_text(
        f"FROM {base} AS packages\nCOPY number /number\nLABEL {TEST_LABEL}\n"
        f'FROM scratch\nCOPY --from=packages /number /number\nLABEL {TEST_LABEL}\nCMD ["/none"]\n'
    )
    done = build(engine, run or NUMBER, tag, str(folder), kept=not run)
    assert done.returncode == 0, done.stderr
    return engine("image", "inspect", "--format", "{{.Id}}", tag)


def _user_image(engine: Engine, folder: Path, base: str, *options: str) -> str:
    """Build an image of the user's on another one; return its id."""
    (folder / "theirs").mkdir(exist_ok=True)
    (folder / "theirs" / "Dockerfile").write_text(f"FROM {base}\nENV THEIRS={uuid.uuid4().hex}\n")
    return engine("build", "--quiet", *options, str(folder / "theirs")).removeprefix("sha256:")


@pytest.mark.usefixtures("names")
def test_containers_of_a_killed_run_are_removed_and_all_others_stay(
    engine: Engine, image: str, killed: str, others: list[str]
) -> None:
    with ScratchDirectory(RUN) as running:
        left = _container(engine, image, killed)
        engine("commit", "--quiet", f"--change=LABEL {TEST_LABEL}", left, THEIRS)
        owners = [running.path.name, "cdk-rehearsal-run-elsewhere", ""]
        containers = [_container(engine, image, owner) for owner in owners]
        containers.append(engine("create", THEIRS))  # it inherits the label of its image
        try:
            with owned(engine):
                assert not _exists(engine, "container", left)
            assert [each for each in containers if not _exists(engine, "container", each)] == []
            assert left_over(engine) == others
        finally:
            engine.attempt("rm", "--force", left, *containers)


@pytest.mark.usefixtures("names", "alone")
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
        pushed = _build(engine, tmp_path, image, PUSHED, labels[OWNER])
        theirs.append(_user_image(engine, tmp_path, pushed))
        # A user who patches an image may give the result the name of the image.
        theirs += [_user_image(engine, tmp_path, tag, f"--tag={tag}") for tag in (PUSHED, KEPT)]
        _build(engine, tmp_path, image, KEPT)
    assert [each for each in theirs if not _exists(engine, "image", each)] == []
    found = json.loads(engine("image", "inspect", *theirs))
    named = [name for image in found for name in image["RepoTags"] if image["Id"][:12] in name]
    assert named == []
    engine.attempt("rmi", PUSHED)
    engine.attempt("rmi", *theirs)


@pytest.mark.usefixtures("names")
def test_pushed_and_loaded_images_go_with_their_run_unless_the_user_has_tagged_them(
    engine: Engine, image: str, tmp_path: Path, killed: str, others: list[str]
) -> None:
    left = _build(engine, tmp_path, image, PUSHED, killed)
    elsewhere = name_in_run("cdk-rehearsal-run-elsewhere", left)
    engine("tag", image, elsewhere)
    with owned(engine) as labels:
        assert not _exists(engine, "image", left)
        tagged = _build(engine, tmp_path, image, PUSHED, labels[OWNER])
        engine("tag", tagged, THEIRS)
        loaded = name_in_run(labels[OWNER], tagged)
        engine("tag", tagged, loaded)
        assert f"image {loaded}" in left_over(engine)
    assert left_over(engine) == others
    (found,) = json.loads(engine("image", "inspect", tagged))
    assert found["RepoTags"] == [THEIRS]
    assert _exists(engine, "image", elsewhere)
    engine("rmi", elsewhere)


@pytest.mark.usefixtures("names", "alone")
def test_a_new_build_replaces_the_kept_image_when_no_other_run_is_active(
    engine: Engine, image: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stages = f"{KEPT_IMAGES}/stage-{NUMBER}"
    monkeypatch.setattr(ownership, "_STAGES", stages)
    monkeypatch.setattr(ownership, "_MOST_STAGES", 1)
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
    assert sorted(kept) == [f"{KEPT_IMAGES}/newest", stages, f"{KEPT_IMAGES}/tests"]


@contextmanager
def _running_build(image: str, folder: Path, number: str) -> Iterator[subprocess.Popen[str]]:
    """Give the process of a build at the moment when a command of its Dockerfile runs."""
    (folder / "source").mkdir()
    sleep = f"sleep 300 && : {number}"
    (folder / "source" / "Dockerfile").write_text(
        f"FROM {image}\nLABEL {TEST_LABEL}\nRUN echo {number} > /tmp/number\nRUN {sleep}\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", BUILD],
        cwd=folder,
        env={**os.environ, "TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        while not _commands(sleep):
            assert process.poll() is None
            time.sleep(0.1)
        yield process


def _commands(text: str) -> list[Path]:
    """Return the processes with a text in their command."""
    found = []
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if text.encode() in command.read_bytes():
                found.append(command.parent)
    return found


@pytest.mark.usefixtures("names", "alone")
def test_an_interrupted_build_leaves_no_process_no_working_container_and_no_untagged_image(
    engine: Engine, image: str, tmp_path: Path
) -> None:
    number = uuid.uuid4().hex
    with _running_build(image, tmp_path, number) as process:
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        assert process.communicate()[0] == "[]\n"
    assert _commands(number) == []
    assert engine(*UNNAMED) == ""


@pytest.mark.usefixtures("names", "alone")
def test_the_next_run_names_what_a_killed_build_has_left_and_removes_all_but_untagged_images(
    engine: Engine,
    image: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if engine.name != "podman":
        pytest.skip("docker has no working containers")
    # Podman is killed at once: the other test waits until it ends by itself.
    monkeypatch.setattr(build_process, "BUILD_END_SECONDS", 0)
    number = uuid.uuid4().hex
    with _running_build(image, tmp_path, number) as process:
        os.killpg(process.pid, signal.SIGKILL)
    with owned(engine):
        said = capsys.readouterr().err
    for kind in ("process", "working container", "untagged image"):
        assert f" {kind} " in said
    assert _commands(number) == []
    working = [word.split()[-1] for word in said.split(", ") if word.startswith("working")]
    assert not [each for each in working if engine.attempt("rm", "--force", each).stdout]
