"""ECS of the local AWS: settings, deployments that fail, and permissions of the execution role."""

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cdk_rehearsal.services.ecs import api as ecs
from support.discoverable import everything
from support.functions import allow, document
from support.stacks import StackFailedError, Stacks

Client = Callable[[str], Any]
Resources = dict[str, Any]

REGISTRY = "111122223333.dkr.ecr.eu-west-1.amazonaws.com"
START = (
    "ecr:GetAuthorizationToken",
    "ecr:BatchGetImage",
    "ecr:GetDownloadUrlForLayer",
    "ssm:GetParameters",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
)
"""The permissions that ECS uses when it starts a task of `resources`."""


def execution_role(*actions: str, trusted: str = "ecs-tasks.amazonaws.com") -> Resources:
    """Return an execution role with these permissions."""
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": trusted}}
    policy = {"PolicyName": "start", "PolicyDocument": document(allow(*actions))}
    properties = {"AssumeRolePolicyDocument": document(trust), "Policies": [policy]}
    return {"Type": "AWS::IAM::Role", "Properties": properties}


def resources(
    *,
    tag: str = "live",
    memory: str = "512",
    breaker: bool = True,
    role: Resources | None = None,
) -> Resources:
    """Return a cluster with one service of the image `backend:<tag>`, registered in Cloud Map."""
    template = everything() | {"Role": role or execution_role(*START)}
    template["Cluster"]["Properties"] |= {
        "ClusterSettings": [{"Name": "containerInsights", "Value": "enhanced"}],
        "Configuration": {
            "ExecuteCommandConfiguration": {
                "Logging": "OVERRIDE",
                "LogConfiguration": {"CloudWatchLogGroupName": "exec"},
            }
        },
    }
    container = {
        "Name": "app",
        "Image": f"{REGISTRY}/backend:{tag}",
        "Secrets": [{"Name": "TOKEN", "ValueFrom": "/token"}],
        "HealthCheck": {"Command": ["CMD-SHELL", "true"], "Interval": 10},
        "LogConfiguration": {"LogDriver": "awslogs", "Options": {"awslogs-group": "Logs"}},
    }
    template["Task"]["Properties"] |= {
        "Memory": memory,
        "RuntimePlatform": {"CpuArchitecture": "ARM64", "OperatingSystemFamily": "LINUX"},
        "ExecutionRoleArn": {"Fn::GetAtt": ["Role", "Arn"]},
        "ContainerDefinitions": [container],
    }
    service = template["Service"]["Properties"]
    del service["DesiredCount"]
    service |= {
        "AvailabilityZoneRebalancing": "ENABLED",
        "PropagateTags": "SERVICE",
        "DeploymentConfiguration": {
            "DeploymentCircuitBreaker": {"Enable": breaker, "Rollback": breaker}
        },
    }
    return template


class Backend:
    """The service under test, as the APIs show it."""

    def __init__(self, client: Client, stacks: Stacks) -> None:
        self.ecs = client("ecs")
        self._ecr = client("ecr")
        self._stacks = stacks
        self.revisions: list[str] = []

    def push(self, tag: str, content: str) -> str:
        manifest = json.dumps({"schemaVersion": 2, "content": content})
        image = self._ecr.put_image(repositoryName="backend", imageTag=tag, imageManifest=manifest)[
            "image"
        ]
        return str(image["imageId"]["imageDigest"])

    def deploy(self, **changes: Any) -> None:
        self._stacks.deploy("ecs", resources(**changes))

    def service(self) -> dict[str, Any]:
        answer = self.ecs.describe_services(cluster="infra", services=["backend"])
        found: dict[str, Any] = answer["services"][0]
        return found

    def digests(self) -> list[str]:
        arns = self.ecs.list_tasks(cluster="infra", serviceName="backend")["taskArns"]
        tasks = self.ecs.describe_tasks(cluster="infra", tasks=arns)["tasks"]
        return [container["imageDigest"] for task in tasks for container in task["containers"]]

    def revise(self, image: str) -> str:
        """Register a revision that CloudFormation does not know, as a pipeline does."""
        current = self.ecs.describe_task_definition(taskDefinition="backend")["taskDefinition"]
        keys = ("family", "cpu", "memory", "networkMode", "requiresCompatibilities")
        containers = [current["containerDefinitions"][0] | {"image": f"{REGISTRY}/{image}"}]
        revision = self.ecs.register_task_definition(
            **{key: current[key] for key in keys}, containerDefinitions=containers
        )
        self.revisions.append(revision["taskDefinition"]["taskDefinitionArn"])
        return self.revisions[-1]


