"""Rehearse failures: ``python -m tools.rehearsal.failures``."""

from tools.command_line import run

import argparse
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from botocore.exceptions import BotoCoreError

from cdk_rehearsal import ConsoleReport, LocalAws, LocalAwsError, RehearsalError
from settings.examples import ACCOUNT, REGION
from tools.rehearsal.context import CORE, SERVICE, RehearsalContext
from tools.rehearsal.failures import (
    attacks,
    broken_promotions,
    destroys,
    failed_rollouts,
    interrupted_deploys,
    names,
)
from tools.rehearsal.failures.context import DEPLOY, FailureContext
from tools.rehearsal.scenarios.first_deploy import store_token
from tools.rehearsal.workspace import Workspace
from tools.repository import ROOT

Failure = Callable[[FailureContext], None]

OF_A_WHOLE_SERVICE: tuple[Failure, ...] = (
    destroys.core_in_use,
    broken_promotions.failed_promotion,
    broken_promotions.deploy_in_between,
    failed_rollouts.failed_rollout,
    failed_rollouts.rollback_of_a_running_delivery,
    attacks.attacking_build,
    interrupted_deploys.killed_during_an_update,
)
"""Each needs a deployed service and leaves it whole, so it can also run alone."""

FAILURES: tuple[Failure, ...] = (
    names.failed_look_up,
    names.taken_name,
    *OF_A_WHOLE_SERVICE,
    destroys.service_alone,
    interrupted_deploys.killed_during_a_creation,
    destroys.deleted_by_hand,
    interrupted_deploys.lost_aws,
)
"""Each begins with the stacks that the one before it has left."""


def main() -> None:
    """Run every failure; exit with 1 and the reason at the first that leaves anything half done."""
    parser = argparse.ArgumentParser(prog="python -m tools.rehearsal.failures", description=__doc__)
    parser.add_argument(
        "--only",
        nargs="+",
        choices=[failure.__name__ for failure in OF_A_WHOLE_SERVICE],
        default=[],
        help="run only these, after a first deploy that succeeds",
    )
    only = parser.parse_args().only
    chosen = [failure for failure in OF_A_WHOLE_SERVICE if failure.__name__ in only]
    report = ConsoleReport(ROOT)
    try:
        rehearse(report, [deploy_service, *chosen] if only else FAILURES)
    except (RehearsalError, LocalAwsError, BotoCoreError) as error:
        sys.exit(f"\nThe rehearsal of failures failed: {error}")


def rehearse(report: ConsoleReport, failures: Sequence[Failure]) -> None:
    """Start a local AWS, deploy the core, and run the failures one after the other."""
    report.say(
        "Rehearsing failures on a local AWS on 127.0.0.1: no AWS account, none of your credentials."
    )
    with ExitStack() as stack:
        report.section("Start")
        with report.step("Start the local AWS") as step:
            aws = stack.enter_context(LocalAws(account=ACCOUNT, region=REGION))
            step.note = aws.endpoint_url
        # With this variable the CLI names the line of the app that has made what failed.
        workspace = stack.enter_context(Workspace(aws, JSII_HOST_STACK_TRACES="1"))
        context = deploy_core(RehearsalContext(aws=aws, workspace=workspace, report=report))
        for failure in failures:
            failure(context)
    report.end(
        f"{report.steps} steps in {report.seconds:.0f} s; no failure left anything half done."
    )


def deploy_core(context: RehearsalContext) -> FailureContext:
    """Bootstrap and deploy the core stack alone."""
    with context.report.step("cdk bootstrap"):
        context.workspace.write_env()
        context.workspace.bootstrap()
        empty = context.inventory.snapshot()
    with context.report.step(f"cdk deploy {CORE}") as step:
        context.workspace.deploy(CORE)
        step.note = "with JSII_HOST_STACK_TRACES=1, so that the CLI names lines of the app"
    return FailureContext(
        aws=context.aws,
        workspace=context.workspace,
        report=context.report,
        empty=empty,
        core_alone=context.inventory.snapshot(),
    )


def deploy_service(context: FailureContext) -> None:
    """Store the token and deploy the service beside the core."""
    with context.report.step(f"cdk deploy {SERVICE}"):
        store_token(context)
        context.workspace.cdk(*DEPLOY)
        context.expect_whole(CORE, SERVICE)


if __name__ == "__main__":
    run(main, stopped="The rehearsal was interrupted; the local AWS is stopped.")
