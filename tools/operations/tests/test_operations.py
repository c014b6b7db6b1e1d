"""Status, logs, shell, deliver and rollback: the calls that they make, and what they print."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from backend_service.names import (
    AlarmKind,
    alarm_name,
    build_log_group_name,
    release_log_group_name,
    task_log_group_name,
)
from settings.examples import ACCOUNT, PROMOTED, sample_env
from tools.operations.__main__ import main
from tools.operations.tests.deployed_account import CLUSTER, IMAGE, NAME, SERVICE, DeployedAccount

OLD, NEW = "a" * 40, "b" * 40


Operate = Callable[..., "Result"]


class Result(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
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
        printed = capsys.readouterr()
        return Result(code, printed.out, printed.err)

    return operate


@pytest.mark.parametrize("operation", ["status", "logs", "shell", "deliver", "rollback"])
def test_credentials_of_another_account_end_every_operation_before_its_first_call(
    operation: str, account: DeployedAccount, operate: Operate
) -> None:
    account.answers["get_caller_identity"]["Account"] = "999988887777"
    result = operate(operation)
    assert result.code == 1
    assert result.err.startswith(f"Account 999988887777, {account.region}, at AWS")
    assert f'account_number="{ACCOUNT}"' in result.err
    assert [name for name, _ in account.calls] == ["get_caller_identity"]


def test_every_name_comes_from_the_settings_of_the_chosen_service(
    account: DeployedAccount, operate: Operate
) -> None:
    changes = {"stack_prefix": "Shop", "service_name": "orders", "ecr_repository_name": "orders"}
    Path("orders.env").write_text(sample_env(**changes, deploy_core_stack="False"), "utf-8")
    both = ("--env-file", ".env,orders.env")
    assert f"SERVICE={SERVICE} or SERVICE=orders" in operate("logs", *both).err
    assert "SERVICE=other" in operate("logs", *both, "--service", "other").err
    assert operate("status", *both, "--service", "orders").code == 0
    name = f"{CLUSTER}-orders"
    assert account.parameters_of("describe_stacks") == [{"StackName": "ShopBackendServiceStack"}]
    assert account.parameters_of("get_pipeline") == [{"name": name}]
    (alarms,) = account.parameters_of("describe_alarms")
    assert alarms["AlarmNames"] == [alarm_name(name, kind) for kind in AlarmKind]
    assert operate("status", *both).out.count("tasks run") == 2


@pytest.mark.parametrize(
    ("operation", "code", "message"),
    [
        ("get_caller_identity", "ExpiredToken", "sign in"),
        ("describe_stacks", "ValidationError", "npx cdk deploy BackendServiceStack"),
        ("describe_services", "AccessDeniedException", "needs the permission"),
        ("describe_alarms", "InternalFailure", "no describe_alarms"),
    ],
)
def test_an_error_of_aws_is_one_line(
    operation: str, code: str, message: str, account: DeployedAccount, operate: Operate
) -> None:
    account.answers[operation] = code
    result = operate("status")
    assert result.code == 1
    assert re.match(rf"error: .*{message}", result.err.splitlines()[-1])


def test_a_missing_service_is_reported_with_the_state_of_its_stack(
    account: DeployedAccount, operate: Operate
) -> None:
    account.answers["describe_stacks"]["Stacks"] = [{"StackStatus": "ROLLBACK_COMPLETE"}]
    account.answers["describe_services"]["services"] = []
    assert "the stack BackendServiceStack is ROLLBACK_COMPLETE" in operate("status").err


def test_status_names_the_delivery_that_has_released_the_image(
    account: DeployedAccount, operate: Operate
) -> None:
    """A build chooses its tag, and the variables that it exports; Release reports the image."""
    (image,) = account.answers["describe_images"]["imageDetails"]
    image["imageTags"] = [f"{NEW}-99", "live"]
    identity, other = account.add_execution(OLD), account.add_execution(NEW)
    account.add_release(identity, f"{IMAGE}@sha256:new")
    account.add_release(other, f"{IMAGE}@sha256:new", stage="Build")
    account.add_release(other, f"{IMAGE}@sha256:other")
    printed = operate("status").out
    assert re.search(rf'released by .*{OLD[:8]} "A change".*{identity}', printed)
    assert re.search(r"running sha256:new .*, live\n", printed)


def test_status_has_the_whole_reason_of_a_failed_rollout(
    account: DeployedAccount, operate: Operate
) -> None:
    latest = {"pipelineExecutionId": account.add_execution(OLD), "status": "Stopped"}
    action = {"actionName": "Deploy", "latestExecution": {"status": "Abandoned"}}
    account.answers["get_pipeline_state"]["stageStates"][0] |= {
        "latestExecution": latest,
        "actionStates": [action],
    }
    line = "Delivery execution-1 failed: ECS gave up | container web: exit code 3\n"
    account.answers["filter_log_events"]["events"][0]["message"] = line
    printed = operate("status").out
    assert "Deploy: Stopped" in printed
    assert re.search(r"failure +Delivery execution-1 failed: ECS gave up\n", printed)
    assert "container web: exit code 3\n" in printed
    (search,) = account.parameters_of("filter_log_events")
    assert search["logGroupName"] == release_log_group_name(NAME)


def test_status_of_the_first_image(account: DeployedAccount, operate: Operate) -> None:
    printed = operate("status").out
    assert "the pipeline knows no release of it" in printed
    assert "not live" not in printed
    (task,) = account.answers["describe_tasks"]["tasks"]
    task["containers"][0]["imageDigest"] = "sha256:another"
    assert "not live" in operate("status").out


def test_status_names_the_alarms_that_are_not_ok(
    account: DeployedAccount, operate: Operate
) -> None:
    on, *fine, missing = (alarm_name(NAME, kind) for kind in AlarmKind)
    alarms = [{"AlarmName": name, "StateValue": "OK"} for name in fine]
    alarms.append({"AlarmName": on, "StateValue": "ALARM", "StateReason": "Threshold crossed"})
    account.answers["describe_alarms"] = {"MetricAlarms": alarms}
    printed = operate("status").out
    assert f"{on}: ALARM, Threshold crossed\n" in printed
    assert f"{missing}: MISSING\n" in printed
    assert f"{len(fine)} of {len(AlarmKind)} are OK" in printed


def test_logs_are_those_of_the_service_or_of_its_build(
    account: DeployedAccount, operate: Operate
) -> None:
    assert operate("logs").out == "s  line\n"
    operate("logs", "--of", "build")
    groups = [each["logGroupName"] for each in account.parameters_of("filter_log_events")]
    assert groups == [task_log_group_name(CLUSTER, SERVICE), build_log_group_name(NAME)]


def test_a_shell_needs_a_running_task_with_exec(account: DeployedAccount, operate: Operate) -> None:
    assert 'enable_execute_command="True"' in operate("shell", "--task", "0123").err
    assert "there are: 0123456789abcdef" in operate("shell", "--task", "fff").err
    account.answers["list_tasks"] = {"taskArns": []}
    assert "there are: none" in operate("shell").err


@pytest.mark.parametrize(("answer", "started"), [("y\n", 1), ("n\n", 0), ("", 0), (None, 0)])
def test_a_change_needs_an_agreement_on_a_terminal_or_yes(
    answer: str | None,
    started: int,
    account: DeployedAccount,
    operate: Operate,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    account.add_execution(OLD)
    account.add_execution(NEW)
    monkeypatch.setattr("sys.stdin.isatty", lambda: answer is not None)
    monkeypatch.setattr("sys.stdin.readline", lambda: answer)
    results = [operate("deliver"), operate("rollback")]
    assert [result.code for result in results] == [1 - started] * 2
    assert all(("YES=1" in result.err) is (answer is None) for result in results)
    assert len(account.parameters_of("start_pipeline_execution")) == started
    assert len(account.parameters_of("rollback_stage")) == started


def test_a_delivery_can_be_of_an_older_commit(account: DeployedAccount, operate: Operate) -> None:
    assert operate("deliver", "--yes", "--commit", OLD).code == 0
    (started,) = account.parameters_of("start_pipeline_execution")
    assert started["sourceRevisions"] == [
        {"actionName": "Source", "revisionType": "COMMIT_ID", "revisionValue": OLD}
    ]


def test_a_delivery_can_be_of_an_image(account: DeployedAccount, operate: Operate) -> None:
    Path(".env").write_text(sample_env(**PROMOTED), encoding="utf-8")
    digest = f"sha256:{'0' * 64}"
    assert operate("deliver", "--yes", "--image", digest, "--commit", OLD).code == 0
    (sent,) = account.parameters_of("put_object")
    assert (sent["Bucket"], sent["Key"]) == ("artifacts", "source/image.json")
    assert json.loads(sent["Body"]) == {"digest": digest, "commit": OLD, "origin": "make-deliver"}
    (started,) = account.parameters_of("start_pipeline_execution")
    revision = {"revisionType": "S3_OBJECT_VERSION_ID", "revisionValue": "version"}
    assert started["sourceRevisions"] == [{"actionName": "Source", **revision}]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--commit", OLD), "IMAGE="),
        (("--image", "sha256:0a1b"), "64 digits"),
        (("--image", f"SHA256:{'0' * 64}"), "64 digits"),
    ],
)
def test_a_pipeline_that_begins_with_an_image_takes_no_other_source(
    account: DeployedAccount, operate: Operate, given: tuple[str, str], said: str
) -> None:
    Path(".env").write_text(sample_env(**PROMOTED), encoding="utf-8")
    assert said in operate("deliver", "--yes", *given).err
    assert not account.parameters_of("put_object")
    assert not account.parameters_of("start_pipeline_execution")


def test_a_pipeline_that_begins_with_a_commit_takes_no_image(
    account: DeployedAccount, operate: Operate
) -> None:
    assert "image_source_repository_arn" in operate("deliver", "--yes", "--image", OLD).err
    assert not account.parameters_of("start_pipeline_execution")


def targets(account: DeployedAccount) -> list[str]:
    calls = account.parameters_of("rollback_stage")
    assert all((c["pipelineName"], c["stageName"]) == (NAME, "Deploy") for c in calls)
    return [each["targetPipelineExecutionId"] for each in calls]


@pytest.mark.parametrize(
    ("returns_to", "target"),
    [
        (["", "", ""], 2),
        (["", "", "", "execution-2"], 1),  # A second rollback goes one delivery further,
        (["", "", "execution-1", ""], 1),  # and another skips what an earlier one took back.
    ],
)
def test_a_rollback_returns_to_the_delivery_before_the_one_in_service(
    returns_to: list[str], target: int, account: DeployedAccount, operate: Operate
) -> None:
    for each in returns_to:
        account.add_execution(OLD, returns_to=each)
    assert operate("rollback", "--yes").code == 0
    assert targets(account) == [f"execution-{target}"]


def test_a_rollback_stops_the_delivery_in_the_stage_and_returns_to_the_one_before_it(
    account: DeployedAccount, operate: Operate
) -> None:
    account.add_execution(OLD)
    newest = account.add_execution(NEW)
    (stage,) = account.answers["get_pipeline_state"]["stageStates"]
    stage["latestExecution"] = {"pipelineExecutionId": "running", "status": "InProgress"}

    def stop(**_: object) -> None:
        stage["latestExecution"]["status"] = "Stopped"

    account.answers["stop_pipeline_execution"] = stop
    assert operate("rollback", "--yes").code == 0
    (stopped,) = account.parameters_of("stop_pipeline_execution")
    assert (stopped["pipelineExecutionId"], stopped["abandon"]) == ("running", True)
    assert targets(account) == [newest]


def test_a_rollback_to_a_named_execution(account: DeployedAccount, operate: Operate) -> None:
    older, _ = account.add_execution(OLD), account.add_execution(NEW)
    back = account.add_execution(OLD, returns_to=older)
    assert f"cannot roll back to TO={back}" in operate("rollback", "--yes", "--to", back).err
    assert operate("rollback", "--yes", "--to", older).code == 0
    assert targets(account) == [older]


def test_a_refused_rollback_names_the_other_ways(
    account: DeployedAccount, operate: Operate
) -> None:
    account.add_execution(OLD)
    assert "revert the commit" in operate("rollback", "--yes").err
    account.add_execution(NEW)
    account.answers["rollback_stage"] = "UnableToRollbackStageException"
    assert f"make deliver COMMIT={OLD}" in operate("rollback", "--yes").err
