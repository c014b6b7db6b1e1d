"""The CDK CLI is killed in the middle of a deploy."""

import signal
import time
from collections.abc import Callable

from tools.rehearsal.expectation import RehearsalError, expect
from tools.rehearsal.failures.stage import (
    DEPLOY,
    DEPLOY_AS_TYPED,
    DEPLOY_NEW_SETTINGS,
    DESTROY_SERVICE,
    Stage,
)
from tools.rehearsal.failures.user_view import tell
from tools.rehearsal.failures.watched_workspace import Cli
from tools.rehearsal.world import CORE, SERVICE

_PAUSE_SECONDS = 0.01
_TASK_MEMORY = ("1024", "2048", "1024")
"""One update for each attempt: on a busy machine the CLI may be further when it is killed."""
_ATTEMPTS = len(_TASK_MEMORY)
_NEVER_KILLED = f"{_ATTEMPTS} times the CLI was further before it could be killed"


def play_update(stage: Stage) -> None:
    """Kill the CLI while an update goes on."""
    stage.narrator.chapter("The CLI is killed in the middle of a deploy")
    with stage.narrator.step("Killed while CloudFormation updates") as step:
        memory, step.note = _kill_during_an_update(stage)
    with stage.narrator.step("Deployed again: the update is complete") as step:
        said = stage.workspace.cdk(*DEPLOY)
        stage.expect_whole(CORE, SERVICE)
        expect("memory of the tasks", stage.world.task_definition()["memory"], memory)
        step.note = "CloudFormation had gone on without the CLI"
    tell(stage.narrator, DEPLOY_AS_TYPED, said)


def play_creation(stage: Stage) -> None:
    """Kill the CLI before and while the stack is made."""
    stage.narrator.chapter("The CLI is killed in the middle of a first deploy")
    with stage.narrator.step("Killed before CloudFormation has begun") as step:
        step.note = _kill_before_the_creation(stage)
    with stage.narrator.step("Killed again, while CloudFormation creates") as step:
        step.note = _kill_during_the_creation(stage)
    with stage.narrator.step("Deployed again: everything is there") as step:
        said = stage.workspace.cdk(*DEPLOY)
        stage.expect_whole(CORE, SERVICE)
        step.note = f"{stage.status()}"
    tell(stage.narrator, DEPLOY_AS_TYPED, said)


def wait_for_a_change(
    stage: Stage, cli: Cli, before: str | None, stack: str = SERVICE
) -> str | None:
    """Return the first other status of a stack; the CLI must not end without one."""
    over = False
    while (now := stage.status(stack)) == before:
        if over:
            said = stage.workspace.kill(cli)
            raise RehearsalError(f"the CLI was over before anything happened:\n{said}")
        over = cli.poll() is not None  # its last deed may be younger than the status
        time.sleep(_PAUSE_SECONDS)
    return now


def _kill_during_an_update(stage: Stage) -> tuple[str, str]:
    """Return the task memory of the update that was under way, and in what state the stack was."""
    for memory in _TASK_MEMORY:
        stage.workspace.write_env(task_memory=memory)
        at = _kill_at_the_first_change(stage, DEPLOY_NEW_SETTINGS)
        if at == "UPDATE_IN_PROGRESS":
            return memory, f"the stack was in {at}"
    raise RehearsalError(_NEVER_KILLED)


def _kill_before_the_creation(stage: Stage) -> str:
    return _kill_a_creation(stage, "REVIEW_IN_PROGRESS", begin_again=_destroy)


def _kill_during_the_creation(stage: Stage) -> str:
    def begin_again(stage: Stage) -> None:
        _destroy(stage)
        _kill_before_the_creation(stage)

    return _kill_a_creation(stage, "CREATE_IN_PROGRESS", begin_again)


def _kill_a_creation(stage: Stage, status: str, begin_again: Callable[[Stage], None]) -> str:
    for attempt in range(_ATTEMPTS):
        if attempt:
            begin_again(stage)
        if _kill_at_the_first_change(stage, DEPLOY) == status:
            return f"the stack was in {status}"
    raise RehearsalError(_NEVER_KILLED)


def _destroy(stage: Stage) -> None:
    stage.workspace.cdk(*DESTROY_SERVICE, "--force")


def _kill_at_the_first_change(stage: Stage, command: tuple[str, ...]) -> str | None:
    """Return the status at which the CLI was killed; None if it was done before."""
    before = stage.status()
    cli = stage.workspace.start(*command)
    at = wait_for_a_change(stage, cli, before)
    stage.workspace.kill(cli)
    return at if cli.returncode == -signal.SIGKILL else None
