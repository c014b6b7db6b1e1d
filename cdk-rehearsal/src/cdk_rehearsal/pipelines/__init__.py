"""Deliveries: the deployed pipeline, run on this machine with its real commands.

`PipelineRun` starts executions and does their jobs; `PipelineWorker` does the jobs of all pipelines
as they come. CodePipeline of the local AWS decides which action is next.
"""

from cdk_rehearsal.pipelines.artifacts import Action, ArtifactStore
from cdk_rehearsal.pipelines.build import BuildResult, parse_buildspec, run_build
from cdk_rehearsal.pipelines.build_action import CODEBUILD
from cdk_rehearsal.pipelines.docker import (
    DockerCommand,
    docker_by_engine,
    docker_stand_in,
    images_in_ecr,
)
from cdk_rehearsal.pipelines.ecs_event import failed_deployment, publish
from cdk_rehearsal.pipelines.pipeline_run import ActionFailedError, PipelineRun, failure_of
from cdk_rehearsal.pipelines.rollout import GivenUpError
from cdk_rehearsal.pipelines.source_tree import (
    Source,
    TooLargeError,
    git_environment,
    read_source,
    top_of,
)
from cdk_rehearsal.pipelines.worker import PipelineWorker

__all__ = [
    "CODEBUILD", "Action", "ActionFailedError", "ArtifactStore", "BuildResult", "DockerCommand",
    "GivenUpError", "PipelineRun", "PipelineWorker", "Source", "TooLargeError",
    "docker_by_engine", "docker_stand_in", "failed_deployment", "failure_of", "git_environment",
    "images_in_ecr", "parse_buildspec", "publish", "read_source", "run_build", "top_of",
]  # fmt: skip
