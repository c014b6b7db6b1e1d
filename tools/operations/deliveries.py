"""The deliveries of a service: list them, start one, and return to the image of an older one.

A return goes through the pipeline, so that the tag `live` follows. If it changed only the service,
the next `cdk deploy` would undo it.
"""

import json
import re
import sys
import textwrap
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from backend_service.names import IMAGE_SOURCE_KEY
from backend_service.release.images import DIGEST
from tools.doctor.aws import reply_or_none
from tools.operations.account import OperationError, confirm
from tools.operations.service import DeployedService

_PAGE = 100  # CodePipeline lists at most this many executions in one answer.
_MOST_ACTIONS = 1_000  # of the thousands in a year
_STOP_SECONDS, _POLL_SECONDS = 60.0, 1.0
_HAS_ENDED = ("DuplicatedStopRequestException", "PipelineExecutionNotStoppableException")
_REFUSALS = ("UnableToRollbackStageException", "PipelineExecutionOutdatedException")
_COMMIT = re.compile("[0-9a-f]{40}")
_SHORT = 8
_LONGEST_SUBJECT = 50


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """An execution of the pipeline; ``returns_to`` is the execution that a rollback repeats.

    ``revision`` is the commit, or the version of the object in S3 that names an image.
    """

    id: str
    status: str
    started: datetime
    revision: str = ""
    summary: str = ""
    returns_to: str = ""

    @classmethod
    def from_execution(cls, execution: Mapping[str, Any]) -> Self:
        """Read an execution that CodePipeline lists."""
        revision: Mapping[str, Any] = next(iter(execution.get("sourceRevisions", [])), {})
        message = next(iter(revision.get("revisionSummary", "").splitlines()), "")
        target = execution.get("rollbackMetadata", {}).get("rollbackTargetPipelineExecutionId", "")
        return cls(
            id=execution["pipelineExecutionId"],
            status=execution["status"],
            started=execution["startTime"],
            revision=revision.get("revisionId", ""),
            summary=textwrap.shorten(message, _LONGEST_SUBJECT, placeholder=" ..."),
            returns_to=target if execution.get("executionType") == "ROLLBACK" else "",
        )

    @property
    def has_commit(self) -> bool:
        """Whether it began with a commit, and not with an image."""
        return bool(_COMMIT.fullmatch(self.revision))

    @property
    def source(self) -> str:
        """What was delivered, in short."""
        kind = "commit" if self.has_commit else "image of version"
        return f"{kind} {self.revision[:_SHORT]}" if self.revision else "no commit"

    @property
    def line(self) -> str:
        """The delivery in one line."""
        what = f'{self.source} "{self.summary}"' if self.summary else self.source
        back = f", a rollback to {self.returns_to}" if self.returns_to else ""
        return f"{self.started:%Y-%m-%d %H:%M}  {self.status}  {what}  {self.id}{back}"


class Pipeline:
    """The pipeline of a service.

    ``source_action`` reads the source, and ``bucket`` has the artifacts. ``last_stage`` rolls an
    image out and makes it live.
    """

    def __init__(self, service: DeployedService) -> None:
        self._codepipeline = service.aws.client("codepipeline")
        self.name = service.settings.service.full_name
        found = self._codepipeline.get_pipeline(name=self.name)
        stages = found["pipeline"]["stages"]
        self.bucket = str(found["pipeline"]["artifactStore"]["location"])
        self.source_action = str(stages[0]["actions"][0]["name"])
        self.last_stage = str(stages[-1]["name"])

    def deliveries(self, *, in_stage: str = "") -> list[Delivery]:
        """Return the executions, newest first; with ``in_stage`` those that succeeded there."""
        wanted: dict[str, Any] = {"pipelineName": self.name, "maxResults": _PAGE}
        if in_stage:
            wanted["filter"] = {"succeededInStage": {"stageName": in_stage}}
        found = self._codepipeline.list_pipeline_executions(**wanted)
        return [Delivery.from_execution(each) for each in found["pipelineExecutionSummaries"]]

    def release_of(self, digest: str) -> str:
        """Return the newest delivery that has released the image with this digest.

        It is empty if the pipeline knows none. Release reports the image itself. A tag proves
        nothing: a build chooses its tag.
        """
        pages = self._codepipeline.get_paginator("list_action_executions").paginate(
            pipelineName=self.name, PaginationConfig={"MaxItems": _MOST_ACTIONS}
        )
        for page in pages:
            for action in page["actionExecutionDetails"]:
                variables = action.get("output", {}).get("outputVariables", {})
                # A build, which is in another stage, may export any variable.
                image = variables.get("image", "")
                if action["stageName"] == self.last_stage and image.endswith(f"@{digest}"):
                    return str(action["pipelineExecutionId"])
        return ""

    def in_last_stage(self) -> tuple[str, str]:
        """Return the delivery that came last into the last stage, and the status of the stage."""
        stages = {stage["stageName"]: stage for stage in self._stages()}
        latest = stages[self.last_stage].get("latestExecution", {})
        return latest.get("pipelineExecutionId", ""), latest.get("status", "")

    def stop(self, delivery: str) -> None:
        """Abandon a delivery, and wait until it has left the last stage."""
        reply_or_none(
            self._codepipeline.stop_pipeline_execution,
            *_HAS_ENDED,
            pipelineName=self.name,
            pipelineExecutionId=delivery,
            abandon=True,
            reason="make rollback",
        )
        end = time.monotonic() + _STOP_SECONDS
        while self.in_last_stage() in {(delivery, "InProgress"), (delivery, "Stopping")}:
            if time.monotonic() > end:
                raise OperationError(f"CodePipeline has not stopped {delivery}; try again")
            time.sleep(_POLL_SECONDS)

    def _stages(self) -> list[dict[str, Any]]:
        return list(self._codepipeline.get_pipeline_state(name=self.name)["stageStates"])

    def unfinished_stages(self) -> Iterator[str]:
        """Yield a line for each stage that runs, failed or was stopped, and for its actions."""
        for stage in self._stages():
            status = stage.get("latestExecution", {}).get("status")
            if status in {"InProgress", "Failed", "Stopping", "Stopped"}:
                yield f"{stage['stageName']}: {status}"
                for action in stage["actionStates"]:
                    latest = action.get("latestExecution", {})
                    if latest.get("status") in {"InProgress", "Failed", "Abandoned"}:
                        reason = latest.get("errorDetails", {}).get("message")
                        parts = (latest["status"], reason or latest.get("summary", ""))
                        yield f"  {action['actionName']}: {', '.join(filter(None, parts))}"


