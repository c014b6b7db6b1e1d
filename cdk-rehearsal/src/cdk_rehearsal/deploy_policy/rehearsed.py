"""Rehearses an app for its deploy policy, then rehearses it again with that policy as a proof."""

import shutil
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import TypeAlias

from cdk_rehearsal.access import Access
from cdk_rehearsal.cdk.app import AppWorkspace
from cdk_rehearsal.cdk.assembly import Assembly
from cdk_rehearsal.cdk.workspace import AS_SYNTHESISED, ASSEMBLY
from cdk_rehearsal.deploy_policy.least import DeployPolicy, least_policy, size
from cdk_rehearsal.deploy_policy.other_policies import boundary, policy_of_cli
from cdk_rehearsal.deploy_policy.proof import ManagedPolicies, sample_of, take_away
from cdk_rehearsal.deploy_policy.written import (
    read_documents,
    require_own,
    write,
    write_changes,
)
from cdk_rehearsal.expectation import expect
from cdk_rehearsal.rehearse import EVERY_STACK, rehearse
from cdk_rehearsal.report import ConsoleReport
from cdk_rehearsal.server.local_aws import LocalAws

Opened: TypeAlias = AbstractContextManager[tuple[LocalAws, AppWorkspace]]

_DEPLOY = ("deploy", EVERY_STACK, *AS_SYNTHESISED, "--require-approval", "never")
_DESTROY = ("destroy", EVERY_STACK, *AS_SYNTHESISED, "--force")


def rehearse_policy(
    report: ConsoleReport,
    opened: Callable[[], Opened],
    to: Path,
    *,
    prepare: Sequence[str],
    anyway: bool,
    without: int,
    against: Path | None,
) -> None:
    """Write the least policy of an app into a folder, prove it, and compare it with another one.

    ``opened`` starts a local AWS with a workspace of the app. ``prepare`` and ``anyway`` are those
    of ``rehearse``. ``without`` statements are taken away one after the other, and must be missed.
    ``against`` is a folder of an earlier policy. ``RehearsalError`` before anything starts if
    the folder has other files.
    """
    require_own(to)
    before = read_documents(against) if against else []
    with opened() as (aws, workspace):
        rehearse(report, aws, workspace, prepare=prepare, anyway=anyway)
        stacks = list(Assembly(workspace.folder / ASSEMBLY).environments())
        content, region = aws.access.demands(), aws.access.region
        report.section("The least policy of CloudFormation's role")
        policy = least_policy(content, region=region, stacks=stacks)
        others = {
            "boundary": boundary(content, stacks=stacks),
            "cli": policy_of_cli(aws.access.account),
        }
        files = write(policy, others, to)
        say_sizes(report, policy, files)
        with opened() as (_, proving):
            shutil.copytree(
                workspace.folder / ASSEMBLY, proving.folder / ASSEMBLY, dirs_exist_ok=True
            )
            _prove(report, proving, policy, prepare, without)
    if against:
        report.say("\n" + write_changes(before, policy, to))


def say_sizes(report: ConsoleReport, policy: DeployPolicy, files: list[Path]) -> None:
    """Report what the policy consists of, and that each of its statements is needed."""
    for file, document in zip(files, policy.documents, strict=True):
        report.say(
            f"  {file}: {len(document['Statement'])} statements, {size(document)} characters"
        )
    with report.step("Each statement is needed") as step:
        expect("demands that the policy does not grant", policy.unmet(), [])
        idle = [sid for sid, demands in policy.needed.items() if not demands]
        expect("statements that nothing needs", idle, [])
        step.note = f"{len(policy.granted)} statements"


def _prove(
    report: ConsoleReport,
    workspace: AppWorkspace,
    policy: DeployPolicy,
    prepare: Iterable[str],
    without: int,
) -> None:
    access = workspace.access
    policies = ManagedPolicies(access, policy.documents)
    if commands := list(prepare):
        # They may deploy other stacks, which need more.
        as_root = dict(workspace.environment)
        workspace.bootstrap()
        for command in commands:
            workspace.run(command)
        workspace.environment = as_root
    with report.step("cdk bootstrap with it, instead of AdministratorAccess"):
        workspace.bootstrap(policies.arns)
    deploy, destroy = partial(workspace.cdk, *_DEPLOY), partial(workspace.cdk, *_DESTROY)
    with report.step("cdk deploy and cdk destroy"):
        deploy()
        destroy()
        require_nothing_refused(access)
    take_away(report, policies, sample_of(policy, without), deploy=deploy, destroy=destroy)


def require_nothing_refused(access: Access) -> None:
    """Insist that the judge has refused nothing to a role of CloudFormation."""
    roles = {arn.rpartition("/")[2] for arn in access.demands()["roles"]}
    refused = [each for each in access.ledger()["refusals"] if each["principal"] in roles]
    expect("what was refused to CloudFormation", refused, [])
