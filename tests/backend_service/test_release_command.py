"""The command before a rollout: its task, its end, its repetition, and who may run it."""

# The arguments of boto3 are called as AWS calls them.
# ruff: noqa: N803

import json
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest

from backend_service.release.action import ActionError, Clock, Outcome
from backend_service.release.command import run_command
from settings.examples import ACCOUNT, PROMOTED, REGION
from tests.backend_service.fake_ecr import OTHER, SERVICE
from tests.synthesis import Synthesis, synthesise

STACK = "BackendServiceStack"
IMAGE = f"{SERVICE.repository}@{OTHER}"
WITH_COMMAND = replace(SERVICE, command='["/bin/sh", "-c", "migrate"]')
NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-1"], "securityGroups": ["sg-1"]}}
SIDECAR = {"name": "proxy", "image": "proxy:1", "command": ["serve"]}
USED = {
    "taskDefinitionArn": "arn:aws:ecs:eu-west-1:1:task-definition/shop:7",
    "revision": 7,
    "family": "shop",
    "taskRoleArn": "task-role",
    "containerDefinitions": [
        {"name": "web", "image": "shop:live", "secrets": [{"name": "DB"}], "command": ["serve"]},
        SIDECAR,
    ],
}


class MissingError(Exception):
    """There is no such log stream."""


