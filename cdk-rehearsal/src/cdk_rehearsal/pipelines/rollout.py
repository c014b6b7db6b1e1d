"""The deploy action for ECS: a new revision with other images, rolled out and waited for."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cdk_rehearsal.bounds import ROLLOUT_SECONDS
from cdk_rehearsal.expectation import RehearsalError
from cdk_rehearsal.pipelines.artifacts import text_of_file

_POLL_SECONDS = 0.5
# DescribeTaskDefinition returns these, and RegisterTaskDefinition refuses them.
_READ_ONLY = (
    "taskDefinitionArn", "revision", "status", "requiresAttributes", "compatibilities",
    "registeredAt", "registeredBy", "deregisteredAt",
)  # fmt: skip


class RolloutError(RehearsalError):
    """The service does not run the new revision; the message says why."""


class GivenUpError(RolloutError):
    """ECS has given up ``deployment`` of the service with the ARN ``service``.

    ``stopped_after`` are the seconds until somebody had stopped the delivery; None if nobody has.
    """

    def __init__(self, reason: str, service: str, deployment: str) -> None:
        super().__init__(reason)
        self.service = service
        self.deployment = deployment
        self.stopped_after: float | None = None


def read_image_definitions(folder: Path, name: str) -> dict[str, str]:
    """Return the images by container name from the image definitions file of an artifact."""
    text = text_of_file(folder, name)
    try:
        return {each["name"]: each["imageUri"] for each in json.loads(text)}
    except (ValueError, TypeError, KeyError, RecursionError):
        raise RehearsalError(
            f'{name} is no list like [{{"name": "<container>", "imageUri": "<image>"}}]'
        ) from None


def roll_out(ecs: Any, *, cluster: str, service: str, images: Mapping[str, str]) -> str:
    """Register a revision with ``images`` (by container name), deploy it, wait; return its ARN.

    As CodePipeline does, this copies the revision that the service uses, which may not be the
    newest one, and drops ``versionConsistency``. It fails with `GivenUpError` as soon as the
    circuit breaker has ended the rollout; CodePipeline would wait until its action times out.
    """
    used = _describe(ecs, cluster, service)["taskDefinition"]
    definition = ecs.describe_task_definition(taskDefinition=used)["taskDefinition"]
    revision = {key: value for key, value in definition.items() if key not in _READ_ONLY}
    containers = {container["name"]: container for container in revision["containerDefinitions"]}
    if unknown := images.keys() - containers.keys():
        raise RolloutError(f"{used} has no container {', '.join(sorted(unknown))}")
    for container in containers.values():
        container.pop("versionConsistency", None)
    for name, image in images.items():
        containers[name]["image"] = image
    arn = str(ecs.register_task_definition(**revision)["taskDefinition"]["taskDefinitionArn"])
    updated = ecs.update_service(cluster=cluster, service=service, taskDefinition=arn)["service"]
    ids = [each["id"] for each in updated["deployments"] if each["taskDefinition"] == arn]
    _wait(ecs, cluster, service, arn, next(iter(ids), ""))
    return arn


def _wait(ecs: Any, cluster: str, service: str, arn: str, deployment: str) -> None:
    deadline = time.monotonic() + ROLLOUT_SECONDS
    while time.monotonic() < deadline:
        found = _describe(ecs, cluster, service)
        # ECS may already have removed the deployment of a revision that failed.
        ours = next((d for d in found["deployments"] if d["taskDefinition"] == arn), None)
        if ours is None or ours["rolloutState"] == "FAILED":
            reason = ours["rolloutStateReason"] if ours else f"{arn} was rolled back"
            raise GivenUpError(reason, found["serviceArn"], deployment)
        # CodePipeline looks at the tasks, too, so its role needs these two permissions.
        # https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-ECS.html
        tasks = ecs.list_tasks(cluster=cluster, serviceName=service)["taskArns"]
        if tasks:
            ecs.describe_tasks(cluster=cluster, tasks=tasks)
        if ours["rolloutState"] == "COMPLETED":
            return
        time.sleep(_POLL_SECONDS)
    raise RolloutError(f"{arn} is not rolled out after {ROLLOUT_SECONDS:g} s")


def _describe(ecs: Any, cluster: str, service: str) -> dict[str, Any]:
    found = ecs.describe_services(cluster=cluster, services=[service])["services"]
    if not found:
        raise RolloutError(f"cluster {cluster} has no service {service}")
    return dict(found[0])
