"""Run the rehearsal: ``python -m tools.rehearsal``."""

from tools.command_line import run

import argparse
import sys
from contextlib import ExitStack
from importlib.metadata import version
from pathlib import Path

from botocore.exceptions import BotoCoreError

from settings.examples import ACCOUNT, REGION
from tools.container_engine import EngineError, NoEngineError
from tools.local_aws import LocalAws, LocalAwsError
from tools.rehearsal import containers
from tools.rehearsal.console_report import ConsoleReport
from tools.rehearsal.context import RehearsalContext, read_deliverable
from tools.rehearsal.expectation import RehearsalError, expect
from tools.rehearsal.permissions import Grants, Ledger, page, reason
from tools.rehearsal.scenarios import SCENARIOS, destroy, first_deploy
from tools.rehearsal.workspace import Workspace

CLI_STARTS = {"bootstrap": 1, "ls": 2, "deploy": 10, "destroy": 2}
"""Each takes seconds: what a step does not need the CLI for, it does without."""


def main() -> None:
    """Run every scenario; exit with 1 and the reason at the first thing that is not right."""
    parser = argparse.ArgumentParser(prog="python -m tools.rehearsal", description=__doc__)
    parser.add_argument(
        "--without-containers",
        action="store_true",
        help="leave out the last part, which python -m tools.rehearsal.containers runs alone",
    )
    parser.add_argument(
        "--working-tree",
        action="store_true",
        help="deliver the files as they are on disk, and not as they are committed",
    )
    parser.add_argument("--permissions", type=Path, help="write what each role was used for here")
    given = parser.parse_args()
    report = ConsoleReport()
    try:
        rehearse(
            report,
            with_containers=not given.without_containers,
            working_tree=given.working_tree,
            permissions_file=given.permissions,
        )
    except (RehearsalError, LocalAwsError, EngineError, NoEngineError, BotoCoreError) as error:
        sys.exit(f"\nThe rehearsal failed: {error}")


def rehearse(
    report: ConsoleReport,
    *,
    with_containers: bool,
    working_tree: bool,
    permissions_file: Path | None = None,
) -> None:
    """Start a local AWS, run the scenarios, and stop it, whatever happens."""
    report.say(
        "Rehearsing a deploy on a local AWS on 127.0.0.1: no AWS account, none of your credentials."
    )
    aws = LocalAws(account=ACCOUNT, region=REGION)
    with ExitStack() as stack:
        report.section("Start")
        with report.step("Start the local AWS") as step:
            stack.enter_context(aws)
            step.note = f"MiniStack {version('ministack')} on {aws.endpoint_url}"
        context = RehearsalContext(
            aws=aws,
            workspace=stack.enter_context(Workspace(aws)),
            report=report,
            working_tree=working_tree,
        )
        read_deliverable(context)
        first_deploy.prepare(context)
        before = context.inventory.snapshot()
        for scenario in SCENARIOS:
            scenario(context)
        grants = Grants(context)
        on_purpose = grants.ledger().refusals
        destroy.run(context, before)
        say_who_did_what(report, grants.ledger(), on_purpose, permissions_file)
        expect("starts of the CDK CLI", dict(context.workspace.starts), CLI_STARTS)
    if with_containers:
        try:
            engine = containers.available()
        except NoEngineError as reason:
            containers.leave_out(report, reason)
        else:
            containers.run(report, engine, working_tree=working_tree)
    else:
        report.say("\nLeft out: tasks as containers (`make laptop`).")
    done = f"{report.steps} steps in {report.seconds:.0f} s"
    report.end(f"{done}; `cdk destroy` left nothing behind.")


def say_who_did_what(
    report: ConsoleReport, ledger: Ledger, on_purpose: int, file: Path | None
) -> None:
    """Report what was judged, and write the ledger if there is a file for it."""
    report.section("Permissions")
    with report.step("Every call was judged") as step:
        expect("refused calls", ledger.refusals, on_purpose)
        step.note = (
            f"{ledger.calls} calls by {len(ledger.roles)} roles of the stacks and the user who"
            f" deploys; {on_purpose} refused, all of them on purpose"
        )
    with report.step("What the roles are granted") as step:
        expect("unused grants without a reason", [g for g in ledger.unused if not reason(g)], [])
        expect("grants that others make superfluous", ledger.doubled, [])
        step.note = f"{len(ledger.uses)} grants, {len(ledger.unused)} of them not used"
    if file is not None:
        file.write_text(page(ledger), encoding="utf-8")


if __name__ == "__main__":
    run(main, stopped="The rehearsal was interrupted; the local AWS is stopped.")
