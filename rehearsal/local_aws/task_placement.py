"""Which of the subnets a task of an awsvpc service goes to."""

from collections import Counter
from typing import Any

from ministack.services import ec2, ecs

from rehearsal.local_aws.subnet_address import free_addresses


def choose_subnet(task: dict[str, Any], subnet_ids: list[str]) -> str:
    """Return the subnet for one more task: in the zone that has the fewest of its group.

    So Fargate keeps a service spread over its zones. A full subnet is chosen only when all are.
    """
    neighbours = Counter(
        other["availabilityZone"]
        for other in ecs._tasks.values()
        if other is not task
        and (other["clusterArn"], other["group"]) == (task["clusterArn"], task["group"])
        and other["lastStatus"] != "STOPPED"
        and other["attachments"]
    )
    return min(
        subnet_ids,
        key=lambda subnet: (
            free_addresses(subnet) <= 0,
            neighbours[ec2._subnets[subnet]["AvailabilityZone"]],
        ),
    )
