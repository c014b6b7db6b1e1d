"""The command before a rollout: its task, its end, its repetition, and who may run it."""

# The arguments of boto3 are called as AWS calls them.
# ruff: noqa: N803

import json
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest

from backend_service.release.action import ActionError, Outcome
from backend_service.release.command import run_command
from settings.examples import PROMOTED
from tests.backend_service.fake_ecr import OTHER, SERVICE
from tests.synthesis import Synthesis, synthesise

STACK = "BackendServiceStack"
SHELL = ("/bin/sh", "-c", "migrate")
IMAGE = f"{SERVICE.repository}@{OTHER}"
NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-1"], "securityGroups": ["sg-1"]}}
WEB = {"name": "web", "image": "shop:live", "secrets": [{"name": "DB"}], "command": ["serve"]}
SIDECAR = {"name": "proxy", "image": "proxy:1", "command": ["serve"]}
TAKEN = SimpleNamespace(
    input_shape=SimpleNamespace(members={"family", "taskRoleArn", "containerDefinitions"})
)
USED = {
    "taskDefinitionArn": "arn:aws:ecs:eu-west-1:1:task-definition/shop:7",
    "revision": 7,
    "family": "shop",
    "taskRoleArn": "task-role",
    "containerDefinitions": [WEB, SIDECAR],
}


@dataclass
class Account:
    """One account as its own client of every service; ``found`` are the states of the task."""

    code: int | None = 0
    stage: str = "STANDARD"
    found: list[str] = field(default_factory=lambda: ["STOPPED"])
    registered: list[dict[str, Any]] = field(default_factory=list)
    started: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The requests by client token: ECS starts one task for each."""
    exceptions = SimpleNamespace(ResourceNotFoundException=KeyError)
    meta = SimpleNamespace(service_model=SimpleNamespace(operation_model=lambda _: TAKEN))

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
        if (status := self.found.pop(0)) == "MISSING":
            return {"tasks": []}
        web = {"name": "web"} | ({} if self.code is None else {"exitCode": self.code})
        task = {"taskArn": "arn/task", "lastStatus": status, "stoppedReason": "it has ended"}
        return {"tasks": [task | {"containers": [{"name": "proxy", "exitCode": 1}, web]}]}

    def get_log_events(self, *, logStreamName: str, **_: Any) -> dict[str, Any]:
        assert logStreamName == "web/web/task"
        return {"events": [{"message": "no such table\n"}]}


def run(account: Account, token: str = "", *, words: tuple[str, ...] = SHELL) -> Outcome:
    service = replace(SERVICE, command=json.dumps(words))
    return run_command(IMAGE, service, client=account.client, token=json.loads(token or "{}"))


@pytest.mark.parametrize("words", [SHELL, ("/app", "migrate"), ("/migrate",)])
def test_the_task_is_that_of_the_service_with_the_new_image_and_the_command(
    words: tuple[str, ...],
) -> None:
    account = Account()
    run(account, run(account, words=words).token)
    changed = {"image": IMAGE, "entryPoint": [words[0]], "command": list(words[1:])}
    assert account.registered == [
        {
            "family": "delivery-command",
            "taskRoleArn": "task-role",
            "containerDefinitions": [WEB | changed, SIDECAR],
        }
    ]
    (request,) = account.started.values()
    assert request["taskDefinition"] == "shop-command:1"
    assert request["networkConfiguration"] == NETWORK


def test_a_repeated_call_and_a_call_that_waits_start_no_second_task() -> None:
    account = Account(found=["MISSING", "RUNNING", "STOPPED", "STOPPED"])
    begun = run(account).token
    waiting = run(account, begun).token
    assert json.loads(run(account, begun).token)["task"] == "arn/task"
    assert not run(account, waiting).token
    assert len(account.started) == 1
    run(account, run(account).token)
    assert len(account.started) == 2, "a retried stage runs the command again"


@pytest.mark.parametrize("code", [3, None])
def test_a_command_that_fails_or_never_starts_is_told_with_its_last_lines(code: int | None) -> None:
    account = Account(code=code)
    with pytest.raises(ActionError, match=r"no task is replaced.*it has ended.*no such table"):
        run(account, run(account).token)


def test_a_rollback_of_the_stage_runs_no_command() -> None:
    account = Account(stage="ROLLBACK")
    assert not run(account).token
    assert not account.registered


def last_actions(synthesis: Synthesis) -> dict[str, dict[str, Any]]:
    """Return the actions of the last stage by their names."""
    stages = synthesis.only(STACK, "AWS::CodePipeline::Pipeline")["Stages"]
    return {action["Name"]: action for action in stages[-1]["Actions"]}


def test_the_command_runs_between_release_and_rollout() -> None:
    actions = last_actions(synthesise(**PROMOTED))
    order = {name: action["RunOrder"] for name, action in actions.items()}
    assert order == {"Release": 1, "Command": 2, "Deploy": 3, "Promote": 4}
    assert actions["Command"]["Configuration"]["UserParameters"] == "run #{Release.image}"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (PROMOTED["release_command"], ["/bin/sh", "-c", PROMOTED["release_command"]]),
        ('["/app", "migrate"]', ["/app", "migrate"]),
    ],
)
def test_the_command_is_a_line_of_the_shell_or_a_list_of_words(text: str, words: list[str]) -> None:
    synthesis = synthesise(**PROMOTED | {"release_command": text})
    function = last_actions(synthesis)["Command"]["Configuration"]["FunctionName"]["Ref"]
    properties = synthesis.resources(STACK, "AWS::Lambda::Function")[function]["Properties"]
    assert json.loads(properties["Environment"]["Variables"]["COMMAND"]) == words