@pytest.fixture
def backend(client: Client, stacks: Stacks) -> Iterator[Backend]:
    client("ecr").create_repository(repositoryName="backend")
    backend = Backend(client, stacks)
    backend.push("live", "first")
    yield backend
    client("ecr").delete_repository(repositoryName="backend", force=True)
    for revision in backend.revisions:
        backend.ecs.deregister_task_definition(taskDefinition=revision)


def test_cluster_task_definition_and_service_keep_their_settings(backend: Backend) -> None:
    backend.deploy()
    include = ["SETTINGS", "CONFIGURATIONS"]
    (cluster,) = backend.ecs.describe_clusters(clusters=["infra"], include=include)["clusters"]
    assert cluster["settings"] == [{"name": "containerInsights", "value": "enhanced"}]
    execute_command = cluster["configuration"]["executeCommandConfiguration"]
    assert execute_command["logConfiguration"] == {"cloudWatchLogGroupName": "exec"}

    definition = backend.ecs.describe_task_definition(taskDefinition="backend")["taskDefinition"]
    (container,) = definition["containerDefinitions"]
    assert container["healthCheck"] == {"command": ["CMD-SHELL", "true"], "interval": 10}
    assert container["logConfiguration"]["options"] == {"awslogs-group": "Logs"}
    assert definition["runtimePlatform"]["cpuArchitecture"] == "ARM64"

    service = backend.service()
    assert (service["runningCount"], service["desiredCount"]) == (1, 1)
    assert [d["rolloutState"] for d in service["deployments"]] == ["COMPLETED"]
    assert service["serviceRegistries"][0]["registryArn"].startswith("arn:aws:servicediscovery:")
    assert service["availabilityZoneRebalancing"] == "ENABLED"
    assert service["propagateTags"] == "SERVICE"
    breaker = service["deploymentConfiguration"]["deploymentCircuitBreaker"]
    assert (breaker["enable"], breaker["rollback"]) == (True, True)


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"TaskDefinition": "nothing:1"}, "TaskDefinition not found"),
        ({"ServiceRegistries": [{"RegistryArn": "arn:aws:servicediscovery:none"}]}, "registry"),
        (
            {"NetworkConfiguration": {"AwsvpcConfiguration": {"Subnets": ["subnet-0"]}}},
            "subnet ID 'subnet-0' does not exist",
        ),
    ],
)
def test_a_service_that_names_a_missing_resource_fails(
    stacks: Stacks, wrong: Resources, reason: str
) -> None:
    template = resources()
    template["Service"]["Properties"] |= wrong
    with pytest.raises(StackFailedError, match=reason):
        stacks.deploy("ecs", template)


def test_a_cluster_with_a_service_is_not_deleted(backend: Backend) -> None:
    backend.deploy()
    with pytest.raises(ClientError, match="ClusterContainsServicesException"):
        backend.ecs.delete_cluster(cluster="infra")
    with pytest.raises(ClientError, match="ClusterNotFoundException"):
        backend.ecs.create_service(cluster="none", serviceName="x", taskDefinition="backend")


def test_a_deployment_resolves_its_tags_once(backend: Backend) -> None:
    first = backend.push("live", "first of the test")
    backend.deploy()
    second = backend.push("live", "second of the test")
    backend.ecs.update_service(cluster="infra", service="backend", desiredCount=2)
    assert backend.digests() == [first, first], "scaling starts no deployment"
    backend.ecs.update_service(cluster="infra", service="backend", forceNewDeployment=True)
    assert backend.digests() == [second, second]


