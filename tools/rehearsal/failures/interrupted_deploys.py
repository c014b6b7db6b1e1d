"""A deploy is interrupted: the CDK CLI is killed, or the local AWS ends."""

import time
from collections.abc import Collection

from cdk_rehearsal import LocalAwsError, RehearsalError, expect, expect_true
from cdk_rehearsal.cdk import Cli
from tools.rehearsal.context import CORE, SERVICE
from tools.rehearsal.failures.context import DEPLOY, DEPLOY_COMMAND, FailureContext

_PAUSE_SECONDS = 0.01
_CREATED = ("CREATE_IN_PROGRESS", "CREATE_COMPLETE")
_UPDATED = ("UPDATE_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")


def killed_during_an_update(context: FailureContext) -> None:
    """Kill the CLI while CloudFormation updates the service."""
    context.report.section("The CLI is killed in the middle of a deploy")
    with context.report.step("Killed while CloudFormation updates") as step:
        context.workspace.write_env(task_memory="1024")
        context.workspace.synthesised()
        step.note = _kill(context, DEPLOY, _UPDATED)
    with context.report.step("Deployed again: the update is complete") as step:
        said = context.workspace.cdk(*DEPLOY)
        context.expect_whole(CORE, SERVICE)
        expect("memory of the tasks", context.task_definition()["memory"], "1024")
        step.note = "CloudFormation had gone on without the CLI"
    context.report.cli_output(DEPLOY_COMMAND, said)


def killed_during_a_creation(context: FailureContext) -> None:
    """Kill the CLI before and while CloudFormation creates the service."""
    context.report.section("The CLI is killed in the middle of a first deploy")
    with context.report.step("Killed before CloudFormation has begun") as step:
        step.note = _kill(context, DEPLOY, ("REVIEW_IN_PROGRESS", *_CREATED))
    with context.report.step("Killed again, while CloudFormation creates") as step:
        step.note = _kill(context, DEPLOY, _CREATED)
    with context.report.step("Deployed again: everything is there") as step:
        said = context.workspace.cdk(*DEPLOY)
        context.expect_whole(CORE, SERVICE)
        step.note = f"{context.status()}"
    context.report.cli_output(DEPLOY_COMMAND, said)


def lost_aws(context: FailureContext) -> None:
    """Stop the local AWS during a deploy of the core. This has to be the last failure."""
    context.report.section("The local AWS ends in the middle of a deploy")
    with context.report.step("The rehearsal says so, and ends the CLI"):
        cli = context.workspace.start(*DEPLOY)
        expect_true("CloudFormation creates", holds=bool(_wait_for(context, cli, _CREATED, CORE)))
        context.aws.stop()
        try:
            context.workspace.finish(cli)
        except LocalAwsError as error:
            said = str(error)
        else:
            raise RehearsalError("the rehearsal has not noticed that the local AWS has ended")
        expect_true("the CLI has ended", holds=cli.poll() is not None)
    for line in said.strip().splitlines():
        context.report.say_folded(" " * 12, line, indent=14)


def _kill(context: FailureContext, command: tuple[str, ...], statuses: Collection[str]) -> str:
    """Kill the CLI when the stack of the service has one of the statuses; return which."""
    cli = context.workspace.start(*command)
    status = _wait_for(context, cli, statuses, SERVICE)
    context.workspace.kill(cli)
    return f"the stack was in {status}" if status else "the CLI had ended before it was killed"


def _wait_for(
    context: FailureContext, cli: Cli, statuses: Collection[str], stack: str
) -> str | None:
    """Wait until a stack has one of the statuses, and return it; None if the CLI ends before."""
    while (status := context.status(stack)) not in statuses:
        if cli.poll() is not None:
            return None
        time.sleep(_PAUSE_SECONDS)
    return status
