"""ECS with a container engine: when a task counts as healthy.

A task without a health check is healthy when it has run for `SETTLING_SECONDS`.

This package runs a check in the container, since podman needs systemd to do that. As with Docker,
failures count only after the start period, and as many in a row as there are retries make the task
unhealthy. Until the first success the check runs every second instead of every interval, so that
rollouts are faster.
"""

import time
from collections.abc import Callable
from typing import Any, TypeAlias

import requests
from docker.errors import APIError
from ministack.core.concurrency import spawn_background
from ministack.core.responses import get_account_id, get_region
from ministack.services import ecs

from cdk_rehearsal.bounds import SETTLING_SECONDS
from cdk_rehearsal.ministack.replacements import replaces
from cdk_rehearsal.services.ecs import engine
from cdk_rehearsal.services.ecs.discovery import report_health

Task: TypeAlias = dict[str, Any]

_FIRST_INTERVAL_SECONDS = 1
# A busy machine needs additional time to start a process in a container, and the engine does not
# say when the check itself began.
_ENGINE_SECONDS = 30


@replaces(ecs, "_record_service_task_healthy")
def record_service_task_healthy(
    original: Callable[[str, Task], None], service: str, task: Task
) -> None:
    """Do not count a task that has neither passed its health check nor settled."""
    if task["healthStatus"] == "HEALTHY" or task.get("_has_settled", False):
        original(service, task)


def watch_health(task: Task, account: str, region: str) -> None:
    """Start the health checks of a running task, or let it settle if there are none."""
    if not task["_health_is_checked"]:
        name = f"settle-{task['taskArn'][-8:]}"
        spawn_background(_settle, task, account, region, thread_name=name)
    definition = ecs._task_defs[ecs._resolve_td_key(task["taskDefinitionArn"])]
    ids = task["_docker_ids"]
    for container_id, container in zip(ids, definition["containerDefinitions"], strict=False):
        if check := container.get("healthCheck"):
            spawn_background(
                _watch, task, container_id, check, thread_name=f"health-{container_id[:8]}"
            )


def _settle(task: Task, account: str, region: str) -> None:
    time.sleep(SETTLING_SECONDS)
    task["_has_settled"] = True
    check_deployment(task, account, region)


def _watch(task: Task, container_id: str, check: dict[str, Any]) -> None:
    """Run the check until the task stops; report its health to Cloud Map and the deployment."""
    # The defaults of ECS.
    interval, retries = check.get("interval", 30), check.get("retries", 3)
    counts_from = time.monotonic() + check.get("startPeriod", 0)
    failures = 0
    while ecs._task_is_active(task["taskArn"], task):
        # The check is written for the image that the engine does not have.
        if task["_stands_in"] or _passes(container_id, check):
            failures = 0
            if task["healthStatus"] != "HEALTHY":
                _become(task, "HEALTHY")
                check_deployment(task, get_account_id(), get_region())
        elif not ecs._task_is_active(task["taskArn"], task):
            return
        elif time.monotonic() > counts_from or task["healthStatus"] == "HEALTHY":
            failures += 1
            if failures >= retries:
                _become(task, "UNHEALTHY")
                _replace(task)
                return
        time.sleep(interval if task["healthStatus"] == "HEALTHY" else _FIRST_INTERVAL_SECONDS)


def _passes(container_id: str, check: dict[str, Any]) -> bool:
    kind, *words = check["command"]
    command = ["/bin/sh", "-c", words[0]] if kind == "CMD-SHELL" else words
    try:
        response_seconds = check.get("timeout", 5) + _ENGINE_SECONDS
        container = engine.client(response_seconds).containers.get(container_id)
        return bool(container.exec_run(command).exit_code == 0)
    except (APIError, requests.RequestException):
        return False


def _become(task: Task, health: str) -> None:
    task["healthStatus"] = health
    for container in task["containers"]:
        container["healthStatus"] = health
    report_health(task)


def _replace(task: Task) -> None:
    reason = "Task failed container health checks"
    if ecs._mark_task_stopped(task["taskArn"], task, reason, "ServiceSchedulerInitiated"):
        ecs._cleanup_task_resources(task, engine.client())
        ecs._record_service_task_failure(task)


def check_deployment(task: Task, account: str, region: str) -> None:
    """Let the deployment of a task that has become healthy be completed."""
    cluster = ecs._cluster_name_from_arn(task["clusterArn"])
    kind, _, service = task["group"].partition(":")
    if kind == "service":
        ecs._schedule_service_deployment_completion(
            cluster, f"{cluster}/{service}", account, region, healthy_task=task
        )
