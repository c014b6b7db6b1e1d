"""A call from inside: where it is made from, and what is said where nobody could answer."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from settings.examples import sample_env
from tools.container_engine import NoEngineError
from tools.container_engine.ownership import OWNER
from tools.operations.tests.deployed_account import TASK, DeployedAccount
from tools.playground.call import main

PODMAN = [{"name": "net", "subnets": [{"subnet": "10.77.0.0/16"}]}]
DOCKER = [{"Name": "net", "IPAM": {"Config": [{"Subnet": "10.77.0.0/16"}]}}]
LABELS = {OWNER: "me:/scratch", "com.amazonaws.ecs.task-arn": TASK}


@dataclass
class FakeEngine:
    """Has one container, of the task; prints what it would run."""

    network: list[dict[str, Any]]
    task: str = TASK
    command: tuple[str, ...] = ("echo",)
    environment: dict[str, str] = field(default_factory=lambda: {"PATH": "/bin:/usr/bin"})

    def __call__(self, *arguments: str) -> str:
        match arguments:
            case ("ps", "--quiet", "--filter", label):
                return "c1" if label == f"label=com.amazonaws.ecs.task-arn={self.task}" else ""
            case ("inspect", "c1"):
                networks: dict[str, Any] = {"NetworkSettings": {"Networks": {"net": {}}}}
                return json.dumps([networks | {"Config": {"Labels": LABELS}}])
            case ("network", "inspect", "net"):
                return json.dumps(self.network)
        raise AssertionError(arguments)


Call = Callable[..., int]


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Call:
    monkeypatch.chdir(tmp_path)
    Path(".env").write_text(sample_env(), encoding="utf-8")
    account = DeployedAccount()
    monkeypatch.setattr("tools.operations.account.Aws", lambda _region: account)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://127.0.0.1:4566")
    return lambda *arguments: main(arguments)


def use(monkeypatch: pytest.MonkeyPatch, engine: FakeEngine) -> None:
    monkeypatch.setattr("tools.playground.call.find_engine", lambda _cache: engine)


@pytest.mark.parametrize("network", [PODMAN, DOCKER], ids=["podman", "docker"])
def test_it_calls_by_name_from_the_network_of_the_tasks(
    network: list[dict[str, Any]],
    call: Call,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    use(monkeypatch, FakeEngine(network))
    assert call("--route", "/health") == 0
    ran = capfd.readouterr().out
    assert "--network=net --dns=10.77.0.2" in ran
    assert f"--label={OWNER}=me:/scratch" in ran  # so that it goes with the playground
    assert "http://ecsdemo-backend.default.ecs-blueprint-infra.local:3000/health" in ran


def test_tasks_that_are_records_answer_nobody(
    call: Call, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use(monkeypatch, FakeEngine(PODMAN, task="another"))
    assert call() == 1
    assert "records, not containers" in capsys.readouterr().err


def test_without_an_engine_it_says_so(
    call: Call, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing(_cache: Path) -> FakeEngine:
        raise NoEngineError("no container engine: no docker command")

    monkeypatch.setattr("tools.playground.call.find_engine", missing)
    assert call() == 1
    assert "error: no container engine" in capsys.readouterr().err


def test_on_aws_it_says_where_the_service_answers(
    call: Call, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    assert call() == 1
    assert "inside its VPC only" in capsys.readouterr().err
