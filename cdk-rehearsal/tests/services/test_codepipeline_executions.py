"""Executions of the local CodePipeline: jobs in their order, retries and rollbacks."""

import re
from typing import Any

import pytest
from moto.core.exceptions import JsonRESTError

from cdk_rehearsal.services.codepipeline.executions import Executions

COMMIT = "0123456789abcdef"


def action(name: str, category: str, provider: str, order: int = 1) -> dict[str, Any]:
    kind = {"category": category, "owner": "AWS", "provider": provider, "version": "1"}
    return {"name": name, "actionTypeId": kind, "runOrder": order}


SOURCE = action("Source", "Source", "GitHub")
BUILD = action("Build", "Build", "CodeBuild")
ROLLOUT, PROMOTE = action("Deploy", "Deploy", "ECS"), action("Promote", "Compute", "Commands", 2)
KINDS = [each["actionTypeId"] for each in (SOURCE, BUILD, ROLLOUT, PROMOTE)]


def pipeline(version: int = 1) -> dict[str, Any]:
    stages = [
        {"name": "Source", "actions": [SOURCE]},
        {"name": "Build", "actions": [BUILD]},
        {"name": "Deploy", "actions": [PROMOTE, ROLLOUT]},
    ]
    return {"name": "delivery", "version": version, "stages": stages}


def offered(executions: Executions) -> list[dict[str, Any]]:
    return [job for kind in KINDS for job in executions.poll(kind)]


def work(executions: Executions, *, failing: str = "") -> list[str]:
    """Do what is offered until nothing is; return the actions."""
    done: list[str] = []
    while jobs := offered(executions):
        (job,) = jobs
        name = job["data"]["pipelineContext"]["action"]["name"]
        done.append(name)
        executions.acknowledge(job["id"])
        if name == failing:
            executions.fail(job["id"], "it does not start")
        else:
            revision = (
                {"revision": COMMIT, "changeIdentifier": COMMIT} if name == "Source" else None
            )
            executions.succeed(job["id"], "", revision)
    return done


@pytest.fixture
def executions() -> Executions:
    return Executions()


def status(executions: Executions, execution: str) -> str:
    return executions.find("delivery", execution).status


def test_actions_are_offered_in_their_order_and_one_execution_at_a_time(
    executions: Executions,
) -> None:
    started = executions.start(pipeline(), None)
    executions.start(pipeline(), [{"actionName": "Source", "revisionValue": "feed"}])
    second = executions.summaries("delivery", "", 10)[0]
    assert second["sourceRevisions"] == [{"actionName": "Source", "revisionId": "feed"}]
    assert work(executions) == ["Source", "Build", "Deploy", "Promote"] * 2
    assert status(executions, started) == "Succeeded"
    first = executions.summaries("delivery", "Deploy", 10)[1]
    assert first["sourceRevisions"][0]["revisionId"] == COMMIT


def test_a_failure_says_why_and_a_retried_stage_begins_with_the_failed_action(
    executions: Executions,
) -> None:
    started = executions.start(pipeline(), None)
    assert work(executions, failing="Promote") == ["Source", "Build", "Deploy", "Promote"]
    assert status(executions, started) == "Failed"
    state = executions.stage_state("delivery", pipeline()["stages"][-1])
    assert state["latestExecution"]["status"] == "Failed"
    failed = state["actionStates"][1]["latestExecution"]
    assert failed["errorDetails"]["message"] == "it does not start"
    begun = executions.begun_actions("delivery", started)
    assert [each["actionName"] for each in begun] == ["Promote", "Deploy", "Build", "Source"]
    assert [each["status"] for each in begun] == ["Failed", *["Succeeded"] * 3]
    assert all(0 < each["startTime"] <= each["lastUpdateTime"] for each in begun)
    executions.retry("delivery", "Deploy", started, "FAILED_ACTIONS")
    assert work(executions) == ["Promote"]
    assert status(executions, started) == "Succeeded"


def test_a_job_that_goes_on_stays_in_progress_and_has_the_token(executions: Executions) -> None:
    executions.start(pipeline(), None)
    (job,) = offered(executions)
    executions.acknowledge(job["id"])
    executions.go_on(job["id"], "half of it")
    assert executions.job(job["id"])["data"]["continuationToken"] == "half of it"
    assert offered(executions) == []
    executions.succeed(job["id"], "", None)
    assert executions.job(job["id"])["data"]["continuationToken"] == ""
    assert work(executions) == ["Build", "Deploy", "Promote"]


def test_a_stopped_execution_abandons_its_action_and_frees_the_stage(
    executions: Executions,
) -> None:
    stopped = executions.start(pipeline(), None)
    for _ in ("Source", "Build"):
        (job,) = offered(executions)
        executions.acknowledge(job["id"])
        executions.succeed(job["id"], "", None, {"image": "an image"})
    (job,) = offered(executions)
    executions.acknowledge(job["id"])
    with pytest.raises(JsonRESTError, match="the stage is running"):
        executions.roll_back(pipeline(), "Deploy", stopped)
    executions.stop("delivery", stopped, "ECS gave up")
    with pytest.raises(JsonRESTError, match="has ended"):
        executions.stop("delivery", stopped, "again")
    executions.fail(job["id"], "too late")
    summary = executions.summaries("delivery", "", 1)[0]
    assert (summary["status"], summary["stopTrigger"]) == ("Stopped", {"reason": "ECS gave up"})
    rollout, build, _ = executions.begun_actions("delivery", stopped)
    assert (rollout["status"], build["output"]["outputVariables"]) == (
        "Abandoned",
        {"image": "an image"},
    )
    executions.start(pipeline(), None)
    assert work(executions) == ["Source", "Build", "Deploy", "Promote"]
    executions.retry("delivery", "Deploy", stopped, "FAILED_ACTIONS")
    assert work(executions) == ["Deploy", "Promote"]


def test_a_rollback_does_one_stage_with_the_revision_of_its_target(executions: Executions) -> None:
    first = executions.start(pipeline(), None)
    work(executions)
    back = executions.roll_back(pipeline(), "Deploy", first)
    assert work(executions) == ["Deploy", "Promote"]
    listed = executions.summaries("delivery", "Deploy", 10)[0]
    assert listed["pipelineExecutionId"] == back
    assert listed["executionType"] == "ROLLBACK"
    state = executions.stage_state("delivery", pipeline()["stages"][-1])
    assert state["latestExecution"]["type"] == "ROLLBACK"
    assert listed["rollbackMetadata"] == {"rollbackTargetPipelineExecutionId": first}
    assert listed["sourceRevisions"][0]["revisionId"] == COMMIT


def test_a_rollback_is_refused_where_codepipeline_refuses_it(executions: Executions) -> None:
    first = executions.start(pipeline(), None)
    work(executions)
    failed = executions.start(pipeline(), None)
    work(executions, failing="Deploy")
    back = executions.roll_back(pipeline(), "Deploy", first)
    work(executions)
    for version, stage, target, reason in (
        (1, "Deploy", back, "rollback itself"),
        (2, "Deploy", first, "has changed since"),
        (1, "Source", first, "source stage"),
        (1, "Deploy", failed, "not successful"),
    ):
        with pytest.raises(JsonRESTError, match=re.escape(reason)):
            executions.roll_back(pipeline(version), stage, target)
