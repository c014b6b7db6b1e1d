"""A stack of that name that is there already."""

from dataclasses import dataclass

from botocore.exceptions import ClientError

from doctor.answer import Answer, ok, problem
from doctor.check import Case
from doctor.refusal import code_of

_DEAD = frozenset({"CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED"})


@dataclass(frozen=True)
class StackIsUsable:
    """Whether CloudFormation would create or update the stack."""

    name: str

    @property
    def what(self) -> str:
        """See `Check`."""
        return f"stack {self.name}"

    def examine(self, case: Case) -> Answer:
        """Look at its status."""
        try:
            stacks = case.aws.client("cloudformation").describe_stacks(StackName=self.name)
        except ClientError as error:
            if code_of(error) != "ValidationError":
                raise
            return ok("is not there yet")
        status = stacks["Stacks"][0]["StackStatus"]
        if status in _DEAD:
            return problem(
                f"is in {status}", f"aws cloudformation delete-stack --stack-name {self.name}"
            )
        if status == "UPDATE_ROLLBACK_FAILED":
            return problem(f"is in {status}", f"npx cdk rollback {self.name}")
        # Of a change set that was never executed; CDK removes it by itself.
        if status.endswith("_IN_PROGRESS") and status != "REVIEW_IN_PROGRESS":
            return problem(f"is in {status}", "wait until that is over")
        return ok(f"is deployed ({status})")