@dataclass
class Account:
    """One account as its own client of every service."""

    code: int | None = 0
    lasts: int = 1
    """How often the task is found running."""
    stage: str = "STANDARD"
    registered: list[dict[str, Any]] = field(default_factory=list)
    started: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The requests by client token: ECS starts one task for each."""
    exceptions = SimpleNamespace(ResourceNotFoundException=MissingError)

    def client(self, _service: str) -> "Account":
        return self

    def get_pipeline_state(self, *, name: str) -> dict[str, Any]:
        assert name == SERVICE.pipeline
        return {"stageStates": [{}, {"latestExecution": {"type": self.stage}}]}

    def describe_services(self, **_: Any) -> dict[str, Any]:
        service = {"taskDefinition": USED["taskDefinitionArn"], "networkConfiguration": NETWORK}
        return {"services": [service]}

    def describe_task_definition(self, **_: Any) -> dict[str, Any]:
        return {"taskDefinition": USED}

    def register_task_definition(self, **definition: Any) -> dict[str, Any]:
        self.registered.append(definition)
        return {"taskDefinition": {"taskDefinitionArn": f"shop-command:{len(self.registered)}"}}

    def run_task(self, *, clientToken: str, **request: Any) -> dict[str, Any]:
        assert self.started.setdefault(clientToken, request) == request, "ConflictException"
        return {"tasks": [{"taskArn": "arn/task"}], "failures": []}

    def describe_tasks(self, **_: Any) -> dict[str, Any]:
        self.lasts -= 1
        if self.lasts >= 0:
            return {"tasks": [{"lastStatus": "RUNNING"}] if self.lasts else []}  # not shown yet
        container = {"name": "web"} | ({} if self.code is None else {"exitCode": self.code})
        task = {"taskArn": "arn/task", "lastStatus": "STOPPED", "stoppedReason": "it has ended"}
        return {"tasks": [task | {"containers": [{"name": "proxy", "exitCode": 1}, container]}]}

    def get_log_events(self, *, logStreamName: str, **_: Any) -> dict[str, Any]:
        assert logStreamName == "web/web/task"
        return {"events": [{"message": "no such table\n"}]}


def run(account: Account, token: str = "", clock: Clock | None = None) -> Outcome:
    return run_command(
        IMAGE,
        WITH_COMMAND,
        client=account.client,
        clock=clock or Clock(now=lambda: 0.0, sleep=lambda _: None),
        token=json.loads(token or "{}"),
    )


def test_the_task_is_that_of_the_service_with_the_new_image_and_the_command() -> None:
    account = Account()
    run(account, run(account).token)
    (definition,) = account.registered
    assert definition == {
        "family": "delivery-command",
        "taskRoleArn": "task-role",
        "containerDefinitions": [
            {
                "name": "web",
                "image": IMAGE,
                "secrets": [{"name": "DB"}],
                "entryPoint": ["/bin/sh"],
                "command": ["-c", "migrate"],
            },
            SIDECAR,
        ],
    }
    (request,) = account.started.values()
    assert request["taskDefinition"] == "shop-command:1"
    assert request["networkConfiguration"] == NETWORK


def test_a_call_that_is_repeated_after_it_has_started_the_task_starts_no_second_one() -> None:
    account = Account(lasts=3)
    token = run(account).token
    run(account, token)
    run(account, token)
    assert len(account.started) == 1
    run(account, run(account).token)
    assert len(account.started) == 2, "a retried stage runs the command again"


def test_a_long_command_is_waited_for_in_several_calls() -> None:
    account = Account(lasts=2)
    over = Clock(now=lambda: 0.0, sleep=lambda _: None, remaining=lambda: 0.0)
    waiting = run(account, run(account).token, over)
    assert json.loads(waiting.token)["task"] == "arn/task"
    assert not run(account, waiting.token).token
    assert len(account.started) == 1


@pytest.mark.parametrize("code", [3, None])
def test_a_command_that_fails_or_never_starts_is_told_with_its_last_lines(code: int | None) -> None:
    account = Account(code=code)
    with pytest.raises(ActionError, match=r"no task is replaced.*it has ended.*no such table"):
        run(account, run(account).token)


def test_a_rollback_of_the_stage_runs_no_command() -> None:
    account = Account(stage="ROLLBACK")
    assert not run(account).token
    assert not account.registered


def test_another_image_than_a_release_is_refused() -> None:
    with pytest.raises(ActionError, match="is no image"):
        run_command("x", WITH_COMMAND, client=Account().client, clock=Clock(), token={})


@pytest.fixture(scope="module")
def synthesis() -> Synthesis:
    return synthesise(**PROMOTED)


def test_the_command_runs_between_release_and_rollout(synthesis: Synthesis) -> None:
    actions = synthesis.only(STACK, "AWS::CodePipeline::Pipeline")["Stages"][-1]["Actions"]
    order = sorted((each["RunOrder"], each["Name"]) for each in actions)
    assert order == [(1, "Release"), (2, "Command"), (3, "Deploy"), (4, "Promote")]
    (command,) = (each["Configuration"] for each in actions if each["Name"] == "Command")
    assert command["UserParameters"] == "run #{Release.image}"
    function = synthesis.resources(STACK, "AWS::Lambda::Function")[command["FunctionName"]["Ref"]]
    variables = function["Properties"]["Environment"]["Variables"]
    assert json.loads(variables["COMMAND"]) == ["/bin/sh", "-c", PROMOTED["release_command"]]


def test_the_role_that_runs_the_command_starts_one_family_and_touches_no_image(
    synthesis: Synthesis,
) -> None:
    roles = {
        key: synthesis.granted(STACK, {"Ref": key})
        for key in synthesis.resources(STACK, "AWS::IAM::Role")
    }
    may = {
        key: {action for each in of for action in [*_many(each["Action"])]}
        for key, of in roles.items()
    }
    (runs,) = (key for key, actions in may.items() if "ecs:RunTask" in actions)
    assert not any(action.startswith("ecr:") for action in may[runs])
    assert "iam:PassRole" in may[runs]
    for actions in (actions for actions in may.values() if "ecr:PutImage" in actions):
        assert not actions & {"iam:PassRole", "ecs:RunTask", "ecs:RegisterTaskDefinition"}
    (statement,) = (each for each in roles[runs] if each["Action"] == "ecs:RunTask")
    ecs = f"arn:aws:ecs:{REGION}:{ACCOUNT}"
    family = "ecs-blueprint-infra-ecsdemo-backend-command"
    assert statement["Resource"] == f"{ecs}:task-definition/{family}:*"
    cluster = {"ArnEquals": {"ecs:cluster": f"{ecs}:cluster/ecs-blueprint-infra"}}
    assert statement["Condition"] == cluster


def _many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
