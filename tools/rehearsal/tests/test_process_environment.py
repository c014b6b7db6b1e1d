"""What the processes of a rehearsal see of the shell's variables."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tools.container_engine import Engine
from tools.container_engine.engine import engine_environment
from tools.local_aws import Access
from tools.local_aws.credentials import RootKey
from tools.local_aws.process_environment import process_environment
from tools.rehearsal.pipeline.docker_stand_in import read_engine, write_engine
from tools.rehearsal.pipeline.source_tree import git_environment
from tools.rehearsal.tests.canary import CANARY

SECRETS = {
    name: f"{CANARY} of {name}"
    for name in (
        *("GITHUB_TOKEN", "GH_TOKEN", "MY_DB_PASSWORD", "NPM_TOKEN", "PIP_INDEX_URL"),
        *("AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "DOCKER_PASSWORD", "CONTAINER_TOKEN"),
        *("LC_PASSWORD", "GIT_CONFIG_VALUE_0", "NODE_OPTIONS", "PYTHONPATH"),
    )
}
PROXY = {"HTTPS_PROXY": f"http://me:{CANARY}@proxy"}
SHELL = {"PATH": "/bin", "HOME": "/home/me", "LANG": "C.UTF-8", "TMPDIR": "/scratch"}

ACCESS = Access(
    endpoint_url="https://127.0.0.1:1",
    account="111122223333",
    region="eu-west-1",
    key=RootKey.random(),
    ca_bundle=Path("ca.pem"),
)


@pytest.mark.parametrize(
    "environment", [process_environment, git_environment, engine_environment, ACCESS.environment]
)
def test_nothing_that_nobody_asked_for_is_handed_on(
    environment: Callable[[Mapping[str, str]], dict[str, str]],
) -> None:
    seen = environment(SHELL | SECRETS)
    assert CANARY not in str(seen)
    assert {name: seen[name] for name in ("PATH", "LANG", "TMPDIR")} == {
        name: SHELL[name] for name in ("PATH", "LANG", "TMPDIR")
    }


def test_only_git_and_the_engine_know_the_home_of_the_user() -> None:
    assert "HOME" not in process_environment(SHELL)
    assert git_environment(SHELL)["HOME"] == engine_environment(SHELL)["HOME"] == "/home/me"


def test_only_the_engine_reaches_what_is_outside() -> None:
    outside = PROXY | {"SSL_CERT_FILE": "/mine", "DOCKER_HOST": "unix:///mine"}
    for environment in (process_environment, git_environment):
        assert not outside.keys() & environment(SHELL | outside).keys()
    assert outside.items() <= engine_environment(SHELL | outside).items()


def test_the_engine_is_called_with_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    engine = Engine(name="any", command=("env",), settings={"CONTAINERS_CONF_OVERRIDE": "ours"})
    said = engine()
    assert CANARY not in said
    assert "CONTAINERS_CONF_OVERRIDE=ours" in said
    assert f"PATH={os.environ['PATH']}" in said


def test_what_is_written_down_for_the_builds_is_no_more(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in (SECRETS | {"DOCKER_HOST": "unix:///mine"}).items():
        monkeypatch.setenv(name, value)
    write_engine(tmp_path, Engine(name="any", command=("e",)), {})
    written = read_engine(tmp_path)
    assert written
    engine, _ = written
    assert CANARY not in str(engine.settings)
    assert engine.settings["DOCKER_HOST"] == "unix:///mine"
