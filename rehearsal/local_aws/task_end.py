"""The end of a task's container: SIGTERM, the stop timeout, and all that goes only with it.

At once, as ECS does it, the task stops counting, leaves Cloud Map and gets SIGTERM. Its container
serves on until it ends by itself or its stop timeout is over; so long it is STOPPING and keeps its
address.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import requests
from docker.errors import APIError, NotFound
from ministack.core.concurrency import resource_lock, spawn_background
from ministack.core.responses import now_iso
from ministack.services import ecs

from rehearsal.local_aws import task_network
from rehearsal.local_aws.engine_client import client
from rehearsal.local_aws.task_health import watch_in_background

Task = dict[str, Any]

_DEFAULT_STOP_TIMEOUT_SECONDS = 30
_LONGEST_LIFE_SECONDS = 24 * 3600
_LOG_FLUSH_SECONDS = 0.5
_EXIT_POLLS, _EXIT_POLL_SECONDS = 100, 0.1

_mark_task_stopped: Callable[..., bool] = task_network._mark_task_stopped
_schedule: Callable[..., None] = ecs._schedule_service_deployment_completion


def mark_task_stopped(task_arn: str, task: Task, *rest: Any, **options: Any) -> bool:
    ending = bool(task["_docker_ids"])
    exited = all(container["lastStatus"] == "STOPPED" for container in task["containers"])
    stopped = _mark_task_stopped(task_arn, task, *rest, **options)
    if stopped and ending and not exited:
        with resource_lock("ecs-task", task_arn):
            task["lastStatus"], task["stoppedAt"], task["executionStoppedAt"] = (
                "STOPPING",
                None,
                None,
            )
            for container in task["containers"]:
                container["lastStatus"], container["exitCode"] = "RUNNING", None
    elif stopped and not ending:
        task_network.detach(task)
    return stopped


def cleanup(task: Task, _client: Any, extra_container: Any = None) -> None:
    with resource_lock("ecs-task", task["taskArn"]):
        ids, task["_docker_ids"] = list(task["_docker_ids"]), []
    if extra_container is not None and extra_container.id not in ids:
        ids.append(extra_container.id)
    if ids:
        spawn_background(_end, task, ids, thread_name=f"end-{ids[0][:8]}")


def _end(task: Task, ids: list[str]) -> None:
    definition = ecs._task_defs[ecs._resolve_td_key(task["taskDefinitionArn"])]
    timeouts = [
        container.get("stopTimeout", _DEFAULT_STOP_TIMEOUT_SECONDS)
        for container in definition["containerDefinitions"]
    ]
    codes = [_stop(each, timeout) for each, timeout in zip(ids, timeouts, strict=False)]
    with resource_lock("ecs-task", task["taskArn"]):
        task["lastStatus"] = "STOPPED"
        task["stoppedAt"] = task["executionStoppedAt"] = now_iso()
        for container, code in zip(task["containers"], codes, strict=False):
            container["lastStatus"], container["exitCode"] = "STOPPED", code
    task_network.detach(task)


def _stop(container_id: str, timeout: int) -> int | None:
    """Stop and remove a container of ours; return its exit code, None if it is gone already."""
    try:
        container = client().containers.get(container_id)
        # Not the engine's own stop: podman lets nobody look into a container while that goes on.
        with suppress(APIError):
            container.kill("SIGTERM")
        try:
            container.wait(timeout=timeout)
        except requests.RequestException:
            with suppress(APIError):
                container.kill("SIGKILL")
        code = int(container.wait()["StatusCode"])
        time.sleep(_LOG_FLUSH_SECONDS)  # what it said last is on its way to CloudWatch Logs
        container.remove(v=True, force=True)
    except NotFound:
        return None
    return code


def watch_life(task: Task, _client: Any, account: str, region: str) -> None:
    """Notice the end of a container by itself; MiniStack asks ten times a second."""
    for container_id in list(task["_docker_ids"]):
        name = f"life-{container_id[:8]}"
        spawn_background(_wait, task, container_id, thread_name=name)
    watch_in_background(task)
    cluster = ecs._cluster_name_from_arn(task["clusterArn"])
    kind, _, service = task["group"].partition(":")
    if kind == "service":
        _schedule(cluster, f"{cluster}/{service}", account, region, healthy_task=task)


def _wait(task: Task, container_id: str) -> None:
    with suppress(NotFound):
        client().containers.get(container_id).wait(timeout=_LONGEST_LIFE_SECONDS)
    # The engine says that it has ended a moment before it shows it as exited.
    for _ in range(_EXIT_POLLS):
        ecs._maybe_mark_stopped(task, client())
        if not ecs._task_is_active(task["taskArn"], task):
            return
        time.sleep(_EXIT_POLL_SECONDS)


def install() -> None:
    ecs._mark_task_stopped = mark_task_stopped
    ecs._cleanup_task_resources = cleanup
    ecs._watch_task_lifecycle = watch_life
