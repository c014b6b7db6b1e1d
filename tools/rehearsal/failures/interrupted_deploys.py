"""A deploy is interrupted: the CDK CLI is killed, or its AWS goes away."""

import signal
import time
from collections.abc import Callable

from tools.local_aws import LocalAwsError
from tools.rehearsal.context import CORE, SERVICE
from tools.rehearsal.expectation import RehearsalError, expect, expect_true
from tools.rehearsal.failures.context import (
    DEPLOY,
    DEPLOY_COMMAND,
    DEPLOY_NEW_SETTINGS,
    DESTROY_SERVICE,
    FailureContext,
)
from tools.rehearsal.workspace import Cli

_PAUSE_SECONDS = 0.01
_TASK_MEMORY = ("1024", "2048", "1024")
"""One update for each attempt: on a busy machine the CLI may be further when it is killed."""
_ATTEMPTS = len(_TASK_MEMORY)
_NEVER_KILLED = f"{_ATTEMPTS} times the CLI was further before it could be killed"
_SOON_SECONDS = 10


def killed_during_an_update(context: FailureContext) -> None:
    """Kill the CLI while an update goes on."""
    context.report.section("The CLI is killed in the middle of a deploy")
    with context.report.step("Killed while CloudFormation updates") as step:
        memory, step.note = _kill_during_an_update(context)
    with context.report.step("Deployed again: the update is complete") as step:
        said = context.workspace.cdk(*DEPLOY)
        context.expect_whole(CORE, SERVICE)
        expect("memory of the tasks", context.task_definition()["memory"], memory)
        step.note = "CloudFormation had gone on without the CLI"
    context.report.cli_output(DEPLOY_COMMAND, said)


def killed_during_a_creation(context: FailureContext) -> None:
    """Kill the CLI before and while the stack is made."""
    context.report.section("The CLI is killed in the middle of a first deploy")
    with context.report.step("Killed before CloudFormation has begun") as step:
        step.note = _kill_before_the_creation(context)
    with context.report.step("Killed again, while CloudFormation creates") as step:
        step.note = _kill_during_the_creation(context)
    with context.report.step("Deployed again: everything is there") as step:
        said = context.workspace.cdk(*DEPLOY)
        context.expect_whole(CORE, SERVICE)
        step.note = f"{context.status()}"
    context.report.cli_output(DEPLOY_COMMAND, said)


def lost_aws(context: FailureContext) -> None:
    """Stop the local AWS during a deploy of the core. The last of all failures."""
    context.report.section("The local AWS goes away in the middle of a deploy")
    with context.report.step("Noticed soon, and the CLI is not left behind") as step:
        cli = context.workspace.start(*DEPLOY)
        _wait_for_a_change(context, cli, None, CORE)
        context.aws.stop()
        began = time.monotonic()
        try:
            context.workspace.finish(cli)
        except LocalAwsError as error:
            said = str(error)
        else:
            raise RehearsalError("nobody noticed that the local AWS is gone")
        seconds = time.monotonic() - began
        expect_true(f"noticed within {_SOON_SECONDS} s", holds=seconds < _SOON_SECONDS)
        expect_true("the CLI has ended", holds=cli.poll() is not None)
        step.note = f"after {seconds:.1f} s"
    for line in said.strip().splitlines():
        context.report.say_folded(" " * 12, line, indent=14)


def _kill_during_an_update(context: FailureContext) -> tuple[str, str]:
    """Return the task memory of the update that was under way, and in what state the stack was."""
    for memory in _TASK_MEMORY:
        context.workspace.write_env(task_memory=memory)
        at = _kill_at_the_first_change(context, DEPLOY_NEW_SETTINGS)
        if at == "UPDATE_IN_PROGRESS":
            return memory, f"the stack was in {at}"
    raise RehearsalError(_NEVER_KILLED)


def _kill_before_the_creation(context: FailureContext) -> str:
    return _kill_a_creation(context, "REVIEW_IN_PROGRESS", begin_again=_destroy)


def _kill_during_the_creation(context: FailureContext) -> str:
    def begin_again(context: FailureContext) -> None:
        _destroy(context)
        _kill_before_the_creation(context)

    return _kill_a_creation(context, "CREATE_IN_PROGRESS", begin_again)


def _kill_a_creation(
    context: FailureContext, status: str, begin_again: Callable[[FailureContext], None]
) -> str:
    for attempt in range(_ATTEMPTS):
        if attempt:
            begin_again(context)
        if _kill_at_the_first_change(context, DEPLOY) == status:
            return f"the stack was in {status}"
    raise RehearsalError(_NEVER_KILLED)


def _destroy(context: FailureContext) -> None:
    context.workspace.cdk(*DESTROY_SERVICE, "--force")


def _kill_at_the_first_change(context: FailureContext, command: tuple[str, ...]) -> str | None:
    """Return the status at which the CLI was killed; None if it was done before."""
    before = context.status()
    cli = context.workspace.start(*command)
    at = _wait_for_a_change(context, cli, before)
    context.workspace.kill(cli)
    return at if cli.returncode == -signal.SIGKILL else None


def _wait_for_a_change(
    context: FailureContext, cli: Cli, before: str | None, stack: str = SERVICE
) -> str | None:
    """Return the first other status of a stack; the CLI must not end without one."""
    over = False
    while (now := context.status(stack)) == before:
        if over:
            said = context.workspace.kill(cli)
            raise RehearsalError(f"the CLI was over before anything happened:\n{said}")
        over = cli.poll() is not None  # its last deed may be younger than the status
        time.sleep(_PAUSE_SECONDS)
    return now
