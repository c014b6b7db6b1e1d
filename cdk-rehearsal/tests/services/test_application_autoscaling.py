"""Application Auto Scaling of the local AWS: the count of a service stays within its bounds."""

from collections.abc import Callable
from typing import Any

from support.discoverable import Resources, everything
from support.stacks import Stacks

Client = Callable[[str], Any]


def scaled(*, minimum: int, maximum: int, memory: str = "512") -> Resources:
    """Return a service without a count, and its scalable target."""
    resources = everything()
    del resources["Service"]["Properties"]["DesiredCount"]
    resources["Task"]["Properties"]["Memory"] = memory
    target = {
        "ServiceNamespace": "ecs",
        "ScalableDimension": "ecs:service:DesiredCount",
        "ResourceId": {"Fn::Sub": "service/${Cluster}/${Service.Name}"},
        "MinCapacity": minimum,
        "MaxCapacity": maximum,
    }
    scalable = {"Type": "AWS::ApplicationAutoScaling::ScalableTarget", "Properties": target}
    return resources | {"Target": scalable}


def test_a_scalable_target_keeps_the_count_within_its_bounds(
    stacks: Stacks, client: Client
) -> None:
    ecs = client("ecs")

    def counts() -> tuple[int, int]:
        (service,) = ecs.describe_services(cluster="infra", services=["backend"])["services"]
        return service["desiredCount"], service["runningCount"]

    stacks.deploy("ecs", scaled(minimum=3, maximum=10))
    assert counts() == (3, 3)
    # An update of the service, which names no count, keeps the count that somebody has chosen.
    ecs.update_service(cluster="infra", service="backend", desiredCount=7)
    stacks.deploy("ecs", scaled(minimum=3, maximum=10, memory="1024"))
    assert counts() == (7, 7)
    stacks.deploy("ecs", scaled(minimum=1, maximum=2))
    assert counts() == (2, 2)
