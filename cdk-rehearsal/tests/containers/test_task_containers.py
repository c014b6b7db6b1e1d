"""ECS of the local AWS with an engine: tasks are containers, from their start to their end."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from cdk_rehearsal import NO_DELAYS, LocalAws, push_from_engine, push_image
from cdk_rehearsal.bounds import SETTLE_SECONDS
from cdk_rehearsal.containers import Engine
from cdk_rehearsal.containers.engine import docker_host
from cdk_rehearsal.containers.network import ContainerNetwork
from cdk_rehearsal.expectation import wait_until
from cdk_rehearsal.options import EngineAccess
from support.discoverable import Resources, registry, service
from support.discoverable import network as any_network
from support.stacks import StackFailedError, Stacks

pytestmark = pytest.mark.slow

REPOSITORY = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/backend"
ILL = "/dev/shm/ill"  # noqa: S108 - in a container, where the user of the service may write
CALL = """python -c 'import urllib.request as u; u.urlopen("http://localhost:3000")'"""
CHECK = {
    "Command": ["CMD-SHELL", f"test ! -e {ILL} && {CALL}"],
    "Interval": 5,
    "Timeout": 2,
    "Retries": 2,
    "StartPeriod": 30,
}


@pytest.fixture(scope="module")
def aws(engine: Engine, network: ContainerNetwork, image: str) -> Iterator[LocalAws]:
    with docker_host(engine) as host:
        access = EngineAccess(
            docker_host=host,
            network=network.name,
            resolver=network.resolver,
            labels=network.labels,
        )
        with LocalAws(
            account="111122223333", region="eu-west-1", engine=access, delays=NO_DELAYS
        ) as aws:
            ecr = aws.client("ecr")
            ecr.create_repository(repositoryName="backend")
            push_from_engine(engine, image, ecr, "backend", "good")
            push_image(ecr, "backend", "empty", "nothing to run")
            yield aws


@pytest.fixture
def stacks(aws: LocalAws) -> Iterator[Stacks]:
    stacks = Stacks(aws.client("cloudformation"), patience_seconds=SETTLE_SECONDS, explain=aws.log)
    yield stacks
    stacks.delete_all()


def _resources(cidr: str, *, count: int = 2, **container: Any) -> Resources:
    in_range = json.dumps(any_network()).replace("10.3.", cidr.removesuffix("0.0/16"))
    resources: Resources = json.loads(in_range) | registry()
    resources |= service(count=count, image=f"{REPOSITORY}:good")
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
    aws: LocalAws, engine: Engine, network: ContainerNetwork, stacks: Stacks
) -> None:
    stacks.deploy("tasks", _resources(network.cidr))
    tasks, containers = _tasks(aws), network.containers()
    found = json.loads(engine("inspect", *containers))
    at = {c["NetworkSettings"]["Networks"][network.name]["IPAddress"] for c in found}
    assert at == {_address(task) for task in tasks}
    assert len(at) == 2
    assert {task["healthStatus"] for task in tasks} == {"HEALTHY"}
    assert _instances(aws) == dict.fromkeys(at, "HEALTHY")
    # The resolver's container answers at the address of the metadata, which holds the answer.
    uri = engine("exec", containers[0], "printenv", "ECS_CONTAINER_METADATA_URI_V4")
    assert uri.startswith(f"http://{network.resolver}/v4/")
    resolver = engine("exec", containers[0], "cat", "/etc/resolv.conf").split()[1]
    assert resolver == network.resolver
    # Users of containers must read these files, and their folder holds the key of the certificate.
    folder = aws.access.ca_bundle.parent
    open_to_all = {p.name for p in folder.rglob("*") if p.lstat().st_mode & 0o077}
    assert open_to_all == {"authority.pem", "resolv.conf"}
    assert folder.stat().st_mode & 0o066 == 0


def test_an_ill_task_is_replaced(
    aws: LocalAws, engine: Engine, network: ContainerNetwork, stacks: Stacks
) -> None:
    check = {**CHECK, "Retries": 1}
    stacks.deploy("tasks", _resources(network.cidr, count=1, HealthCheck=check))
    (ill,) = _tasks(aws)

    engine("exec", network.containers()[0], "touch", ILL)

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
    network: ContainerNetwork, stacks: Stacks, container: dict[str, Any]
) -> None:
    with pytest.raises(StackFailedError, match="circuit breaker was triggered"):
        stacks.deploy("tasks", _resources(network.cidr, count=1, **container))


def test_the_engine_loads_an_image_that_only_ecr_has(
    aws: LocalAws, engine: Engine, network: ContainerNetwork, stacks: Stacks, image: str
) -> None:
    changed = "localhost/only-in-ecr:1"
    container = engine("create", image)
    engine("commit", "--change=LABEL of=ecr", container, changed)
    engine("rm", container)
    config = engine("image", "inspect", "--format", "{{.Id}}", changed)
    push_from_engine(engine, changed, aws.client("ecr"), "backend", "alone")
    engine("rmi", changed)
    assert not engine.has_image(config)

    stacks.deploy("tasks", _resources(network.cidr, count=1, Image=f"{REPOSITORY}:alone"))

    # Containers of earlier tests may still be ending.
    found = engine("inspect", "--format", "{{.Image}}", *network.containers())
    assert config in found.split()
