"""Images that somebody sends to a pipeline, and the commands that run before their rollouts."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from backend_service.names import IMAGE_SOURCE_KEY
from cdk_rehearsal import push_image
from cdk_rehearsal.access import Access
from tools.rehearsal.context import RehearsalContext
from tools.rehearsal.failures.broken_promotions import MadeUpBuilds

DEPLOY_ACTIONS = ["Release", "Command", "Deploy", "Promote"]


class SentImages(MadeUpBuilds):
    """A pipeline that delivers what a sender sends, by the two calls of the page."""

    @property
    def pipeline(self) -> str:
        """The name of the pipeline."""
        return self.context.outputs()["PipelineName"]

    @property
    def bucket(self) -> str:
        """The artifact bucket, as the page finds it."""
        found = self._client.get_pipeline(name=self.pipeline)["pipeline"]
        return str(found["artifactStore"]["location"])

    def push(self, sender: Access, tag: str) -> str:
        """Push a small image to the repository for builds; return its digest."""
        return push_image(sender.client("ecr"), f"{self.context.repository()}/builds", tag, tag)

    def send(
        self,
        sender: Access,
        digest: str,
        *,
        before: Mapping[str, Callable[[], None]] | None = None,
        **said: str,
    ) -> list[str]:
        """Start a delivery of an image with the rights of the sender, and follow it."""
        list(self.work())  # tells CodePipeline that there is a worker
        text = json.dumps({"digest": digest, **said}).encode()
        where = {"Bucket": self.bucket, "Key": IMAGE_SOURCE_KEY}
        revision = {
            "actionName": "Source",
            "revisionType": "S3_OBJECT_VERSION_ID",
            "revisionValue": sender.client("s3").put_object(**where, Body=text)["VersionId"],
        }
        started = sender.client("codepipeline").start_pipeline_execution(
            name=self.pipeline, sourceRevisions=[revision]
        )
        return self.follow(started["pipelineExecutionId"], before=before)


def commands(context: RehearsalContext) -> list[dict[str, Any]]:
    """Return the tasks that have run the command."""
    ecs = context.aws.client("ecs")
    which = {"cluster": context.service()["clusterArn"], "desiredStatus": "STOPPED"}
    family = f"{context.outputs()['TaskDefinitionFamily']}-command"
    arns = ecs.list_tasks(**which, family=family)["taskArns"]
    tasks = ecs.describe_tasks(cluster=which["cluster"], tasks=arns)["tasks"] if arns else []
    return list(tasks)