def test_a_first_deployment_without_its_image_fails_and_is_removed(
    backend: Backend, client: Client
) -> None:
    with pytest.raises(
        StackFailedError, match=r"Circuit Breaker was triggered.*backend:none: not found"
    ):
        backend.deploy(tag="none")
    assert backend.ecs.list_clusters()["clusterArns"] == []
    assert client("servicediscovery").list_namespaces()["Namespaces"] == []


def test_an_update_without_its_image_is_rolled_back(backend: Backend) -> None:
    backend.deploy()
    before, digests = backend.service()["taskDefinition"], backend.digests()
    with pytest.raises(StackFailedError, match="Circuit Breaker was triggered"):
        backend.deploy(tag="none", memory="1024")
    service = backend.service()
    assert service["taskDefinition"] == before
    assert (service["runningCount"], backend.digests()) == (1, digests)
    backend.deploy(memory="2048")
    assert backend.service()["taskDefinition"] != before


def test_a_failed_deployment_without_a_circuit_breaker_never_becomes_stable(
    backend: Backend,
) -> None:
    with pytest.raises(StackFailedError, match="did not stabilize"):
        backend.deploy(tag="none", breaker=False)


def test_ecs_rolls_a_failed_deployment_back(backend: Backend) -> None:
    backend.deploy()
    before = backend.service()["taskDefinition"]
    revision = backend.revise("backend:never-pushed")
    backend.ecs.update_service(cluster="infra", service="backend", taskDefinition=revision)
    service = backend.service()
    assert service["taskDefinition"] == before
    failed, primary = service["deployments"]
    assert (failed["rolloutState"], failed["taskDefinition"]) == ("FAILED", revision)
    assert (primary["status"], primary["rolloutState"]) == ("PRIMARY", "COMPLETED")


def test_a_task_that_cannot_start_has_a_reason(backend: Backend) -> None:
    backend.deploy()
    revision = backend.revise("backend:never-pushed")
    (task,) = backend.ecs.run_task(
        cluster="infra",
        taskDefinition=revision,
        networkConfiguration=backend.service()["networkConfiguration"],
    )["tasks"]
    (read,) = backend.ecs.describe_tasks(cluster="infra", tasks=[task["taskArn"]])["tasks"]
    assert (read["lastStatus"], read["stopCode"]) == ("STOPPED", "TaskFailedToStart")
    assert read["stoppedReason"].startswith("CannotPullContainerError")


def test_an_update_returns_to_the_revision_of_the_template_and_keeps_the_count(
    backend: Backend,
) -> None:
    """A pipeline has delivered a revision and somebody has scaled the service."""
    backend.deploy()
    delivered = backend.push("build-1", "delivered")
    revision = backend.revise("backend:build-1")
    backend.ecs.update_service(
        cluster="infra", service="backend", taskDefinition=revision, desiredCount=4
    )
    assert backend.digests() == [delivered] * 4
    backend.push("live", "delivered")
    backend.deploy(memory="1024")
    service = backend.service()
    assert service["taskDefinition"] not in (revision, "")
    assert (service["desiredCount"], service["runningCount"]) == (4, 4)
    assert backend.digests() == [delivered] * 4


def test_only_one_thread_at_a_time_starts_missing_tasks() -> None:
    tasks: list[str] = []

    def start_what_is_missing(_cluster: str, service: str) -> None:
        missing = 3 - len(tasks)
        time.sleep(0.05)
        tasks.extend([service] * missing)

    reconcile = ecs.reconcile_service_tasks.__wrapped__  # type: ignore[attr-defined]
    with ThreadPoolExecutor(3) as pool:
        for _ in range(3):
            pool.submit(reconcile, start_what_is_missing, "infra", "infra/backend")
    assert len(tasks) == 3


@pytest.mark.parametrize("action", START)
def test_a_task_needs_each_permission_of_its_execution_role(backend: Backend, action: str) -> None:
    others = [each for each in START if each != action]
    with pytest.raises(StackFailedError, match=f"not authorized to perform: {action}"):
        backend.deploy(role=execution_role(*others))


def test_a_task_needs_an_execution_role_that_trusts_ecs(backend: Backend) -> None:
    strange = execution_role(*START, trusted="lambda.amazonaws.com")
    with pytest.raises(StackFailedError, match="unable to assume the role"):
        backend.deploy(role=strange)
