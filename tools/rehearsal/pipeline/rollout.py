"""What the deploy action of a pipeline does to an ECS service."""

import time
from collections.abc import Mapping
from typing import Any

_DESCRIBED = (
    "taskDefinitionArn", "revision", "status", "requiresAttributes", "compatibilities",
    "registeredAt", "registeredBy", "deregisteredAt",
)  # fmt: skip
_PATIENCE_SECONDS = 30
_POLL_SECONDS = 0.1


class RolloutError(Exception):
    """The new revision does not run; the message says why."""


def roll_out(ecs: Any, *, cluster: str, service: str, images: Mapping[str, str]) -> str:
    """Register a revision with ``images`` (by container name), deploy it, wait; return its ARN.

    As CodePipeline does, the revision is made from the one that the service uses, not from the
    newest one. Unlike there a rollout that the circuit breaker has ended is an error at once:
    CodePipeline sees it only when the action's timeout is over.
    """
    used = _describe(ecs, cluster, service)["taskDefinition"]
    definition = ecs.describe_task_definition(taskDefinition=used)["taskDefinition"]
    revision = {key: value for key, value in definition.items() if key not in _DESCRIBED}
    containers = {container["name"]: container for container in revision["containerDefinitions"]}
    if unknown := images.keys() - containers.keys():
        raise RolloutError(f"{used} has no container {', '.join(sorted(unknown))}")
    for name, image in images.items():
        containers[name]["image"] = image
    arn = str(ecs.register_task_definition(**revision)["taskDefinition"]["taskDefinitionArn"])
    ecs.update_service(cluster=cluster, service=service, taskDefinition=arn)
    _wait(ecs, cluster, service, arn)
    return arn


def _wait(ecs: Any, cluster: str, service: str, arn: str) -> None:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        deployments = _describe(ecs, cluster, service)["deployments"]
        # The newest one that is of this revision; none when it failed and is gone already.
        ours = next((d for d in deployments if d["taskDefinition"] == arn), None)
        if ours is None or ours["rolloutState"] == "FAILED":
            raise RolloutError(ours["rolloutStateReason"] if ours else f"{arn} was rolled back")
        if ours["rolloutState"] == "COMPLETED":
            return
        time.sleep(_POLL_SECONDS)
    raise RolloutError(f"{arn} is not rolled out after {_PATIENCE_SECONDS} s")


def _describe(ecs: Any, cluster: str, service: str) -> dict[str, Any]:
    found = ecs.describe_services(cluster=cluster, services=[service])["services"]
    if not found:
        raise RolloutError(f"cluster {cluster} has no service {service}")
    return dict(found[0])
