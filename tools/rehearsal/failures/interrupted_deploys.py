"""A deploy is interrupted: the CDK CLI is killed."""

import time
from collections.abc import Collection

from cdk_rehearsal import wait_until
from tools.rehearsal.context import CORE, SERVICE
from tools.rehearsal.failures.context import DEPLOY, FailureContext

_PAUSE_SECONDS = 0.05
_CREATED = ("CREATE_IN_PROGRESS", "CREATE_COMPLETE")


def killed_during_a_creation(context: FailureContext) -> None:
    """Kill the CLI before and while CloudFormation creates the service, whose creation has failed.

    The last deploy succeeds: the CLI deletes the record of the failed stack and creates it again.
    """
    context.report.section("The CLI is killed in the middle of the next deploy")
    with context.report.step("Killed before CloudFormation has begun") as step:
        step.note = _kill(context, ("REVIEW_IN_PROGRESS", *_CREATED))
    with context.report.step("Killed again, while CloudFormation creates") as step:
        step.note = _kill(context, _CREATED)
    with context.report.step("Deployed again: everything is there") as step:
        context.workspace.cdk(*DEPLOY)
        # The CLI skips an unchanged stack, also while CloudFormation still creates it.
        wait_until("CloudFormation has created the stack", lambda: context.status() != _CREATED[0])
        context.expect_whole(CORE, SERVICE)
        step.note = f"{context.status()}"


def _kill(context: FailureContext, statuses: Collection[str]) -> str:
    """Kill the CLI when the stack of the service has one of the statuses; return which."""
    cli = context.workspace.start(*DEPLOY)
    while (status := context.status(SERVICE)) not in statuses and cli.poll() is None:
        time.sleep(_PAUSE_SECONDS)
    context.workspace.kill(cli)
    if status not in statuses:
        return "the CLI had ended before it was killed"
    return f"the stack was in {status}"
