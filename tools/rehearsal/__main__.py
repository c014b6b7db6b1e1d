"""Run the rehearsal: ``python -m tools.rehearsal``."""

from tools.command_line import run

import argparse
import signal
import sys
from contextlib import ExitStack, suppress
from importlib.metadata import version

from botocore.exceptions import BotoCoreError

from settings.examples import ACCOUNT, REGION
from tools.container_engine import EngineError, NoEngineError
from tools.local_aws import LocalAws, LocalAwsError
from tools.rehearsal import containers
from tools.rehearsal.expectation import RehearsalError
from tools.rehearsal.failures.watched_workspace import WatchedWorkspace
from tools.rehearsal.narration import Narrator
from tools.rehearsal.scenarios import (
    changing_core,
    delivery_checks,
    farewell,
    first_deploy,
    live_image,
    many_services,
    network_checks,
    service_checks,
)
from tools.rehearsal.world import World, tell_source

ACTS = (
    first_deploy,
    network_checks,
    service_checks,
    delivery_checks,
    live_image,
    many_services,
    changing_core,
)


def main() -> None:
    """Play every act; exit with 1 and the reason at the first thing that is not as it should be."""
    parser = argparse.ArgumentParser(prog="python -m tools.rehearsal", description=__doc__)
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument(
        "--keep", action="store_true", help="leave the deployed stacks and the local AWS running"
    )
    choice.add_argument(
        "--without-containers",
        action="store_true",
        help="leave out the last part, which python -m tools.rehearsal.containers plays alone",
    )
    parser.add_argument(
        "--working-tree",
        action="store_true",
        help="deliver the files as they are on disk, and not as they are committed",
    )
    given = parser.parse_args()
    narrator = Narrator()
    try:
        rehearse(
            narrator,
            keep=given.keep,
            with_containers=not given.without_containers,
            working_tree=given.working_tree,
        )
    except (RehearsalError, LocalAwsError, EngineError, NoEngineError, BotoCoreError) as error:
        sys.exit(f"\nThe rehearsal failed: {error}")


def rehearse(narrator: Narrator, *, keep: bool, with_containers: bool, working_tree: bool) -> None:
    """Start a local AWS, play, and stop it, whatever happens."""
    narrator.say("Rehearsing a deploy on a local AWS: no account, no network, nothing of yours.")
    aws = LocalAws(account=ACCOUNT, region=REGION)
    with ExitStack() as stack:
        narrator.chapter("Curtain up")
        with narrator.step("Start the local AWS") as step:
            stack.enter_context(aws)
            step.note = f"MiniStack {version('ministack')} on {aws.endpoint_url}"
        workspace = stack.enter_context(WatchedWorkspace(aws))
        world = World(aws, workspace, narrator, working_tree)
        tell_source(world)
        first_deploy.prepare(world)
        before = world.inventory.snapshot()
        for act in ACTS:
            act.play(world)
        if keep:
            wait(world)
        else:
            farewell.play(world, before)
    if not with_containers:
        narrator.say("\nLeft out: tasks as containers. `make laptop` plays that.")
    elif not keep:
        try:
            engine, base = containers.at_hand()
        except NoEngineError as reason:
            containers.leave_out(narrator, reason)
        else:
            containers.play(narrator, engine, base, working_tree=working_tree)
    narrator.end(f"{narrator.steps} steps in {narrator.seconds:.0f} s, and nothing is left.")


def wait(world: World) -> None:
    """Say how to use what is deployed, and wait until the user has seen enough."""
    say = world.narrator.say
    say("\nThe stacks stay deployed until you press Ctrl-C. In another terminal:")
    for key in (
        "AWS_ENDPOINT_URL",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_DEFAULT_REGION",
        "AWS_CA_BUNDLE",
        "NODE_EXTRA_CA_CERTS",
        "AWS_DISABLE_HOST_PREFIX_INJECTION",
    ):
        say(f"  export {key}={world.aws.environment()[key]}")
    say("  .venv/bin/aws ecs list-services --cluster ecs-blueprint-infra")
    with suppress(KeyboardInterrupt):
        signal.pause()


if __name__ == "__main__":
    run(main, stopped="The rehearsal was interrupted; the local AWS is stopped.")
