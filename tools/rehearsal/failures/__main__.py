"""Rehearse failures: ``python -m tools.rehearsal.failures``."""

from tools.command_line import run

import argparse
import sys
from contextlib import ExitStack

from botocore.exceptions import BotoCoreError

from settings.examples import ACCOUNT, REGION
from tools.local_aws import Inventory, LocalAws, LocalAwsError
from tools.rehearsal.expectation import RehearsalError
from tools.rehearsal.failures import (
    core_in_use,
    deleted_by_hand,
    failed_look_up,
    full_repository,
    killed_cli,
    lost_aws,
    missing_token,
    taken_name,
)
from tools.rehearsal.failures.stage import Stage
from tools.rehearsal.failures.watched_workspace import WatchedWorkspace
from tools.rehearsal.narration import Narrator
from tools.rehearsal.world import CORE, World

FAILURES = (
    failed_look_up.play,
    missing_token.play,
    taken_name.play,
    core_in_use.play,
    killed_cli.play_update,
    full_repository.play,
    killed_cli.play_creation,
    deleted_by_hand.play,
    lost_aws.play,
)
"""Each begins where the one before it has ended."""


def main() -> None:
    """Play every failure; exit with 1 and the reason at the first that does not fail well."""
    argparse.ArgumentParser(
        prog="python -m tools.rehearsal.failures", description=__doc__
    ).parse_args()
    narrator = Narrator()
    try:
        rehearse(narrator)
    except (RehearsalError, LocalAwsError, BotoCoreError) as error:
        sys.exit(f"\nThe rehearsal of failures failed: {error}")


def rehearse(narrator: Narrator) -> None:
    """Start a local AWS, deploy the core, play, and stop it, whatever happens."""
    narrator.say("Rehearsing failures on a local AWS: no account, no network, nothing of yours.")
    with ExitStack() as stack:
        aws = stack.enter_context(LocalAws(account=ACCOUNT, region=REGION))
        # The CLI then names the line of the app that made what failed.
        workspace = stack.enter_context(WatchedWorkspace(aws, JSII_HOST_STACK_TRACES="1"))
        stage = set_stage(World(aws, workspace, narrator), workspace)
        for play in FAILURES:
            play(stage)
    narrator.end(f"{narrator.steps} steps in {narrator.seconds:.0f} s: all failed well.")


def set_stage(world: World, workspace: WatchedWorkspace) -> Stage:
    """Bootstrap and deploy the core stack alone."""
    world.narrator.chapter("Curtain up")
    with world.narrator.step("cdk bootstrap"):
        workspace.write_env()
        workspace.bootstrap()
        inventory = Inventory(world.aws.access)
        empty = inventory.snapshot()
    with world.narrator.step(f"cdk deploy {CORE}") as step:
        workspace.deploy(CORE)
        step.note = "synthesised with JSII_HOST_STACK_TRACES=1, for all that follows"
    return Stage(world, workspace, empty, inventory.snapshot())


if __name__ == "__main__":
    run(main, stopped="The rehearsal was interrupted; the local AWS is stopped.")
