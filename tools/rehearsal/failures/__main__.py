"""Rehearse failures: ``python -m tools.rehearsal.failures``."""

from tools.command_line import run

import argparse
import sys
from contextlib import ExitStack

from botocore.exceptions import BotoCoreError

from settings.examples import ACCOUNT, REGION
from tools.local_aws import LocalAws, LocalAwsError
from tools.rehearsal.console_report import ConsoleReport
from tools.rehearsal.context import CORE, RehearsalContext
from tools.rehearsal.expectation import RehearsalError
from tools.rehearsal.failures import (
    broken_promotions,
    destroys,
    interrupted_deploys,
    names_and_tokens,
)
from tools.rehearsal.failures.context import FailureContext
from tools.rehearsal.workspace import Workspace

FAILURES = (
    names_and_tokens.failed_look_up,
    names_and_tokens.missing_token,
    names_and_tokens.taken_name,
    destroys.core_in_use,
    broken_promotions.killed_function,
    broken_promotions.deploy_in_between,
    broken_promotions.foreign_images,
    interrupted_deploys.killed_during_an_update,
    destroys.full_repository,
    interrupted_deploys.killed_during_a_creation,
    destroys.deleted_by_hand,
    interrupted_deploys.lost_aws,
)
"""Each begins where the one before it has ended."""


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
    """Start a local AWS, deploy the core, bring the failures about, and stop it, in any case."""
    report.say(
        "Rehearsing failures on a local AWS on 127.0.0.1: no AWS account, none of your credentials."
    )
    with ExitStack() as stack:
        report.section("Start")
        with report.step("Start the local AWS") as step:
            aws = stack.enter_context(LocalAws(account=ACCOUNT, region=REGION))
            step.note = aws.endpoint_url
        # The CLI then names the line of the app that made what failed.
        workspace = stack.enter_context(Workspace(aws, JSII_HOST_STACK_TRACES="1"))
        context = deploy_core(RehearsalContext(aws=aws, workspace=workspace, report=report))
        for failure in FAILURES:
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


if __name__ == "__main__":
    run(main, stopped="The rehearsal was interrupted; the local AWS is stopped.")
