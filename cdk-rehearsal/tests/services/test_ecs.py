"""ECS of the local AWS: settings, deployments that fail, and permissions of the execution role."""

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError
from ministack.services import ecs as ministack

from cdk_rehearsal.services.ecs.deployments import (
    reconcile_service_tasks,
    record_service_task_failure,
)
from support.discoverable import Resources, everything
from support.functions import allow, role
from support.stacks import StackFailedError, Stacks

Client = Callable[[str], Any]

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
TASKS = "ecs-tasks.amazonaws.com"


def resources(*, tag: str = "live", **changes: Any) -> Resources:
    """Return a service without a count of tasks of the image `backend:<tag>`.

    ``changes`` are resources instead of those of the template.
    """
    template = everything(image=f"{REGISTRY}/backend:{tag}")
    template["Role"] = role(TASKS, allow(*START))
    task, service = template["Task"]["Properties"], template["Service"]["Properties"]
    task["ExecutionRoleArn"] = {"Fn::GetAtt": ["Role", "Arn"]}
    (container,) = task["ContainerDefinitions"]
    container |= {
        "Secrets": [{"Name": "TOKEN", "ValueFrom": "/token"}],
        "HealthCheck": {"Command": ["CMD-SHELL", "true"], "Interval": 10},
        "LogConfiguration": {"LogDriver": "awslogs", "Options": {"awslogs-group": "Logs"}},
    }
    del service["DesiredCount"]
    service |= {"AvailabilityZoneRebalancing": "ENABLED", "PropagateTags": "SERVICE"}
    return template | changes


@pytest.fixture
def push(client: Client) -> Iterator[Callable[[str], str]]:
    """Push another image as `backend:live`; return its digest."""
    ecr = client("ecr")
    ecr.create_repository(repositoryName="backend")

    def push(content: str) -> str:
        manifest = json.dumps({"schemaVersion": 2, "content": content})
        put = ecr.put_image(repositoryName="backend", imageTag="live", imageManifest=manifest)
        return str(put["image"]["imageId"]["imageDigest"])

    push("first")
    yield push
    ecr.delete_repository(repositoryName="backend", force=True)


@pytest.mark.usefixtures("push")
def test_task_definition_and_service_keep_their_settings(stacks: Stacks, client: Client) -> None:
    stacks.deploy("ecs", resources())
    described = client("ecs").describe_task_definition(taskDefinition="backend")
    (container,) = described["taskDefinition"]["containerDefinitions"]
    assert container["healthCheck"] == {"command": ["CMD-SHELL", "true"], "interval": 10}
    assert container["logConfiguration"]["options"] == {"awslogs-group": "Logs"}
    answer = client("ecs").describe_services(cluster="infra", services=["backend"])
    (service,) = answer["services"]
    assert (service["runningCount"], service["desiredCount"]) == (1, 1)
    assert [d["rolloutState"] for d in service["deployments"]] == ["COMPLETED"]
    assert service["serviceRegistries"][0]["registryArn"].startswith("arn:aws:servicediscovery:")
    assert service["availabilityZoneRebalancing"] == "ENABLED"
    assert service["propagateTags"] == "SERVICE"
    with pytest.raises(ClientError, match="ClusterContainsServicesException"):
        client("ecs").delete_cluster(cluster="infra")


@pytest.mark.usefixtures("push")
@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"Cluster": "none"}, "Cluster not found"),
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


@pytest.mark.parametrize("consistency", ["enabled", "disabled"])
def test_a_deployment_resolves_its_tags_once_unless_each_task_shall(
    consistency: str, stacks: Stacks, client: Client, push: Callable[[str], str]
) -> None:
    ecs = client("ecs")
    template = resources()
    (container,) = template["Task"]["Properties"]["ContainerDefinitions"]
    container["VersionConsistency"] = consistency

    def digests() -> list[str]:
        arns = ecs.list_tasks(cluster="infra", serviceName="backend")["taskArns"]
        tasks = ecs.describe_tasks(cluster="infra", tasks=arns)["tasks"]
        return [container["imageDigest"] for task in tasks for container in task["containers"]]

    first = push("first of the test")
    stacks.deploy("ecs", template)
    second = push("second of the test")
    ecs.update_service(cluster="infra", service="backend", desiredCount=2)
    # Scaling starts no deployment.
    assert set(digests()) == ({first} if consistency == "enabled" else {first, second})
    ecs.update_service(cluster="infra", service="backend", forceNewDeployment=True)
    assert digests() == [second, second]


