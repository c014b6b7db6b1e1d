"""ECS of the local AWS with an engine: tasks are containers, from their start to their end."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from cdk_rehearsal import NO_DELAYS, EngineAccess, LocalAws
from cdk_rehearsal.bounds import SETTLE_SECONDS
from cdk_rehearsal.containers import Engine, docker_host
from cdk_rehearsal.containers.network import ContainerNetwork
from cdk_rehearsal.expectation import wait_until
from cdk_rehearsal.services.ecr.image_push import push_image
from support.discoverable import Resources, registry, service
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
            instead=image,
        )
        with LocalAws(
            account="111122223333", region="eu-west-1", engine=access, delays=NO_DELAYS
        ) as aws:
            aws.client("ecr").create_repository(repositoryName="backend")
            _push(aws, engine("image", "inspect", "--format", "{{.Id}}", image), "good")
            _push(aws, "0" * 64, "lost")
            yield aws


def _push(aws: LocalAws, engine_id: str, tag: str) -> None:
    identity = f"sha256:{engine_id.removeprefix('sha256:')}"
    push_image(aws.client("ecr"), "backend", tag, identity, engine_image=identity)


@pytest.fixture
def stacks(aws: LocalAws) -> Iterator[Stacks]:
    stacks = Stacks(aws.client("cloudformation"), patience_seconds=SETTLE_SECONDS, explain=aws.log)
    yield stacks
    stacks.delete_all()


def _resources(cidr: str, *, count: int = 2, drain: int = 1, **container: Any) -> Resources:
    prefix = cidr.rpartition(".")[0].rpartition(".")[0]
    resources: Resources = {
        "Vpc": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": cidr}},
        "Group": {
            "Type": "AWS::EC2::SecurityGroup",
            "Properties": {"VpcId": {"Ref": "Vpc"}, "GroupDescription": "tasks"},
        },
    }
    for number, zone in enumerate("ABC", start=1):
        resources[f"Subnet{zone}"] = {
            "Type": "AWS::EC2::Subnet",
            "Properties": {
                "VpcId": {"Ref": "Vpc"},
                "CidrBlock": f"{prefix}.{number}.0/24",
                "AvailabilityZone": f"eu-west-1{zone.lower()}",
            },
        }
    resources |= registry() | service(count=count, image=f"{REPOSITORY}:good")
    (definition,) = resources["Task"]["Properties"]["ContainerDefinitions"]
    definition |= {
        "HealthCheck": CHECK,
        "StopTimeout": 10,
        "Environment": [{"Name": "DRAIN_SECONDS", "Value": str(drain)}],
        **container,
    }
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
    # Users of containers must read that file, and its folder holds the key of the certificate.
    folder = aws.access.ca_bundle.parent
    assert {p.name for p in folder.rglob("*") if p.lstat().st_mode & 0o077} == {"resolv.conf"}
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


def test_a_task_that_stops_leaves_the_name_at_once_serves_on_and_is_killed_after_its_timeout(
    aws: LocalAws, engine: Engine, network: ContainerNetwork, stacks: Stacks
) -> None:
    stacks.deploy("tasks", _resources(network.cidr, count=1, drain=60, StopTimeout=4))
    (task,) = _tasks(aws)
    (container,) = network.containers()
    ecs = aws.client("ecs")

    ecs.stop_task(cluster="infra", task=task["taskArn"])

    assert _address(task) not in _instances(aws)
    assert engine("exec", container, "sh", "-c", f"{CALL} && echo yes")

    def described() -> dict[str, Any]:
        arns = [task["taskArn"]]
        return dict(ecs.describe_tasks(cluster="infra", tasks=arns)["tasks"][0])

    assert described()["lastStatus"] == "STOPPING"
    wait_until("it has stopped", lambda: described()["lastStatus"] == "STOPPED")
    assert described()["containers"][0]["exitCode"] == 137
    assert engine.attempt("container", "inspect", container).returncode != 0


@pytest.mark.parametrize(
    "container",
    [
        {"Image": f"{REPOSITORY}:lost"},
        {"HealthCheck": None, "Command": ["sh", "-c", "sleep 3; exit 1"]},
    ],
    ids=["no such image", "ends after a while"],
)
def test_a_deploy_whose_tasks_do_not_stay_up_fails(
    network: ContainerNetwork, stacks: Stacks, container: dict[str, Any]
) -> None:
    with pytest.raises(StackFailedError, match="circuit breaker was triggered"):
        stacks.deploy("tasks", _resources(network.cidr, count=1, **container))


def test_a_task_that_starts_slowly_becomes_healthy_within_its_start_period(
    aws: LocalAws, network: ContainerNetwork, stacks: Stacks
) -> None:
    """It fails its check every second, more often than the check has retries."""
    up = "/dev/shm/up"  # noqa: S108 - in a container
    slow: dict[str, Any] = {
        "Command": ["sh", "-c", f"sleep 8; touch {up}; exec sleep 1000"],
        "HealthCheck": {**CHECK, "Command": ["CMD-SHELL", f"test -e {up}"], "StartPeriod": 300},
        "StopTimeout": 2,
    }
    stacks.deploy("tasks", _resources(network.cidr, count=1, **slow))
    (task,) = _tasks(aws)
    assert task["healthStatus"] == "HEALTHY"
