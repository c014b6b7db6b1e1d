"""What the doctor says when AWS refuses, which is made up here, and how it prints."""

from pathlib import Path

import pytest
from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, SSOTokenLoadError

from settings.examples import example_deployment, sample_env
from tools.doctor.__main__ import ESSENTIAL, Report, examine, main
from tools.doctor.aws import Aws
from tools.doctor.check import Context, Verdict, result_of_error


def refusal(code: str, message: str = "") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, "DescribeVpcs")


@pytest.mark.parametrize(
    ("error", "verdict", "line"),
    [
        (
            refusal("UnauthorizedOperation", "you are not authorized to perform: ec2:DescribeVpcs"),
            Verdict.NOT_CHECKED,
            "needs the permission ec2:DescribeVpcs",
        ),
        (refusal("AccessDenied"), Verdict.NOT_CHECKED, "needs the permission DescribeVpcs"),
        (refusal("Throttling"), Verdict.NOT_CHECKED, "DescribeVpcs failed with Throttling"),
        (
            refusal("ExpiredToken"),
            Verdict.PROBLEM,
            "does not accept the credentials (ExpiredToken)",
        ),
        (SSOTokenLoadError(error_msg="gone"), Verdict.PROBLEM, "aws sso login"),
        (
            ConnectTimeoutError(endpoint_url="https://ec2.eu-west-1.amazonaws.com"),
            Verdict.PROBLEM,
            "AWS (eu-west-1) does not answer",
        ),
        (BotoCoreError(), Verdict.NOT_CHECKED, "An unspecified error occurred"),
    ],
)
def test_a_refusal_is_a_result(
    error: BotoCoreError | ClientError,
    verdict: Verdict,
    line: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    result = result_of_error(error, Aws("eu-west-1"))
    assert result.verdict is verdict
    assert line in result.line


class _Refusing(Aws):
    """An account in which the user may do nothing but say who they are."""

    def client(self, service: str) -> object:
        raise refusal("AccessDenied", f"is not authorized to perform: {service}:Anything")

    def home_client(self, service: str) -> object:
        if service != "sts":
            return self.client(service)
        return _Identity()


class _Identity:
    def get_caller_identity(self) -> dict[str, str]:
        return {"Account": "123456789012", "Arn": "arn:aws:iam::123456789012:user/nobody"}


def test_without_permissions_nothing_is_a_problem_and_only_what_nobody_is_asked_is_ok(
    capsys: pytest.CaptureFixture[str],
) -> None:
    (settings,) = example_deployment({})
    report = Report()
    examine(Context(settings, _Refusing("eu-west-1")), report)
    report.sum_up()
    printed = capsys.readouterr().out
    assert report.problems == 0
    assert "no problems, 5 ok, 28 not checked" in printed
    assert "needs the permission ssm:Anything" in printed
    assert len(ESSENTIAL) == 2


def test_the_name_of_the_file_cannot_steer_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "\x1b[2Ja\n.env"
    path.write_text(sample_env(), encoding="utf-8")
    monkeypatch.setattr("tools.doctor.__main__.examine", lambda *_: None)
    assert main(["--env-file", str(path)]) == 0
    heading = capsys.readouterr().out.splitlines()[0]
    assert r"\x1b[2Ja\n.env: account 123456789012" in heading


def test_colour_is_for_terminals(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    Report().heading("x")
    assert capsys.readouterr().out == "\x1b[1mx\x1b[0m\n"
    for variable in ("NO_COLOR", "CI"):
        with monkeypatch.context() as context:
            context.setenv(variable, "1")
            Report().heading("x")
        assert capsys.readouterr().out == "x\n"
