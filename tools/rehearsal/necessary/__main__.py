"""Deliver without each used grant: ``python -m tools.rehearsal.necessary``.

One deploy and one delivery say which grants of the delivery's roles are used. Then each is taken
away alone, and the delivery is played again: it must fail with an answer that names the action.
"""

from tools.command_line import run

import argparse
import json
import secrets
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from settings.examples import ACCOUNT, REGION
from tools.local_aws import LocalAws, LocalAwsError
from tools.rehearsal.console_report import ConsoleReport
from tools.rehearsal.context import SERVICE, RehearsalContext, read_deliverable
from tools.rehearsal.expectation import RehearsalError, expect, expect_true
from tools.rehearsal.permissions import many
from tools.rehearsal.pipeline.docker_command import docker_stand_in
from tools.rehearsal.pipeline.pipeline_run import ActionFailedError, PipelineRun
from tools.rehearsal.scenarios import first_deploy
from tools.rehearsal.workspace import Workspace

# By a part of the role's name, and the action: what a delivery does not fail without at once.
_NOT_PLAYED = {
    ("Build", "ecr:BatchGetImage"): "docker only says that it found no layers to begin with",
    ("Build", "ecr:GetDownloadUrlForLayer"): "docker only says that it found no layers",
    ("ReleaseFunction", "cloudwatch:DescribeAlarms"): "Release only says that it knows of no alarm",
}


def main() -> None:
    """Play it; exit with 1 and the reason at the first grant that nobody misses."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.rehearsal.necessary", description=__doc__
    )
    parser.add_argument(
        "--working-tree",
        action="store_true",
        help="deliver the files as they are on disk, and not as they are committed",
    )
    given = parser.parse_args()
    report = ConsoleReport()
    try:
        with ExitStack() as stack:
            aws = stack.enter_context(LocalAws(account=ACCOUNT, region=REGION))
            workspace = stack.enter_context(Workspace(aws))
            context = RehearsalContext(
                aws=aws, workspace=workspace, report=report, working_tree=given.working_tree
            )
            play(context)
    except (RehearsalError, LocalAwsError) as error:
        sys.exit(f"\nA grant is not necessary, or more than one is missing: {error}")
    report.end(f"{report.steps} steps in {report.seconds:.0f} s")


def play(context: RehearsalContext) -> None:
    """Deploy, deliver, and deliver again without each grant that the delivery has used."""
    report = context.report
    read_deliverable(context)
    first_deploy.prepare(context)
    with report.step("cdk deploy --all"):
        context.workspace.deploy()
    pipeline = PipelineRun(context, docker_stand_in(context.workspace.folder / "docker"))
    commit = secrets.token_hex(20)
    with report.step("A delivery with everything") as step:
        before = _uses(context)
        step.note = ", ".join(pipeline.run(commit))
    used = sorted(_uses(context) - before)
    expect_true("the delivery uses grants", holds=bool(used))
    report.section("Without each grant")
    for role, policy, granted, action in used:
        if why := _why_not_played(role, action):
            report.leave_out(f"{action} of {role}: {why}")
            continue
        with report.step(f"{action} of {role}"), _without(context, role, policy, granted):
            failure = _failure(pipeline, commit)
            expect_true(f"it names {action}: {failure}", holds=action in failure)
    with report.step("With everything again"):
        expect("actions", pipeline.run(commit), ["Source", "Build", "Release", "Deploy", "Promote"])


def _uses(context: RehearsalContext) -> set[tuple[str, str, str, str]]:
    """Return role, policy, grant and action of each call that nothing else allowed."""
    stack = f"{SERVICE}-"
    return {
        (use["principal"], use["policy"], use["granted"], use["action"])
        for use in context.aws.access.ledger()["uses"]
        if use["alone"] and use["principal"].startswith(stack)
    }


def _why_not_played(role: str, action: str) -> str:
    found = (why for (part, what), why in _NOT_PLAYED.items() if part in role and what == action)
    return next(found, "")


def _failure(pipeline: PipelineRun, commit: str) -> str:
    try:
        pipeline.run(commit)
    except ActionFailedError as failure:
        return str(failure)
    raise RehearsalError("the delivery went through")


@contextmanager
def _without(context: RehearsalContext, role: str, policy: str, granted: str) -> Iterator[None]:
    """Take an action out of every statement of a policy, for as long as the block lasts."""
    iam = context.aws.client("iam")
    name = {"RoleName": role, "PolicyName": policy}
    document = iam.get_role_policy(**name)["PolicyDocument"]
    reduced = [_reduced(each, granted) for each in many(document["Statement"])]
    left = [each for each in reduced if each["Action"]]
    if left:
        iam.put_role_policy(**name, PolicyDocument=json.dumps({**document, "Statement": left}))
    else:
        iam.delete_role_policy(**name)
    try:
        yield
    finally:
        iam.put_role_policy(**name, PolicyDocument=json.dumps(document))


def _reduced(statement: Mapping[str, Any], granted: str) -> dict[str, Any]:
    actions = [each for each in many(statement["Action"]) if each != granted]
    return {**statement, "Action": actions}


if __name__ == "__main__":
    run(main)
