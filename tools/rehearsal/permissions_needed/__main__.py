"""Take each used permission away, alone: ``python -m tools.rehearsal.permissions_needed``.

After a deploy it does each action of the pipeline, and notes which permissions that has used. Then
it takes each of them away and does the action again, which must fail with a message that names the
missing permission. Where AWS goes on without a failure, the refusal must be recorded, and the step
says what is lost.
"""

from tools.command_line import run

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from cdk_rehearsal import ConsoleReport, LocalAwsError, RehearsalError, expect_true
from cdk_rehearsal.pipelines import FAILURES, ArtifactStore
from tools.rehearsal.context import CORE, SERVICE, RehearsalContext
from tools.rehearsal.permissions import many
from tools.rehearsal.rehearsal import Rehearsal
from tools.rehearsal.rehearse import start
from tools.rehearsal.rehearsed_service import sample_service
from tools.repository import ROOT

_LOST_WITHOUT_FAILURE = {
    ("ImageBuild", "ecr:BatchGetImage"): "docker builds without cached layers",
    ("ImageBuild", "ecr:GetDownloadUrlForLayer"): "docker builds without cached layers",
    ("ReleaseFunction", "cloudwatch:DescribeAlarms"): "Release does not mention alarms",
}
"""What is lost, by a part of the role's name and the permission, where nothing fails."""

# Its permissions are used by ECS when a task starts. What is missing is in the reason of a stopped
# task, minutes later; tools/local_aws/tests/test_ecs_tasks.py takes each of them away.
_OF_ECS = f"{SERVICE}-TaskExecutionRole"


@dataclass(frozen=True, order=True)
class UsedPermission:
    """A role was allowed ``action`` by nothing but the entry ``granted`` of one policy."""

    role: str
    policy: str
    granted: str
    action: str


def main() -> None:
    """Do it all; exit with 1 and the reason at the first permission that is not needed."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.rehearsal.permissions_needed", description=__doc__
    )
    parser.add_argument(
        "--working-tree",
        action="store_true",
        help="deliver the files as they are on disk, and not as they are committed",
    )
    given = parser.parse_args()
    report = ConsoleReport(ROOT)
    try:
        with start(report, sample_service(working_tree=given.working_tree), None) as rehearsal:
            by_role = rehearse(rehearsal)
    except (RehearsalError, LocalAwsError) as error:
        sys.exit(f"\nA permission is not needed, or another one is missing: {error}")
    report.end(
        f"{sum(by_role.values())} permissions of {len(by_role)} roles, each needed, in"
        f" {report.seconds:.0f} s"
    )


def rehearse(rehearsal: Rehearsal) -> Mapping[str, int]:
    """Deploy, do every action with and without its permissions; count these by role."""
    context, report = rehearsal.context, rehearsal.context.report
    with report.step("cdk deploy --all"):
        rehearsal.deploy()
    seen: set[UsedPermission] = set()
    for name, do in _actions(rehearsal):
        report.section(name)
        before = _uses(context)
        with report.step("With all permissions") as step:
            do()
            used = sorted((_uses(context) - before).keys() - seen)
            step.note = f"uses {len(used)} permissions that no action before it has used"
        seen.update(used)
        for use in used:
            without = _without(context, use)
            with report.step(f"Without {use.action} of {use.role}") as step, without:
                step.note = loss_without(context, do, use)
        if used:
            with report.step("With all permissions again"):
                do()
    return Counter(use.role for use in seen)


def _actions(rehearsal: Rehearsal) -> Iterator[tuple[str, Callable[[], None]]]:
    """Yield the actions of the pipeline, in order, with functions that do them again and again."""
    worker, commit = rehearsal.pipeline, rehearsal.commit
    client = rehearsal.context.aws.client("codepipeline")
    name = rehearsal.context.outputs()["PipelineName"]
    pipeline = client.get_pipeline(name=name)["pipeline"]
    artifacts = ArtifactStore(bucket=pipeline["artifactStore"]["location"], pipeline=name)
    actions = {
        action["name"]: action
        for stage in pipeline["stages"]
        for action in sorted(stage["actions"], key=lambda action: int(action["runOrder"]))
    }

    def perform(*names: str) -> None:
        own = worker.as_pipeline(pipeline)
        for each in names:
            worker.perform(actions[each], own, artifacts, commit)

    for each in actions:
        # Release copies no image twice, so it needs a new one each time.
        first = ("Build",) if each == "Release" else ()
        yield each, partial(perform, *first, each)


def loss_without(context: RehearsalContext, do: Callable[[], None], use: UsedPermission) -> str:
    """Do an action that lacks a permission; return what is lost if it does not fail.

    ``RehearsalError`` if it neither fails by naming the permission nor loses something.
    """
    before = _refusals(context, use)
    try:
        do()
    except FAILURES as failure:
        expect_true(f"the failure names {use.action}: {failure}", holds=use.action in str(failure))
        return ""
    expect_true(f"{use.action} was refused", holds=_refusals(context, use) > before)
    lost = [
        lost
        for (part, action), lost in _LOST_WITHOUT_FAILURE.items()
        if part in use.role and action == use.action
    ]
    expect_true(f"something is lost without {use.action}", holds=bool(lost))
    return f"refused, and nothing fails: {lost[0]}"


def _uses(context: RehearsalContext) -> Counter[UsedPermission]:
    """Return how often each permission has allowed what nothing else allows."""
    uses: Counter[UsedPermission] = Counter()
    for each in context.aws.access.ledger()["uses"]:
        of_stacks = each["principal"].startswith((f"{SERVICE}-", f"{CORE}-"))
        own = each["policy"] != "trust policy" and not each["principal"].startswith(_OF_ECS)
        if each["alone"] and of_stacks and own:
            use = UsedPermission(each["principal"], each["policy"], each["granted"], each["action"])
            uses[use] += each["times"]
    return uses


def _refusals(context: RehearsalContext, use: UsedPermission) -> int:
    return sum(
        each["times"]
        for each in context.aws.access.ledger()["refusals"]
        if (each["principal"], each["action"]) == (use.role, use.action)
    )


@contextmanager
def _without(context: RehearsalContext, use: UsedPermission) -> Iterator[None]:
    """Take an action out of every statement of a policy, for as long as the block lasts."""
    iam = context.aws.client("iam")
    name = {"RoleName": use.role, "PolicyName": use.policy}
    document = iam.get_role_policy(**name)["PolicyDocument"]
    reduced = without_action(document, use.granted)
    if reduced["Statement"]:
        iam.put_role_policy(**name, PolicyDocument=json.dumps(reduced))
    else:
        iam.delete_role_policy(**name)
    try:
        yield
    finally:
        iam.put_role_policy(**name, PolicyDocument=json.dumps(document))


def without_action(document: Mapping[str, Any], granted: str) -> dict[str, Any]:
    """Return a policy that does not allow what the entry ``granted`` allows; Deny stays."""
    statements = []
    for statement in many(document["Statement"]):
        actions = [each for each in many(statement["Action"]) if each != granted]
        if statement["Effect"] != "Allow":
            statements.append(statement)
        elif actions:
            statements.append({**statement, "Action": actions})
    return {**document, "Statement": statements}


if __name__ == "__main__":
    run(main)
