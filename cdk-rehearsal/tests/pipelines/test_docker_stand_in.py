"""The stand-in for docker refuses what docker refuses, and what it does not know."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cdk_rehearsal import Access, push_image
from cdk_rehearsal.pipelines.docker import State, docker_stand_in, main

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


def docker(state: State, *arguments: str) -> None:
    main([str(state.folder), *arguments])


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("build", "--target=tests"), "has no stage tests"),
        (("build", "--file=other"), "there is no other"),
        (("build", "--secret=id=NPM_TOKEN,env=NPM_TOKEN"), "there is no variable NPM_TOKEN"),
        (("push",), "no basic auth credentials for registry"),
    ],
)
def test_it_refuses_what_docker_refuses(
    arguments: tuple[str, ...], reason: str, context: Path, state: State
) -> None:
    with pytest.raises(SystemExit, match=reason):
        docker(state, *arguments, str(context) if arguments[0] == "build" else IMAGE)


def test_a_build_finds_it_as_docker(tmp_path: Path, context: Path) -> None:
    # The folder of a build has the delivered source, which may have a package of the same name.
    (context / "cdk_rehearsal").mkdir()
    (context / "cdk_rehearsal" / "__init__.py").touch()
    found = docker_stand_in(tmp_path)
    command = [str(found.folder / "docker"), "build", "--tag", IMAGE, str(context)]
    assert subprocess.run(command, cwd=context, check=False).returncode == 0
    assert len(found.images()) == 1
    unknown = [*command, "--squash"]
    assert subprocess.run(unknown, cwd=context, check=False).returncode != 0


@pytest.fixture
def base_repository(access: Access) -> Iterator[None]:
    """A repository with the image ``base:1``."""
    ecr = access.client("ecr")
    ecr.create_repository(repositoryName="base")
    push_image(ecr, "base", "1", "base")
    yield
    ecr.delete_repository(repositoryName="base", force=True)


@pytest.mark.slow
@pytest.mark.usefixtures("base_repository")
def test_a_build_pulls_its_base_image_with_the_rights_of_the_build(
    access: Access, user: Callable[..., Access], context: Path, state: State
) -> None:
    host = f"{access.account}.dkr.ecr.{access.region}.amazonaws.com"
    (context / "Dockerfile").write_text(f"ARG BASE={host}/base:1\nFROM ${{BASE}}\n", "utf-8")
    docker_of_build = [str(docker_stand_in(state.folder.parent).folder / "docker")]

    def build(*actions: str) -> str:
        build_role = user({"Effect": "Allow", "Action": actions, "Resource": "*"})
        done = subprocess.run(
            [*docker_of_build, "build", str(context)],
            env=build_role.environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stderr if done.returncode else "built"

    manifest, layer = "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"
    assert f"no basic auth credentials for {host}" in build(manifest, layer)
    state.remember("logins", host, "AWS")
    assert f"not authorized to perform: {manifest}" in build(layer)
    assert f"not authorized to perform: {layer}" in build(manifest)
    assert build(manifest, layer) == "built"
