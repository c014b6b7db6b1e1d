"""Rehearse failures: ``python -m tools.rehearsal.failures``."""

from tools.command_line import run

import argparse
import sys
from collections.abc import Callable

from botocore.exceptions import BotoCoreError

from cdk_rehearsal import ConsoleReport, LocalAws, LocalAwsError, RehearsalError
from settings.examples import ACCOUNT, REGION
from tools.rehearsal.context import CORE, RehearsalContext
from tools.rehearsal.failures import (
    attacks,
    broken_promotions,
    destroys,
    failed_rollouts,
    images_from_elsewhere,
    interrupted_deploys,
    names,
)
from tools.rehearsal.failures.context import SETTINGS, TOKEN_SECRET, FailureContext
from tools.rehearsal.workspace import Workspace

Failure = Callable[[FailureContext], None]

FAILURES: tuple[Failure, ...] = (
    names.taken_name,
    interrupted_deploys.killed_during_a_creation,
    broken_promotions.deploy_in_between,
    failed_rollouts.failed_rollout,
    failed_rollouts.rollback_of_a_running_delivery,
    attacks.attacking_build,
    images_from_elsewhere.images_of_a_ci,
    images_from_elsewhere.promotion,
    destroys.deleted_by_hand,
)
"""Each begins with the stacks that the one before it has left."""


def main() -> None:
    """Run every failure; exit with 1 and the reason at the first that leaves anything half done."""
    argparse.ArgumentParser(
        prog="python -m tools.rehearsal.failures", description=__doc__
    ).parse_args()
    report = ConsoleReport()
    try:
        rehearse(report)
    except (RehearsalError, LocalAwsError, BotoCoreError) as error:
        sys.exit(f"\nThe rehearsal of failures failed: {error}")


def rehearse(report: ConsoleReport) -> None:
    """Start a local AWS, deploy the core, and run the failures one after the other."""
    report.say(
        "Rehearsing failures on a local AWS on 127.0.0.1: no AWS account, none of your credentials."
    )
    # With this variable the CLI names the line of the app that has made what failed.
    with (
        LocalAws(account=ACCOUNT, region=REGION) as aws,
        Workspace(aws, JSII_HOST_STACK_TRACES="1") as workspace,
    ):
        context = deploy_core(RehearsalContext(aws=aws, workspace=workspace, report=report))
        for failure in FAILURES:
            failure(context)
    report.end(
        f"{report.steps} steps in {report.seconds:.0f} s; no failure left anything half done."
    )


def deploy_core(context: RehearsalContext) -> FailureContext:
    """Bootstrap and deploy the core stack alone."""
    context.report.section("Start")
    with context.report.step("cdk bootstrap"):
        context.workspace.write_env(**SETTINGS)
        context.workspace.bootstrap()
        empty = context.inventory.snapshot()
        token = {"Name": TOKEN_SECRET, "SecretString": "made-up"}
        context.aws.client("secretsmanager").create_secret(**token)
    with context.report.step(f"cdk deploy {CORE}") as step:
        context.workspace.deploy(CORE, *context.workspace.synthesised())
        step.note = "with JSII_HOST_STACK_TRACES=1, so that the CLI names lines of the app"
    return FailureContext(
        aws=context.aws,
        workspace=context.workspace,
        report=context.report,
        empty=empty,
        core_alone=context.inventory.snapshot(),
    )


if __name__ == "__main__":
    run(main, stopped="The rehearsal was interrupted; the local AWS is stopped.")
