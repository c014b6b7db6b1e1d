"""Play without each used grant: ``python -m tools.rehearsal.necessary``.

After a deploy each action of the pipeline and each of CDK's helper functions is played alone, which
tells what grants it uses. Then each grant is taken away alone, and what used it is played again: it
must fail with an answer that names the action. Where AWS goes on in silence the refusal must be of
that action, and what is lost is said.
"""

from tools.command_line import run

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from settings.examples import ACCOUNT, REGION
from tools.local_aws import LocalAws, LocalAwsError
from tools.rehearsal.console_report import ConsoleReport
from tools.rehearsal.context import CORE, SERVICE, RehearsalContext, read_deliverable
from tools.rehearsal.expectation import RehearsalError, expect_true
from tools.rehearsal.necessary.plays import FAILURES, Play, all_plays
from tools.rehearsal.permissions import many
from tools.rehearsal.scenarios import first_deploy
from tools.rehearsal.workspace import Workspace

# By a part of the role's name, and the action: what is lost where nothing fails.
_SILENT = {
    ("ImageBuild", "ecr:BatchGetImage"): "docker goes on without layers to begin with",
    ("ImageBuild", "ecr:GetDownloadUrlForLayer"): "docker goes on without layers to begin with",
    ("ReleaseFunction", "cloudwatch:DescribeAlarms"): "Release knows of no alarm",
    ("AutoDeleteObjects", "s3:GetBucketPolicy"): "objects can be put while others are deleted",
    ("AutoDeleteObjects", "s3:PutBucketPolicy"): "objects can be put while others are deleted",
    ("", "logs:CreateLogStream"): "there is no log",
    ("", "logs:PutLogEvents"): "the log is empty",
}
_POLICY_OF = "policy of arn:aws:s3:::"
# ECS's own role starts tasks in every action that rolls out; what it lacks, a task says that is
# stopped, minutes later. `tools/local_aws/tests/test_ecs_tasks.py` has each of its grants.
_NOT_PLAYED = f"{CORE}-TaskExecutionRole"


@dataclass(frozen=True, order=True)
class Use:
    """A grant by which alone a role was allowed something."""

    role: str
    policy: str
    granted: str
    action: str


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
            played = play(context)
    except (RehearsalError, LocalAwsError) as error:
        sys.exit(f"\nA grant is not necessary, or more than one is missing: {error}")
    report.end(
        f"{sum(played.values())} grants of {len(played)} roles, each missed by name, in"
        f" {report.seconds:.0f} s"
    )


def play(context: RehearsalContext) -> Mapping[str, int]:
    """Deploy, play everything with and without its grants; return their numbers by role."""
    report = context.report
    read_deliverable(context)
    first_deploy.prepare(context)
    with report.step("cdk deploy --all"):
        context.workspace.deploy()
    seen: set[Use] = set()
    for each in all_plays(context):
        report.section(each.name)
        before = _uses(context)
        with report.step("With everything") as step:
            each.run()
            used = sorted((_uses(context) - before).keys() - seen)
            step.note = f"uses {len(used)} grants that nothing before has used"
        seen.update(used)
        for use in used:
            without = _without(context, use)
            with report.step(f"Without {use.action} of {use.role}") as step, without:
                step.note = _missed(context, each, use)
        if used:
            with report.step("With everything again"):
                each.run()
    return Counter(use.role for use in seen)


def _uses(context: RehearsalContext) -> Counter[Use]:
    """Return how often each grant has allowed what nothing else did."""
    uses: Counter[Use] = Counter()
    for each in context.aws.access.ledger()["uses"]:
        of_stacks = each["principal"].startswith((f"{SERVICE}-", f"{CORE}-"))
        own = each["policy"] != "trust policy" and not each["principal"].startswith(_NOT_PLAYED)
        if each["alone"] and of_stacks and own:
            use = Use(each["principal"], each["policy"], each["granted"], each["action"])
            uses[use] += each["times"]
    return uses


def _missed(context: RehearsalContext, played: Play, use: Use) -> str:
    """Play without a grant; return what is lost if nothing fails, or else nothing."""
    before = _refused(context, use)
    try:
        played.run()
    except FAILURES as failure:
        expect_true(f"it names {use.action}: {failure}", holds=use.action in str(failure))
        return ""
    expect_true("somebody was refused it", holds=_refused(context, use) > before)
    lost = (
        lost for (part, what), lost in _SILENT.items() if part in use.role and what == use.action
    )
    silent = next(lost, "")
    expect_true("something is lost", holds=bool(silent))
    return f"refused in silence: {silent}"


def _refused(context: RehearsalContext, use: Use) -> int:
    return sum(
        each["times"]
        for each in context.aws.access.ledger()["refusals"]
        if (each["principal"], each["action"]) == (use.role, use.action)
    )


@contextmanager
def _without(context: RehearsalContext, use: Use) -> Iterator[None]:
    """Take an action out of every statement of a policy, for as long as the block lasts."""
    if use.policy.startswith(_POLICY_OF):
        s3, bucket = context.aws.client("s3"), use.policy.removeprefix(_POLICY_OF)
        whole = s3.get_bucket_policy(Bucket=bucket)["Policy"]
        reduced = json.dumps(_reduced(json.loads(whole), use.granted))
        s3.put_bucket_policy(Bucket=bucket, Policy=reduced)
        try:
            yield
        finally:
            s3.put_bucket_policy(Bucket=bucket, Policy=whole)
        return
    iam = context.aws.client("iam")
    name = {"RoleName": use.role, "PolicyName": use.policy}
    document = iam.get_role_policy(**name)["PolicyDocument"]
    reduced_document = _reduced(document, use.granted)
    if reduced_document["Statement"]:
        iam.put_role_policy(**name, PolicyDocument=json.dumps(reduced_document))
    else:
        iam.delete_role_policy(**name)
    try:
        yield
    finally:
        iam.put_role_policy(**name, PolicyDocument=json.dumps(document))


def _reduced(document: Mapping[str, Any], granted: str) -> dict[str, Any]:
    statements = [_without_action(each, granted) for each in many(document["Statement"])]
    return {**document, "Statement": [each for each in statements if each["Action"]]}


def _without_action(statement: Mapping[str, Any], granted: str) -> dict[str, Any]:
    if statement["Effect"] != "Allow":
        return dict(statement)
    actions = [each for each in many(statement["Action"]) if each != granted]
    return {**statement, "Action": actions}


if __name__ == "__main__":
    run(main)
