"""The command: which settings it takes, what it prints, and what it says when AWS refuses."""

from pathlib import Path

import pytest
from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, SSOTokenLoadError

from settings.examples import ACCOUNT, REGION, example_deployment, sample_env
from tools.doctor.__main__ import Report, examine, main, questions
from tools.doctor.account import build_quota, credentials
from tools.doctor.aws import Aws
from tools.doctor.check import Verdict, result_of_error
from tools.doctor.stored_secrets import build_secret, container_secret
from tools.doctor.tests.account_under_test import Replying, refusal
from tools.service_choice import load_chosen

SAMPLE = example_deployment({})[0]
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/own"
SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:shop/db-AbCdEf"


def test_env_is_taken_and_without_credentials_nothing_else_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AWS_PROFILE", "elsewhere")
    Path(".env").write_text(sample_env(), encoding="utf-8")
    assert main([]) == 1
    heading, problem, rest, *_ = capsys.readouterr().out.splitlines()
    assert heading.startswith(".env: ")
    assert "profile (elsewhere) could not be found) -> sign in" in problem
    assert "the doctor asks no further" in rest


# --- Replies that a local AWS does not give -------------------------------------------------------


def test_without_permissions_nothing_is_a_problem(capsys: pytest.CaptureFixture[str]) -> None:
    identity = {"Account": ACCOUNT, "Arn": f"arn:aws:iam::{ACCOUNT}:user/nobody"}
    report = Report()
    asked = questions([SAMPLE], SAMPLE, None, None)
    examine(SAMPLE, Replying(get_caller_identity=identity), report, asked)
    assert report.sum_up() == 0
    printed = capsys.readouterr().out
    assert "not checked  CDK bootstrap                    needs the permission get_param" in printed
    assert "no problems, 2 ok, " in printed


@pytest.mark.parametrize(
    ("error", "verdict", "line"),
    [
        (
            refusal("UnauthorizedOperation", "DescribeVpcs", "to perform: ec2:DescribeVpcs on"),
            Verdict.NOT_CHECKED,
            "needs the permission ec2:DescribeVpcs",
        ),
        (refusal("Throttling", "A"), Verdict.NOT_CHECKED, "A failed with Throttling"),
        (refusal("ExpiredToken", "A"), Verdict.PROBLEM, "not accept the credentials (ExpiredTok"),
        (SSOTokenLoadError(error_msg="gone"), Verdict.PROBLEM, "aws sso login"),
        (ConnectTimeoutError(endpoint_url="https://a"), Verdict.PROBLEM, f"AWS ({REGION}) does no"),
        (BotoCoreError(), Verdict.NOT_CHECKED, "An unspecified error occurred"),
    ],
)
def test_an_error_is_a_result(
    error: BotoCoreError | ClientError,
    verdict: Verdict,
    line: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    result = result_of_error(error, Aws(REGION))
    assert result.verdict is verdict
    assert line in result.line


@pytest.mark.parametrize(
    ("builds", "verdict"), [(0.0, Verdict.PROBLEM), (1.0, Verdict.NOTE), (20.0, Verdict.OK)]
)
def test_a_new_account_may_run_no_build_or_one_at_a_time(builds: float, verdict: Verdict) -> None:
    aws = Replying(get_service_quota={"Quota": {"Value": builds}})
    assert build_quota(SAMPLE, aws).verdict is verdict


def test_without_env_the_account_of_the_sample_is_not_to_be_corrected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (sample,) = load_chosen(None)
    aws = Replying(get_caller_identity={"Account": "999999999999", "Arn": ""})
    result = credentials(sample, aws)
    assert result.to_do == "there is no .env: write it first (make init)"


@pytest.mark.parametrize(
    ("manager", "of_container", "of_build"),
    [("AWS", Verdict.OK, Verdict.OK), ("CUSTOMER", Verdict.PROBLEM, Verdict.NOTE)],
)
def test_the_key_of_a_secret(manager: str, of_container: Verdict, of_build: Verdict) -> None:
    aws = Replying(
        describe_secret={"KmsKeyId": "alias/shop"},
        describe_key={"KeyMetadata": {"Arn": KEY, "KeyManager": manager}},
    )
    found = (container_secret(SECRET, SAMPLE, aws), build_secret(SECRET, SAMPLE, aws))
    assert tuple(result.verdict for result in found) == (of_container, of_build)
