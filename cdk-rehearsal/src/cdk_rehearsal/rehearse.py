"""Rehearses a CDK app: bootstrap, synthesis, deploy, a look at each resource, destroy."""

from collections.abc import Iterable

from cdk_rehearsal.access_report import lines_of_access
from cdk_rehearsal.cdk.app import AppWorkspace
from cdk_rehearsal.cdk.workspace import AS_SYNTHESISED
from cdk_rehearsal.expectation import RehearsalError
from cdk_rehearsal.inventory import Inventory
from cdk_rehearsal.report import ConsoleReport
from cdk_rehearsal.server.local_aws import LocalAws
from cdk_rehearsal.unknown import Unknown

EVERY_STACK = "**"
"""For the CDK CLI: also the stacks of stages, which --all leaves out."""


class NotKnownError(Exception):
    """The app has something that the local AWS does not know; nothing was made."""


def rehearse(
    report: ConsoleReport,
    aws: LocalAws,
    workspace: AppWorkspace,
    *,
    prepare: Iterable[str],
    anyway: bool,
) -> None:
    """Rehearse the app of the workspace, and say what was found.

    ``prepare`` are commands that make what the app expects to exist; ``anyway`` goes on although
    the local AWS would leave out something of the templates. Raises ``NotKnownError`` before
    anything of the app is made, and ``RehearsalError`` if a command fails or a resource is missing.
    """
    report.section("Before")
    with report.step("cdk bootstrap"):
        workspace.bootstrap()
    for command in prepare:
        with report.step(command):
            workspace.run(command)
    earlier = aws.access.ledger()
    with report.step("cdk synth") as step:
        assembly = workspace.synthesise()
        stacks = list(assembly.environments())
        step.note = ", ".join(stacks)
    with report.step("The local AWS knows what is in the templates"):
        _require_known(Unknown.of(assembly, aws.access), report, anyway=anyway)

    inventory = Inventory(aws.access)
    before = inventory.snapshot()
    report.section("Deploy")
    with report.step("cdk deploy"):
        workspace.deploy(EVERY_STACK, *AS_SYNTHESISED)
    with report.step("Each resource is found by the API of its service") as step:
        if missing := inventory.missing(stacks, listed_only=True):
            raise RehearsalError("\n".join(["resources that are not there:", *missing]))
        made = inventory.added_since(before)
        step.note = f"{sum(map(len, made.values()))} resources"
    report.section("Destroy")
    with report.step("cdk destroy"):
        workspace.cdk("destroy", EVERY_STACK, "--force", *AS_SYNTHESISED)
    report.section("Left")
    left = inventory.added_since(before)
    _say(report, [f"{kind}  {each}" for kind in left for each in left[kind]])
    report.section("Who was allowed what")
    roles = made.get("AWS::IAM::Role", [])
    demands = aws.access.demands()
    _say(report, lines_of_access(aws.access.ledger(), earlier, roles, demands["roles"]))
    for doubt in demands["doubts"]:
        report.leave_out(doubt)


def _require_known(unknown: Unknown, report: ConsoleReport, *, anyway: bool) -> None:
    if unknown.impossible:
        raise NotKnownError("\n".join([*unknown.impossible, *unknown.ignored]))
    if unknown.ignored and not anyway:
        advice = "Add --anyway to go on without what is named here."
        raise NotKnownError("\n".join([*unknown.ignored, advice]))
    for line in unknown.ignored:
        report.leave_out(line)


def _say(report: ConsoleReport, lines: Iterable[str]) -> None:
    for line in list(lines) or ["nothing"]:
        report.say(f"  {line}")
