"""The secrets and parameters that containers get."""

from dataclasses import dataclass

from botocore.exceptions import ClientError

from doctor.answer import Answer, ok, problem
from doctor.check import Case
from doctor.refusal import code_of


@dataclass(frozen=True)
class ContainerSecret:
    """Whether what an environment variable is filled from exists; its value is not read."""

    variable: str
    arn: str

    @property
    def what(self) -> str:
        """See `Check`."""
        return f"secret of {self.variable}"

    def examine(self, case: Case) -> Answer:
        """Look for the secret or the parameter."""
        if self.arn.split(":")[2] == "ssm":
            name = self.arn.partition(":parameter")[2]
            filters = [{"Key": "Name", "Values": [name, name.removeprefix("/")]}]
            answer = case.aws.client("ssm").describe_parameters(ParameterFilters=filters)
            there = bool(answer["Parameters"])
        else:
            there = self._is_secret(case)
        if there:
            return ok("is there")
        return problem(f"there is no {self.arn}", "create it, or correct container_secrets")

    def _is_secret(self, case: Case) -> bool:
        arn = ":".join(self.arn.split(":")[:7])
        try:
            secret = case.aws.client("secretsmanager").describe_secret(SecretId=arn)
        except ClientError as error:
            if code_of(error) != "ResourceNotFoundException":
                raise
            return False
        return "DeletedDate" not in secret
