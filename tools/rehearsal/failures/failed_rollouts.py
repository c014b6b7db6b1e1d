"""Rollouts that ECS gives up, and deliveries that somebody takes back.

The image of a delivery disappears just before its rollout, so no task can start, and ECS rolls it
back. Without the function the rollout action would hold the stage until its timeout.
"""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from cdk_rehearsal import RehearsalError, expect, expect_true, wait_until
from cdk_rehearsal.pipelines import GivenUpError, failed_deployment, failure_of, publish
from tools.rehearsal.failures.broken_promotions import MadeUpBuilds, expect_live
from tools.rehearsal.failures.context import FailureContext
from tools.repository import ROOT

_STARTED = re.compile(r"Started: (\S+)\.")


class LeftError(Exception):
    """The worker leaves a delivery as it is."""


def failed_rollout(context: FailureContext) -> None:
    """Let ECS give rollouts up; EventBridge calls the function once, twice, late, or in vain."""
    report = context.report
    report.section("ECS gives a rollout up")
    pipeline, before = MadeUpBuilds(context), context.running_image()
    with report.step("The stage is free; `make status` and the mail have the whole reason") as step:
        with _mails(context) as mails:
            given_up = _give_up(context, pipeline, "bad1")
            mail = "\n".join(mails())
        if given_up.stopped_after is None:
            raise RehearsalError("the delivery was not stopped")
        said = _operate(context, "status")
        expect_true(f"make status says that it was stopped:\n{said}", holds="Stopped" in said)
        for part in (f"Delivery {pipeline.execution_id} failed", "not found", *mail.splitlines()):
            expect_true(f"{part!r} is in the mail and in:\n{said}", holds=part in said)
            expect_true(f"{part!r} is in the mail:\n{mail}", holds=part in mail)
        _expect_rolled_back(context, before)
        step.note = f"{given_up.stopped_after:.1f} s after ECS gave up"
    again = partial(publish, context.aws, failed_deployment(context.aws, given_up))
    with report.step("The stage is retried; the event comes again, late") as step:
        done = pipeline.retry("Deploy", before={"Deploy": again, "Promote": again})
        expect("actions", done, ["Release", "Deploy", "Promote"])
        before = context.running_image()
        expect_live(context, before)
        step.note = f"it stops nothing; {before[7:19]} is live"
    with report.step("The function dies at each attempt") as step:
        with _denied(context, pipeline.function_role()):
            given_up = _give_up(context, pipeline, "bad2")
        expect("seconds until a stop", given_up.stopped_after, None)
        _expect_rolled_back(context, before)
        step.note = "the action ends at its timeout, as without the function"
    with report.step("The next delivery goes on; the first event comes again during it") as step:
        pipeline.run("better", before={"Deploy": again, "Promote": again})
        expect_live(context, context.running_image())
        step.note = f"it stops nothing; {context.running_image()[7:19]} is live"


def rollback_of_a_running_delivery(context: FailureContext) -> None:
    """Run `make rollback` after a delivery, and while one is in the stage."""
    report = context.report
    report.section("make rollback")
    pipeline = MadeUpBuilds(context)
    pipeline.run("first")
    first = context.running_image()
    pipeline.run("second")
    with report.step("The delivery in service is taken back") as step:
        step.note = _roll_back(context, pipeline)
        expect_live(context, first)
    with report.step("A delivery that is not promoted yet is taken back") as step:
        try:
            pipeline.run("third", before={"Promote": _leave})
        except LeftError:
            expect_true("it runs the new image", holds=context.running_image() != first)
        step.note = _roll_back(context, pipeline)
        expect_live(context, first)


def _leave() -> None:
    raise LeftError


def _give_up(context: FailureContext, pipeline: MadeUpBuilds, commit: str) -> GivenUpError:
    """Deliver an image that disappears before its rollout."""

    def lose_image() -> None:
        image = pipeline.artifacts.variables["Release"]["image"].partition("@")[2]
        context.aws.client("ecr").batch_delete_image(
            repositoryName=context.repository(), imageIds=[{"imageDigest": image}]
        )

    failure = failure_of(partial(pipeline.run, commit, before={"Deploy": lose_image}), "Deploy")
    if not isinstance(failure.__cause__, GivenUpError):
        raise failure
    return failure.__cause__


@contextmanager
def _mails(context: FailureContext) -> Iterator[Callable[[], list[str]]]:
    """Read the mails about the service; yield a function that returns their texts."""
    sns, sqs = context.aws.client("sns"), context.aws.client("sqs")
    (topic,) = sns.list_topics()["Topics"]
    arn = f"arn:aws:sqs:{context.aws.access.region}:{context.aws.access.account}:mails"
    allow = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    queue = sqs.create_queue(QueueName="mails", Attributes={"Policy": policy})["QueueUrl"]
    sns.subscribe(Protocol="sqs", Endpoint=arn, **topic)

    def mails() -> list[str]:
        received = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(each["Body"])["Message"] for each in received]

    yield mails
    sqs.delete_queue(QueueUrl=queue)


@contextmanager
def _denied(context: FailureContext, role: str) -> Iterator[None]:
    """Deny the function the call that stops a delivery: it ends with an error."""
    iam, names = context.aws.client("iam"), {"RoleName": role, "PolicyName": "denied"}
    deny = {"Effect": "Deny", "Action": "codepipeline:StopPipelineExecution", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    iam.put_role_policy(**names, PolicyDocument=document)
    yield
    iam.delete_role_policy(**names)


def _expect_rolled_back(context: FailureContext, before: str) -> None:
    wait_until("ECS has rolled back", context.is_steady)
    expect_live(context, before)


def _roll_back(context: FailureContext, pipeline: MadeUpBuilds) -> str:
    """Run `make rollback`, follow what it starts, and say when the rollout began."""
    asked, begun = time.monotonic(), list[float]()
    started = _STARTED.search(_operate(context, "rollback", "--yes"))
    if started is None:
        raise RehearsalError("make rollback has started nothing")
    pipeline.follow(started[1], before={"Deploy": lambda: begun.append(time.monotonic())})
    return f"its rollout began {begun[0] - asked:.1f} s after the command"


def _operate(context: FailureContext, *arguments: str) -> str:
    """Run a command of day two, and return what it prints."""
    env_file = str(context.workspace.folder / ".env")
    done = subprocess.run(
        [sys.executable, "-m", "tools.operations", *arguments, "--env-file", env_file],
        cwd=ROOT,
        env={**os.environ, **context.aws.access.environment(shell={})},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RehearsalError(f"{' '.join(arguments)}: {done.stdout}{done.stderr}")
    return done.stdout
