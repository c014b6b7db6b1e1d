"""Deliveries of the rehearsal, as executions of the local CodePipeline."""

import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from cdk_rehearsal import Access, LocalAws
from cdk_rehearsal.expectation import RehearsalError
from cdk_rehearsal.pipelines.artifacts import Action, ArtifactStore
from cdk_rehearsal.pipelines.docker_command import DockerCommand
from cdk_rehearsal.pipelines.pipeline_run import ActionFailedError, PipelineRun
from cdk_rehearsal.pipelines.source_tree import Source
from cdk_rehearsal.pipelines.worker import PipelineWorker
from cdk_rehearsal.services.codepipeline.executions import Executions


def action(name: str, kind: tuple[str, str] = ("Invoke", "Lambda"), order: int = 1) -> Action:
    category, provider = kind
    type_id = {"category": category, "provider": provider}
    return {"name": name, "runOrder": order, "actionTypeId": type_id}


SOURCE = action("Source", ("Source", "GitHub"))
APPROVE = action("Approve", ("Approval", "Manual"))


class CodePipeline:
    """The client of one pipeline, in front of the executions of the local AWS."""

    def __init__(self, *stages: list[Action]) -> None:
        self.executions = Executions()
        named = [{"name": f"stage {n}", "actions": each} for n, each in enumerate(stages)]
        store = {"location": "bucket"}
        self.pipeline = {"name": "p", "version": 1, "stages": named, "artifactStore": store}

    def get_pipeline(self, **_: Any) -> Any:
        return {"pipeline": self.pipeline}

    def start_pipeline_execution(self, *, sourceRevisions: Any, **_: Any) -> Any:  # noqa: N803
        return {"pipelineExecutionId": self.executions.start(self.pipeline, sourceRevisions)}

    def retry_stage_execution(self, **call: str) -> None:
        retried = (call["stageName"], call["pipelineExecutionId"], call["retryMode"])
        self.executions.retry("p", *retried)

    def poll_for_jobs(self, *, actionTypeId: Any) -> Any:  # noqa: N803
        return {"jobs": self.executions.poll(actionTypeId)}

    def acknowledge_job(self, **call: str) -> None:
        self.executions.acknowledge(call["jobId"])

    def put_job_success_result(self, *, jobId: str, **call: Any) -> None:  # noqa: N803
        self.executions.succeed(jobId, "", call.get("currentRevision"))

    def put_job_failure_result(self, *, jobId: str, failureDetails: Any) -> None:  # noqa: N803
        self.executions.fail(jobId, failureDetails["message"])

    def put_approval_result(self, *, token: str, **_: Any) -> None:
        self.executions.approve(token, "Approved", "")

    def list_pipeline_executions(self, **_: Any) -> Any:
        return {"pipelineExecutionSummaries": self.executions.summaries("p", "", 100)}

    def get_pipeline_execution(self, **call: str) -> Any:
        found = self.executions.find("p", call["pipelineExecutionId"])
        return {"pipelineExecution": found.details()}

    def get_pipeline_state(self, **_: Any) -> Any:
        states = [
            {"stageName": stage["name"]} | self.executions.stage_state("p", stage)
            for stage in cast("list[Any]", self.pipeline["stages"])
        ]
        return {"stageStates": states}


class Run(PipelineRun):
    """Writes its actions down instead of doing them; the action `fails` fails."""

    def __init__(self, *stages: list[Action]) -> None:
        client = CodePipeline(*stages)
        aws = cast("LocalAws", SimpleNamespace(client=lambda _service: client))
        docker = DockerCommand(folder=Path(), variables={}, description="")
        source = Source(files={}, links={}, origin="made up")
        super().__init__(aws, docker, pipeline=lambda: "p", source=lambda: source)
        self.did: list[str] = []

    def as_pipeline(self, _pipeline: object) -> Access:
        return cast("Access", None)

    def perform(
        self, action: Action, _own: Access, artifacts: ArtifactStore, commit: str
    ) -> Source | None:
        if action["name"] == "fails":
            raise RehearsalError("said so")
        self.did.append(action["name"])
        artifacts.variables[action["name"]] = {"commit": commit}
        source = Source(files={}, links={}, origin="made up")
        return source if action["name"] == "Source" else None


def test_it_does_all_actions_in_their_order_and_approves() -> None:
    run = Run([SOURCE], [APPROVE], [action("second", order=2), action("first")])
    assert run.run("c0ffee") == run.did == ["Source", "first", "second"]
    assert run.artifacts.variables["second"] == {"commit": "c0ffee"}


def test_an_action_that_fails_ends_the_execution_and_its_stage_can_be_retried() -> None:
    stages = [SOURCE], [action("first"), action("fails", order=2), action("last", order=3)]
    run = Run(*stages)
    with pytest.raises(ActionFailedError, match="the action fails failed: said so") as failure:
        run.run("c0ffee")
    assert (failure.value.action, failure.value.done) == ("fails", ["Source", "first"])
    with pytest.raises(ActionFailedError):
        run.retry("stage 1")
    assert run.did == ["Source", "first", "first"]


def test_a_function_is_called_just_before_its_action() -> None:
    run = Run([SOURCE], [action("first"), action("second", order=2)])
    run.run("c0ffee", before={"second": lambda: run.did.append("called")})
    assert run.did == ["Source", "first", "called", "second"]


def test_an_action_that_no_worker_does_is_refused() -> None:
    run = Run([SOURCE], [action("x", ("Compute", "Commands"))])
    with pytest.raises(RehearsalError, match=r"x \('Compute', 'Commands'\) is not supported"):
        run.run("c0ffee")
    assert run.did == []


@pytest.mark.parametrize(
    ("commit", "working_tree", "version"),
    [("", False, b"2"), ("", True, b"3"), ("HEAD~1", False, b"1"), ("HEAD~1", True, b"1")],
)
def test_a_worker_delivers_the_commit_or_head_or_the_working_tree(
    commit: str, working_tree: bool, version: bytes, tmp_path: Path
) -> None:
    def git(*arguments: str) -> None:
        author = ("-c", "user.name=a", "-c", "user.email=a@example.com")
        subprocess.run(["git", *author, *arguments], cwd=tmp_path, check=True)

    git("init", "-q")
    for each in ("1", "2"):
        (tmp_path / "version").write_text(each)
        git("add", ".")
        git("commit", "-qm", each)
    (tmp_path / "version").write_text("3")
    aws = cast("LocalAws", SimpleNamespace(client=lambda _service: None))
    docker = cast("DockerCommand", None)
    worker = PipelineWorker(aws, docker, tmp_path, working_tree=working_tree)
    assert worker.source_of(commit).files == {"version": version}
