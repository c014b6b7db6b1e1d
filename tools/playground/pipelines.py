"""The worker of a playground: does the actions of every pipeline that is started in it."""

import secrets
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from tools.container_engine import EngineError
from tools.local_aws import Access
from tools.rehearsal.context import RehearsalContext
from tools.rehearsal.expectation import RehearsalError
from tools.rehearsal.pipeline.docker_command import DockerCommand
from tools.rehearsal.pipeline.pipeline_run import (
    ROLLOUT_SECONDS_OF_ANY_IMAGE,
    Action,
    ArtifactStore,
    PipelineRun,
    RolloutError,
)
from tools.rehearsal.pipeline.source_tree import Source, read_source

_FAILURES = (RolloutError, RehearsalError, EngineError, BotoCoreError, ClientError, ValueError)
_LONGEST_MESSAGE = 5000  # of a job's result
_LONGEST_SUMMARY = 2048


class PipelineWorker(PipelineRun):
    """Polls the local CodePipeline for jobs, and does each as the rehearsal does it.

    The source of a pipeline is the repository of the context: its HEAD at that time, or the commit
    that the execution was started with.
    """

    rollout_seconds = ROLLOUT_SECONDS_OF_ANY_IMAGE

    def __init__(self, context: RehearsalContext, docker: DockerCommand) -> None:
        super().__init__(context, docker)
        self._client = context.aws.client("codepipeline")
        self._report = context.report
        self._stores: dict[str, ArtifactStore] = {}
        self._delivered: Source | None = None

    def work(self) -> None:
        """Do all jobs that there are now."""
        for category, provider in self._actions:
            # The owner says nothing here, and has to be said.
            kind = {"category": category, "owner": "AWS", "provider": provider, "version": "1"}
            for job in self._client.poll_for_jobs(actionTypeId=kind)["jobs"]:
                self._do(job["id"], job["data"]["pipelineContext"])

    def _do(self, job: str, of: Mapping[str, Any]) -> None:
        name, execution = of["pipelineName"], self._execution(of)
        what = f"{name}: {of['action']['name']}"
        self._client.acknowledge_job(jobId=job, nonce="1")
        self._delivered = None
        try:
            pipeline = self._client.get_pipeline(name=name)["pipeline"]
            store = self._store(execution, name, pipeline["artifactStore"]["location"])
            own = self.as_pipeline(pipeline)
            self.perform(_action(pipeline, of), own, store, _commit(execution))
        except _FAILURES as error:
            self._report.say(f"  {what} failed: {error}")
            details = {"type": "JobFailed", "message": str(error)[:_LONGEST_MESSAGE]}
            self._client.put_job_failure_result(jobId=job, failureDetails=details)
        else:
            self._report.say(f"  {what} succeeded")
            self._client.put_job_success_result(jobId=job, **self._revision())

    def _source(
        self, action: Action, access: Access, artifacts: ArtifactStore, commit: str
    ) -> None:
        context = self._context
        tree = context.working_tree and not commit
        source = read_source(context.delivered_from, working_tree=tree, commit=commit or "HEAD")
        artifacts.put(access, action["outputArtifacts"][0]["name"], source.files, source.links)
        self._delivered = source

    def _revision(self) -> dict[str, Any]:
        source = self._delivered
        if source is None:
            return {}
        commit = source.commit or secrets.token_hex(20)  # what is on disk has no name of its own
        summary = source.subject or source.origin
        return {
            "currentRevision": {
                "revision": commit,
                "changeIdentifier": commit,
                "revisionSummary": summary[:_LONGEST_SUMMARY],
            }
        }

    def _execution(self, of: Mapping[str, Any]) -> Mapping[str, Any]:
        listed = self._client.list_pipeline_executions(pipelineName=of["pipelineName"])
        executions: list[Mapping[str, Any]] = listed["pipelineExecutionSummaries"]
        wanted = of["pipelineExecutionId"]
        return next(each for each in executions if each["pipelineExecutionId"] == wanted)

    def _store(self, execution: Mapping[str, Any], pipeline: str, bucket: str) -> ArtifactStore:
        """Return the artifacts of an execution: of a rollback those of its target."""
        target = execution.get("rollbackMetadata", {}).get("rollbackTargetPipelineExecutionId")
        key = target or execution["pipelineExecutionId"]
        if key not in self._stores:
            self._stores[key] = ArtifactStore(bucket=bucket, pipeline=pipeline)
        return self._stores[key]


def _action(pipeline: Mapping[str, Any], of: Mapping[str, Any]) -> Action:
    (stage,) = (each for each in pipeline["stages"] if each["name"] == of["stage"]["name"])
    (action,) = (each for each in stage["actions"] if each["name"] == of["action"]["name"])
    return dict(action)


def _commit(execution: Mapping[str, Any]) -> str:
    revisions: list[Mapping[str, Any]] = execution.get("sourceRevisions", [])
    return str(revisions[0]["revisionId"]) if revisions else ""
