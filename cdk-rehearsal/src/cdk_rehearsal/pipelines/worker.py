"""The worker of the local CodePipeline: it polls for jobs, and does each as AWS does the action.

CodePipeline (``services.codepipeline.executions``) decides which action is next. Nothing in here
knows the order of stages and actions.
"""

import itertools
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from cdk_rehearsal.access import Access
from cdk_rehearsal.containers.engine import EngineError
from cdk_rehearsal.expectation import RehearsalError
from cdk_rehearsal.pipelines.artifacts import Action, ArtifactStore
from cdk_rehearsal.pipelines.build_action import build
from cdk_rehearsal.pipelines.docker import DockerCommand
from cdk_rehearsal.pipelines.ecs_event import failed_deployment, publish
from cdk_rehearsal.pipelines.lambda_action import Job, invoke
from cdk_rehearsal.pipelines.rollout import GivenUpError, read_image_definitions, roll_out
from cdk_rehearsal.pipelines.source_tree import Source, read_source
from cdk_rehearsal.scratch import ScratchDirectory
from cdk_rehearsal.server.local_aws import LocalAws

CODEPIPELINE = "codepipeline.amazonaws.com"

# The exceptions with which an action fails; any other one is a mistake of the worker.
_FAILURES = (RehearsalError, EngineError, BotoCoreError, ClientError, ValueError)

_LONGEST_MESSAGE = 5000  # that PutJobFailureResult takes
_LONGEST_SUMMARY = 2048


@dataclass(frozen=True, kw_only=True)
class JobResult:
    """The end of one action; ``failure`` is None if it succeeded."""

    pipeline: str
    action: str
    failure: Exception | None


