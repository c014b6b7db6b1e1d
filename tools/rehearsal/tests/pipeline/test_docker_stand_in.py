"""The stand-in for docker refuses what docker refuses, and every command that it does not know."""

import subprocess
from pathlib import Path

import pytest

from tools.container_engine import Engine
from tools.rehearsal.pipeline.docker_command import SWITCH, docker_command
from tools.rehearsal.pipeline.docker_stand_in import (
    BuildRequest,
    RefusalError,
    State,
    build,
    push,
    write_engine,
)

IMAGE = "registry/shop:1"


@pytest.fixture
def context(tmp_path: Path) -> Path:
    folder = tmp_path / "context"
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM base AS test\nFROM base AS service\n", "utf-8")
    return folder


@pytest.fixture
def state(tmp_path: Path) -> State:
    return State(tmp_path / "state")


def request(context: Path, *arguments: str, target: str = "") -> BuildRequest:
    return BuildRequest(context=context, target=target, arguments=arguments)


def test_a_digest_depends_on_context_and_arguments(context: Path, state: State) -> None:
    def image(*arguments: str) -> str:
        build(state, request(context, *arguments), IMAGE)
        return state.known("images")[IMAGE]

    first = image("REVISION=1")
    assert image("REVISION=1") == first
    assert image("REVISION=2") != first
    (context / "app.py").touch()
    assert image("REVISION=1") != first


def test_a_build_needs_its_dockerfile_and_its_stage(context: Path, state: State) -> None:
    build(state, request(context, target="test"), "")
    with pytest.raises(RefusalError, match="has no stage tests"):
        build(state, request(context, target="tests"), "")
    with pytest.raises(RefusalError, match="there is no"):
        build(state, request(context / "other"), "")


def test_a_push_needs_a_login_and_an_image(state: State) -> None:
    with pytest.raises(RefusalError, match="no basic auth credentials for registry"):
        push(state, IMAGE)
    state.remember("logins", "registry", "AWS")
    with pytest.raises(RefusalError, match="does not exist locally"):
        push(state, IMAGE)


def test_the_command_of_a_build_refuses_unknown_commands_and_options(
    tmp_path: Path, context: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SWITCH, "stand-in")
    # The folder of the build is that of the delivered source, which may have tools of its own.
    theirs = context / "tools" / "rehearsal" / "__init__.py"
    theirs.parent.mkdir(parents=True)
    theirs.touch()
    with docker_command(tmp_path, context / "Dockerfile") as docker:
        assert docker.description.startswith("a stand-in")

        def run(*arguments: str, given: str = "") -> int:
            call = [str(docker.folder / "docker"), *arguments]
            done = subprocess.run(call, cwd=context, input=given, text=True, check=False)
            return done.returncode

        login = ("login", "--username", "AWS", "--password-stdin", "registry")
        assert run(*login) != 0, "without a password"
        assert run(*login, given="password") == 0
        assert run("build", "--tag", IMAGE, str(context)) == 0
        assert run("build", "--secret", "id=NPM_TOKEN,env=NPM_TOKEN", str(context)) != 0, "unset"
        monkeypatch.setenv("NPM_TOKEN", "t")
        assert run("build", "--secret", "id=NPM_TOKEN,env=NPM_TOKEN", str(context)) == 0
        assert run("run", IMAGE) != 0
        assert run("build", "--squash", str(context)) != 0


def test_an_engine_builds_from_the_base_image_of_this_machine(
    tmp_path: Path, context: Path, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls, engine = tmp_path / "calls", tmp_path / "engine"
    engine.write_text(f"#!/bin/sh\necho \"$@\" >> '{calls}'\n", "utf-8")
    engine.chmod(0o755)
    write_engine(state.folder, Engine(name="podman", command=(str(engine),), settings={}), {})
    monkeypatch.setenv("BASE_IMAGE", "here:1")
    build(state, request(context), IMAGE)
    built = next(line for line in calls.read_text("utf-8").splitlines() if f"={IMAGE}" in line)
    assert built.count("--build-arg=BASE_IMAGE=here:1") == 1
