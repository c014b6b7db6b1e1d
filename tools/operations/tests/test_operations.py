"""Status, logs, shell, deliver and rollback: what is asked for, and what is said."""

import re
import shlex
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from awscli.clidriver import create_clidriver
from botocore import xform_name

from backend_service.names import AlarmKind, alarm_name, build_log_group_name, task_log_group_name
from settings.examples import ACCOUNT, sample_env
from settings.names import full_name
from tools.operations.__main__ import main
from tools.operations.account import command
from tools.operations.tests.deployed_account import CLUSTER, NAME, SERVICE, DeployedAccount

COMMIT, NEXT = "a" * 40, "b" * 40


@dataclass
class Result:
    code: int
    out: str
    err: str


Operate = Callable[..., Result]


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> DeployedAccount:
    account = DeployedAccount()
    monkeypatch.setattr("tools.operations.account.Aws", lambda _region: account)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    return account


@pytest.fixture
def operate(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Operate:
    monkeypatch.chdir(tmp_path)
    Path(".env").write_text(sample_env(), encoding="utf-8")

    def operate(*arguments: str) -> Result:
        code = main(arguments)
        said = capsys.readouterr()
        return Result(code, said.out, said.err)

    return operate


def delivered(account: DeployedAccount, commit: str, digest: str) -> str:
    """Have a delivery behind the image that runs and is live."""
    account.tags = {digest: [f"{commit}-1", "live"], "sha256:first": ["old"]}
    account.running = digest
    return account.execution(commit)


# --- Whose account, and by which names.


@pytest.mark.parametrize("operation", ["status", "logs", "shell", "deliver", "rollback"])
def test_account_region_and_endpoint_are_said_first(
    operation: str, account: DeployedAccount, operate: Operate
) -> None:
    said = operate(operation).err.splitlines()
    assert said[0].startswith(f"Account {account.account}, {account.region}, at AWS")
    assert said[1].startswith("  $ aws ")


def test_an_endpoint_of_the_shell_is_named(
    account: DeployedAccount, operate: Operate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://127.0.0.1:4566")
    assert "at https://127.0.0.1:4566" in operate("status").err.splitlines()[0]
    assert account.calls


@pytest.mark.parametrize("operation", ["status", "logs", "shell", "deliver", "rollback"])
def test_credentials_of_another_account_touch_nothing(
    operation: str, account: DeployedAccount, operate: Operate
) -> None:
    account.account = "999988887777"
    result = operate(operation)
    assert result.code == 1
    assert f'account_number="{ACCOUNT}"' in result.err
    assert [name for name, _ in account.calls] == ["get_caller_identity"]


def test_every_name_comes_from_the_settings(account: DeployedAccount, operate: Operate) -> None:
    changes = {"stack_prefix": "Shop", "service_name": "orders", "ecs_cluster_name": "shop"}
    Path("shop.env").write_text(
        sample_env(**changes, ecr_repository_name="shop/orders"), encoding="utf-8"
    )
    assert operate("status", "--env-file", "shop.env").code == 0
    name = full_name("shop", "orders")
    assert account.called("describe_stacks") == [{"StackName": "ShopBackendServiceStack"}]
    assert account.called("describe_services") == [{"cluster": "shop", "services": ["orders"]}]
    assert account.called("get_pipeline") == [{"name": name}]
    assert {each["repositoryName"] for each in account.called("describe_images")} == {"shop/orders"}
    (alarms,) = account.called("describe_alarms")
    assert alarms["AlarmNames"] == [alarm_name(name, kind) for kind in AlarmKind]


def test_of_several_services_one_has_to_be_named(
    account: DeployedAccount, operate: Operate
) -> None:
    Path("orders.env").write_text(
        sample_env(
            deploy_core_stack="False",
            stack_prefix="Orders",
            service_name="orders",
            ecr_repository_name="orders",
        ),
        encoding="utf-8",
    )
    both = ("--env-file", ".env,orders.env")
    assert f"SERVICE={SERVICE} or SERVICE=orders" in operate("logs", *both).err
    assert "only of" in operate("logs", *both, "--service", "other").err
    assert operate("logs", *both, "--service", "orders").code == 0
    assert account.called("describe_stacks") == [{"StackName": "OrdersBackendServiceStack"}]
    assert operate("status", *both).out.count("tasks run") == 2


# --- What can be wrong is said in a line.


@pytest.mark.parametrize(
    ("operation", "code", "said"),
    [
        ("get_caller_identity", "ExpiredToken", "sign in"),
        ("describe_stacks", "ValidationError", f"npx cdk deploy {'BackendServiceStack'}"),
        ("describe_stacks", "AccessDenied", "needs the permission"),
        ("describe_services", "ClusterNotFoundException", "has no service"),
        ("get_pipeline", "PipelineNotFoundException", f"no pipeline {NAME}"),
        ("describe_alarms", "InternalFailure", "no describe_alarms"),
    ],
)
def test_an_error_of_aws_is_a_line(
    operation: str, code: str, said: str, account: DeployedAccount, operate: Operate
) -> None:
    account.refused[operation] = code
    result = operate("status")
    assert result.code == 1
    assert said in result.err.splitlines()[-1]
    assert result.err.splitlines()[-1].startswith("error: ")


def test_a_stack_whose_first_deploy_failed_is_not_taken_for_a_service(
    account: DeployedAccount, operate: Operate
) -> None:
    account.stack_status = "ROLLBACK_COMPLETE"
    assert "first deploy" in operate("status").err


def test_wrong_settings_are_reported_as_everywhere(operate: Operate) -> None:
    Path(".env").write_text(sample_env(task_cpu="300"), encoding="utf-8")
    assert 'task_cpu="300"' in operate("status").err


# --- Commands that are shown.


def test_what_is_shown_is_a_command_that_the_aws_cli_takes(
    account: DeployedAccount, operate: Operate
) -> None:
    older = delivered(account, COMMIT, "sha256:old")
    delivered(account, NEXT, "sha256:new")
    shown = [
        line.removeprefix("  $ ")
        for arguments in (
            ("status",),
            ("logs",),
            ("deliver", "--yes", "--commit", COMMIT),
            ("rollback", "--yes", "--to", older),
        )
        for line in operate(*arguments).err.splitlines()
        if line.startswith("  $ ")
    ]
    assert {line.split()[2] for line in shown} >= {
        "describe-services", "start-pipeline-execution", "rollback-stage", "filter-log-events",
    }  # fmt: skip
    distinct = sorted(set(shown))
    named = [line.split()[2].replace("-", "_") for line in distinct]
    assert [calls[0] for calls in called_by_the_cli(distinct)] == named


def called_by_the_cli(lines: Iterable[str]) -> Iterator[list[str]]:
    """Run commands in the AWS CLI as far as the calls that they make; yield those of each."""
    calls: list[str] = []

    def answer(model: Any, **_: Any) -> tuple[Any, dict[str, Any]]:
        calls.append(xform_name(model.name))
        return SimpleNamespace(status_code=200), {}

    driver = create_clidriver()
    driver.session.register("before-call", answer)
    for line in lines:
        calls.clear()
        assert driver.main(shlex.split(line)[1:]) == 0
        yield calls


def test_a_word_with_spaces_stays_one_word_for_the_shell() -> None:
    line = command("ecs", "execute_command", "eu-west-1", command="ls -l; id")
    assert shlex.split(line)[3:5] == ["--command", "ls -l; id"]


# --- Status.


def test_status_says_which_delivery_the_image_in_service_is_from(
    account: DeployedAccount, operate: Operate
) -> None:
    identity = delivered(account, COMMIT, "sha256:new")
    said = operate("status").out
    assert re.search(rf"delivered by .*{COMMIT[:8]} \"A change\".*{identity}", said)
    assert "put into service by the pipeline" in said
    assert re.search(r"running sha256:new .*, live\n", said)


def test_status_tells_the_first_image_from_a_delivered_one(
    account: DeployedAccount, operate: Operate
) -> None:
    said = operate("status").out
    assert "copied from seed_image" in said
    assert "put into service by a cdk deploy" in said
    assert account.called("list_pipeline_executions")


def test_status_says_that_an_image_is_not_live(account: DeployedAccount, operate: Operate) -> None:
    delivered(account, COMMIT, "sha256:new")
    account.tags = {"sha256:new": [f"{COMMIT}-1"], "sha256:first": ["live"]}
    assert "not live" in operate("status").out


def test_status_names_an_alarm_that_is_up_or_gone(
    account: DeployedAccount, operate: Operate
) -> None:
    cpu, memory = (alarm_name(NAME, kind) for kind in (AlarmKind.CPU, AlarmKind.MEMORY))
    account.alarms = {cpu: "ALARM", memory: ""}
    said = operate("status").out
    assert f"{cpu}: ALARM, Threshold crossed" in said
    assert f"{memory}: MISSING" in said
    assert f"{len(AlarmKind) - 2} of {len(AlarmKind)} are OK" in said


# --- Logs and shell.


def test_logs_are_those_of_the_service_or_of_its_build(
    account: DeployedAccount, operate: Operate
) -> None:
    account.events = [
        {"eventId": "1", "timestamp": 1, "logStreamName": "s", "message": "started\n"}
    ]
    assert operate("logs").out == "s  started\n"
    operate("logs", "--of", "build")
    groups = [each["logGroupName"] for each in account.called("filter_log_events")]
    assert groups == [task_log_group_name(CLUSTER, SERVICE), build_log_group_name(NAME)]


def test_a_shell_where_exec_is_off_names_the_setting(
    account: DeployedAccount, operate: Operate
) -> None:
    result = operate("shell")
    assert result.code == 1
    assert 'enable_execute_command="True"' in result.err
    assert account.called("describe_tasks")


def test_a_shell_without_the_plugin_says_what_is_missing(
    account: DeployedAccount, operate: Operate, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.exec_is_on = True
    monkeypatch.setenv("PATH", "")
    assert "session-manager-plugin" in operate("shell").err


def test_a_task_can_be_chosen_by_how_its_id_begins(
    account: DeployedAccount, operate: Operate
) -> None:
    account.exec_is_on = True
    assert "no running task" in operate("shell", "--task", "fff").err
    assert "no running task" not in operate("shell", "--task", "0123").err


# --- Deliver and roll back.


@pytest.mark.parametrize("operation", ["deliver", "rollback"])
def test_nothing_is_changed_when_nobody_can_be_asked(
    operation: str, account: DeployedAccount, operate: Operate
) -> None:
    delivered(account, COMMIT, "sha256:old")
    delivered(account, NEXT, "sha256:new")
    result = operate(operation)
    assert result.code == 1
    assert "YES=1" in result.err
    assert not account.called("start_pipeline_execution") + account.called("rollback_stage")


@pytest.mark.parametrize(("answer", "started"), [("y\n", 1), ("n\n", 0), ("\n", 0), ("", 0)])
def test_on_a_terminal_it_asks(
    answer: str,
    started: int,
    account: DeployedAccount,
    operate: Operate,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Terminal:
        def isatty(self) -> bool:
            return True

        def readline(self) -> str:
            return answer

    monkeypatch.setattr("sys.stdin", Terminal())
    assert operate("deliver").code == 1 - started
    assert len(account.called("start_pipeline_execution")) == started


def test_a_delivery_may_be_of_a_commit_of_choice(
    account: DeployedAccount, operate: Operate
) -> None:
    assert operate("deliver", "--yes", "--commit", COMMIT).code == 0
    (started,) = account.called("start_pipeline_execution")
    assert started["sourceRevisions"] == [
        {"actionName": "Source", "revisionType": "COMMIT_ID", "revisionValue": COMMIT}
    ]


def targets(account: DeployedAccount) -> list[str]:
    return [each["targetPipelineExecutionId"] for each in account.called("rollback_stage")]


def test_a_rollback_goes_through_the_pipeline_to_the_delivery_before(
    account: DeployedAccount, operate: Operate
) -> None:
    account.execution("0" * 40)
    older = account.execution(COMMIT)
    account.execution(NEXT)
    assert operate("rollback", "--yes").code == 0
    assert account.called("rollback_stage") == [
        {"pipelineName": NAME, "stageName": "Deploy", "targetPipelineExecutionId": older}
    ]


def test_a_second_rollback_goes_one_further(account: DeployedAccount, operate: Operate) -> None:
    oldest = account.execution("0" * 40)
    older = account.execution(COMMIT)
    account.execution(NEXT)
    account.execution(COMMIT, returns_to=older)
    assert operate("rollback", "--yes").code == 0
    assert targets(account) == [oldest]


def test_what_was_taken_back_is_not_returned_to(account: DeployedAccount, operate: Operate) -> None:
    good = account.execution("0" * 40)
    account.execution(COMMIT)
    account.execution("0" * 40, returns_to=good)
    account.execution(NEXT)
    assert operate("rollback", "--yes").code == 0
    assert targets(account) == [good]


def test_an_execution_that_was_a_return_is_not_returned_to(
    account: DeployedAccount, operate: Operate
) -> None:
    older = account.execution(COMMIT)
    account.execution(NEXT)
    back = account.execution(COMMIT, returns_to=older)
    account.execution("c" * 40)
    assert f"TO={older}" in operate("rollback", "--yes", "--to", back).err
    assert targets(account) == []


def test_after_a_change_of_the_pipeline_the_way_back_is_another_build(
    account: DeployedAccount, operate: Operate
) -> None:
    account.execution(COMMIT, version=2)
    account.execution(NEXT)
    result = operate("rollback", "--yes")
    assert f"make deliver COMMIT={COMMIT}" in result.err
    assert targets(account) == []


def test_without_an_older_delivery_there_is_nothing_to_return_to(
    account: DeployedAccount, operate: Operate
) -> None:
    assert "no delivery has come through" in operate("rollback", "--yes").err
    account.execution(COMMIT)
    assert "revert the commit" in operate("rollback", "--yes").err
    assert "there are" in operate("rollback", "--yes", "--to", "other").err
    assert targets(account) == []


def test_half_of_a_return_is_refused(account: DeployedAccount, operate: Operate) -> None:
    """A promotion in a stage of its own would not be done: the next deploy would undo the rest."""
    account.stages = ("Source", "Build", "Deploy", "Promote")
    account.execution(COMMIT)
    account.execution(NEXT)
    assert "does not roll out" in operate("rollback", "--yes").err
    assert targets(account) == []
