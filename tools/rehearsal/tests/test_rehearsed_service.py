"""Which service is rehearsed, the copies of its settings files, and what is not shown."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from cdk_rehearsal import ConsoleReport, RehearsalError
from cdk_rehearsal.pipelines import Source
from settings.examples import ACCOUNT, PROMOTED, example_deployment, quoted, sample_env
from tools.doctor.tests.account_under_test import refusal
from tools.init.proposal import FIRST_IMAGE, LATER
from tools.rehearsal.context import RehearsalContext
from tools.rehearsal.rehearse import find_engine
from tools.rehearsal.rehearsed_service import SettingsFiles, choose_service, sample_service
from tools.rehearsal.sample_image import SWITCH
from tools.rehearsal.scenarios.first_deploy import advise_on_ways_out, warn_of_first_image
from tools.repository import ROOT
from tools.service_choice import NoSourceError, source_of


class Workspace(dict[str, dict[str, str]]):
    """Remembers what is written."""

    def write_env(self, name: str, **changes: str) -> None:
        self[name] = changes


def test_without_settings_it_is_the_sample_and_this_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    service = choose_service(None, None, None, working_tree=False)
    assert service.is_sample
    assert service.repository == ROOT
    assert "the sample service" in capsys.readouterr().err


def test_a_commit_that_does_not_fit_the_settings_is_refused() -> None:
    (settings,) = example_deployment({"buildspec_path": "ci.yml"})
    service = replace(sample_service(working_tree=False), settings=settings)
    with pytest.raises(RehearsalError, match=r"buildspec_path: there is no ci\.yml in it"):
        service.require_paths(Source(files={}, links={}, origin="commit 1"))


def test_a_delivery_that_begins_with_an_image_has_no_source() -> None:
    (settings,) = example_deployment(PROMOTED)
    with pytest.raises(NoSourceError, match="no source to build"):
        source_of(settings, ".")


def test_a_worker_has_no_endpoint_that_could_be_called() -> None:
    class Worker(RehearsalContext):
        def outputs(self, _stack: str = "") -> dict[str, str]:
            return {"ServiceName": "worker"}

    nothing: Any = None
    assert not Worker(aws=nothing, workspace=nothing, report=nothing).endpoint


def test_the_check_that_init_keeps_for_later_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    check = "curl localhost:$PORT/it's || exit 1"
    line = f"{LATER}health_check_command={quoted(check)}\n"
    (tmp_path / ".env").write_text(f"{line}{sample_env(service_name='mine')}", encoding="utf-8")
    service = choose_service(None, None, str(ROOT), working_tree=False)
    assert SettingsFiles(cast("Any", Workspace()), service).later_check == check


@pytest.mark.parametrize(("check", "advice"), [("", []), ("/app check", ["until the first"])])
def test_before_the_deploy_the_user_hears_that_the_first_image_cannot_pass_the_check(
    check: str, advice: list[str], tmp_path: Path
) -> None:
    changes = {"seed_image": FIRST_IMAGE, "container_port": "80", "health_check_command": check}
    (tmp_path / ".env").write_text(sample_env(**changes), encoding="utf-8")
    service = choose_service(str(tmp_path / ".env"), None, str(ROOT), working_tree=False)
    given: list[str] = []
    warn_of_first_image(service, cast("Any", SimpleNamespace(say=given.append)))
    assert [each in text for each, text in zip(advice, given, strict=True)] == [True] * len(advice)


def test_settings_of_the_user_are_taken_and_changed_in_a_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    text = sample_env(
        service_name="mine", container_environment="A=1", container_environment_file="more.env"
    )
    (tmp_path / ".env").write_text(text, encoding="utf-8")
    (tmp_path / "more.env").write_text("B='a,b'\n", encoding="utf-8")
    service = choose_service(None, None, str(ROOT), working_tree=False)
    assert not service.is_sample
    workspace = Workspace()
    files = SettingsFiles(cast("Any", workspace), service)
    with files.changed(container_environment="A=2"):
        assert workspace[files.main]["container_environment"] == "A=2"
        assert workspace[files.main]["service_name"] == "mine"
        assert workspace[files.main]["container_environment_file"] == f"{tmp_path}/more.env"
    assert workspace[files.main]["container_environment"] == "A=1"
    assert (tmp_path / ".env").read_text(encoding="utf-8") == text


def test_without_an_engine_the_end_of_the_report_says_what_is_not_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(SWITCH, "stand-in")
    report = ConsoleReport()
    assert find_engine(report, sample_service(working_tree=False)) is None
    report.end("This is the end.")
    last = capsys.readouterr().out.partition("This is the end.")[2]
    assert "Not shown: tasks as containers: REHEARSAL_DOCKER=stand-in" in last
    assert "Not shown: that your Dockerfile builds" in last


def test_the_report_names_aws_services_that_tasks_without_nat_cannot_reach(
    capsys: pytest.CaptureFixture[str],
) -> None:
    class Iam:
        """Has the policy of AWS only, which allows calls of SQS."""

        def get_policy(self, PolicyArn: str) -> dict[str, Any]:  # noqa: N803 - boto3's name
            if "iam::aws:" not in PolicyArn:
                raise refusal("NoSuchEntity", "GetPolicy")
            return {"Policy": {"DefaultVersionId": "v1"}}

        def get_policy_version(self, **_: str) -> dict[str, Any]:
            allow = {"Effect": "Allow", "Action": "sqs:ReceiveMessage", "Resource": "*"}
            return {"PolicyVersion": {"Document": {"Statement": [allow]}}}

    policies = (
        f"arn:aws:iam::aws:policy/AmazonSQSReadOnlyAccess,arn:aws:iam::{ACCOUNT}:policy/orders"
    )
    deployment = example_deployment({"enable_nat_gw": "False", "task_role_policy_arns": policies})
    sample, report = sample_service(working_tree=False), ConsoleReport()
    service = replace(sample, deployment=deployment, settings=deployment[0])
    account: Any = SimpleNamespace(client=lambda _service: Iam())
    advise_on_ways_out(service, account, report)
    report.end("This is the end.")
    said = capsys.readouterr().out
    assert "To mend: tasks have no way to sqs -> if they call it: add sqs to vpc_endpoint" in said
    assert "Not shown: whether tasks reach the AWS services that orders allows" in said
