"""The local AWS is gone in the middle of a deploy. The last of all failures."""

import time

from tools.local_aws import LocalAwsError
from tools.rehearsal.expectation import RehearsalError, expect_true
from tools.rehearsal.failures.killed_cli import wait_for_a_change
from tools.rehearsal.failures.stage import DEPLOY, Stage
from tools.rehearsal.world import CORE

_SOON_SECONDS = 10


def play(stage: Stage) -> None:
    """Stop the local AWS under a deploy of the core."""
    stage.narrator.chapter("The local AWS goes away in the middle of a deploy")
    with stage.narrator.step("Noticed soon, and the CLI is not left behind") as step:
        cli = stage.workspace.start(*DEPLOY)
        wait_for_a_change(stage, cli, None, CORE)
        stage.world.aws.stop()
        began = time.monotonic()
        try:
            stage.workspace.finish(cli)
        except LocalAwsError as error:
            said = str(error)
        else:
            raise RehearsalError("nobody noticed that the local AWS is gone")
        seconds = time.monotonic() - began
        expect_true(f"noticed within {_SOON_SECONDS} s", holds=seconds < _SOON_SECONDS)
        expect_true("the CLI has ended", holds=cli.poll() is not None)
        step.note = f"after {seconds:.1f} s"
    for line in said.strip().splitlines():
        stage.narrator.say_folded(" " * 12, line, indent=14)