@pytest.mark.usefixtures("push")
def test_a_first_deployment_without_its_image_fails_and_is_removed(
    stacks: Stacks, client: Client
) -> None:
    reason = r"Circuit Breaker was triggered.*CannotPullContainerError: .*backend:none: not found"
    with pytest.raises(StackFailedError, match=reason):
        stacks.deploy("ecs", resources(tag="none"))
    assert client("ecs").list_clusters()["clusterArns"] == []


@pytest.mark.usefixtures("push")
def test_a_failed_deployment_without_a_circuit_breaker_never_becomes_stable(
    stacks: Stacks,
) -> None:
    template = resources(tag="none")
    del template["Service"]["Properties"]["DeploymentConfiguration"]
    with pytest.raises(StackFailedError, match="did not stabilize"):
        stacks.deploy("ecs", template)


def test_a_rollback_during_a_reconciliation_stops_no_task_of_the_good_deployment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """MiniStack's own functions, with the circuit breaker in the middle of a reconciliation."""
    tasks = {
        name: {
            "clusterArn": "infra",
            "group": "service:backend",
            "lastStatus": status,
            "taskArn": name,
            "taskDefinitionArn": name,
            "_deployment_id": name,
        }
        for name, status in (("good", "RUNNING"), ("bad", "STOPPED"))
    }
    deployments: list[dict[str, Any]] = [
        {"id": "bad", "status": "PRIMARY", "rolloutState": "IN_PROGRESS", "failedTasks": 2},
        {"id": "good", "status": "ACTIVE", "rolloutState": "COMPLETED", "taskDefinition": "good"},
    ]
    breaker = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}
    service: dict[str, Any] = {
        "serviceName": "backend",
        "clusterArn": "infra",
        "status": "ACTIVE",
        "events": [],
    }
    service |= {"desiredCount": 1, "taskDefinition": "bad"}
    service |= {"deployments": deployments, "deploymentConfiguration": breaker}
    monkeypatch.setattr(ministack, "_services", {"infra/backend": service})
    monkeypatch.setattr(ministack, "_tasks", tasks)
    monkeypatch.setattr(ministack, "_schedule_service_deployment_completion", lambda *_: None)
    monkeypatch.setattr(ministack, "_get_docker", object)  # it would look for a real engine
    stopped: list[str] = []
    monkeypatch.setattr(ministack, "_stop_task", lambda request: stopped.append(request["task"]))
    start_and_stop: Any = vars(ministack)["_reconcile_service_tasks"]
    count_failure: Any = vars(ministack)["_record_service_task_failure"]
    looked, failed = threading.Event(), threading.Event()

    def look(_service: object) -> Any:
        found = next(each for each in deployments if each["status"] == "PRIMARY")
        if not looked.is_set():  # the reconciliation, in whose middle the task fails
            looked.set()
            failed.wait(0.5)
        return found

    monkeypatch.setattr(ministack, "_primary_deployment", look)

    def fail() -> None:
        looked.wait(10)
        record = record_service_task_failure.__wrapped__  # type: ignore[attr-defined]
        record(count_failure, tasks["bad"])
        failed.set()

    reconcile = reconcile_service_tasks.__wrapped__  # type: ignore[attr-defined]
    with ThreadPoolExecutor(1) as pool:
        failure = pool.submit(fail)
        reconcile(start_and_stop, "infra", "infra/backend")
        failure.result()
    assert [deployment["status"] for deployment in deployments] == ["ACTIVE", "PRIMARY"]
    assert stopped == []


@pytest.mark.usefixtures("push")
@pytest.mark.parametrize("action", START)
def test_a_task_needs_each_permission_of_its_execution_role(stacks: Stacks, action: str) -> None:
    others = [each for each in START if each != action]
    with pytest.raises(StackFailedError, match=f"not authorized to perform: {action}"):
        stacks.deploy("ecs", resources(Role=role(TASKS, allow(*others))))


@pytest.mark.usefixtures("push")
def test_a_task_needs_an_execution_role_that_trusts_ecs(stacks: Stacks) -> None:
    strange = role("lambda.amazonaws.com", allow(*START))
    with pytest.raises(StackFailedError, match="unable to assume the role"):
        stacks.deploy("ecs", resources(Role=strange))
