"""A deployed Lambda function for Python, whose code runs on this machine."""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from cdk_rehearsal.scratch import ScratchDirectory
from cdk_rehearsal.server.local_aws import LocalAws
from cdk_rehearsal.services.awslambda import python_process

LAMBDA = "lambda.amazonaws.com"


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """The end of one run: ``job`` is the result that it reported to CodePipeline, by operation."""

    failed: bool
    log: str
    job: Mapping[str, Any]


class DeployedFunction:
    """A function that a stack has deployed to ``aws``; it runs with its own role."""

    def __init__(self, aws: LocalAws, name: str) -> None:
        self._aws = aws
        self.name = name
        self._deployed = aws.client("lambda").get_function(FunctionName=name)

    def attempts(self, event: Mapping[str, Any]) -> Iterator[Attempt]:
        """Yield the attempts of Lambda to run the function, until one does not fail."""
        function = self._deployed["Configuration"]
        access = self._aws.access.role(
            function["Role"], service=LAMBDA, session=function["FunctionName"]
        )
        group = function.get("LoggingConfig", {}).get("LogGroup")
        group = group or f"/aws/lambda/{function['FunctionName']}"
        with ScratchDirectory("function") as scratch:
            code = scratch.path / "code"
            packed = self._aws.access.administer(urlsplit(self._deployed["Code"]["Location"]).path)
            python_process.unpack(packed, code)
            for _ in range(python_process.ATTEMPTS):
                status, log, job = python_process.run(function, access, event, code=code)
                # Lambda would go on without a log: here the missing permission is an error.
                access.write_log(group, f"[$LATEST]{uuid.uuid4().hex}", log)
                yield Attempt(failed=status != 0, log=log, job=job)
                if status == 0:
                    break
