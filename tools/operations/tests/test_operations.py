"""The calls of deliver and rollback, and the messages of all operations.

The playground's test runs status, and the rehearsed failures stop a delivery.
"""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from settings.examples import ACCOUNT, PROMOTED, example_deployment, sample_env
from tools.operations.__main__ import main
from tools.operations.deliveries import Pipeline
from tools.operations.service import DeployedService
from tools.operations.tests.deployed_account import DeployedAccount

NAME = "ecs-blueprint-infra-ecsdemo-backend"
OLD, NEW = "a" * 40, "b" * 40

Operate = Callable[..., str]


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> DeployedAccount:
    account = DeployedAccount()
    monkeypatch.setattr("tools.operations.account.Aws", lambda _region: account)
    return account


@pytest.fixture
def operate(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Operate:
    """Return a function that runs an operation and returns its error, or else what it prints."""
    monkeypatch.chdir(tmp_path)
    Path(".env").write_text(sample_env(), encoding="utf-8")

    def operate(*arguments: str) -> str:
        failed = main(arguments)
        printed = capsys.readouterr()
        return printed.err.splitlines()[-1] if failed else printed.out

    return operate


@pytest.mark.parametrize("operation", ["status", "logs", "shell", "deliver", "rollback"])
def test_credentials_of_another_account_end_every_operation_before_its_first_call(
    operation: str, account: DeployedAccount, operate: Operate
) -> None:
    account.answers["get_caller_identity"]["Account"] = "999988887777"
    assert f'of account 999988887777, but account_number="{ACCOUNT}"' in operate(operation)
    assert [name for name, _ in account.calls] == ["get_caller_identity"]


def test_every_name_comes_from_the_settings_of_the_chosen_service(
    account: DeployedAccount, operate: Operate
) -> None:
    changes = {"stack_prefix": "Shop", "service_name": "orders", "ecr_repository_name": "orders"}
    Path("orders.env").write_text(sample_env(**changes, deploy_core_stack="False"), "utf-8")
    both = ("--env-file", ".env,orders.env")
    assert "SERVICE=ecsdemo-backend or SERVICE=orders" in operate("logs", *both)
    assert "SERVICE=other" in operate("logs", *both, "--service", "other")
    assert "Started: new" in operate("deliver", *both, "--service", "orders", "--yes")
    assert account.parameters_of("describe_stacks") == [{"StackName": "ShopBackendServiceStack"}]
    assert account.parameters_of("get_pipeline") == [{"name": "ecs-blueprint-infra-orders"}]


@pytest.mark.parametrize(
    ("operation", "code", "message"),
    [
        ("get_caller_identity", "ExpiredToken", "sign in"),
        ("describe_stacks", "ValidationError", "npx cdk deploy BackendServiceStack"),
        ("get_pipeline", "AccessDenied", "needs the permission get_pipeline: no get_pipeline"),
    ],
)
def test_an_error_of_aws_is_one_line(
    operation: str, code: str, message: str, account: DeployedAccount, operate: Operate
) -> None:
    account.answers[operation] = code
    said = operate("deliver", "--yes")
    assert said.startswith("error: ")
    assert message in said


def test_a_missing_service_is_reported_with_the_state_of_its_stack(operate: Operate) -> None:
    assert "the stack BackendServiceStack is UPDATE_COMPLETE" in operate("status")


def test_only_the_last_stage_can_say_what_it_has_released(account: DeployedAccount) -> None:
    """A build may export any variable."""
    account.answers["list_action_executions"]["actionExecutionDetails"] = [
        {
            "pipelineExecutionId": execution,
            "stageName": stage,
            "output": {"outputVariables": {"image": "shop@sha256:1"}},
        }
        for execution, stage in [("1", "Build"), ("2", "Deploy")]
    ]
    (settings,) = example_deployment({})
    pipeline = Pipeline(DeployedService(settings, account))
    assert [pipeline.release_of(f"sha256:{n}") for n in "12"] == ["2", ""]


def test_logs_are_those_of_the_service_or_of_its_build(
    account: DeployedAccount, operate: Operate
) -> None:
    assert operate("logs", "--since", "5") == "task  line\n"
    operate("logs", "--of", "build")
    groups = [each["logGroupName"] for each in account.parameters_of("filter_log_events")]
    assert groups == ["/ecs/ecs-blueprint-infra/ecsdemo-backend", f"/aws/codebuild/{NAME}"]
    assert "OF=x: expected OF=service or OF=build" in operate("logs", "--of", "x")
    assert "SINCE=1h: expected a number of minutes" in operate("logs", "--since", "1h")


def test_a_shell_needs_a_running_task_with_exec(operate: Operate) -> None:
    assert 'enable_execute_command="True"' in operate("shell", "--task", "0123")
    assert "there are: 0123456789abcdef" in operate("shell", "--task", "fff")


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
    said = [operate("deliver"), operate("rollback")]
    assert all(("YES=1" in each) is (answer is None) for each in said)
    assert len(account.parameters_of("start_pipeline_execution")) == started
    assert len(account.parameters_of("rollback_stage")) == started


def test_a_delivery_can_be_of_an_older_commit(account: DeployedAccount, operate: Operate) -> None:
    assert "Started: new" in operate("deliver", "--yes", "--commit", OLD)
    (started,) = account.parameters_of("start_pipeline_execution")
    assert started["sourceRevisions"] == [
        {"actionName": "Source", "revisionType": "COMMIT_ID", "revisionValue": OLD}
    ]


def test_a_delivery_can_be_of_an_image(account: DeployedAccount, operate: Operate) -> None:
    digest = f"sha256:{'0' * 64}"
    assert "needs image_source_repository_arn" in operate("deliver", "--image", digest)
    Path(".env").write_text(sample_env(**PROMOTED), encoding="utf-8")
    assert "COMMIT= needs IMAGE= too" in operate("deliver", "--commit", OLD)
    assert "64 digits" in operate("deliver", "--image", "sha256:0a1b")
    assert "Started: new" in operate("deliver", "--yes", "--image", digest, "--commit", OLD)
    (sent,) = account.parameters_of("put_object")
    assert (sent["Bucket"], sent["Key"]) == ("artifacts", "source/image.json")
    assert json.loads(sent["Body"]) == {"digest": digest, "commit": OLD, "origin": "make-deliver"}
    (started,) = account.parameters_of("start_pipeline_execution")
    revision = {"revisionType": "S3_OBJECT_VERSION_ID", "revisionValue": "version"}
    assert started["sourceRevisions"] == [{"actionName": "Source", **revision}]


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
    assert "Started: new" in operate("rollback", "--yes")
    assert targets(account) == [f"execution-{target}"]


def test_a_rollback_to_a_named_execution(account: DeployedAccount, operate: Operate) -> None:
    older, _ = account.add_execution(OLD), account.add_execution(NEW)
    back = account.add_execution(OLD, returns_to=older)
    assert f"TO={back}" in operate("rollback", "--yes", "--to", back)
    assert "Started: new" in operate("rollback", "--yes", "--to", older)
    assert targets(account) == [older]


def test_a_refused_rollback_names_the_other_ways(
    account: DeployedAccount, operate: Operate
) -> None:
    account.add_execution(OLD)
    assert "revert the commit" in operate("rollback", "--yes")
    account.add_execution(NEW)
    account.answers["rollback_stage"] = "UnableToRollbackStageException"
    assert f"make deliver COMMIT={OLD}" in operate("rollback", "--yes")
    # The version of an object in S3, which names an image.
    account.add_execution("3sL4kqtJlcpXroDTDmJ.rmSpXd3dIbrH")
    account.add_execution(NEW)
    assert "make deliver IMAGE=<digest>" in operate("rollback", "--yes")
