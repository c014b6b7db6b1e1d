"""`make call`: where the call comes from, and the messages where no service can answer."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from cdk_rehearsal.containers import OWNER
from tools.operations.tests.deployed_account import TASK, DeployedAccount
from tools.playground.call import main


@dataclass
class FakeEngine:
    """Has one container, of the task; it prints the answer instead of running a command."""

    task: str = TASK
    image: str = "delivered"
    answer: str = r"hello\n200"
    status: str = "0"
    environment: dict[str, str] = field(default_factory=lambda: {"PATH": "/bin:/usr/bin"})

    @property
    def command(self) -> list[str]:
        return ["sh", "-c", f"printf '{self.answer}'; echo \"$@\" >&2; exit $0", self.status]

    def __call__(self, *arguments: str) -> str:
        match arguments:
            case ("ps", "--quiet", "--filter", label):
                return "c1" if label == f"label=com.amazonaws.ecs.task-arn={self.task}" else ""
            case ("inspect", "--format", wanted, "c1"):
                return self.image if wanted == "{{.Image}}" else "me:/scratch"
            case ("image", "inspect", *_):
                return "stand-in"
        raise AssertionError(arguments)


@pytest.fixture(autouse=True)
def deployed_sample(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Be in a folder without an .env, with the sample in a local AWS."""
    monkeypatch.chdir(tmp_path)
    account = DeployedAccount()
    monkeypatch.setattr("tools.operations.account.Aws", lambda _region: account)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://127.0.0.1:4566")


def test_it_calls_by_name_from_the_network_of_the_tasks(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tools.playground.call.find_engine", lambda _cache: FakeEngine())
    assert main(["--route", "/health"]) == 0
    printed, ran = capfd.readouterr()
    assert printed == "hello\nHTTP 200\n"
    assert "in place of seed_image" not in ran
    assert "--network=container:c1 --volumes-from=c1" in ran
    assert f"--label={OWNER}=me:/scratch" in ran, "the playground can remove the container"
    assert "http://ecsdemo-backend.default.ecs-blueprint-infra.local:3000/health" in ran


def test_an_error_is_the_status_of_the_call_and_before_a_delivery_a_stand_in_answers(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    engine = FakeEngine(image="stand-in", answer=r"\033[2JNot Found\n404", status="22")
    monkeypatch.setattr("tools.playground.call.find_engine", lambda _cache: engine)
    assert main([]) == 22
    printed, said = capfd.readouterr()
    assert printed == "\\x1b[2JNot Found\nHTTP 404\n"
    assert "in place of seed_image" in said


def test_it_says_that_tasks_are_records(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    engine = FakeEngine(task="another")
    monkeypatch.setattr("tools.playground.call.find_engine", lambda _cache: engine)
    assert main([]) == 1
    assert "records, not containers" in capsys.readouterr().err