class PipelineWorker:
    """Does the actions of all pipelines of a local AWS, each with its own role.

    It reads pipelines, build projects and functions from the local AWS. Builds call ``docker``;
    their other commands are real. Source actions deliver ``repository``, with ``working_tree`` its
    files as they are on disk if no commit is asked for.
    """

    def __init__(
        self,
        aws: LocalAws,
        docker: DockerCommand,
        repository: Path,
        *,
        working_tree: bool = False,
    ) -> None:
        self._aws = aws
        self._docker = docker
        self._repository = repository
        self._working_tree = working_tree
        self._client = aws.client("codepipeline")
        self._build_numbers = itertools.count(1)
        self._stores: dict[str, ArtifactStore] = {}
        self._kinds: dict[tuple[str, str], Callable[[Job], Any]] = {
            ("Source", "GitHub"): self._store_source,
            ("Source", "CodeStarSourceConnection"): self._store_source,
            ("Source", "S3"): self._store_object,
            ("Build", "CodeBuild"): self._build,
            ("Deploy", "ECS"): self._deploy,
            ("Invoke", "Lambda"): self._invoke,
        }

    def work(self) -> Iterator[JobResult]:
        """Do all jobs that wait now; yield the result of each after CodePipeline has got it."""
        for category, provider in self._kinds:
            # The API wants an owner and does not look at it.
            kind = {"category": category, "owner": "AWS", "provider": provider, "version": "1"}
            for job in self._client.poll_for_jobs(actionTypeId=kind)["jobs"]:
                yield self._do(job["id"], job["data"]["pipelineContext"])

    # The worker of a rehearsal overrides these.

    def before_action(self, name: str) -> None:
        """Do nothing; CodePipeline has offered an action that has not begun."""

    def source_of(self, commit: str) -> Source:
        """Return the files of a commit of the delivered repository; of HEAD if it is empty."""
        tree = self._working_tree and not commit
        return read_source(self._repository, working_tree=tree, commit=commit or "HEAD")

    def build(self, action: Action, artifacts: ArtifactStore, commit: str) -> Mapping[str, str]:
        """Run a build and return the variables that it exports."""
        number, root = next(self._build_numbers), self._aws.access
        return build(root, self._docker, action, artifacts, commit=commit, number=number)

    # The jobs.

    def _do(self, job: str, where: Mapping[str, Any]) -> JobResult:
        name, action = where["pipelineName"], where["action"]["name"]
        self.before_action(action)
        self._client.acknowledge_job(jobId=job, nonce="1")
        execution = self._execution(name, where["pipelineExecutionId"])
        commit = _commit(execution)
        try:
            pipeline = self._client.get_pipeline(name=name)["pipeline"]
            store = self._store(execution, name, pipeline["artifactStore"]["location"])
            definition = store.resolved(_action(pipeline, action))
            kind = definition["actionTypeId"]
            work = Job(
                id=job,
                pipeline=name,
                execution=execution["pipelineExecutionId"],
                commit=commit,
                action=definition,
                access=self._access(definition, pipeline["roleArn"]),
                artifacts=store,
            )
            done = self._kinds[kind["category"], kind["provider"]](work)
        except _FAILURES as error:
            if isinstance(error, GivenUpError):
                self._publish(error, where)
            details = {"type": "JobFailed", "message": str(error)[:_LONGEST_MESSAGE]}
            self._client.put_job_failure_result(jobId=job, failureDetails=details)
            return JobResult(pipeline=name, action=action, failure=error)
        if isinstance(done, Source):
            self._client.put_job_success_result(jobId=job, **_revision(done, commit))
        elif done is not None:  # a function has reported its end itself
            self._client.put_job_success_result(jobId=job, outputVariables=done)
        return JobResult(pipeline=name, action=action, failure=None)

    def _access(self, action: Action, pipeline_role: str) -> Access:
        """Return the access of an action's role; without one it has that of the pipeline."""
        own = self._aws.access.role(pipeline_role, service=CODEPIPELINE)
        return own.role(action["roleArn"]) if "roleArn" in action else own

    def _publish(self, failure: GivenUpError, where: Mapping[str, Any]) -> None:
        """Publish the event of ECS, and see whether that stops the delivery.

        On AWS the action waits for its timeout otherwise.
        """
        gave_up = time.monotonic()
        publish(self._aws, failed_deployment(self._aws, failure))
        name, execution = where["pipelineName"], where["pipelineExecutionId"]
        if self._execution(name, execution)["status"] == "Stopped":
            failure.stopped_after = time.monotonic() - gave_up

    def _execution(self, pipeline: str, wanted: str) -> Mapping[str, Any]:
        listed = self._client.list_pipeline_executions(pipelineName=pipeline)
        executions: list[Mapping[str, Any]] = listed["pipelineExecutionSummaries"]
        return next(each for each in executions if each["pipelineExecutionId"] == wanted)

    def _store(self, execution: Mapping[str, Any], pipeline: str, bucket: str) -> ArtifactStore:
        """Return the artifacts of an execution; a rollback has those of its target."""
        target = execution.get("rollbackMetadata", {}).get("rollbackTargetPipelineExecutionId")
        key = target or execution["pipelineExecutionId"]
        return self._stores.setdefault(key, ArtifactStore(bucket=bucket, pipeline=pipeline))

    # The actions.

    def _store_source(self, job: Job) -> Source:
        """Store the files that are delivered; nothing asks GitHub."""
        source = self.source_of(job.commit)
        job.artifacts.put(job.access, job.action["outputArtifacts"][0]["name"], source.delivered)
        return source

    def _store_object(self, job: Job) -> Mapping[str, str]:
        """Copy an object as it is: the version that is asked for, or else the newest.

        https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-S3.html
        """
        wanted, s3 = job.action["configuration"], job.access.client("s3")
        where = {"Bucket": wanted["S3Bucket"], "Key": wanted["S3ObjectKey"]}
        found = s3.get_object(**where, **({"VersionId": job.commit} if job.commit else {}))
        copied = job.artifacts.reserve(job.action["outputArtifacts"][0]["name"])
        s3.put_object(**copied, Body=found["Body"].read())
        return {"BucketName": where["Bucket"], "VersionId": str(found["VersionId"])}

    def _build(self, job: Job) -> Mapping[str, str]:
        """Start the build, run it, and read its result.

        https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-CodeBuild.html
        """
        codebuild = job.access.client("codebuild")
        project = job.action["configuration"]["ProjectName"]
        started = codebuild.start_build(projectName=project)["build"]["id"]
        exported = self.build(job.action, job.artifacts, job.commit)
        # The answer of this call tells CodePipeline the exported variables.
        codebuild.batch_get_builds(ids=[started])
        job.artifacts.variables[_namespace(job.action)] = dict(exported)
        return exported

    def _deploy(self, job: Job) -> Mapping[str, str]:
        configuration = job.action["configuration"]
        with ScratchDirectory("deploy") as scratch:
            job.artifacts.unpack(job.access, job.action["inputArtifacts"][0]["name"], scratch.path)
            images = read_image_definitions(scratch.path, configuration["FileName"])
        roll_out(
            job.access.client("ecs"),
            cluster=configuration["ClusterName"],
            service=configuration["ServiceName"],
            images=images,
        )
        return {}

    def _invoke(self, job: Job) -> None:
        """Call the function, which reports its end itself; keep its output variables."""
        job.artifacts.variables[_namespace(job.action)] = invoke(self._client, job)


def _namespace(action: Action) -> str:
    return str(action.get("namespace", action["name"]))


def _action(pipeline: Mapping[str, Any], name: str) -> Action:
    """Return an action by its name, which is unique in a pipeline."""
    (action,) = (a for stage in pipeline["stages"] for a in stage["actions"] if a["name"] == name)
    return dict(action)


def _commit(execution: Mapping[str, Any]) -> str:
    revisions: list[Mapping[str, Any]] = execution.get("sourceRevisions", [])
    return str(revisions[0]["revisionId"]) if revisions else ""


def _revision(source: Source, asked_for: str) -> dict[str, Any]:
    """Return the revision that a source action reports."""
    # Files as they are on disk are no commit, but each delivery needs an id of its own.
    commit = asked_for or source.commit or secrets.token_hex(20)
    summary = source.subject or source.origin
    return {
        "currentRevision": {
            "revision": commit,
            "changeIdentifier": commit,
            "revisionSummary": summary[:_LONGEST_SUMMARY],
        }
    }
