"""Commands before a rollout that fail, are retried, and belong to a rollback, which runs none."""

import json
from functools import partial

from cdk_rehearsal import expect, expect_true
from cdk_rehearsal.pipelines import failure_of
from tools.rehearsal.failures.broken_promotions import expect_live
from tools.rehearsal.failures.context import FailureContext
from tools.rehearsal.failures.sent_images import DEPLOY_ACTIONS, SentImages, commands


def failing_command(context: FailureContext, pipeline: SentImages) -> None:
    """Let the command of the next delivery fail; the record of a task ends as its ``exit`` says."""
    report, root = context.report, context.aws.access
    report.section("A command before the rollout")
    live, delivered = context.live_image(), pipeline.execution_id
    with report.step("It fails: no task is replaced, and the delivery says why") as step:
        _change(context, pipeline, "migrate || exit 3")
        state = (context.service()["taskDefinition"], sorted(context.task_ids()))
        digest = pipeline.push(root, "unmigrated")
        failure = failure_of(partial(pipeline.send, root, digest), "Command")
        expect_true(f"the exit code is told: {failure}", holds="exit code 3" in str(failure))
        now = (context.service()["taskDefinition"], sorted(context.task_ids()))
        expect("revision and tasks", now, state)
        expect_live(context, live)
        step.note = str(failure).rpartition("failed: the ")[2]
    with report.step("The stage is retried with another command") as step:
        _change(context, pipeline, "migrate && exit 0")
        runs = len(commands(context))
        expect("actions", pipeline.retry("Deploy"), DEPLOY_ACTIONS)
        expect("more commands", len(commands(context)) - runs, 1)
        expect_live(context, digest)
        step.note = f"it runs again; {digest[7:19]} is live"
    with report.step("A rollback of the stage runs no command") as step:
        runs = len(commands(context))
        back = context.aws.client("codepipeline").rollback_stage(
            pipelineName=pipeline.pipeline,
            stageName="Deploy",
            targetPipelineExecutionId=delivered,
        )
        pipeline.follow(back["pipelineExecutionId"])
        expect("more commands", len(commands(context)) - runs, 0)
        expect_live(context, live)
        step.note = f"{live[7:19]} is live again"


def _change(context: FailureContext, pipeline: SentImages, command: str) -> None:
    """Change the command as a deploy would, which takes ten times as long."""
    function = pipeline.action("Command")["configuration"]["FunctionName"]
    client = context.aws.client("lambda")
    found = client.get_function_configuration(FunctionName=function)
    variables = found["Environment"]["Variables"]
    variables["COMMAND"] = json.dumps(["/bin/sh", "-c", command])
    client.update_function_configuration(
        FunctionName=function, Environment={"Variables": variables}
    )
