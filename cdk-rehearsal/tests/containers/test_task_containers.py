"""ECS of the local AWS with an engine: tasks are containers, from their start to their end."""

from typing import Any

import pytest

from cdk_rehearsal import LocalAws, push_from_engine
from cdk_rehearsal.containers import Engine, TaskContainers
from cdk_rehearsal.expectation import wait_until
from support.discoverable import Resources, everything
from support.stacks import StackFailedError, Stacks

pytestmark = pytest.mark.slow

REPOSITORY = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/backend"
ILL = "/dev/shm/ill"  # noqa: S108 - in a container, where the user of the service may write
CALL = """python -c 'import urllib.request as u; u.urlopen("http://localhost:3000")'"""
READ = "import urllib.request as u; print(u.urlopen"
CHECK = {
    "Command": ["CMD-SHELL", f"test ! -e {ILL} && {CALL}"],
    "Interval": 5,
    "Timeout": 2,
    "Retries": 2,
    "StartPeriod": 30,
}


def _resources(cidr: str, *, count: int = 2, **container: Any) -> Resources:
    resources = everything(cidr, count=count, image=f"{REPOSITORY}:good")
    (definition,) = resources["Task"]["Properties"]["ContainerDefinitions"]
    definition |= {"HealthCheck": CHECK, "StopTimeout": 10, **container}
    resources["Task"]["Properties"]["ContainerDefinitions"] = [
        {key: value for key, value in definition.items() if value is not None}
    ]
    return resources


def _tasks(aws: LocalAws) -> list[dict[str, Any]]:
    ecs = aws.client("ecs")
    arns = ecs.list_tasks(cluster="infra", serviceName="backend")["taskArns"]
    return list(ecs.describe_tasks(cluster="infra", tasks=arns)["tasks"]) if arns else []


def _instances(aws: LocalAws) -> dict[str, str]:
    found = aws.client("servicediscovery").discover_instances(
        NamespaceName="default.local", ServiceName="backend", HealthStatus="ALL"
    )["Instances"]
    return {i["Attributes"]["AWS_INSTANCE_IPV4"]: i["HealthStatus"] for i in found}


def _address(task: dict[str, Any]) -> str:
    return str(task["containers"][0]["networkInterfaces"][0]["privateIpv4Address"])


def test_a_task_is_a_container_with_the_address_of_its_interface(
    aws: LocalAws, engine: Engine, tasks: TaskContainers, stacks: Stacks
) -> None:
    network = tasks.network
    stacks.deploy("tasks", _resources(network.cidr))
    containers = list(tasks.running("backend").values())
    at = {tasks.address(each) for each in containers}
    assert at == {_address(task) for task in _tasks(aws)}
    assert len(at) == 2
    assert {task["healthStatus"] for task in _tasks(aws)} == {"HEALTHY"}
    assert _instances(aws) == dict.fromkeys(at, "HEALTHY")
    # The resolver leads to the local AWS, which answers with the metadata.
    uri = engine("exec", containers[0]["Id"], "printenv", "ECS_CONTAINER_METADATA_URI_V4")
    told = engine("exec", containers[0]["Id"], "python", "-c", f"{READ}('{uri}/task').read())")
    assert '"AvailabilityZone": "eu-west-1' in told
    resolver = engine("exec", containers[0]["Id"], "cat", "/etc/resolv.conf").split()[1]
    assert resolver == network.resolver
    # Users of containers must read these files, and their folder holds the key of the certificate.
    folder = aws.access.ca_bundle.parent
    open_to_all = {p.name for p in folder.rglob("*") if p.lstat().st_mode & 0o077}
    assert open_to_all == {"authority.pem", "resolv.conf"}
    assert folder.stat().st_mode & 0o066 == 0


def test_an_ill_task_is_replaced(
    aws: LocalAws, engine: Engine, tasks: TaskContainers, stacks: Stacks
) -> None:
    check = {**CHECK, "Retries": 1}
    stacks.deploy("tasks", _resources(tasks.network.cidr, count=1, HealthCheck=check))
    (ill,) = _tasks(aws)

    (container,) = tasks.running("backend").values()
    engine("exec", container["Id"], "touch", ILL)

    wait_until("it has lost its name", lambda: _address(ill) not in _instances(aws))
    wait_until("it is replaced", lambda: list(_instances(aws).values()) == ["HEALTHY"])
    answer = aws.client("ecs").describe_tasks(cluster="infra", tasks=[ill["taskArn"]])
    assert answer["tasks"][0]["stoppedReason"] == "Task failed container health checks"


@pytest.mark.parametrize(
    "container",
    [
        {"Image": f"{REPOSITORY}:empty"},
        {"HealthCheck": None, "Command": ["sh", "-c", "sleep 3; exit 1"]},
    ],
    ids=["nothing to run", "ends after a while"],
)
def test_a_deploy_whose_tasks_do_not_stay_up_fails(
    tasks: TaskContainers, stacks: Stacks, container: dict[str, Any]
) -> None:
    with pytest.raises(StackFailedError, match="circuit breaker was triggered"):
        stacks.deploy("tasks", _resources(tasks.network.cidr, count=1, **container))


def test_the_engine_loads_an_image_that_only_ecr_has(
    aws: LocalAws, engine: Engine, tasks: TaskContainers, stacks: Stacks, image: str
) -> None:
    changed = "localhost/only-in-ecr:1"
    container = engine("create", image)
    engine("commit", "--change=LABEL of=ecr", container, changed)
    engine("rm", container)
    config = engine("image", "inspect", "--format", "{{.Id}}", changed)
    push_from_engine(engine, changed, aws.client("ecr"), "backend", "alone")
    engine("rmi", changed)
    assert not engine.has_image(config)

    stacks.deploy("tasks", _resources(tasks.network.cidr, count=1, Image=f"{REPOSITORY}:alone"))

    # Containers of earlier tests may still be ending.
    started = {each["Image"].removeprefix("sha256:") for each in tasks.running("backend").values()}
    assert config.removeprefix("sha256:") in started