def deliver(service: DeployedService, *, commit: str, image: str, yes: bool) -> None:
    """Start the pipeline with ``commit``, or with the newest commit of its branch.

    A pipeline that begins with an image starts with the one of the digest ``image``, which was
    built from ``commit``, or with the image that was sent last.
    """
    pipeline = Pipeline(service)
    what = f"commit {commit}" if commit else "the newest commit"
    if service.settings.delivery.image_source_repository_arn:
        if commit and not image:
            raise OperationError("COMMIT= needs IMAGE= too: deliveries here begin with an image")
        if image and not re.fullmatch(DIGEST, image):
            raise OperationError(f"IMAGE={image}: expected sha256: and 64 digits of 0-9 and a-f")
        what = f"the image {image}" if image else "the image that was sent last"
    elif image:
        raise OperationError("IMAGE= needs image_source_repository_arn in the settings")
    confirm(f"Deliver {what} with {pipeline.name}", yes=yes)
    wanted: dict[str, Any] = {"name": pipeline.name}
    kind, value = "COMMIT_ID", commit
    if image:
        sent = {"digest": image, "commit": commit or "unknown", "origin": "make-deliver"}
        written = service.aws.client("s3").put_object(
            Bucket=pipeline.bucket, Key=IMAGE_SOURCE_KEY, Body=json.dumps(sent).encode()
        )
        kind, value = "S3_OBJECT_VERSION_ID", written["VersionId"]
    if value:
        action = pipeline.source_action
        revision = {"actionName": action, "revisionType": kind, "revisionValue": value}
        wanted["sourceRevisions"] = [revision]
    started = service.aws.client("codepipeline").start_pipeline_execution(**wanted)
    print(f"Started: {started['pipelineExecutionId']}. `make status` shows its progress.")


def roll_back(service: DeployedService, *, to: str, yes: bool) -> None:
    """Return to the delivery ``to``, or to the one before the delivery in service.

    A delivery in the last stage counts as the one in service: it is stopped first, because
    CodePipeline refuses the rollback of a stage that runs. It also limits the executions that a
    rollback can repeat: https://docs.aws.amazon.com/codepipeline/latest/userguide/stage-rollback.html
    """
    pipeline = Pipeline(service)
    stage = pipeline.last_stage
    newest, status = pipeline.in_last_stage()
    running = newest if status == "InProgress" else ""
    target = _target(pipeline.deliveries(in_stage=stage), running, to)
    print(f"Rollback target: {target.line}", file=sys.stderr)
    stopping = f" and stop the delivery {running}, which is in the stage" if running else ""
    confirm(f"Roll {service.name} back to {target.source}{stopping}", yes=yes)
    if running:
        pipeline.stop(running)
    started = reply_or_none(
        service.aws.client("codepipeline").rollback_stage,
        *_REFUSALS,
        pipelineName=pipeline.name,
        stageName=stage,
        targetPipelineExecutionId=target.id,
    )
    if started is None:
        again = "deliver its image again with make deliver IMAGE=<digest>"
        if target.has_commit:
            again = f"build its commit again with make deliver COMMIT={target.revision}"
        raise OperationError(
            "CodePipeline refuses this rollback. Either another delivery has entered the stage "
            "(make status): try again. Or a deploy has changed the pipeline since that delivery: "
            f"{again}, or revert and push"
        )
    print(
        f"Started: {started['pipelineExecutionId']}. `make status` shows its progress. Revert the "
        "bad commit: the next delivery would bring it back."
    )


def _target(delivered: list[Delivery], running: str, to: str) -> Delivery:
    """Return the delivery ``to``, or the one before the delivery in service."""
    standing = _standing(delivered)
    before = standing if running else standing[:-1]
    for each in delivered if to else reversed(before):
        # CodePipeline does not repeat an execution that was a rollback itself.
        if not each.returns_to and to in {"", each.id}:
            return each
    which = f"TO={to}" if to else "before the one in service"
    raise OperationError(
        f"no rollback can return to a delivery {which}: see make status, or revert the commit "
        "and push"
    )


def _standing(delivered: list[Delivery]) -> list[Delivery]:
    """Return the deliveries that no rollback has taken back, oldest first; the last is in service.

    A rollback takes back all deliveries after the one that it returns to.
    """
    by_id = {each.id: each for each in delivered}
    standing: list[Delivery] = []
    for each in reversed(delivered):
        delivery = by_id.get(each.returns_to, each)
        if delivery in standing:
            del standing[standing.index(delivery) :]
        standing.append(delivery)
    return standing
