"""ECS of the local AWS: settings, deployments that fail, and permissions of the execution role."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from cdk_rehearsal.ministack.responses import Response
from cdk_rehearsal.services.ecs.deployments import (
    create_or_update_service,
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
    # Without a circuit breaker it never becomes stable.
    template = resources(tag="none")
    del template["Service"]["Properties"]["DeploymentConfiguration"]
    with pytest.raises(StackFailedError, match="did not stabilize"):
        stacks.deploy("unstable", template)


def test_neither_a_rollback_nor_an_update_begins_in_the_middle_of_a_reconciliation() -> None:
    """With one in the middle MiniStack stops the tasks of the good deployment."""
    begun, order = threading.Event(), []

    def reconcile(*_: str) -> None:
        begun.set()
        time.sleep(0.2)  # the others have the time to begin
        order.append("reconciled")

    def fail(_task: object) -> None:
        order.append("rolled back")

    def update(_request: object) -> Response:
        order.append("updated")
        return 400, {}, b""

    with ThreadPoolExecutor(3) as pool:
        running = [pool.submit(original_of(reconcile_service_tasks), reconcile, "infra", "backend")]
        begun.wait()
        running.append(pool.submit(original_of(record_service_task_failure), fail, {}))
        running.append(pool.submit(create_or_update_service, update, {}))
    assert [each.exception() for each in running] == [None] * 3
    assert order[0] == "reconciled"
    assert len(order) == 3


def original_of(replacement: Any) -> Callable[..., Any]:
    """Return a replacement without the function of MiniStack that is bound to it."""
    return replacement.__wrapped__  # type: ignore[no-any-return]


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
