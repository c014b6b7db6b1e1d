"""A local AWS account in which a test breaks something, and what the doctor says of it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from settings.examples import ACCOUNT, REGION, sample_env
from tools.doctor.__main__ import main
from tools.doctor.github import GitHub
from tools.local_aws import LocalAws
from tools.local_aws.tests.raw_requests import send, signature

TOKEN = "ghp_secretOfTheTest"  # noqa: S105 - opens nothing
BUCKET = f"cdk-hnb659fds-assets-{ACCOUNT}-{REGION}"
VERSION_PARAMETER = "/cdk-bootstrap/hnb659fds/version"
TOKEN_SECRET = "ecs-github-token"  # noqa: S105 - a name


@dataclass(frozen=True)
class Report:
    """What the doctor has printed, and its exit code."""

    text: str
    code: int

    def lines(self, verdict: str) -> list[str]:
        """The results with that verdict, each as `what: found -> to do`."""
        found = re.findall(rf"^  {verdict} {{2,}}(\S.*?) {{2,}}(\S.*)$", self.text, re.MULTILINE)
        return [f"{what}: {result}" for what, result in found]

    @property
    def problems(self) -> list[str]:
        return self.lines("PROBLEM")

    @property
    def only_problem(self) -> str:
        assert self.code == 1
        (problem,) = self.problems
        return problem


@cache
def _client(aws: LocalAws, service: str) -> Any:
    return aws.client(service)


class AccountUnderTest:
    """The account of sample.env, reset; `examine` asks the doctor about it."""

    def __init__(self, aws: LocalAws, folder: Path, capture: pytest.CaptureFixture[str]) -> None:
        self._aws = aws
        self.folder = folder
        self._capture = capture
        reset = ("POST", "/_ministack/reset")
        assert send(aws.access, *reset, signature(aws.access, *reset)).status == 200

    def client(self, service: str) -> Any:
        return _client(self._aws, service)

    def bootstrap(self, version: str = "31") -> None:
        self.client("ssm").put_parameter(
            Name=VERSION_PARAMETER, Value=version, Type="String", Overwrite=True
        )
        self.client("s3").create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
        )

    def store_token(self, text: str = TOKEN) -> None:
        secrets = self.client("secretsmanager")
        secrets.create_secret(Name=TOKEN_SECRET, SecretString=text)

    def examine(
        self,
        *options: str,
        github: GitHub | None = None,
        settings: Mapping[str, str] | None = None,
        **changes: str,
    ) -> Report:
        """Ask the doctor about sample.env with ``settings`` and ``changes``."""
        (self.folder / ".env").write_text(
            sample_env(**(settings or {}), **changes), encoding="utf-8"
        )
        code = main(["--env-file", str(self.folder / ".env"), *options], github_api=github)
        printed = self._capture.readouterr()
        assert not printed.err
        assert TOKEN not in printed.out
        return Report(printed.out, code)
