"""Accounts for the doctor: a local AWS in which a test breaks something, and made-up replies."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from botocore.exceptions import ClientError

from cdk_rehearsal import LocalAws
from settings.examples import REGION, example_deployment
from support.raw_requests import send, signature
from tools.doctor.__main__ import ESSENTIAL, questions
from tools.doctor.aws import Aws
from tools.doctor.check import Result, Verdict

TOKEN = "ghp_secretOfTheTest"  # noqa: S105 - opens nothing
TOKEN_SECRET = "ecs-github-token"  # noqa: S105 - a name
VERSION_PARAMETER = "/cdk-bootstrap/hnb659fds/version"


@cache
def _client(aws: LocalAws, service: str) -> Any:
    return aws.client(service)


class AccountUnderTest:
    """An account with a bootstrap and a token; `ask` asks one of the doctor's questions."""

    def __init__(self, aws: LocalAws) -> None:
        self._aws = aws
        reset = ("POST", "/_ministack/reset")
        assert send(aws.access, *reset, signature(aws.access, *reset)).status_code == 200
        self.client("ssm").put_parameter(Name=VERSION_PARAMETER, Value="31", Type="String")
        self.client("secretsmanager").create_secret(Name=TOKEN_SECRET, SecretString=TOKEN)

    def client(self, service: str) -> Any:
        return _client(self._aws, service)

    def ask(self, about: str, *others: Mapping[str, str], **changes: str) -> Result:
        """Return the result of the question about something, for sample.env with changes.

        ``others`` are the changes of other files of the app.
        """
        deployment = example_deployment(*others, changes)
        settings = deployment[-1]
        aws = Aws(settings.aws_region)
        asked = (*ESSENTIAL, *questions(deployment, settings, None, None))
        (result,) = (each.result(settings, aws) for each in asked if each.about == about)
        return result

    def problem(self, about: str, **changes: str) -> str:
        """Return the one problem that the doctor finds with something."""
        result = self.ask(about, **changes)
        assert result.verdict is Verdict.PROBLEM, result
        assert TOKEN not in result.line
        return result.line


class Replying(Aws):
    """An account that gives these replies, by operation; it refuses everything else."""

    def __init__(self, code: str = "AccessDenied", **replies: Any) -> None:
        super().__init__(REGION)
        self._code, self._replies = code, replies

    def client(self, service: str) -> Any:
        assert service
        return self

    home_client = client

    def __getattr__(self, operation: str) -> Any:
        def call(*_: Any, **__: Any) -> Any:
            if operation in self._replies:
                return self._replies[operation]
            raise refusal(self._code, operation)

        return call


def refusal(code: str, operation: str, message: str = "") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)
