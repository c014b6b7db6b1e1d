"""The service with another draining time, to see what it is worth; not part of a rehearsal."""

from tools.rehearsal.containers.stage import Stage, wait_until

_ENOUGH_SECONDS = 90
_REGISTERED = (
    "family", "taskRoleArn", "executionRoleArn", "networkMode", "containerDefinitions", "cpu",
    "memory", "requiresCompatibilities", "runtimePlatform",
)  # fmt: skip


def set_drain(stage: Stage, seconds: int) -> None:
    """Put a revision in service whose tasks serve on for so long after SIGTERM."""
    ecs, service = stage.world.aws.client("ecs"), stage.world.service()
    definition = stage.world.task_definition()
    revision = {key: definition[key] for key in _REGISTERED if key in definition}
    (container,) = revision["containerDefinitions"]
    for variable in container["environment"]:
        if variable["name"] == "DRAIN_SECONDS":
            variable["value"] = str(seconds)
    arn = ecs.register_task_definition(**revision)["taskDefinition"]["taskDefinitionArn"]
    old = stage.running()
    ecs.update_service(
        cluster=service["clusterArn"], service=service["serviceName"], taskDefinition=arn
    )
    wait_until("it is rolled out", stage.is_steady, _ENOUGH_SECONDS)
    wait_until("the others left", lambda: stage.have_stopped(old), _ENOUGH_SECONDS)
