"""Promote: gives the image of a completed rollout the tag that the template names."""

import json
from collections.abc import Callable
from typing import Any

from .action import ActionError, Clock, Outcome, OutOfTimeError, Service
from .images import digest_in, digest_of, find_image, put_image, repository_name

POLL_SECONDS = 10
ROLLOUT_SECONDS = 1800
"""Longer than ECS watches the alarms after the rollout action. If somebody else deploys meanwhile,
also longer than new tasks take with the longest start period."""


def promote(
    image: str, service: Service, *, client: Callable[[str], Any], clock: Clock, since: float
) -> Outcome:
    """Put the live tag on ``image``, if the service runs it after a completed rollout.

    ``since`` is the start of the first call for this job.
    """
    ecr, ecs = client("ecr"), client("ecs")
    digest = digest_in(service.repository, image)
    while (state := _rollout(ecs, service))[0] == "IN_PROGRESS":
        waited = clock.now() - since
        if waited > ROLLOUT_SECONDS:
            raise ActionError(
                f"ECS has not completed the rollout in {ROLLOUT_SECONDS // 60} minutes; retry the "
                "stage after it has"
            )
        try:
            clock.require()
        except OutOfTimeError:
            token = json.dumps({"since": since})
            return Outcome(f"ECS has been rolling out for {waited:.0f} s", token=token)
        clock.sleep(POLL_SECONDS)
    rollout, running = state
    if rollout != "COMPLETED":
        raise ActionError(f"the rollout is {rollout}: {service.live_tag} stays where it is")
    if running != image:
        raise ActionError(
            f"{running} is in service, not {image}: it was rolled back or replaced. "
            "To roll it out again, retry the whole stage"
        )
    live = find_image(ecr, service.repository, imageTag=service.live_tag)
    if live is None or digest_of(live) != digest:
        found = find_image(ecr, service.repository, imageDigest=digest)
        if found is None:
            raise ActionError(f"{image} is in service, but not in the repository any more")
        put_image(ecr, repository_name(service.repository), found, service.live_tag)
        # A deployment that has begun meanwhile may have resolved the tag before it was moved.
        # Scaling begins no deployment.
        # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-deployment.html
        if _rollout(ecs, service) != state:
            raise ActionError(
                f"{image} is {service.live_tag}, but the service was deployed at that moment and "
                "may run the previous image. To roll it out again, retry the whole stage"
            )
    return Outcome(f"{image} is {service.live_tag}")


def _rollout(ecs: Any, service: Service) -> tuple[str, str]:
    """Return the state of the newest deployment of the service, and its image."""
    answer = ecs.describe_services(cluster=service.cluster, services=[service.name])
    if not answer["services"]:
        raise ActionError(f"the cluster {service.cluster} has no service {service.name}")
    (found,) = answer["services"]
    if found["status"] != "ACTIVE":
        raise ActionError(f"the service {service.name} is {found['status']}")
    (newest,) = (d for d in found["deployments"] if d["status"] == "PRIMARY")
    state = newest.get("rolloutState", "IN_PROGRESS")
    if state == "IN_PROGRESS":
        return state, ""
    revision = ecs.describe_task_definition(taskDefinition=newest["taskDefinition"])
    images = {c["name"]: c["image"] for c in revision["taskDefinition"]["containerDefinitions"]}
    return state, images.get(service.container, "nothing")
