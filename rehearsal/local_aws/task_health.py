"""The health of a task: its container's health check, run in the container as Docker would run it.

The engine could do it, but podman needs systemd for that. As with Docker, failures count only after
the start period, and as many in a row as the task definition has retries make it unhealthy. Until
the first success it is tried every second, not only every interval: rollouts here are faster.
"""

import time
from typing import Any

import requests
from docker.errors import APIError
from ministack.core.concurrency import spawn_background
from ministack.core.responses import get_account_id, get_region
from ministack.services import ecs

from rehearsal.local_aws.engine_client import client
from rehearsal.local_aws.task_registration import report_health

Task = dict[str, Any]
HealthCheck = dict[str, Any]

_FIRST_INTERVAL_SECONDS = 1


def watch(task: Task, container_id: str, check: HealthCheck) -> None:
    """Check until the task stops; tell Cloud Map and the deployment what comes of it."""
    # The defaults of ECS.
    interval, retries = check.get("interval", 30), check.get("retries", 3)
    counts_from = time.monotonic() + check.get("startPeriod", 0)
    failures = 0
    while ecs._task_is_active(task["taskArn"], task):
        if _passes(container_id, check):
            failures = 0
            if task["healthStatus"] != "HEALTHY":
                _become(task, "HEALTHY")
                _check_deployment(task)
        elif not ecs._task_is_active(task["taskArn"], task):
            return
        elif time.monotonic() > counts_from or task["healthStatus"] == "HEALTHY":
            failures += 1
            if failures >= retries:
                _become(task, "UNHEALTHY")
                _replace(task)
                return
        time.sleep(interval if task["healthStatus"] == "HEALTHY" else _FIRST_INTERVAL_SECONDS)


def _passes(container_id: str, check: HealthCheck) -> bool:
    kind, *words = check["command"]
    command = ["/bin/sh", "-c", words[0]] if kind == "CMD-SHELL" else words
    try:
        container = client(check.get("timeout", 5)).containers.get(container_id)
        return bool(container.exec_run(command).exit_code == 0)
    except (APIError, requests.RequestException):
        return False


def _become(task: Task, health: str) -> None:
    task["healthStatus"] = health
    for container in task["containers"]:
        container["healthStatus"] = health
    report_health(task)


def _check_deployment(task: Task) -> None:
    cluster = ecs._cluster_name_from_arn(task["clusterArn"])
    kind, _, service = task["group"].partition(":")
    if kind == "service":
        ecs._schedule_service_deployment_completion(
            cluster, f"{cluster}/{service}", get_account_id(), get_region(), healthy_task=task
        )


def _replace(task: Task) -> None:
    reason = "Task failed container health checks"
    if ecs._mark_task_stopped(task["taskArn"], task, reason, "ServiceSchedulerInitiated"):
        ecs._cleanup_task_resources(task, client())
        ecs._record_service_task_failure(task)


def watch_in_background(task: Task) -> None:
    """Start to watch a task that runs, if its task definition has a health check."""
    definition = ecs._task_defs[ecs._resolve_td_key(task["taskDefinitionArn"])]
    ids = task["_docker_ids"]
    for container_id, container in zip(ids, definition["containerDefinitions"], strict=False):
        if check := container.get("healthCheck"):
            spawn_background(
                watch, task, container_id, check, thread_name=f"health-{container_id[:8]}"
            )


def install() -> None:
    """Nothing to join: `task_end` watches the life of a task, and its health with it."""
